"""Registered strategies."""
