"""The generators of AlphaGAN, and its discriminators."""
