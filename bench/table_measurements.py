"""The measurements of a table: answers about a row, and what its training cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ganas.bench.metric import REDUCTIONS, Curve, Metric, Reduction, Result
from ganas.bench.table_columns import Column
from ganas.bench.table_metrics import by_run, choose_cost, find_metric, find_run, longest_runs
from ganas.data.card import metric_key
from ganas.spaces.errors import (
    ArchitectureNotMeasured,
    DataError,
    EpochNotMeasured,
    InvalidSetting,
    closest_match,
    quote_list,
)

__all__ = ["Measurements", "Ready"]

Ready = tuple[
    list[float],
    list[tuple[int, ...]],
    list[float],
    str,
    str,
    str | None,
    int | None,
    Literal["mean", "none"],
    int | None,
    list[tuple[int, ...]],
]
"""All that answers about a metric at its last epoch are made of: value, trials and cost of every row; name, unit,
split, epoch, reduction and run; the seeds of every row."""


class Measurements:
    """The columns of a table by metric and run, each taken out of its mapping when it is first asked for.

    Args:
        table: Name of the table, for messages.
        metrics: What it holds.
        values: The values by ``metric_key``.
        num_rows: How many rows it has.
        cost: Name of the metric that says what one training costs; None where the table does not say.
        notation: The architecture of a row in words, for messages.
        trial_meaning: What a trial is, for messages.
        checked: Whether the values are known not to be infinite.
    """

    def __init__(
        self,
        table: str,
        metrics: Sequence[Metric],
        values: Mapping[str, NDArray[np.floating]],
        *,
        num_rows: int,
        cost: str | None,
        notation: Callable[[int], str],
        trial_meaning: str,
        checked: bool,
    ) -> None:
        self.table = table
        self.values = values
        self.num_rows = num_rows
        self.by_run = by_run(metrics)
        self.metrics = longest_runs(self.by_run)
        self.all_metrics = [metric for runs in self.by_run.values() for metric in runs.values()]
        self.runs = tuple(sorted({metric.run for metric in metrics if metric.run is not None}))
        self.cost_metric = choose_cost(table, self.metrics, cost)
        self.trial_meaning = trial_meaning
        self._notation = notation
        self.checked = checked
        self._columns: dict[tuple[str, int | None], Column] = {}
        self._costs: dict[tuple[int | None, int | None], list[float]] = {}

    def metric(self, name: str, run: int | None) -> Metric:
        """The metric of this name; of a run, or the longest.

        Raises:
            SplitNotMeasured: The table holds this metric on another split of the data.
            UnknownMetric: No metric has this name.
            RunNotMeasured: There is no such run of it.
        """
        metric = find_metric(self.table, self.metrics, name)
        return metric if run is None else find_run(self.table, self.by_run[metric.name], metric, run)

    def column(self, name: str, run: int | None) -> Column:
        """The values of a metric; errors as :meth:`metric`."""
        metric = self.metric(name, run)
        column = self._columns.get((metric.name, metric.run))
        if column is None:
            column = Column(metric, self.values[metric_key(metric)], self.num_rows, checked=self.checked)
            self._columns[metric.name, metric.run] = column
        return column

    def position(self, column: Column, epoch: object) -> int:
        """Where an epoch stands among those that a column holds; see :meth:`Column.position`."""
        return column.position(epoch, self.table, self.runs)

    # --- answers -----------------------------------------------------------------------------------------------

    def trial(
        self, column: Column, row: int, position: int, trial: object, seed: object, reduction: object
    ) -> int | None:
        """Position of the one trial that is asked for; None for all of them.

        Raises:
            TrialNotMeasured: There is no such trial, or the seeds are not known.
            InvalidSetting: The three do not fit together, or one is not what it must be.
        """
        if reduction not in REDUCTIONS:
            raise InvalidSetting(
                f"reduction must be one of {quote_list(REDUCTIONS)}, not {reduction!r}"
                f"{closest_match(reduction, REDUCTIONS)}"
            )
        if trial is None and seed is None:
            return None
        if trial is not None and seed is not None:
            raise InvalidSetting(f"a trial is asked for by position or by seed: not trial={trial!r} and seed={seed!r}")
        if reduction != "mean":
            raise InvalidSetting(f"reduction={reduction!r} is over all trials, and one of them was asked for")
        if seed is not None:
            trial = column.trial_of_seed(seed, self.table, self.trial_meaning)
        return column.trial(row, position, trial, self.table, self.trial_meaning)

    def answer(
        self, column: Column, row: int, position: int, trial: int | None, reduction: Reduction, source: str
    ) -> Result:
        """What a row holds at an epoch position.

        Raises:
            ArchitectureNotMeasured: Nothing.
        """
        metric, held = column.metric, column.epoch(position)
        how: Literal["mean", "median", "min", "max", "single", "none"]
        trials: tuple[int, ...]
        if trial is not None:
            value, trials, how = column.entry(row, position)[trial], (trial,), "single"
        else:
            value, trials = column.value(row, position, reduction), column.trials(row, position)
            how = reduction if column.per_trial else "none"
            if value != value:
                raise self.not_measured(row, metric.name)
        cost, seeds = self.cost(row, metric.run, held), column.seeds(trials)
        return Result(value, metric.name, metric.unit, metric.split, held, trials, how, cost, source, metric.run, seeds)

    def ready(self, column: Column) -> Ready:
        """What the answers about every row at the last epoch are made of."""
        metric, last = column.metric, column.epoch(-1)
        means, costs = column.means(), self.costs(metric.run, last)
        for row in np.flatnonzero(~np.isnan(means) & ~(np.array(costs) >= 0)).tolist():
            raise self._wrong_cost(row, costs[row])
        return (
            means.tolist(),
            column.trial_sets,
            costs,
            metric.name,
            metric.unit,
            metric.split,
            last,
            "mean" if column.per_trial else "none",
            metric.run,
            [column.seeds(trials) for trials in column.trial_sets],
        )

    def curve(self, column: Column, row: int, trial: int | None, reduction: Reduction, source: str) -> Curve:
        """What a row holds at every epoch.

        Raises:
            EpochNotMeasured: The metric does not belong to an epoch.
            ArchitectureNotMeasured: The row holds nothing at its last epoch.
        """
        metric = column.metric
        if not metric.epochs:
            raise EpochNotMeasured(f"{metric.name!r} of {self.table!r} does not belong to an epoch: it has no curve")
        last = self.answer(column, row, len(metric.epochs) - 1, trial, reduction, source)
        if trial is not None:
            values = column.row(row)[:, trial].astype(np.float64)
        else:
            values = column.row_values(row, reduction)
        measured = ~np.isnan(values)
        epochs = np.array(metric.epochs, dtype=np.int64)[measured]
        costs = self._costs_along(row, metric.run, epochs)
        return Curve(
            epochs=epochs,
            values=values[measured],
            cost_seconds=costs,
            metric=metric.name,
            unit=metric.unit,
            split=metric.split,
            trials=last.trials,
            reduction=last.reduction,
            source=source,
            run=metric.run,
            seeds=last.seeds,
        )

    def not_measured(self, row: int, metric: str) -> ArchitectureNotMeasured:
        """The error about a row without a value."""
        return ArchitectureNotMeasured(f"{metric!r} of {self._notation(row)} was not measured in {self.table!r}")

    # --- costs -------------------------------------------------------------------------------------------------

    def cost(self, row: int, run: int | None, epoch: int | None) -> float:
        """Seconds of one training of a run up to an epoch; None for the longest run and for its end.

        Raises:
            DataError: It is not known, or negative.
        """
        if self.cost_metric is None:
            return 0.0
        column = self._cost_column(run)
        seconds = column.value(row, self._cost_position(column, epoch))
        if not seconds >= 0:
            raise self._wrong_cost(row, seconds)
        return seconds

    def _costs_along(self, row: int, run: int | None, epochs: NDArray[np.int64]) -> NDArray[np.float64]:
        """As :meth:`cost`, for many epochs in increasing order, (count,)."""
        if self.cost_metric is None:
            return np.zeros(len(epochs))
        column = self._cost_column(run)
        held = np.array(column.metric.epochs, dtype=np.int64)
        if len(held) == 0 or not np.isin(epochs, held).all():
            return np.array([self.cost(row, run, epoch) for epoch in epochs.tolist()])
        seconds: NDArray[np.float64] = column.row_values(row)[np.searchsorted(held, epochs)]
        if not (seconds >= 0).all():
            raise self._wrong_cost(row, float(seconds[~(seconds >= 0)][0]))
        return seconds

    def costs(self, run: int | None, epoch: int | None) -> list[float]:
        """As :meth:`cost`, for every row; NaN where it is not known, as of a row without this run."""
        costs = self._costs.get((run, epoch))
        if costs is None:
            costs = [0.0] * self.num_rows
            if self.cost_metric is not None:
                column = self._cost_column(run)
                costs = column.means(self._cost_position(column, epoch)).tolist()
            self._costs[run, epoch] = costs
        return costs

    def _cost_column(self, run: int | None) -> Column:
        # A cost that is not of a run is that of every run.
        name = str(self.cost_metric)
        return self.column(name, run if run in self.by_run[name] else None)

    def _cost_position(self, column: Column, epoch: int | None) -> int:
        return self.position(column, epoch if column.metric.epochs else None)

    def _wrong_cost(self, row: int, seconds: float) -> DataError:
        return DataError(
            f"{self.cost_metric!r} of {self._notation(row)} is {seconds}: the cost of every architecture must be "
            "known, and not negative"
        )
