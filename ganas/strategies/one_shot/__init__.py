"""One-shot searches: strategies whose ``ask`` trains one network that holds all architectures."""
