"""A table of measurements as a benchmark: what was measured is looked up, and nothing else is answered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Architectures, Benchmark
from ganas.bench.metric import Curve, Metric, Reduction, Result
from ganas.bench.table_columns import Column, content_lines, whole_number
from ganas.bench.table_measurements import Measurements, Ready
from ganas.bench.table_metrics import choose_objective
from ganas.bench.table_rows import TableRows
from ganas.bench.table_selection import At
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting
from ganas.spaces.space import Space

__all__ = ["MeasuredTable"]

_BY_POSITION = "A trial is asked for by position."


class MeasuredTable(Benchmark):
    """A table of measurements, one row an architecture, in the order of the identity keys.

    :class:`~ganas.bench.tabular.TabularBenchmark` makes one of a card or a frame. One query costs one training,
    whatever metric is read: the cost metric at the epoch asked for, or its only value where it does not belong to an
    epoch.

    Args:
        name: Name of the benchmark.
        space: The space of its architectures.
        identities: The identity key of each row, strictly increasing.
        metrics: What the table holds.
        values: For each metric (rows,), (rows, trials) or (rows, epochs, trials); NaN where nothing was measured. A
            metric is taken out of the mapping when it is first asked for, by ``metric_key``: its name, and of a run
            also that, as in ``"valid_accuracy@108"``.
        objective: Name of the objective; None for the first metric of the validation split, or else the first that is
            not of the test split.
        cost: Name of the metric that says what one training costs, in seconds; None where the table does not say.
        source: ``table:<hash>``; None to hash the content.
        architectures: The architecture of each row; None where the identity keys are ranks of the genotype.
        trial_meaning: What a trial is, for messages.
        fidelity: What a strategy may ask for less of: epochs of the longest run, or shorter runs.
        checked: Whether the values are known to be finite or NaN, so that opening need not read them.

    Raises:
        InvalidSetting: The objective or the cost does not fit.
        DuplicateName: Two metrics have one name.
        DataError: The identity keys or the values do not fit.
    """

    kind: ClassVar[Literal["table", "surrogate", "trainer"]] = "table"

    def __init__(
        self,
        *,
        name: str,
        space: Space,
        identities: Sequence[int] | NDArray[np.integer],
        metrics: Sequence[Metric],
        values: Mapping[str, NDArray[np.floating]],
        objective: str | None = None,
        cost: str | None = None,
        source: str | None = None,
        architectures: Sequence[Architecture] | None = None,
        trial_meaning: str = _BY_POSITION,
        fidelity: Literal["epoch", "run"] = "epoch",
        checked: bool = False,
    ) -> None:
        self.name = name
        self.space = space
        self.fidelity = fidelity
        self._rows = TableRows(name, space, identities, architectures)
        self._measured = Measurements(
            name,
            metrics,
            values,
            num_rows=len(self._rows),
            cost=cost,
            notation=self._rows.notation,
            trial_meaning=trial_meaning,
            checked=checked,
        )
        self.metrics = self._measured.metrics
        self.objective = choose_objective(name, self.metrics, objective)
        self.cost = self._measured.cost_metric
        self.trial_meaning = trial_meaning
        self._ready: dict[str | None, Ready] = {}
        self._space_name = space.name
        # None: the identity key is the row.
        self._row_of: dict[int, int] | None = None if self._rows.dense else self._rows.lookup
        self.source = source if source is not None else f"table:{self._content_hash()[:12]}"

    # --- questions ---------------------------------------------------------------------------------------------

    def query(
        self,
        architecture: Architecture,
        metric: str | None = None,
        *,
        epoch: int | None = None,
        trial: int | None = None,
        seed: int | None = None,
        run: int | None = None,
        reduction: Reduction = "mean",
    ) -> Result:
        """Answer one question; see :meth:`Benchmark.query`."""
        if epoch is None and trial is None and seed is None and run is None and reduction == "mean":
            try:
                values, trials, costs, name, unit, split, last, how, of_run, seeds = self._ready[metric]
                if architecture.space == self._space_name:
                    row: Any = architecture.identity
                    if self._row_of is not None:
                        row = self._row_of[row]
                    value = values[row]
                    if value == value:  # not NaN
                        cost, of_trials, of_seeds = costs[row], trials[row], seeds[row]
                        return Result(
                            value, name, unit, split, last, of_trials, how, cost, self.source, of_run, of_seeds
                        )
            except (KeyError, TypeError, IndexError, AttributeError):
                pass  # whatever is out of the ordinary, the other path finds out
        return self._query(architecture, metric, epoch, trial, seed, run, reduction)

    def _query(
        self,
        architecture: Architecture,
        metric: str | None,
        epoch: object = None,
        trial: object = None,
        seed: object = None,
        run: int | None = None,
        reduction: Reduction = "mean",
    ) -> Result:
        column, row = self._column(metric, run), self._rows.row(architecture)
        position = self._measured.position(column, epoch)
        chosen = self._measured.trial(column, row, position, trial, seed, reduction)
        if chosen is None and epoch is None and run is None and not column.large and metric not in self._ready:
            self._ready[metric] = self._measured.ready(column)
        return self._measured.answer(column, row, position, chosen, reduction, self.source)

    def curve(
        self,
        architecture: Architecture,
        metric: str | None = None,
        *,
        trial: int | None = None,
        seed: int | None = None,
        run: int | None = None,
        reduction: Reduction = "mean",
    ) -> Curve:
        """A metric of one architecture at every epoch that it was measured at; the arguments are those of `query`.

        An epoch at which some trials were measured and others not has the trials that there are; ``trials`` are those
        of the last epoch.

        Raises:
            GanasError: As :meth:`query`; EpochNotMeasured for a metric that does not belong to an epoch.
        """
        column, row = self._column(metric, run), self._rows.row(architecture)
        chosen = self._measured.trial(column, row, -1, trial, seed, reduction)
        return self._measured.curve(column, row, chosen, reduction, self.source)

    def query_many(
        self,
        architectures: Architectures,
        metrics: Sequence[str] | None = None,
        *,
        epoch: int | None = None,
        run: int | None = None,
    ) -> NDArray[np.float64]:
        """Means over trials for many architectures; see :meth:`Benchmark.query_many`.

        Row indices count the rows of the table, from 0; a genotype array must hold valid genotypes.
        """
        if isinstance(metrics, str):
            raise InvalidSetting(f"metrics is a list of names: write [{metrics!r}]")
        columns = [self._column(name, run) for name in (metrics if metrics is not None else [self.objective])]
        rows = self._rows.rows(architectures)
        found = np.empty((len(rows), len(columns)))
        complete = True
        for place, column in enumerate(columns):
            position = self._measured.position(column, epoch)
            found[:, place] = column.means_of(rows, position)
            complete = complete and column.complete(position)
        if not complete and np.isnan(found).any():
            row, place = np.argwhere(np.isnan(found))[0]
            raise self._measured.not_measured(int(rows[row]), columns[place].metric.name)
        return found

    def num_trials(self, architecture: Architecture, metric: str | None = None, *, run: int | None = None) -> int:
        """How many trials of this architecture were measured (0 for a metric that is not of a trial)."""
        column = self._column(metric, run)
        return len(column.trials(self._rows.row(architecture)))

    def trial_values(
        self,
        architecture: Architecture,
        metric: str | None = None,
        *,
        epoch: int | None = None,
        run: int | None = None,
    ) -> tuple[float, ...]:
        """The value of every trial of an architecture, in order of position; empty where there are none."""
        column, row = self._column(metric, run), self._rows.row(architecture)
        position = self._measured.position(column, epoch)
        values = column.entry(row, position)
        return tuple([values[trial] for trial in column.trials(row, position)])

    def cost_seconds(self, architecture: Architecture, *, epoch: int | None = None, run: int | None = None) -> float:
        """What one training up to an epoch took, in seconds; 0 where the table does not say."""
        held = None if epoch is None else whole_number(epoch, "epoch")
        return self._measured.cost(self._rows.row(architecture), run, held)

    @property
    def runs(self) -> tuple[int, ...]:
        """Scheduled epochs of each run that is held, in increasing order; empty where nobody tells runs apart."""
        return self._measured.runs

    def fidelities(self, metric: str | None = None) -> tuple[int, ...]:
        """Which fidelities a metric can be asked at; see :meth:`Benchmark.fidelities`."""
        if self.fidelity == "epoch":
            return super().fidelities(metric)
        runs = [run for run in self._measured.by_run[self.metric(metric).name] if run is not None]
        return tuple(runs) if len(runs) > 1 else ()

    # --- entries -------------------------------------------------------------------------------------------------

    @property
    def num_rows(self) -> int:
        """How many architectures the table holds."""
        return len(self._rows)

    def architecture_at(self, row: int) -> Architecture:
        """The architecture of a row.

        Raises:
            ArchitectureNotMeasured: The table has no such row.
        """
        return self._rows.architecture(row)

    def metric(self, name: str | None = None, *, run: int | None = None) -> Metric:
        """The metric of this name; None for the objective.

        Raises:
            SplitNotMeasured: The table holds this metric on another split of the data.
            UnknownMetric: No metric has this name.
            RunNotMeasured: The table has no such run of it.
        """
        return self._measured.metric(self.objective if name is None else name, run)

    # --- within ----------------------------------------------------------------------------------------------------

    def _at(self, name: str | None, run: int | None, epoch: int | None) -> At:
        return At.of(self._measured, self.objective if name is None else name, run, epoch)

    def _column(self, name: str | None, run: int | None = None) -> Column:
        return self._measured.column(self.objective if name is None else name, run)

    def _content_hash(self) -> str:
        digest = hashlib.sha256(self.space.name.encode())
        digest.update(",".join(map(str, self._rows.identities)).encode())
        for line in content_lines(self._measured.all_metrics, self._measured.values):
            digest.update(line)
        return digest.hexdigest()
