"""The images that generators are trained on, read from their standard files."""
