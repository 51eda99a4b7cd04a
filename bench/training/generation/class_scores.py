"""The score of Salimans et al. (2016): how sure a classifier is of each image, and how many classes there are.

It is ``exp(mean over images of KL(p(class | image) || p(class)))``, from 1 to the number of classes. The images are cut
into parts one after another, ten in the official code, and mean and standard deviation over the parts are reported.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.errors import DataError, InvalidSetting

__all__ = ["PARTS", "ClassScoreStream"]

PARTS = 10

# A probability of 0 adds nothing; its logarithm must be finite for that.
_TINY = 1e-300


class ClassScoreStream:
    """The score of images that pass by in batches, none of whose probabilities are kept.

    Args:
        classes: How many classes there are.
        count: How many images there will be.
        parts: How many parts they are cut into; the first ones have one more where they cannot be equal.

    Raises:
        InvalidSetting: There are fewer images than parts.
    """

    def __init__(self, classes: int, count: int, parts: int = PARTS) -> None:
        if not 1 <= parts <= count:
            raise InvalidSetting(f"{count:,} images cannot be cut into {parts} parts")
        self._ends = [count // parts * part + min(part, count % parts) for part in range(1, parts + 1)]
        self._sums = np.zeros((parts, classes))
        self._negative_entropies = np.zeros(parts)
        self._seen = 0

    def add(self, probabilities: NDArray[np.floating]) -> None:
        """Take in a batch, (images, classes).

        Raises:
            DataError: These are more images than were announced.
        """
        values = probabilities.astype(np.float64)
        entropies = (values * np.log(np.maximum(values, _TINY))).sum(axis=1)
        if self._seen + len(values) > self._ends[-1]:
            raise DataError(f"there are more than the {self._ends[-1]:,} images that were announced")
        parts = np.searchsorted(self._ends, np.arange(self._seen, self._seen + len(values)), side="right")
        np.add.at(self._sums, parts, values)
        np.add.at(self._negative_entropies, parts, entropies)
        self._seen += len(values)

    def score(self) -> tuple[float, float]:
        """Mean and standard deviation over the parts.

        Raises:
            DataError: There were fewer images than announced.
        """
        if self._seen != self._ends[-1]:
            raise DataError(f"there were {self._seen:,} images and {self._ends[-1]:,} announced")
        sizes = np.diff([0, *self._ends])
        means = self._sums / sizes[:, None]
        divergences = self._negative_entropies / sizes - (means * np.log(np.maximum(means, _TINY))).sum(axis=1)
        scores = np.exp(divergences)
        return float(scores.mean()), float(scores.std())
