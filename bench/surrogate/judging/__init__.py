"""How good surrogates are: splits without leaks, and scores of what is predicted on them."""
