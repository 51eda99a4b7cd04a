"""Trainers: benchmarks that answer by training the network; what they train and how is a task and a protocol."""
