"""The discriminator ensemble of the strategy ``ganas``: scores architectures by everything evaluated so far."""
