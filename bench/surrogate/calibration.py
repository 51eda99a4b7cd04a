"""How wide intervals must be, by what is said of labels that were left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["interval_width"]

Vector = NDArray[np.float64]

# Intervals are widened by this share of one over the number of labels: features and label scale were chosen on them.
_FEW_LABELS = 12.0
_NORMAL_90 = 1.6448536269514722
_LEAST_WIDTH, _MOST_WIDTH = 0.7, 4.0


def interval_width(targets: Vector, means: Vector, deviations: Vector, shares: Vector) -> float:
    """By how much standard deviations are widened, so that nine intervals in ten hold a left-out label.

    Args:
        targets: Labels on the scale of the model, (count,).
        means: What is said of each without its group, (count,); NaN for labels that are not used.
        deviations: Its standard deviation, noise included, (count,).
        shares: How much each label counts, (count,).

    >>> targets, ones = np.array([-2.0, -1.0, 1.0, 2.0] * 100), np.ones(400)
    >>> round(interval_width(targets, 0 * ones, ones, ones), 2)
    1.25
    """
    used = ~np.isnan(means)
    off = np.abs(targets[used] - means[used]) / deviations[used]
    order = np.argsort(off, kind="stable")
    # The quantile of conformal prediction, one more than the share that is wanted; groups weigh the same.
    reached = np.cumsum(shares[used][order])
    place = int(np.searchsorted(reached, 0.9 * (reached[-1] + 1.0)))
    width = float(off[order[min(place, len(off) - 1)]]) / _NORMAL_90 * (1 + _FEW_LABELS / len(off))
    return min(max(width, _LEAST_WIDTH), _MOST_WIDTH)
