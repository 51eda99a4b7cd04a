"""The search space of NAS-Bench-Graph."""
