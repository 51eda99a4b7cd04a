"""GA-NAS: a generator and a discriminator trained against each other.

Rezaei et al., "Generative Adversarial Neural Architecture Search", IJCAI 2021, https://arxiv.org/abs/2105.09356. The
modules with networks import torch; this package itself does not.
"""
