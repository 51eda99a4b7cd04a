"""Data: catalogue, cards, embedded tables and converters."""
