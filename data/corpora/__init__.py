"""The text corpora that networks are trained on, read from their standard files."""
