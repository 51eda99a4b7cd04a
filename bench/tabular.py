"""Benchmarks that are tables: made of a card or a frame, joined with further metrics, and cut down to some rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganas.bench.measured_table import MeasuredTable
from ganas.bench.metric import Metric
from ganas.bench.ranked_table import RankedTable
from ganas.bench.table_columns import CardColumns
from ganas.data.card import Card, CardMetric, content_digest, metric_key
from ganas.data.catalog import read_entries
from ganas.spaces.errors import DataError
from ganas.spaces.registry import load_space
from ganas.spaces.space import Space

if TYPE_CHECKING:
    import pandas

    from ganas.bench.table_join import Extent

__all__ = ["TabularBenchmark"]


class TabularBenchmark(RankedTable):
    """A table of measurements, and what is made of one.

    :meth:`from_card` and :meth:`from_frame` make a table; the arguments of the class are those of
    :class:`~ganas.bench.measured_table.MeasuredTable`, which answers the queries. :meth:`join` and :meth:`where` make
    a new table of this one: with further metrics, or with some of its architectures. :meth:`top` and :meth:`pareto`
    list the best, and what no other architecture beats in several metrics at once.

    >>> import pandas
    >>> from ganas.bench.registry import load_benchmark
    >>> table = load_benchmark("nasbench201-cifar10")
    >>> frame = pandas.DataFrame({"arch": [table.architecture_at(row) for row in range(100)]})
    >>> frame["phone"] = range(100)  # in place of what a phone measured
    >>> phone = Metric("phone", unit="milliseconds", higher_is_better=False)
    >>> quick = table.join(frame, metrics={"phone": phone}).where("phone", high=9)
    >>> quick.name, quick.num_rows
    ('nasbench201-cifar10+phone[phone<=9]', 10)
    >>> list(quick.pareto(["valid_accuracy", "phone"]).columns)
    ['architecture', 'valid_accuracy', 'phone']
    """

    @classmethod
    def from_card(cls, card: Card) -> TabularBenchmark:
        """Open the table of a card; its measurements are read when they are first asked for.

        Raises:
            DataError: The file is missing, damaged or has not the rows that the card says.
            UnknownName: The space of the card is not registered.
        """
        space = load_space(card.space)
        entries = read_entries(card)
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
            metrics=[_metric(metric) for metric in card.metrics],
            values=CardColumns(card),
            objective=card.objective,
            cost=card.cost,
            source=f"table:{content_digest(card)[:12]}",
            architectures=architectures,
            trial_meaning=card.trials,
            fidelity=card.fidelity,
            checked=bool(card.arrays),
        )

    @classmethod
    def from_official(cls, api: Any, dataset: str | None = None, *, name: str | None = None) -> TabularBenchmark:
        """Make a benchmark of an opened object of ``nas-bench-201`` or ``nats-bench``; the numbers are copied.

        It gives the same answers and errors as the table that ``ganas data convert`` makes of the file; only
        ``source`` differs, which is of the numbers and not of files. One that was opened in fast mode is read from its
        directory.

        Args:
            api: A ``NASBench201API``, or what ``nats_bench.create`` returns.
            dataset: ``cifar10-valid``, ``cifar10``, ``cifar100`` or ``ImageNet16-120``.
            name: Name of the benchmark; None for that of the converted table, where the object says which one it is.

        Raises:
            InvalidSetting: The object is of neither package, no data set is given, or a name is needed.
            UnknownName: There is no such data set.
            DataError: What it holds is damaged, or is nothing for this data set.
        """
        from ganas.bench.table_official import official_dataset_table, ordered_values

        table = official_dataset_table(api, dataset, named=name is not None)
        identities, metrics, values = ordered_values(table)
        card = table.card
        return cls(
            name=card.name if name is None else name,
            space=load_space(card.space),
            identities=identities,
            metrics=[_metric(metric) for metric in metrics],
            values=values,
            objective=card.objective,
            cost=card.cost,
            trial_meaning=card.trials,
            fidelity=card.fidelity,
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

    # --- tables of this one --------------------------------------------------------------------------------------

    def join(
        self,
        frame: pandas.DataFrame | TabularBenchmark,
        *,
        metrics: Mapping[str, Metric] | Mapping[str | tuple[str, ...], Metric] | Mapping[str, str],
        architecture: str = "arch",
        how: Extent = "strict",
        name: str | None = None,
    ) -> TabularBenchmark:
        """Make a table of the same architectures with further metrics: of a frame, or of another table.

        Architectures that the frame lacks, and cells of it that are NaN, were not measured: asking for them is an
        error. A query costs what it did before, one training of this table; a latency has no cost of its own, and
        neither has an accuracy that another training measured. What this table would read later is not read now.

        Args:
            frame: A frame with a row an architecture, in any order; or another table of the same space.
            metrics: What to take. Of a frame, column to metric, as for :meth:`from_frame`. Of a table, the name of a
                metric there to its name here, as in ``{"test_accuracy": "trainval_test_accuracy"}``; unit, split,
                epochs, trials, runs and seeds come with it.
            architecture: The frame's column of architectures, in the notation of the space or as objects. An index is
                refused, because every source counts in an order of its own.
            how: ``"strict"`` where an architecture that this table does not hold is an error, ``"left"`` where it is
                left out. (What this table holds stays in any case; ``where(metric)`` keeps what has a value.)
            name: Name of the new table; None for the old one with the new metrics, ``nasbench201-cifar10+phone``.

        Raises:
            UnknownName: The frame has no such column, or the other table no such metric.
            DuplicateName: This table has a metric of that name.
            InvalidArchitecture: A row holds no architecture of the space, or the table is of another space.
            ArchitectureNotMeasured: An architecture is not in this table.
            DataError: Two rows are the same architecture, none is in this table, or a column does not hold numbers.
            InvalidSetting: The metrics do not fit, or have epochs or runs whose cost this table does not know.
        """
        from ganas.bench.table_join import JoinedColumns, join_frame, join_table

        if isinstance(frame, MeasuredTable):
            joining = join_table(self._rows, self._measured, frame._rows, frame._measured, frame.source, metrics, how)
        else:
            joining = join_frame(self._rows, self._measured, frame, architecture, metrics, how)
        return TabularBenchmark(
            name=f"{self.name}+{joining.label}" if name is None else name,
            space=self.space,
            identities=self._rows.identities,
            metrics=[*self._measured.all_metrics, *joining.metrics],
            values=JoinedColumns(self._measured.values, joining.values),
            objective=self.objective,
            cost=self.cost,
            source=joining.source(self.source),
            architectures=self._rows.architectures,
            trial_meaning=self.trial_meaning,
            fidelity=self.fidelity,
            checked=self._measured.checked and joining.checked,
        )

    def where(
        self,
        metric: str,
        low: float | None = None,
        high: float | None = None,
        *,
        epoch: int | None = None,
        run: int | None = None,
        name: str | None = None,
    ) -> TabularBenchmark:
        """Make a table of the architectures whose mean value is within bounds, ends included.

        An architecture without a value is left out, even without bounds. The new table is for analysis: everything
        that a table answers it answers about these architectures. A search still proposes from the whole space, and
        pays for what is not in the table; give it a ``MeasuredConstraint`` in place of a smaller table.

        Args:
            metric: Name of the metric; one of the test split, too.
            low: The least value, in the metric's unit; None for no bound.
            high: The greatest value; None for no bound.
            epoch: After how many epochs; None for the last.
            run: The run; None for the longest.
            name: Name of the new table; None for the old one with the bounds, ``nasbench201-cifar10[phone<=5]``.

        Raises:
            UnknownMetric: No metric has this name.
            NotMeasured: No architecture is within, and the message says from where to where the values go; or the
                metric was not measured at this epoch or in this run.
            InvalidSetting: A bound is not a number, or ``low`` is above ``high``.
        """
        from ganas.bench.table_join import AlignedColumns
        from ganas.bench.table_selection import range_name, rows_source, rows_within

        asked = self._at(metric, run, epoch)
        rows = rows_within(asked, low, high, self.name)
        held, keys = self._rows, [metric_key(one) for one in self._measured.all_metrics]
        return TabularBenchmark(
            name=f"{self.name}[{range_name(asked.metric, low, high, run, epoch)}]" if name is None else name,
            space=self.space,
            identities=[int(held.identities[row]) for row in rows.tolist()],
            metrics=self._measured.all_metrics,
            values=AlignedColumns(self._measured.values, dict(zip(keys, keys, strict=True)), rows),
            objective=self.objective,
            cost=self.cost,
            source=rows_source(self.source, held, rows),
            architectures=None if held.architectures is None else [held.architectures[row] for row in rows.tolist()],
            trial_meaning=self.trial_meaning,
            fidelity=self.fidelity,
            checked=self._measured.checked,
        )


def _metric(metric: CardMetric) -> Metric:
    return Metric(
        metric.name,
        metric.unit,
        metric.split,
        metric.higher_is_better,
        metric.epochs,
        metric.description,
        metric.run,
        metric.seeds,
    )
