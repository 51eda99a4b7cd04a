"""The scale that surrogates learn on: labels by their rank, so that a few failed trainings do not rule the fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LabelScale"]

_MOST_KNOTS = 64
# Nodes and weights of Gauss and Hermite for expectations under a normal distribution.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(24)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


class LabelScale:
    """A rising map from labels to a scale on which they are about standard normal, and back.

    Accuracies pile up below their maximum and have a long tail of bad ones; on their own scale a regression spends
    itself on the tail. Between knots at the quantiles of the labels the map is linear; beyond the best and the worst
    label it goes on with the slope of the outer part, so that a prediction may be better than all that was seen.

    Attributes:
        labels: Labels at the knots, increasing, (knots,).
        scores: Normal scores at the knots, increasing, (knots,).
    """

    def __init__(self) -> None:
        self.labels: NDArray[np.float64] = np.array([0.0, 1.0])
        self.scores: NDArray[np.float64] = np.array([0.0, 1.0])

    def fit(self, labels: NDArray[np.float64]) -> LabelScale:
        """Place the knots, and return itself; labels (count,), not all equal."""
        from scipy.special import ndtri

        ordered = np.sort(labels)
        distinct, first = np.unique(ordered, return_index=True)
        last = np.append(first[1:], len(ordered)) - 1
        # The normal score of the mean rank of equal labels.
        scores = ndtri((0.5 * (first + last) + 0.5) / len(ordered))
        if len(distinct) > _MOST_KNOTS:
            kept = np.unique(np.round(np.linspace(0, len(distinct) - 1, _MOST_KNOTS)).astype(int))
            distinct, scores = distinct[kept], scores[kept]
        self.labels, self.scores = distinct, scores
        return self

    def to_scale(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores of labels, of the same shape."""
        return _piecewise(labels, self.labels, self.scores)

    def to_labels(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Labels of scores, of the same shape."""
        return _piecewise(scores, self.scores, self.labels)

    def moments(
        self, mean: NDArray[np.float64], deviation: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of the label whose score is normal with this mean and deviation, (count,)."""
        labels = self.to_labels(mean[:, None] + deviation[:, None] * _NODES)
        expected = labels @ _WEIGHTS
        spread = ((labels - expected[:, None]) ** 2) @ _WEIGHTS
        return expected, np.sqrt(np.maximum(spread, 0.0))

    def state(self) -> dict[str, Any]:
        """The knots."""
        return {"labels": self.labels, "scores": self.scores}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from saved knots."""
        self.labels = np.asarray(state["labels"], dtype=np.float64)
        self.scores = np.asarray(state["scores"], dtype=np.float64)


def _piecewise(given: NDArray[np.float64], at: NDArray[np.float64], to: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear between knots and, with the slope of the outer tenth of them, beyond."""
    found = np.interp(given, at, to)
    width = max(1, len(at) // 10)
    below, above = given < at[0], given > at[-1]
    lower = (to[width] - to[0]) / (at[width] - at[0])
    upper = (to[-1] - to[-1 - width]) / (at[-1] - at[-1 - width])
    found = np.where(below, to[0] + lower * (given - at[0]), found)
    return np.asarray(np.where(above, to[-1] + upper * (given - at[-1]), found))
