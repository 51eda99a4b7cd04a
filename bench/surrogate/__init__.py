"""Surrogates: predictors of what a training would measure."""
