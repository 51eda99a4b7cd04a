"""The size search space of NATS-Bench."""
