"""Judgements of surrogates as means with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganas.bench.surrogate.judging.evaluate import REFERENCES
from ganas.bench.surrogate.judging.scores import SCORES
from ganas.report.statistics import bootstrap_means

if TYPE_CHECKING:
    import pandas

__all__ = ["NUMBERS", "Estimate", "Key", "Summary", "summarise"]

NUMBERS = (*SCORES, "fit_seconds", "predict_microseconds")
"""What there is a mean of: every score, and processor time to fit, and to predict one architecture."""


@dataclass(frozen=True, slots=True)
class Key:
    """Which judgements belong together: all seeds of these.

    Attributes:
        split: How training and test architectures were chosen.
        model: A surrogate model, or a ranking without training.
        known: Whether it was given what other tables say.
        size: How many architectures it learnt from.
    """

    split: str
    model: str
    known: bool
    size: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds.

    Attributes:
        mean: Of the seeds that have a value; NaN where none has.
        standard_error: Standard deviation over the root of the number of seeds; NaN for fewer than two.
        low: Lower end of the 95 % bootstrap interval; NaN for fewer than two seeds.
        high: Its upper end.
    """

    mean: float
    standard_error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Every mean.

    Attributes:
        estimates: By key and name of the number.
        seeds: Number of seeds behind each key.
        tests: Mean number of test architectures of each key.
    """

    estimates: dict[Key, dict[str, Estimate]]
    seeds: dict[Key, int]
    tests: dict[Key, float]

    def near_best(self, key: Key, number: str = "kendall_tau") -> bool:
        """Whether a surrogate is the best of its split and size, or within one standard error of the best.

        Higher is better. Surrogates that are given something are not compared with those that are not, and rankings
        without training with none.
        """
        if key.model in REFERENCES:
            return False
        rivals = [
            estimates[number]
            for other, estimates in self.estimates.items()
            if (other.split, other.size, other.known) == (key.split, key.size, key.known)
            and other.model not in REFERENCES
            and not np.isnan(estimates[number].mean)
        ]
        best = max(rivals, key=lambda estimate: estimate.mean, default=None)
        own = self.estimates[key][number].mean
        return best is not None and len(rivals) > 1 and own >= best.mean - np.nan_to_num(best.standard_error)

    def rows(self) -> list[dict[str, Any]]:
        """Every mean as a row of a table."""
        return [
            {
                "split": key.split,
                "model": key.model,
                "known": key.known,
                "size": key.size,
                "seeds": self.seeds[key],
                "number": number,
                "mean": estimate.mean,
                "standard_error": estimate.standard_error,
                "low": estimate.low,
                "high": estimate.high,
            }
            for key, estimates in self.estimates.items()
            for number, estimate in estimates.items()
            if not np.isnan(estimate.mean)
        ]


def summarise(frame: pandas.DataFrame) -> Summary:
    """Means over seeds with standard errors and 95 % bootstrap intervals.

    Args:
        frame: A row a judgement, as :func:`ganas.judging.judge_surrogates` returns them.
    """
    timed = frame.assign(predict_microseconds=1e6 * frame["predict_seconds"] / frame["tests"])
    estimates: dict[Key, dict[str, Estimate]] = {}
    seeds: dict[Key, int] = {}
    tests: dict[Key, float] = {}
    for _, group in timed.groupby(["split", "model", "known", "size"], sort=False):
        first = group.iloc[0]
        key = Key(str(first["split"]), str(first["model"]), bool(first["known"]), int(first["size"]))
        values = group.sort_values("seed")[list(NUMBERS)].to_numpy(dtype=np.float64)
        # The same resamples for every group of as many seeds: their differences are not of the drawing.
        means = bootstrap_means(values, rng=np.random.default_rng(0))
        counts = (~np.isnan(values)).sum(axis=0)
        errors = [
            float(np.nanstd(column, ddof=1)) / count**0.5 if count > 1 else float("nan")
            for column, count in zip(values.T, counts.tolist(), strict=True)
        ]
        numbers = zip(means.mean.tolist(), errors, means.low.tolist(), means.high.tolist(), strict=True)
        estimates[key] = {name: Estimate(*parts) for name, parts in zip(NUMBERS, numbers, strict=True)}
        seeds[key] = len(group)
        tests[key] = float(group["tests"].mean())
    return Summary(estimates, seeds, tests)
