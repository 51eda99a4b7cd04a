"""What surrogates are judged on: the architectures of a table with all that was measured of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Benchmark
from ganas.bench.measured_table import MeasuredTable
from ganas.bench.metric import Metric
from ganas.bench.surrogate.groups import functional_groups
from ganas.bench.surrogate.known_table import KnownTable
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import DataError, InvalidSetting, NotMeasured, NotSupported, WrongSpace
from ganas.spaces.space import Space

__all__ = ["MOST_ARCHITECTURES", "Label", "Population", "read_population", "with_known_tables"]

Vector = NDArray[np.float64]
Rows = NDArray[np.int64]

Label = Literal["random", "mean"]
"""What a surrogate learns from: one trial of each architecture, drawn at random, or the mean over its trials."""

MOST_ARCHITECTURES = 20_000
"""Of a larger table as many are drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Architectures with their measurements.

    Attributes:
        space: Their space.
        metric: What was measured.
        architectures: One each row.
        means: Mean over trials, (rows,).
        trials: Every trial, (rows, trials); NaN where an architecture has fewer.
        groups: The same number for functional twins, (rows,).
        known: What is known of each from other tables, (rows, columns).
        parameters: How many parameters each has, (rows,); None where neither space nor table says so.
        drawn: The first so many rows are the table or a random part of it; the others were visited only.
        visited: Which rows each strategy visited, by its name.
        tables: What surrogates learn from the other tables before they learn anything else; see
            :func:`with_known_tables`.
    """

    space: Space
    metric: Metric
    architectures: Sequence[Architecture]
    means: Vector
    trials: Vector
    groups: Rows
    known: Vector
    parameters: Vector | None
    drawn: int
    visited: Mapping[str, Rows] = field(default_factory=dict)
    tables: tuple[KnownTable, ...] = ()

    def __len__(self) -> int:
        return len(self.architectures)

    def measure(self, rows: Rows, label: Label, *, rng: np.random.Generator) -> Vector:
        """One label for each of these rows, (rows,): a trial of it, drawn at random, or the mean over its trials."""
        if label == "mean":
            return self.means[rows]
        of_rows = self.trials[rows]
        # Trials that were measured come first, whichever positions they have.
        order = np.argsort(np.isnan(of_rows), axis=1, kind="stable")
        counts = (~np.isnan(of_rows)).sum(axis=1)
        position = np.minimum((rng.random(len(rows)) * counts).astype(np.int64), counts - 1)
        chosen = np.take_along_axis(order, position[:, None], axis=1)
        return np.take_along_axis(of_rows, chosen, axis=1)[:, 0]

    def scores(self, values: Vector) -> Vector:
        """Values turned so that higher is better."""
        return values if self.metric.higher_is_better else -values


def read_population(
    benchmark: Benchmark,
    metric: str | None = None,
    *,
    known: Sequence[Benchmark] = (),
    most: int = MOST_ARCHITECTURES,
    visited: Mapping[str, Sequence[Architecture]] | None = None,
    rng: np.random.Generator,
) -> Population:
    """Read a table, or a random part of a large one.

    Args:
        benchmark: A table.
        metric: What surrogates are to predict; None for the objective.
        known: Tables of the same space whose values are given to surrogates beside the architecture: the same metric
            where they have it, or else their objective.
        most: How many architectures are drawn at most.
        visited: What each strategy of an experiment evaluated, by its name.
        rng: Draws the part; the order of the rows is random, too.

    Raises:
        NotSupported: The benchmark is no table.
        WrongSpace: What is known is of another space.
        NotMeasured: Something has no value in a table of what is known.
        DataError: The table has too few values.
        InvalidSetting: ``most`` is too small.
    """
    if not isinstance(benchmark, MeasuredTable):
        raise NotSupported(f"surrogates are judged on tables, and {benchmark.name!r} is a {benchmark.kind}")
    if isinstance(most, bool) or not isinstance(most, int) or most < 20:
        raise InvalidSetting(f"the population must have at least 20 architectures, not {most!r}")
    for other in known:
        if other.space.name != benchmark.space.name:
            raise WrongSpace(f"{other.name!r} is of {other.space.name!r}, and {benchmark.name!r} of another space")
    space, of_metric = benchmark.space, benchmark.metric(metric)
    architectures, means = _draw(benchmark, of_metric.name, most, rng)
    drawn = len(architectures)
    if drawn < 20:
        raise DataError(f"{benchmark.name!r} has {drawn} values of {of_metric.name!r}: at least 20 are needed")
    row_of = {space.identity_key(architecture): row for row, architecture in enumerate(architectures)}
    further: list[float] = []
    rows_of: dict[str, Rows] = {}
    for name, by_strategy in (visited or {}).items():
        rows = []
        for architecture in by_strategy:
            key = space.identity_key(architecture)
            if key not in row_of:
                (value,) = _means(benchmark, of_metric.name, [architecture])
                if np.isnan(value):
                    continue  # a failed evaluation
                row_of[key] = len(architectures)
                architectures.append(architecture)
                further.append(float(value))
            rows.append(row_of[key])
        rows_of[name] = np.unique(np.array(rows, dtype=np.int64))
    columns = [
        other.query_many(architectures, [of_metric.name if of_metric.name in other.metrics else other.objective])
        for other in known
    ]
    means = np.append(means, further)
    return Population(
        space=space,
        metric=of_metric,
        architectures=architectures,
        means=means,
        trials=_trials(benchmark, of_metric.name, architectures, means),
        groups=functional_groups(space, architectures),
        known=np.concatenate([np.zeros((len(architectures), 0)), *columns], axis=1),
        parameters=_parameters(benchmark, architectures),
        drawn=drawn,
        visited=rows_of,
    )


def with_known_tables(population: Population) -> Population:
    """The same, its columns ``known`` made into what :class:`~ganas.bench.surrogate.surrogate.Surrogate` takes.

    It takes seconds, and is the same for every draw.

    Raises:
        MissingDependency: torch is not installed.
    """
    space, architectures = population.space, population.architectures
    return replace(population, tables=tuple(KnownTable(space, architectures, column) for column in population.known.T))


def _draw(
    benchmark: MeasuredTable, metric: str, most: int, rng: np.random.Generator
) -> tuple[list[Architecture], Vector]:
    """As many architectures that have a value, in random order, and their means."""
    order = rng.permutation(benchmark.num_rows)
    architectures: list[Architecture] = []
    means = [np.zeros(0)]
    for start in range(0, len(order), most):
        part = [benchmark.architecture_at(row) for row in order[start : start + most].tolist()]
        values = _means(benchmark, metric, part)
        measured = np.flatnonzero(~np.isnan(values))[: most - len(architectures)]
        architectures += [part[place] for place in measured.tolist()]
        means.append(values[measured])
        if len(architectures) == most:
            break
    return architectures, np.concatenate(means)


def _means(benchmark: MeasuredTable, metric: str, architectures: Sequence[Architecture]) -> Vector:
    """Mean over trials, NaN where nothing was measured."""
    try:
        return benchmark.query_many(architectures, [metric])[:, 0]
    except NotMeasured:
        return np.array([_value_or_nan(benchmark, metric, architecture) for architecture in architectures])


def _value_or_nan(benchmark: MeasuredTable, metric: str, architecture: Architecture) -> float:
    try:
        return benchmark.query(architecture, metric).value
    except NotMeasured:
        return float("nan")


def _parameters(benchmark: MeasuredTable, architectures: Sequence[Architecture]) -> Vector | None:
    """Of the space's formula or the table's column ``parameters``."""
    if benchmark.space.has_parameter_count:
        return np.array([benchmark.space.parameter_count(one) for one in architectures], dtype=np.float64)
    if "parameters" not in benchmark.metrics:
        return None
    counts = _means(benchmark, "parameters", architectures)
    return None if np.isnan(counts).any() else counts


def _trials(benchmark: MeasuredTable, metric: str, architectures: Sequence[Architecture], means: Vector) -> Vector:
    # What is not of a trial is measured once.
    values = [
        benchmark.trial_values(architecture, metric) or (mean,)
        for architecture, mean in zip(architectures, means.tolist(), strict=True)
    ]
    table = np.full((len(values), max(map(len, values))), np.nan)
    for row, trials in enumerate(values):
        table[row, : len(trials)] = trials
    return table
