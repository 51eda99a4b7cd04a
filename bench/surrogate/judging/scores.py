"""Scores of predictions: how well they rank, how far off they are, and whether they know how far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "SCORES",
    "Score",
    "calibration_error",
    "coverage",
    "kendall_tau",
    "negative_log_likelihood",
    "precision_at",
    "r2",
    "rmse",
    "sparse_kendall_tau",
    "spearman",
    "top_choice_rank",
    "top_found",
    "top_tau",
]

Vector = NDArray[np.float64]

LEVELS = np.arange(0.05, 1.0, 0.05)
"""Levels of the intervals that :func:`calibration_error` looks at."""

TOP_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Score:
    """What a score is called and how to read it.

    Attributes:
        title: Its name for people.
        better: Which way is better; a number where it should be as near as possible to that.
        meaning: A sentence or two.
        in_unit: Whether it is in the unit of the metric.
    """

    title: str
    better: Literal["higher", "lower"] | float
    meaning: str
    in_unit: bool = False


SCORES: Mapping[str, Score] = MappingProxyType(
    {
        "kendall_tau": Score(
            "Kendall tau",
            "higher",
            "Kendall's rank correlation (tau-b) of the predictions with the mean values over trials: pairs in the same "
            "order minus pairs in the opposite order, as a share of all.",
        ),
        "sparse_kendall_tau": Score(
            "sparse Kendall tau",
            "higher",
            "Kendall tau after the predictions were rounded to 0.1 percentage points, as for NAS-Bench-301: what is "
            "predicted the same after rounding counts as tied. Only for accuracies.",
        ),
        "spearman": Score("Spearman correlation", "higher", "The correlation of the ranks."),
        "r2": Score(
            "R2", "higher", "Share of the variance of the mean values that the predictions explain; 0 for a constant."
        ),
        "rmse": Score(
            "RMSE", "lower", "Root mean square difference of predictions and mean values over trials.", in_unit=True
        ),
        "precision_at_10": Score(
            "precision at 10", "higher", "Share of the 10 that are predicted best that are among the truly best 10."
        ),
        "precision_at_100": Score(
            "precision at 100", "higher", "Share of the 100 that are predicted best that are among the truly best 100."
        ),
        "coverage_90": Score(
            "coverage of 90 % intervals",
            0.9,
            "Share of the test architectures of which a fresh measurement, of the kind that was learnt from, lies in "
            "the 90 % interval predicted for it.",
        ),
        "width_90": Score("width of 90 % intervals", "lower", "Median over the test architectures.", in_unit=True),
        "calibration_error": Score(
            "expected calibration error",
            "lower",
            "Mean absolute difference between the level of an interval and the share of fresh measurements in it, over "
            "the levels 5 %, 10 %, ... 95 %.",
        ),
        "negative_log_likelihood": Score(
            "negative log likelihood",
            "lower",
            "Of a fresh measurement, mean in nats, on the scale of normal ranks that the surrogate learns on. A "
            "prediction that knows nothing but that scale has 1.42.",
        ),
        "top_tau": Score(
            "Kendall tau within the top 1 %", "higher", "Kendall tau among the truly best 1 % of the test set alone."
        ),
        "top_found": Score(
            "top 1 % found", "higher", "Share of the 1 % predicted best that are among the truly best 1 %."
        ),
        "top_choice_rank": Score(
            "true rank of the choice",
            "lower",
            "True rank, in the test set, of the architecture that is predicted best; 1 is the best.",
        ),
    }
)
"""Every score by name, in the order of tables."""


# --- ranking: truth and predictions are (count,), higher is better ----------------------------------------------------


def kendall_tau(truth: Vector, predicted: Vector) -> float:
    """Kendall's tau-b (Kendall, "The Treatment of Ties in Ranking Problems", Biometrika 33, 1945).

    NaN where either has fewer than two different values.

    >>> round(kendall_tau(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])), 3)
    0.333
    """
    from scipy.stats import kendalltau

    return float(kendalltau(truth, predicted).statistic) if _varies(truth, predicted) else float("nan")


def sparse_kendall_tau(truth: Vector, predicted: Vector, step: float) -> float:
    """Kendall tau with the predictions rounded to multiples of ``step``.

    NAS-Bench-301 (https://arxiv.org/abs/2008.09777) reports it with 0.1 percentage points; its code rounds the
    predictions and leaves the truth as it is (``kendall_tau_1_dec`` in ``surrogate_models/utils.py``), and so does
    this.

    >>> round(sparse_kendall_tau(np.array([90.0, 91.0, 92.0]), np.array([90.01, 90.02, 92.0]), 0.1), 3)
    0.816
    """
    return kendall_tau(truth, np.round(predicted / step))


def spearman(truth: Vector, predicted: Vector) -> float:
    """Correlation of the ranks; ties share their mean rank. NaN where either has fewer than two different values.

    >>> round(spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 100.0])), 6)
    1.0
    """
    from scipy.stats import spearmanr

    return float(spearmanr(truth, predicted).statistic) if _varies(truth, predicted) else float("nan")


def precision_at(truth: Vector, predicted: Vector, count: int) -> float:
    """Share of the ``count`` predicted best that are truly among the best ``count``; NaN where there are no more.

    Whatever equals the last of the truly best belongs to them. Of equal predictions the earlier are taken, so tests
    must be in an order that says nothing.

    >>> precision_at(np.array([4.0, 3.0, 2.0, 1.0]), np.array([9.0, 2.0, 7.0, 1.0]), 2)
    0.5
    """
    if not 0 < count < len(truth):
        return float("nan")
    return float((truth[_best(predicted, count)] >= np.sort(truth)[-count]).mean())


def top_tau(truth: Vector, predicted: Vector, share: float = TOP_SHARE) -> float:
    """Kendall tau among the truly best ``share`` alone; NaN where they are fewer than two."""
    best = _best(truth, _top_count(truth, share))
    return kendall_tau(truth[best], predicted[best])


def top_found(truth: Vector, predicted: Vector, share: float = TOP_SHARE) -> float:
    """:func:`precision_at` the number that ``share`` is."""
    return precision_at(truth, predicted, _top_count(truth, share))


def top_choice_rank(truth: Vector, predicted: Vector) -> float:
    """True rank, from 1, of what is predicted best; the mean where several are.

    >>> top_choice_rank(np.array([5.0, 9.0, 7.0]), np.array([1.0, 2.0, 3.0]))
    2.0
    """
    chosen = truth[predicted == predicted.max()]
    return float(np.mean([1 + int((truth > value).sum()) for value in chosen]))


def _best(values: Vector, count: int) -> NDArray[np.int64]:
    return np.argsort(-values, kind="stable")[:count]


def _top_count(values: Vector, share: float) -> int:
    return max(1, round(share * len(values)))


def _varies(*arrays: Vector) -> bool:
    return all(len(array) > 1 and bool((array != array[0]).any()) for array in arrays)


# --- distance: in the unit of the metric ------------------------------------------------------------------------------


def rmse(truth: Vector, predicted: Vector) -> float:
    """Root mean square difference.

    >>> rmse(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    0.0
    """
    return float(np.sqrt(np.mean(np.square(truth - predicted))))


def r2(truth: Vector, predicted: Vector) -> float:
    """One minus the mean square difference over the variance of the truth; NaN where the truth does not vary.

    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0]))
    0.0
    """
    if not _varies(truth):
        return float("nan")
    return 1.0 - float(np.square(truth - predicted).sum() / np.square(truth - truth.mean()).sum())


# --- uncertainty: of fresh measurements, standardised by the predicted mean and standard deviation -------------------


def coverage(standardised: Vector, level: float) -> float:
    """Share of the measurements inside their central interval of this level.

    Args:
        standardised: Measurement minus mean, over the standard deviation of a measurement, (count,).
        level: Between 0 and 1.

    >>> coverage(np.array([0.0, 1.0, -1.7, 2.0]), 0.9)
    0.5
    """
    from scipy.special import ndtri

    return float((np.abs(standardised) <= ndtri(0.5 + level / 2)).mean())


def calibration_error(standardised: Vector) -> float:
    """Mean absolute difference between level and coverage over :data:`LEVELS`.

    The expected calibration error of regression, as in Chung, Char, Guo, Schneider and Neiswanger, "Uncertainty
    Toolbox", https://arxiv.org/abs/2109.10254 (mean absolute calibration error), of central intervals.

    >>> round(calibration_error(np.zeros(4)), 3)  # every interval holds everything
    0.5
    """
    return float(np.mean([abs(coverage(standardised, level) - level) for level in LEVELS.tolist()]))


def negative_log_likelihood(standardised: Vector, deviation: Vector) -> float:
    """Mean of minus the logarithm of the normal density of each measurement, in nats.

    Args:
        standardised: As for :func:`coverage`, (count,).
        deviation: Standard deviation of a measurement, (count,).

    >>> round(negative_log_likelihood(np.zeros(2), np.ones(2)), 4)
    0.9189
    """
    return float(np.mean(0.5 * np.square(standardised) + np.log(deviation) + 0.5 * np.log(2 * np.pi)))
