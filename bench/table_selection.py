"""Which values of a table, at a run and an epoch, and which rows: the best, those within bounds, and a Pareto front."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganas.bench.metric import Metric
from ganas.bench.table_columns import Column
from ganas.bench.table_measurements import Measurements
from ganas.bench.table_rows import TableRows
from ganas.spaces.errors import EpochNotMeasured, InvalidSetting, NotMeasured, RunNotMeasured

__all__ = ["At", "best_rows", "columns_at", "nondominated_rows", "range_name", "rows_source", "rows_within"]


class At(NamedTuple):
    """A metric of a run at one of its epochs.

    Attributes:
        column: The metric of the run.
        position: Where the epoch stands among those that are held.
    """

    column: Column
    position: int

    @classmethod
    def of(cls, measured: Measurements, name: str, run: int | None, epoch: int | None) -> At:
        """The metric of this name; of the longest run and its last epoch where these are None.

        Raises:
            UnknownMetric: No metric has this name.
            RunNotMeasured: It has no such run.
            EpochNotMeasured: It has no value at this epoch.
        """
        column = measured.column(name, run)
        return cls(column, measured.position(column, epoch))

    @property
    def metric(self) -> Metric:
        """What the values are."""
        return self.column.metric

    def means(self) -> NDArray[np.float64]:
        """Mean over the trials, (rows,); NaN where nothing was measured."""
        return self.column.means(self.position)


def columns_at(
    measured: Measurements, names: Iterable[str], run: int | None, epoch: int | None, *, skip: bool = False
) -> dict[str, At]:
    """Metrics at a run and an epoch; those that do not belong to one, such as parameters, as they are.

    Args:
        measured: The measurements of the table.
        names: Names of the metrics.
        run: None for the longest.
        epoch: None for the last.
        skip: Whether a metric that was not measured there is left out.

    Raises:
        UnknownMetric: No metric has one of the names.
        RunNotMeasured: One has no such run, or none belongs to a run.
        EpochNotMeasured: One has no value at this epoch, or none belongs to an epoch.
    """
    found: dict[str, At] = {}
    error: NotMeasured | None = None
    belongs = False
    for name in names:
        last = measured.metric(name, None)
        of_run = None if last.run is None else run
        try:
            of_epoch = epoch if measured.metric(name, of_run).epochs else None
            found[name] = At.of(measured, name, of_run, of_epoch)
        except (RunNotMeasured, EpochNotMeasured) as missing:
            if not skip:
                raise
            error = error or missing
        else:
            belongs = belongs or (of_run, of_epoch) == (run, epoch)
    if not belongs:
        if error is not None:
            raise error
        for name in found:  # one of them says what it does not belong to
            At.of(measured, name, run, epoch)
    return found


def best_rows(values: At, count: int, table: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The rows with the best means, the best first, and these means; equal ones in row order.

    Args:
        values: The metric, whose direction says what is best.
        count: How many rows; fewer where fewer have a value.
        table: Name of the table, for messages.

    Raises:
        NotMeasured: No row has a value.
    """
    means = values.means()
    score = means if values.metric.higher_is_better else -means
    if count == 1 and values.column.complete(values.position):
        best = np.array([score.argmax()], dtype=np.int64)
    else:
        best = np.argsort(-score, kind="stable")[: min(count, int((~np.isnan(means)).sum()))]
    if not len(best):
        raise NotMeasured(f"{table!r} holds no value of {values.metric.name!r}")
    return best, means[best]


def rows_within(values: At, low: float | None, high: float | None, table: str) -> NDArray[np.int64]:
    """The rows, in order, whose mean lies within bounds, ends included; those without one do not.

    Args:
        values: The metric.
        low: The least value, in the metric's unit; None for no bound.
        high: The greatest value; None for no bound.
        table: Name of the table, for messages.

    Raises:
        InvalidSetting: A bound is not a number, or ``low`` is above ``high``.
        NotMeasured: No row is within, or none has a value.
    """
    least, greatest = _bound(low, "low", -np.inf), _bound(high, "high", np.inf)
    if least > greatest:
        raise InvalidSetting(f"low must not be above high: {least:g} and {greatest:g} were given")
    means, name = values.means(), values.metric.name
    if np.isnan(means).all():
        raise NotMeasured(f"{table!r} holds no value of {name!r}")
    rows = np.flatnonzero((means >= least) & (means <= greatest))
    if not len(rows):
        raise NotMeasured(
            f"no architecture of {table!r} has {name!r} from {least:g} to {greatest:g}: it goes from "
            f"{np.nanmin(means):.6g} to {np.nanmax(means):.6g} {values.metric.unit}"
        )
    return rows


def nondominated_rows(columns: Sequence[At], table: str) -> NDArray[np.int64]:
    """The rows that no other row dominates: none is at least as good in every metric, and better in one.

    Equal rows do not dominate each other, so all of them are kept. Rows without a value of one of the metrics are
    left out. Kung, Luccio and Preparata (Journal of the ACM, 1975), in moocore.

    Args:
        columns: The metrics, each with its direction.
        table: Name of the table, for messages.

    Returns:
        The best of the first metric first; then by the second metric and so on, and equal rows in row order.

    Raises:
        NotMeasured: No row has a value of every metric.
    """
    import moocore

    # Smaller is better.
    losses = np.stack([-column.means() if column.metric.higher_is_better else column.means() for column in columns], 1)
    rows = np.flatnonzero(~np.isnan(losses).any(axis=1))
    if not len(rows):
        names = " and ".join(repr(column.metric.name) for column in columns)
        raise NotMeasured(f"no architecture of {table!r} has a value of {names}")
    front = rows[moocore.is_nondominated(losses[rows], keep_weakly=True)]
    # The last key of lexsort is the first to sort by.
    order: NDArray[np.int64] = front[np.lexsort(losses[front].T[::-1])]
    return order


def range_name(
    metric: Metric, low: float | None, high: float | None, run: int | None = None, epoch: int | None = None
) -> str:
    """What a restriction is called in the name of a table.

    >>> range_name(Metric("latency", "milliseconds"), None, 5), range_name(Metric("test accuracy", "percent"), 90, 94.5)
    ('latency<=5', '90<=test_accuracy<=94.5')
    >>> range_name(Metric("acc", "percent"), 90, None, run=12, epoch=6)
    'acc@run=12@epoch=6>=90'
    """
    name = "_".join(metric.name.split())
    name += "".join(f"@{what}={value}" for what, value in (("run", run), ("epoch", epoch)) if value is not None)
    if low is not None and high is None:
        return f"{name}>={low:g}"
    return (f"{low:g}<=" if low is not None else "") + name + (f"<={high:g}" if high is not None else "")


def rows_source(source: str, rows: TableRows, chosen: NDArray[np.int64]) -> str:
    """The source of a table of some rows of another one: a hash of that table's source and of the identity keys."""
    digest = hashlib.sha256(source.encode())
    digest.update(",".join(str(rows.identities[row]) for row in chosen.tolist()).encode())
    return f"table:{digest.hexdigest()[:12]}"


def _bound(given: object, what: str, unbounded: float) -> float:
    if given is None:
        return unbounded
    if isinstance(given, (bool, np.bool_)) or not isinstance(given, Real) or given != given:
        raise InvalidSetting(f"{what} must be a number or None, not {given!r:.60}")
    return float(given)
