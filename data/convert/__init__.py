"""Converters of published files to the tables of Ganas."""
