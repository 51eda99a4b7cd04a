"""When a generator has collapsed: when it makes nearly one image, or images that nearly look the same to a network.

The measure is ours: the sum of the variances of all pixels, and of all features, as a share of that of real images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_SHARE", "Diversity", "PixelVariance"]

LEAST_SHARE = 0.01
"""A generator with less of the variance of real images has collapsed."""


class PixelVariance:
    """The sum of the variances of all pixels of images that pass by in batches, none of which is kept."""

    def __init__(self) -> None:
        self._count = 0
        self._mean: NDArray[np.float64] = np.zeros(1)
        self._scatter = 0.0

    def add(self, pixels: NDArray[np.uint8]) -> None:
        """Take in a batch, (images, ...)."""
        if not len(pixels):
            return
        values = pixels.reshape(len(pixels), -1).astype(np.float64)
        mean = values.mean(axis=0)
        total = self._count + len(values)
        shift = mean - self._mean
        between = float(shift @ shift) * self._count * len(values) / total if self._count else 0.0
        self._scatter += float(((values - mean) ** 2).sum()) + between
        self._mean = self._mean + shift * (len(values) / total)
        self._count = total

    def total(self) -> float:
        """The sum, 0 of fewer than two images."""
        return self._scatter / (self._count - 1) if self._count > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Diversity:
    """How much samples differ from each other.

    Attributes:
        pixel_share: Variance of their pixels, as a share of that of real images.
        feature_share: Variance of their features, as a share of that of real images.
    """

    pixel_share: float
    feature_share: float

    @property
    def collapse(self) -> str | None:
        """Why this is a collapse, in one line; None if it is none."""
        for share, of_what in ((self.pixel_share, "pixels"), (self.feature_share, "features")):
            if share < LEAST_SHARE:
                return f"the {of_what} have {share:.2%} of the variance of real images, below {LEAST_SHARE:.0%}"
        return None
