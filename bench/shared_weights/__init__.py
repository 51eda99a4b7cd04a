"""Shared weights as a benchmark: architectures scored by one network that holds them all."""
