"""Benchmarks: answer queries about architectures and state what they cost."""
