"""The generators that AlphaGAN found, by the names that its official code gives them (``models/genotypes.py``)."""

from __future__ import annotations

__all__ = ["PUBLISHED"]

PUBLISHED: dict[str, tuple[int, ...]] = {
    "alphaGAN_s": (2, 0, 0, 3, 0, 0, 0, 4, 3, 3, 0, 1, 4, 3, 3, 1, 0, 2),
    "alphaGAN_l": (0, 2, 2, 2, 4, 0, 2, 2, 0, 1, 1, 2, 0, 2, 3, 1, 2, 1),
}
"""Their genotypes. Searches with 20 and with 390 inner steps an epoch found them."""
