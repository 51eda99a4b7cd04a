"""Search spaces: which architectures exist."""
