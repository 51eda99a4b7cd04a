"""The statistics of a report: best so far, queries to a target, bootstrap intervals and paired tests."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.errors import InvalidSetting

__all__ = [
    "MINIMUM_PAIRS",
    "RESAMPLES",
    "Means",
    "PairedTest",
    "bootstrap_means",
    "censored_quantile",
    "first_reached",
    "incumbents",
    "mean_ranks",
    "paired_tests",
    "wilson_interval",
]

RESAMPLES = 2_000
"""Bootstrap resamples of the seeds."""

MINIMUM_PAIRS = 6
"""Fewest shared seeds for a test: with five the smallest two-sided p of a signed-rank test is 0.0625."""

# Counts drawn at a time; bounds the memory of the bootstrap whatever the number of seeds.
_COUNTS_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """Means over seeds with the ends of their intervals, each (columns,); the ends are NaN for fewer than two seeds."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def incumbents(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """The column of the best score so far, (rows, columns); the earliest of equals, -1 before the first score.

    Args:
        scores: Higher is better, (rows, columns); NaN where there is no score.

    >>> incumbents(np.array([[np.nan, 1.0, 1.0, 3.0, 2.0]])).tolist()
    [[-1, 1, 1, 3, 3]]
    """
    filled = np.where(np.isnan(scores), -np.inf, scores)
    best = np.maximum.accumulate(filled, axis=1)
    before = np.concatenate([np.full((len(filled), 1), -np.inf), best[:, :-1]], axis=1)
    columns = np.arange(filled.shape[1], dtype=np.int64)
    return np.maximum.accumulate(np.where(filled > before, columns, -1), axis=1)


def first_reached(reached: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Number of the first query at which each row is true, from 1; infinity where it never is.

    >>> first_reached(np.array([[False, True, True], [False, False, False]])).tolist()
    [2.0, inf]
    """
    if reached.shape[1] == 0:
        return np.full(len(reached), np.inf)
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)


def censored_quantile(values: NDArray[np.float64], quantile: float) -> float:
    """The smallest value that at least this share of ``values`` does not exceed; infinite values stay in the sample.

    It is the inverse of the empirical distribution, so it never interpolates between a number and infinity.

    >>> censored_quantile(np.array([10.0, 20.0, np.inf]), 0.5), censored_quantile(np.array([10.0, np.inf]), 0.9)
    (20.0, inf)
    """
    return float(np.quantile(values, quantile, method="inverted_cdf")) if len(values) else float("nan")


def bootstrap_means(
    values: NDArray[np.float64], *, rng: np.random.Generator, resamples: int = RESAMPLES, confidence: float = 0.95
) -> Means:
    """Mean over rows with a percentile bootstrap interval, resampling whole rows (seeds).

    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3.

    Args:
        values: (seeds, columns); NaN entries are left out of the mean of their column.
        rng: Where the resamples come from.
        resamples: How many.
        confidence: Coverage of the interval.
    """
    if not 0.0 < confidence < 1.0:
        raise InvalidSetting(f"confidence must be between 0 and 1, not {confidence}")
    seeds, columns = values.shape
    known = ~np.isnan(values)
    weights = known.astype(np.float64)
    filled = np.where(known, values, 0.0)
    mean = _ratio(filled.sum(axis=0), weights.sum(axis=0))
    if seeds < 2:
        return Means(mean, np.full(columns, np.nan), np.full(columns, np.nan))
    complete = bool(known.all())
    at_once = max(1, _COUNTS_AT_ONCE // seeds)
    means = np.empty((resamples, columns))
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        counts = rng.multinomial(seeds, np.full(seeds, 1.0 / seeds), size=size).astype(np.float64)
        # The sum of the counts is the number of seeds wherever no value is missing.
        totals = float(seeds) if complete else counts @ weights
        means[start : start + size] = _ratio(counts @ filled, totals)
    tail = (1.0 - confidence) / 2.0
    usable = ~np.isnan(means).all(axis=0)
    low, high = np.full(columns, np.nan), np.full(columns, np.nan)
    if usable.any():
        low[usable], high[usable] = np.nanquantile(means[:, usable], [tail, 1.0 - tail], axis=0)
    # Rounding in the sums must not put an exact mean outside its own interval.
    return Means(mean, np.fmin(low, mean), np.fmax(high, mean))


def _ratio(sums: NDArray[np.float64], totals: NDArray[np.float64] | float) -> NDArray[np.float64]:
    result = np.full(sums.shape, np.nan)
    np.divide(sums, totals, out=result, where=np.broadcast_to(np.asarray(totals) > 0, sums.shape))
    return result


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A Wilcoxon signed-rank test of two strategies on the seeds that both ran.

    Attributes:
        first: One strategy.
        second: The other.
        seeds: How many seeds both finished.
        advantage: Mean difference of the scores, ``first`` minus ``second``: positive where ``first`` is better.
        p_value: Two-sided; 1 where all differences are zero, None for fewer than ``MINIMUM_PAIRS`` seeds.
        corrected: ``p_value`` after Holm's correction over all pairs of the benchmark.
    """

    first: str
    second: str
    seeds: int
    advantage: float
    p_value: float | None
    corrected: float | None


def paired_tests(scores: Mapping[str, Mapping[int, float]]) -> tuple[PairedTest, ...]:
    """Compare every two strategies by seed, with Holm's correction over all pairs.

    Wilcoxon, "Individual Comparisons by Ranking Methods", 1945; Holm, "A Simple Sequentially Rejective Multiple Test
    Procedure", 1979. Zero differences are dropped before ranking, as Wilcoxon did.

    Args:
        scores: Strategy to seed to final score, higher is better; NaN scores are left out.
    """
    from scipy.stats import wilcoxon
    from statsmodels.stats.multitest import multipletests

    pairs: list[tuple[str, str, int, float, float | None]] = []
    for first, second in itertools.combinations(scores, 2):
        shared = sorted(set(scores[first]) & set(scores[second]))
        differences = np.array([scores[first][seed] - scores[second][seed] for seed in shared], dtype=np.float64)
        differences = differences[~np.isnan(differences)]
        # Means of the same trials may differ in the last bit; that is no difference between strategies.
        scale = max([1.0, *(abs(scores[first][seed]) for seed in shared if not np.isnan(scores[first][seed]))])
        differences[np.abs(differences) <= 1e-9 * scale] = 0.0
        p_value: float | None = None
        if len(differences) >= MINIMUM_PAIRS:
            p_value = float(wilcoxon(differences).pvalue) if differences.any() else 1.0
        advantage = float(differences.mean()) if len(differences) else float("nan")
        pairs.append((first, second, len(differences), advantage, p_value))
    tested = [pair[4] for pair in pairs if pair[4] is not None]
    corrected = iter(multipletests(tested, method="holm")[1] if tested else ())
    return tuple(PairedTest(*pair, None if pair[4] is None else float(next(corrected))) for pair in pairs)


def wilson_interval(count: int, draws: int, confidence: float = 0.95) -> tuple[float, float]:
    """The ends of the score interval of a share, ``count`` of ``draws``; it is never of no width, as at 0 of 10.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.

    >>> tuple(round(end, 3) for end in wilson_interval(0, 10))
    (0.0, 0.278)
    """
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(count, draws, alpha=1.0 - confidence, method="wilson")
    return float(low), float(high)


def mean_ranks(scores: Mapping[str, Mapping[int, float]]) -> dict[str, float]:
    """Mean rank of each strategy over the seeds that all of them ran; 1 is the best, equals share their mean rank.

    >>> mean_ranks({"a": {0: 3.0, 1: 1.0}, "b": {0: 2.0, 1: 1.0}})
    {'a': 1.25, 'b': 1.75}
    """
    from scipy.stats import rankdata

    shared = sorted(set.intersection(*(set(by_seed) for by_seed in scores.values()))) if scores else []
    rows = [[scores[name][seed] for name in scores] for seed in shared]
    complete = [row for row in rows if not any(np.isnan(row))]
    if not complete:
        return {}
    # Rounded so that the last bit of a mean does not break a tie.
    ranks = rankdata(-np.round(np.array(complete), 9), axis=1).mean(axis=0)
    return dict(zip(scores, ranks.tolist(), strict=True))
