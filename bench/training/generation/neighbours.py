"""How much of real images is made and how much of what is made is real, by nearest neighbours in the features.

Precision and recall: Kynkaanniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models",
NeurIPS 2019. Density and coverage: Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", ICML
2020. Around each real sample there is a ball up to its k-th nearest real neighbour. Precision is the part of made
samples in some ball; density is how many balls a made sample is in, divided by k, and may be above 1; coverage is the
part of balls with a made sample in them. Recall is precision with real and made exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.errors import InvalidSetting

__all__ = ["NEIGHBOURS", "NeighbourScores", "neighbour_scores"]

NEIGHBOURS = 5
"""k of Naeem et al."""

# Distances of so many samples to all others are in memory at a time.
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class NeighbourScores:
    """Four numbers; all are best at 1 for samples of the same distribution, where density is 1 on average.

    Attributes:
        precision: From 0 to 1.
        recall: From 0 to 1.
        density: From 0.
        coverage: From 0 to 1.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def neighbour_scores(
    real: NDArray[np.floating], made: NDArray[np.floating], neighbours: int = NEIGHBOURS
) -> NeighbourScores:
    """Precision, recall, density and coverage.

    Args:
        real: Features of real images, (images, features).
        made: Features of made images, (images, features).
        neighbours: k.

    Raises:
        InvalidSetting: There are not more than k images of each kind, or they have different features.
    """
    if min(len(real), len(made)) <= neighbours or neighbours < 1:
        raise InvalidSetting(
            f"{neighbours} neighbours need more images of each kind, and there are {len(real):,} real and "
            f"{len(made):,} made ones"
        )
    if real.shape[1:] != made.shape[1:]:
        raise InvalidSetting(f"features of shape {real.shape[1:]} and {made.shape[1:]} cannot be compared")
    # Around the same centre, so that squares do not cancel where features lie far from 0.
    centre = real.mean(axis=0, dtype=np.float64)
    of_real, of_made = real.astype(np.float64) - centre, made.astype(np.float64) - centre
    real_radii, made_radii = _radii(of_real, neighbours), _radii(of_made, neighbours)
    precise = balls = covered = 0
    inside_made = np.zeros(len(real), dtype=bool)
    for start in range(0, len(made), _AT_ONCE):
        distances = _squares(of_made[start : start + _AT_ONCE], of_real)
        inside = distances <= real_radii
        precise += int(inside.any(axis=1).sum())
        balls += int(inside.sum())
        inside_made |= (distances <= made_radii[start : start + _AT_ONCE, None]).any(axis=0)
    for start in range(0, len(real), _AT_ONCE):
        nearest = _squares(of_real[start : start + _AT_ONCE], of_made).min(axis=1)
        covered += int((nearest <= real_radii[start : start + _AT_ONCE]).sum())
    return NeighbourScores(
        precise / len(made), float(inside_made.mean()), balls / (neighbours * len(made)), covered / len(real)
    )


def _radii(samples: NDArray[np.float64], neighbours: int) -> NDArray[np.float64]:
    """The squared distance of each sample to its k-th nearest neighbour, itself not counted."""
    pieces = [
        np.partition(_squares(samples[start : start + _AT_ONCE], samples), neighbours, axis=1)[:, neighbours]
        for start in range(0, len(samples), _AT_ONCE)
    ]
    return np.concatenate(pieces)


def _squares(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances, (first, second)."""
    squares: NDArray[np.float64] = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2.0 * (first @ second.T)
    return np.maximum(squares, 0.0)
