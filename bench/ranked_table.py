"""A table of measurements as a whole: its best entries, what no other beats in several metrics, and a frame of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganas.bench.measured_table import MeasuredTable
from ganas.bench.metric import Optimum
from ganas.bench.table_columns import whole_number
from ganas.bench.table_selection import best_rows, columns_at, nondominated_rows
from ganas.spaces.errors import InvalidSetting

if TYPE_CHECKING:
    import pandas

__all__ = ["RankedTable"]


class RankedTable(MeasuredTable):
    """A table of measurements whose entries are compared.

    Every method takes an epoch and a run as :meth:`query` does: by default values are those of the last epoch of the
    longest run, the mean over trials.
    """

    def optimum(self, metric: str | None = None, *, epoch: int | None = None, run: int | None = None) -> Optimum:
        """The best mean value of a metric, at an epoch of a run as for :meth:`query`; the first row wins a tie."""
        return self.top(1, metric, epoch=epoch, run=run)[0]

    def top(
        self, count: int, metric: str | None = None, *, epoch: int | None = None, run: int | None = None
    ) -> list[Optimum]:
        """The best ``count`` entries by mean value, the best first; fewer if the table is shorter.

        Raises:
            InvalidSetting: ``count`` is not a whole number from 1.
            NotMeasured: No entry has a value, or the metric was not measured at this epoch or in this run.
        """
        if whole_number(count, "count") < 1:
            raise InvalidSetting(f"count must be at least 1, not {count}")
        asked = self._at(metric, run, epoch)
        rows, values = best_rows(asked, count, self.name)
        return [
            Optimum(value, self.architecture_at(row), asked.metric.name)
            for row, value in zip(rows.tolist(), values.tolist(), strict=True)
        ]

    def pareto(self, metrics: Sequence[str], *, epoch: int | None = None, run: int | None = None) -> pandas.DataFrame:
        """The Pareto front of several metrics: what no other architecture beats in one and equals in the others.

        Means over trials count, each in the direction of its metric. Architectures with equal values are all kept;
        those without a value of one of the metrics are left out.

        Args:
            metrics: Names of two or more metrics; of the test split, too.
            epoch: After how many epochs; None for the last. A metric that does not belong to an epoch or a run, such
                as a latency, is what it always is.
            run: The run; None for the longest.

        Returns:
            As :meth:`frame`, with these metrics only: the architecture's notation, then a column a metric. The best of
            the first metric comes first, among equal ones the best of the second, and so on. The index is the row of
            the table, so that ``frame().loc[front.index]`` has every metric.

        Raises:
            UnknownMetric: No metric has one of these names.
            InvalidSetting: There are fewer than two, or one of them twice.
            NotMeasured: No architecture has a value of each, or one was not measured at this epoch or in this run.
        """
        import pandas

        names = [metrics] if isinstance(metrics, str) else [*metrics]
        if len(names) < 2 or len({*names}) < len(names):
            raise InvalidSetting(
                f"a Pareto front is of two or more different metrics, not of {names}: pareto(['accuracy', 'latency'])"
            )
        columns = columns_at(self._measured, names, run, epoch)
        rows = nondominated_rows([*columns.values()], self.name)
        notation = [self._rows.notation(row) for row in rows.tolist()]
        values = {name: column.means()[rows] for name, column in columns.items()}
        return pandas.DataFrame({"architecture": notation, **values}, index=rows)

    def frame(self, *, epoch: int | None = None, run: int | None = None) -> pandas.DataFrame:
        """Every row as a pandas frame: the architecture's notation, then one column a metric, the mean over trials.

        Args:
            epoch: After how many epochs; None for the last of each metric.
            run: The run; None for the longest. A metric that was not measured there has no column, and one that does
                not belong to a run or an epoch, such as parameters, has the one it always has.

        Raises:
            NotMeasured: Nothing was measured there.
        """
        import pandas

        columns = columns_at(self._measured, self.metrics, run, epoch, skip=True)
        means = {name: values.means().copy() for name, values in columns.items()}
        return pandas.DataFrame({"architecture": self._rows.notations(), **means})
