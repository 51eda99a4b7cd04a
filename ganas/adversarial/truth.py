"""The truth set, and what a sample is paid that can be no member of it; shared by both GA-NAS strategies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["VIOLATION_REWARD", "truth_members"]

VIOLATION_REWARD = -1.0
"""What a sample is paid that violates a cheap predicate; a proposal of this project."""


def truth_members(scores: NDArray[np.float64], size: int) -> list[int]:
    """Numbers of the best ``size`` scores, the best first and the earlier first among equals.

    Scores of minus infinity, of what failed or violates a measured constraint, are left out.

    >>> truth_members(np.array([1.0, -np.inf, 3.0, 3.0]), 4)
    [2, 3, 0]
    """
    order = np.argsort(-scores, kind="stable")[:size]
    return [number for number in order.tolist() if scores[number] > -np.inf]
