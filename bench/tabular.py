"""Benchmarks that are tables: what was measured is looked up, and nothing else is answered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Architectures, Benchmark
from ganas.bench.metric import Metric, Optimum, Result
from ganas.bench.table_columns import CardColumns, Column, content_lines, whole_number
from ganas.bench.table_metrics import by_name, choose_cost, choose_objective, find_metric
from ganas.bench.table_rows import TableRows
from ganas.data.catalog import Card, table_path
from ganas.data.tables import read_architectures
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import ArchitectureNotMeasured, DataError, InvalidSetting, NotMeasured
from ganas.spaces.registry import load_space
from ganas.spaces.space import Space

if TYPE_CHECKING:
    import pandas

__all__ = ["TabularBenchmark"]

_BY_POSITION = "A trial is asked for by position."

# What the quick path of query needs for a metric: value, trials and cost of every row, and the metric's constants.
_Ready = tuple[
    list[float], list[tuple[int, ...]], list[float], str, str, str | None, int | None, Literal["mean", "none"]
]


class TabularBenchmark(Benchmark):
    """A table of measurements, one row an architecture, in the order of the identity keys.

    Make one with :meth:`from_card` or :meth:`from_frame`. One query costs one training, whatever metric is read: the
    cost metric at the epoch asked for, or its only value where it does not belong to an epoch.

    Args:
        name: Name of the benchmark.
        space: The space of its architectures.
        identities: The identity key of each row, strictly increasing.
        metrics: What the table holds.
        values: For each metric (rows,), (rows, trials) or (rows, epochs, trials); NaN where nothing was measured. A
            metric is taken out of the mapping when it is first asked for.
        objective: Name of the objective; None for the first metric of the validation split, or else the first that is
            not of the test split.
        cost: Name of the metric that says what one training costs, in seconds; None where the table does not say.
        source: ``table:<hash>``; None to hash the content.
        architectures: The architecture of each row; None where the identity keys are ranks of the genotype.
        trial_meaning: What a trial is, for messages.

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
        values: Mapping[str, NDArray[np.float64]],
        objective: str | None = None,
        cost: str | None = None,
        source: str | None = None,
        architectures: Sequence[Architecture] | None = None,
        trial_meaning: str = _BY_POSITION,
    ) -> None:
        self.name = name
        self.space = space
        self.metrics = by_name(metrics)
        self.objective = choose_objective(name, self.metrics, objective)
        self.cost = choose_cost(name, self.metrics, cost)
        self.trial_meaning = trial_meaning
        self._rows = TableRows(name, space, identities, architectures)
        self._values = values
        self._columns: dict[str, Column] = {}
        self._costs: dict[int | None, list[float]] = {}
        self._ready: dict[str | None, _Ready] = {}
        self._space_name = space.name
        # None: the identity key is the row.
        self._row_of: dict[int, int] | None = None if self._rows.dense else self._rows.lookup
        self.source = source if source is not None else f"table:{self._content_hash()[:12]}"

    @classmethod
    def from_card(cls, card: Card) -> TabularBenchmark:
        """Open the table of a card; its measurements are read when they are first asked for.

        Raises:
            DataError: The file is missing, damaged or has not the rows that the card says.
            UnknownName: The space of the card is not registered.
        """
        space = load_space(card.space)
        entries = read_architectures(table_path(card), card.architecture)
        if len(entries) != card.rows:
            raise DataError(f"{card.file} has {len(entries):,} rows, and its card says {card.rows:,}")
        identities: Sequence[int] | NDArray[np.int64]
        architectures = None
        if isinstance(entries, np.ndarray):
            identities = entries
        else:
            architectures = [space.parse(entry) for entry in entries]
            identities = [space.identity_key(architecture) for architecture in architectures]
        return cls(
            name=card.name,
            space=space,
            identities=identities,
            metrics=[
                Metric(one.name, one.unit, one.split, one.higher_is_better, one.epochs, one.description)
                for one in card.metrics
            ],
            values=CardColumns(card),
            objective=card.objective,
            cost=card.cost,
            source=f"table:{card.sha256[:12]}",
            architectures=architectures,
            trial_meaning=card.trials,
        )

    @classmethod
    def from_frame(
        cls,
        *,
        name: str,
        space: str | Space,
        frame: pandas.DataFrame,
        architecture: str = "arch",
        metrics: Mapping[str | tuple[str, ...], Metric],
        objective: str | None = None,
        cost: str | None = None,
    ) -> TabularBenchmark:
        """Make a benchmark of a pandas frame, one row an architecture; the numbers are copied.

        Args:
            name: Name of the benchmark.
            space: A registered space, by name or as an object. The frame may hold any part of it.
            frame: The measurements; NaN where nothing was measured.
            architecture: The column of architectures, in the notation of the space or as objects.
            metrics: Column to metric for one value an architecture; a tuple of columns, one a trial, for a metric
                that was measured per trial. With several epochs the tuple lists all trials of the first epoch first.
            objective: Name of the objective, as for the class.
            cost: Name of the metric that says what one training costs, in seconds.

        Raises:
            UnknownName: The frame has no such column, or the space is not registered.
            InvalidArchitecture: A row holds no architecture of the space; the message names the row.
            DataError: Two rows are the same architecture, a column does not hold numbers, or the frame is empty.
            InvalidSetting: The objective, the cost or the epochs of a metric do not fit.

        >>> import pandas
        >>> frame = pandas.DataFrame({"arch": ["|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"], "acc": [10.0]})
        >>> table = TabularBenchmark.from_frame(
        ...     name="mine", space="nasbench201", frame=frame, metrics={"acc": Metric("acc", "percent", "valid")}
        ... )
        >>> table.optimum().value
        10.0
        """
        from ganas.bench.table_frame import read_frame

        found = load_space(space) if isinstance(space, str) else space
        rows = read_frame(found, frame, architecture, metrics)
        return cls(
            name=name,
            space=found,
            identities=rows.identities,
            metrics=list(metrics.values()),
            values=rows.values,
            objective=objective,
            cost=cost,
            architectures=rows.architectures,
        )

    # --- questions ---------------------------------------------------------------------------------------------

    def query(
        self,
        architecture: Architecture,
        metric: str | None = None,
        *,
        epoch: int | None = None,
        trial: int | None = None,
    ) -> Result:
        """Answer one question; see :meth:`Benchmark.query`."""
        if epoch is None and trial is None:
            try:
                values, trials, costs, name, unit, split, last, reduction = self._ready[metric]
                if architecture.space == self._space_name:
                    row: Any = architecture.identity
                    if self._row_of is not None:
                        row = self._row_of[row]
                    value = values[row]
                    if value == value:  # not NaN
                        return Result(value, name, unit, split, last, trials[row], reduction, costs[row], self.source)
            except (KeyError, TypeError, IndexError, AttributeError):
                pass  # whatever is out of the ordinary, the other path finds out
        return self._query(architecture, metric, epoch, trial)

    def _query(self, architecture: Architecture, name: str | None, epoch: object, trial: object) -> Result:
        column = self._column(name)
        row = self._rows.row(architecture)
        position = column.position(epoch, self.name)
        metric, held = column.metric, column.epoch(position)
        cost = self._cost_list(held)[row]
        if trial is not None:
            chosen = column.trial(row, position, trial, self.name, self.trial_meaning)
            value = float(column.values[row, position, chosen])
            return Result(value, metric.name, metric.unit, metric.split, held, (chosen,), "single", cost, self.source)
        if epoch is None and name not in self._ready:
            self._make_ready(name, column)
        value = float(column.means(position)[row])
        if value != value:
            raise self._not_measured(row, metric.name)
        trials = column.trials(row, position)
        return Result(value, metric.name, metric.unit, metric.split, held, trials, column.reduction, cost, self.source)

    def query_many(
        self, architectures: Architectures, metrics: Sequence[str] | None = None, *, epoch: int | None = None
    ) -> NDArray[np.float64]:
        """Means over trials for many architectures; see :meth:`Benchmark.query_many`.

        Row indices count the rows of the table, from 0; a genotype array must hold valid genotypes.
        """
        if isinstance(metrics, str):
            raise InvalidSetting(f"metrics is a list of names: write [{metrics!r}]")
        columns = [self._column(name) for name in (metrics if metrics is not None else [self.objective])]
        rows = self._rows.rows(architectures)
        found = np.empty((len(rows), len(columns)))
        for place, column in enumerate(columns):
            found[:, place] = column.means(column.position(epoch, self.name))[rows]
        if not all(column.complete for column in columns) and np.isnan(found).any():
            row, place = np.argwhere(np.isnan(found))[0]
            raise self._not_measured(int(rows[row]), columns[place].metric.name)
        return found

    def num_trials(self, architecture: Architecture, metric: str | None = None) -> int:
        """How many trials of this architecture were measured (0 for a metric that is not of a trial)."""
        column = self._column(metric)
        return len(column.trial_sets[self._rows.row(architecture)])

    def trial_values(
        self, architecture: Architecture, metric: str | None = None, *, epoch: int | None = None
    ) -> tuple[float, ...]:
        """The value of every trial of an architecture, in order of position; empty where there are none."""
        column, row = self._column(metric), self._rows.row(architecture)
        position = column.position(epoch, self.name)
        return tuple(column.values[row, position, list(column.trials(row, position))].tolist())

    def cost_seconds(self, architecture: Architecture, *, epoch: int | None = None) -> float:
        """What one training up to an epoch took, in seconds; 0 where the table does not say."""
        return self._cost_list(None if epoch is None else whole_number(epoch, "epoch"))[self._rows.row(architecture)]

    def optimum(self, metric: str | None = None) -> Optimum:
        """The best mean value of a metric, at its last epoch; the first row wins a tie."""
        return self.top(1, metric)[0]

    def top(self, count: int, metric: str | None = None) -> list[Optimum]:
        """The best ``count`` entries by mean value, at the last epoch, the best first; fewer if the table is shorter.

        Raises:
            InvalidSetting: ``count`` is not a whole number from 1.
            NotMeasured: No entry has a value.
        """
        if whole_number(count, "count") < 1:
            raise InvalidSetting(f"count must be at least 1, not {count}")
        column = self._column(metric)
        means = column.means()
        score = means if column.metric.higher_is_better else -means
        if count == 1 and column.complete:
            best = np.array([score.argmax()])
        else:
            best = np.argsort(-score, kind="stable")[: min(count, int((~np.isnan(means)).sum()))]
        if not len(best):
            raise NotMeasured(f"{self.name!r} holds no value of {column.metric.name!r}")
        return [Optimum(float(means[row]), self.architecture_at(row), column.metric.name) for row in best.tolist()]

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

    def frame(self) -> pandas.DataFrame:
        """Every row as a pandas frame: the architecture's notation, then one column a metric (mean, last epoch)."""
        import pandas

        notation = [self._rows.notation(row) for row in range(self.num_rows)]
        means = {name: self._column(name).means().copy() for name in self.metrics}
        return pandas.DataFrame({"architecture": notation, **means})

    def metric(self, name: str | None = None) -> Metric:
        """The metric of this name; None for the objective.

        Raises:
            SplitNotMeasured: The table holds this metric on another split of the data.
            UnknownMetric: No metric has this name.
        """
        return find_metric(self.name, self.metrics, self.objective if name is None else name)

    # --- within ----------------------------------------------------------------------------------------------------

    def _column(self, name: str | None) -> Column:
        metric = self.metric(name)
        column = self._columns.get(metric.name)
        if column is None:
            column = Column(metric, self._values[metric.name], self.num_rows)
            self._columns[metric.name] = column
        return column

    def _make_ready(self, name: str | None, column: Column) -> None:
        metric, last = column.metric, column.epoch(-1)
        self._ready[name] = (
            column.means().tolist(),
            column.trial_sets,
            self._cost_list(last),
            metric.name,
            metric.unit,
            metric.split,
            last,
            column.reduction,
        )

    def _cost_list(self, epoch: int | None) -> list[float]:
        costs = self._costs.get(epoch)
        if costs is None:
            costs = [0.0] * self.num_rows
            if self.cost is not None:
                column = self._column(self.cost)
                seconds = column.means(column.position(epoch if column.metric.epochs else None, self.name))
                if not (seconds >= 0).all():
                    row = int(np.flatnonzero(~(seconds >= 0))[0])
                    raise DataError(
                        f"{self.cost!r} of {self._rows.notation(row)} is {seconds[row]}: the cost "
                        "of every architecture must be known, and not negative"
                    )
                costs = seconds.tolist()
            self._costs[epoch] = costs
        return costs

    def _not_measured(self, row: int, metric: str) -> ArchitectureNotMeasured:
        return ArchitectureNotMeasured(f"{metric!r} of {self._rows.notation(row)} was not measured in {self.name!r}")

    def _content_hash(self) -> str:
        digest = hashlib.sha256(self.space.name.encode())
        digest.update(",".join(map(str, self._rows.identities)).encode())
        for line in content_lines([*self.metrics.values()], self._values):
            digest.update(line)
        return digest.hexdigest()
