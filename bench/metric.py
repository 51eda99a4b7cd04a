"""What a number is: metrics, results and evaluations."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting

__all__ = ["REDUCTIONS", "Curve", "Evaluation", "Metric", "Optimum", "Reduction", "Result", "Split", "reduce_trials"]

Split = Literal["train", "valid", "test"]

Reduction = Literal["mean", "median", "min", "max"]
"""How the trials of an architecture become one number."""

REDUCTIONS: tuple[Reduction, ...] = ("mean", "median", "min", "max")

# In the order of the trials, as mean_over_trials adds them up.
_REDUCE: Mapping[Reduction, Callable[[Sequence[float]], float]] = {
    "mean": lambda measured: sum(measured) / len(measured),
    "median": statistics.median,
    "min": min,
    "max": max,
}


def reduce_trials(measured: Sequence[float], reduction: Reduction) -> float:
    """At least one trial as one number.

    >>> reduce_trials([1.0, 2.0, 6.0], "median"), reduce_trials([1.0, 2.0, 6.0], "mean")
    (2.0, 3.0)
    """
    return float(_REDUCE[reduction](measured))


@dataclass(frozen=True, slots=True)
class Metric:
    """A column of a benchmark: what is measured, in which unit, on which data, and which way is better.

    Attributes:
        name: Such as ``"valid_accuracy"``. A name says its split where it has one.
        unit: ``"percent"``, ``"seconds"``, ``"count"`` ...; values keep the source's unit.
        split: The data that it is measured on; None for what is not measured on data (parameters, latency).
        higher_is_better: The direction.
        epochs: After how many completed training epochs it is held, in increasing order; empty for a metric that
            does not belong to an epoch.
        description: One line.
        run: For how many epochs the training was scheduled, where the benchmark says so; trainings of several lengths
            are different runs, and epoch 12 of one is not epoch 12 of another. None for what is not of a run.
        seeds: The seed of the trial at each position; empty where the source does not say.
    """

    name: str
    unit: str
    split: Split | None = None
    higher_is_better: bool = True
    epochs: tuple[int, ...] = ()
    description: str = ""
    run: int | None = None
    seeds: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.split not in (None, "train", "valid", "test"):
            raise InvalidSetting(
                f"split of metric {self.name!r} must be train, valid, test or None, not {self.split!r}"
            )

    def score(self, value: float) -> float:
        """``value`` turned so that higher is better."""
        return value if self.higher_is_better else -value


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one query; it says what the number is.

    Attributes:
        value: The number, in ``unit``.
        metric: Name of the metric.
        unit: Unit of ``value``.
        split: ``"train"``, ``"valid"``, ``"test"`` or None.
        epoch: After how many completed epochs, or None.
        trials: Positions of the trials that went into ``value``; empty for a value that is not of a trial.
        reduction: ``"mean"``, ``"median"``, ``"min"`` or ``"max"`` over ``trials``, ``"single"`` trial, or ``"none"``.
        cost_seconds: What one training up to ``epoch`` took, in seconds of the benchmark's own machine.
        source: ``table:<hash>``, ``surrogate:<hash>``, ``trainer:<protocol>`` or ``shared:<protocol>``.
        run: For how many epochs the training was scheduled, or None.
        seeds: Seeds of ``trials``; empty where the source does not say.
    """

    value: float
    metric: str
    unit: str
    split: str | None
    epoch: int | None
    trials: tuple[int, ...]
    reduction: Literal["mean", "median", "min", "max", "single", "none"]
    cost_seconds: float
    source: str
    run: int | None = None
    seeds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A metric of one architecture along its training.

    Attributes:
        epochs: Completed epochs, in increasing order, (points,).
        values: The metric at each, (points,), in ``unit``.
        cost_seconds: What one training up to each took, (points,).
        metric: Name of the metric.
        unit: Unit of ``values``.
        split: ``"train"``, ``"valid"``, ``"test"`` or None.
        trials: Positions of the trials that went into ``values``.
        reduction: As in :class:`Result`.
        source: As in :class:`Result`.
        run: For how many epochs the training was scheduled, or None.
        seeds: Seeds of ``trials``; empty where the source does not say.
    """

    epochs: NDArray[np.int64]
    values: NDArray[np.float64]
    cost_seconds: NDArray[np.float64]
    metric: str
    unit: str
    split: str | None
    trials: tuple[int, ...]
    reduction: Literal["mean", "median", "min", "max", "single", "none"]
    source: str
    run: int | None = None
    seeds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Optimum:
    """The best known value of a metric and the architecture that has it."""

    value: float
    architecture: Architecture
    metric: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a strategy is told about one architecture.

    Attributes:
        architecture: What was asked for.
        values: Metric name to value: every objective and every measured constraint. Empty when it failed.
        query: Number of the counted query that paid for it, from 1; 0 where nothing was paid (a refused one).
        counted: False when the study had evaluated it before: then it was free.
        fidelity: The epoch or run it was asked at; None for the full training.
        trial: Position of the trial drawn (``signal="random"``), else None.
        cost_seconds: What the ledger was charged.
        failure: None, or one line on why there are no values.
    """

    architecture: Architecture
    values: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    query: int = 0
    counted: bool = True
    fidelity: int | None = None
    trial: int | None = None
    cost_seconds: float = 0.0
    failure: str | None = None
