"""One judgement: a surrogate that learns from one draw, and its scores; and the grid of all judgements."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.bench.metric import Metric
from ganas.bench.single_thread import one_thread
from ganas.bench.surrogate.judging import scores
from ganas.bench.surrogate.judging.population import Label, Population
from ganas.bench.surrogate.judging.scores import SCORES
from ganas.bench.surrogate.judging.splits import make_split, split_rng
from ganas.bench.surrogate.surrogate import Surrogate
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting

__all__ = [
    "COLUMNS",
    "KNOWN_VALUES",
    "PARAMETER_COUNT",
    "REFERENCES",
    "Judgement",
    "judge",
    "references",
    "sparse_step",
]

Vector = NDArray[np.float64]

PARAMETER_COUNT = "parameter-count"
"""Not a surrogate but what one must beat: architectures ranked by their number of parameters."""

KNOWN_VALUES = "known-values"
"""The same with the mean of what is known of them from other tables."""

REFERENCES = (PARAMETER_COUNT, KNOWN_VALUES)
"""Rankings without training."""

TIMES = ("fit_seconds", "predict_seconds")
"""Processor seconds of one thread: learning, and predicting all test architectures."""

COLUMNS = ("model", "known", "split", "size", "seed", "tests", *SCORES, *TIMES)
"""What :func:`judge` says, in this order."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Which surrogate is judged on which draw.

    Attributes:
        model: A surrogate model, or one of :data:`REFERENCES`.
        known: Whether it is given what the population knows of other tables.
        split: Name of the split.
        size: How many architectures it learns from.
        seed: Of the split, the labels and the surrogate.
    """

    model: str
    known: bool
    split: str
    size: int
    seed: int


def references(population: Population) -> tuple[tuple[str, bool], ...]:
    """The rankings without training that a population allows, and whether they use what is known."""
    found = [] if population.parameters is None else [(PARAMETER_COUNT, False)]
    return (*found, *([(KNOWN_VALUES, True)] if population.known.shape[1] else []))


def judge(population: Population, judgement: Judgement, label: Label) -> dict[str, Any]:
    """Fit a surrogate on a draw and score it; the names are :data:`COLUMNS`, and what does not apply is NaN.

    Everything but the times depends on the population, the judgement and the label only.

    Args:
        population: From which is drawn.
        judgement: What is judged.
        label: What is learnt from; a fresh measurement, for the scores of intervals, is of the same kind.

    Raises:
        InvalidSetting: There are too few architectures for the split, or nothing is known.
        UnknownName: There is no such split or model.
        MissingDependency: The model needs a package that is not installed.
    """
    rng = split_rng(judgement.split, judgement.size, judgement.seed)
    split = make_split(population, judgement.split, judgement.size, rng=rng)
    labels = population.measure(split.train, label, rng=rng)
    fresh = population.measure(split.test, label, rng=rng)
    truth = population.means[split.test]
    row: dict[str, Any] = dict.fromkeys(COLUMNS, float("nan")) | {
        "model": judgement.model,
        "known": judgement.known,
        "split": judgement.split,
        "size": judgement.size,
        "seed": judgement.seed,
        "tests": len(split.test),
    }
    if judgement.model in REFERENCES:
        return row | _rank_scores(population, truth, _reference(population, judgement.model, split.test))
    learnt = [population.architectures[place] for place in split.train.tolist()]
    tests = [population.architectures[place] for place in split.test.tolist()]
    if judgement.known and not population.tables:
        raise InvalidSetting("nothing is known of other tables: give some, and make them ready by with_known_tables")
    with one_thread():
        started = time.process_time()
        tables = population.tables if judgement.known else ()
        surrogate = Surrogate(population.space, judgement.model, seed=judgement.seed, tables=tables)
        surrogate.fit(learnt, labels)
        fitted = time.process_time()
        forecast = _forecast(surrogate, tests)
        done = time.process_time()
    standardised = (surrogate.scale.to_scale(fresh) - forecast.mean) / forecast.deviation
    return (
        row
        | _rank_scores(population, truth, forecast.values)
        | {
            "sparse_kendall_tau": _sparse(population.metric, truth, forecast.values),
            "r2": scores.r2(truth, forecast.values),
            "rmse": scores.rmse(truth, forecast.values),
            "coverage_90": scores.coverage(standardised, 0.9),
            "width_90": _width(surrogate, forecast, 0.9),
            "calibration_error": scores.calibration_error(standardised),
            "negative_log_likelihood": scores.negative_log_likelihood(standardised, forecast.deviation),
            "fit_seconds": fitted - started,
            "predict_seconds": done - fitted,
        }
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Forecast:
    """Expected values, and mean and standard deviation of a fresh measurement on the scale of ranks."""

    values: Vector
    mean: Vector
    deviation: Vector


def _forecast(surrogate: Surrogate, architectures: Sequence[Architecture]) -> _Forecast:
    """What ``predict`` and ``interval`` are made of, computed once."""
    mean, deviation = surrogate.on_scale(architectures)
    values, _ = surrogate.scale.moments(mean, deviation * surrogate.width)
    return _Forecast(values, mean, surrogate.width * np.sqrt(deviation**2 + surrogate.regressor.noise_variance))


def _width(surrogate: Surrogate, forecast: _Forecast, level: float) -> float:
    from scipy.special import ndtri

    reach = ndtri(0.5 + level / 2) * forecast.deviation
    scale = surrogate.scale
    return float(np.median(scale.to_labels(forecast.mean + reach) - scale.to_labels(forecast.mean - reach)))


def _reference(population: Population, name: str, rows: NDArray[np.int64]) -> Vector:
    if name == KNOWN_VALUES:
        return np.asarray(population.known[rows].mean(axis=1))
    if population.parameters is None:
        raise InvalidSetting("the parameters of these architectures are not known, so nothing ranks by them")
    # Larger networks learn more; of losses they have less, of seconds more.
    better = population.metric.higher_is_better or population.metric.split is None
    return population.parameters[rows] * (1.0 if better else -1.0)


def _rank_scores(population: Population, truth: Vector, predicted: Vector) -> dict[str, float]:
    true, expected = population.scores(truth), population.scores(predicted)
    return {
        "kendall_tau": scores.kendall_tau(true, expected),
        "spearman": scores.spearman(true, expected),
        "precision_at_10": scores.precision_at(true, expected, 10),
        "precision_at_100": scores.precision_at(true, expected, 100),
        "top_tau": scores.top_tau(true, expected),
        "top_found": scores.top_found(true, expected),
        "top_choice_rank": scores.top_choice_rank(true, expected),
    }


def sparse_step(metric: Metric) -> float | None:
    """A tenth of a percentage point in the unit of the metric; None for what is no share."""
    return {"percent": 0.1, "fraction": 0.001}.get(metric.unit)


def _sparse(metric: Metric, truth: Vector, predicted: Vector) -> float:
    step = sparse_step(metric)
    return float("nan") if step is None else scores.sparse_kendall_tau(truth, predicted, step)
