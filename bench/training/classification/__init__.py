"""Classifying texts and pairs of texts with the architectures of text spaces."""
