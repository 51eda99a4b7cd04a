"""The search space of DARTS."""
