"""What values from another data set say by themselves: a straight line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["TrustedLine"]

Vector = NDArray[np.float64]

# The slopes are held to a mean of the columns as if so many architectures had said so.
_PRIOR_COUNT = 20.0


class TrustedLine:
    """Regression on the columns of a trusted block, its slopes drawn to those of their mean.

    Models other than a Gaussian process learn what is left of the targets once this line is taken off.

    Args:
        blocks: Where the columns of each block of features are.
        trusted: Number of the block; None for no block, where the line is the mean of the targets.
    """

    def __init__(self, blocks: Sequence[slice], trusted: int | None) -> None:
        self._columns = slice(0, 0) if trusted is None else blocks[trusted]
        width = self._columns.stop - self._columns.start
        self._slopes: Vector = np.zeros(width)
        self._offset = 0.0

    def fit(self, rows: NDArray[np.floating], targets: Vector) -> TrustedLine:
        """Learn slopes and offset; returns itself."""
        columns = rows[:, self._columns].astype(np.float64)
        centre = columns.mean(axis=0)
        width = columns.shape[1]
        if width:
            around = columns - centre
            expected = np.full(width, 1.0 / width)
            penalty = _PRIOR_COUNT * np.eye(width)
            self._slopes = np.linalg.solve(around.T @ around + penalty, around.T @ targets + penalty @ expected)
        self._offset = float(targets.mean() - centre @ self._slopes)
        return self

    def predict(self, rows: NDArray[np.floating]) -> Vector:
        """(rows, width) -> (rows,)."""
        # Summed column by column: a product of matrices may round by where a row stands.
        return np.asarray(self._offset + (rows[:, self._columns].astype(np.float64) * self._slopes).sum(axis=1))

    def state(self) -> dict[str, Any]:
        """Slopes and offset."""
        return {"slopes": self._slopes, "offset": self._offset}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        self._slopes = np.asarray(state["slopes"], dtype=np.float64)
        self._offset = float(state["offset"])
