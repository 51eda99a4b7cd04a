"""Whether two ways to measure architectures rank them alike: measurements with several seeds, and their agreement.

Values are (architectures, seeds) throughout. What two seeds of one way agree in stands beside what two ways agree in: a
way cannot agree with another one better than with itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ganas.bench.surrogate.judging.scores import kendall_tau, spearman
from ganas.bench.training.finished import TrainingPlace
from ganas.bench.training.running import Machine, train
from ganas.bench.training.task import Task
from ganas.spaces.architecture import Architecture

__all__ = ["Correlation", "correlation", "rank_correlation", "reliability", "train_all"]

Values = NDArray[np.float64]
Correlation = Callable[[Values, Values], float]


def train_all(
    name: str,
    task: Task,
    architectures: Sequence[Architecture],
    seeds: Sequence[int],
    note: Callable[[str], None],
    metric: str | None = None,
) -> tuple[Values, Values]:
    """Train architectures with several seeds, but for what a trainer of this name has trained before.

    Args:
        name: Of the trainer.
        task: What is trained.
        architectures: The architectures.
        seeds: Of the trainings.
        note: Is told of each training in one line.
        metric: What is read at the end; None for the objective.

    Returns:
        Value and seconds of every training, (architectures, seeds) each; NaN where a training broke down.

    Raises:
        UnknownName: The task has no such metric.
    """
    values = np.full((len(architectures), len(seeds)), np.nan)
    seconds = np.zeros_like(values)
    wanted = task.metric(task.objective if metric is None else metric)
    for column, seed in enumerate(seeds):
        for row, architecture in enumerate(architectures):
            key = task.space.identity_key(architecture)
            place = TrainingPlace.of(name, task.protocol.label, key, seed)
            history = train(task, architecture, place, seed=seed, machine=Machine())
            seconds[row, column] = history.seconds
            if history.failure is None:
                values[row, column] = history.value(wanted, len(history.epochs))
            note(
                f"{task.protocol.label}, seed {seed}, {row + 1} of {len(architectures)}: "
                f"{values[row, column]:.2f} in {seconds[row, column]:.0f} s"
            )
    return values, seconds


def correlation(first: Values, second: Values) -> float:
    """Spearman's correlation of two lists.

    >>> correlation(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]))
    0.5
    """
    return round(spearman(first, second), 12)


def rank_correlation(first: Values, second: Values) -> float:
    """Kendall's tau-b of two lists.

    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([30.0, 20.0, 10.0]))
    -1.0
    """
    return round(kendall_tau(first, second), 12)


def reliability(values: Values, agreement: Correlation = correlation) -> float:
    """Mean agreement of two seeds of the same way; NaN for one seed.

    Args:
        values: Measurements, (architectures, seeds).
        agreement: What is meant by it.
    """
    pairs = [agreement(values[:, a], values[:, b]) for a, b in combinations(range(values.shape[1]), 2)]
    return float(np.mean(pairs)) if pairs else float("nan")
