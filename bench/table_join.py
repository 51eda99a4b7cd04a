"""Further metrics for the rows of a table: hardware measurements, or what another table measured."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ganas.bench.metric import Metric
from ganas.bench.table_columns import content_lines
from ganas.bench.table_frame import read_frame
from ganas.bench.table_measurements import Measurements
from ganas.bench.table_metrics import by_run
from ganas.bench.table_rows import TableRows
from ganas.data.card import metric_key
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import (
    ArchitectureNotMeasured,
    DataError,
    DuplicateName,
    InvalidSetting,
    WrongSpace,
    closest_match,
    quote_list,
)

if TYPE_CHECKING:
    import pandas

__all__ = ["AlignedColumns", "Extent", "JoinedColumns", "Joining", "join_frame", "join_table"]

Extent = Literal["strict", "left"]
"""What becomes of architectures that are joined to a table and not in it: an error, or they are left out."""


@dataclass(frozen=True, slots=True)
class Joining:
    """What is added to the rows of a table.

    Attributes:
        metrics: The metrics.
        values: Their values by ``metric_key``, in the rows of the table; NaN where nothing was measured.
        digest: What identifies the numbers.
        checked: Whether the values are known not to be infinite.
    """

    metrics: Sequence[Metric]
    values: Mapping[str, NDArray[np.floating]]
    digest: str
    checked: bool

    def source(self, table: str) -> str:
        """The source of the joined table: a hash of the source ``table`` and of what is added."""
        return f"table:{hashlib.sha256(f'{table}+{self.digest}'.encode()).hexdigest()[:12]}"

    @property
    def label(self) -> str:
        """What is added, in the name of the joined table."""
        names = list(dict.fromkeys("_".join(metric.name.split()) for metric in self.metrics))
        return "+".join(names) if len(names) < 4 else f"{len(names)}-metrics"


def join_frame(
    rows: TableRows,
    measured: Measurements,
    frame: pandas.DataFrame,
    architecture: str,
    metrics: Mapping[Any, object],
    how: Extent,
) -> Joining:
    """Read the metrics of a frame; see :meth:`ganas.bench.tabular.TabularBenchmark.join`."""
    import pandas

    if not isinstance(frame, pandas.DataFrame):
        raise InvalidSetting(f"a table is joined with a pandas frame or another table, not {type(frame).__name__}")
    columns = {column: metric for column, metric in _items(metrics) if isinstance(metric, Metric)}
    if len(columns) < len(metrics):
        raise InvalidSetting("the metrics of a frame are column to Metric: metrics={'column': Metric(...)}")
    added = [*columns.values()]
    _check_metrics(measured, added)
    read = read_frame(rows.space, frame, architecture, columns)
    found = _rows_of(rows, read.identities)
    _check_extent(rows, found, (read.architectures[row] for row in np.flatnonzero(found < 0).tolist()), how)
    values = {}
    for key, given in read.values.items():
        values[key] = np.full((len(rows), *given.shape[1:]), np.nan)
        values[key][found[found >= 0]] = given[found >= 0]
    digest = hashlib.sha256()
    for line in content_lines(added, values):
        digest.update(line)
    return Joining(added, values, digest.hexdigest(), checked=True)


def join_table(
    rows: TableRows,
    measured: Measurements,
    other_rows: TableRows,
    other: Measurements,
    source: str,
    names: Mapping[Any, object],
    how: Extent,
) -> Joining:
    """Take metrics of another table, without reading them; see :meth:`ganas.bench.tabular.TabularBenchmark.join`."""
    if other_rows.space.name != rows.space.name:
        raise WrongSpace(
            f"{rows.table!r} is a table of {rows.space.name!r}, and {other.table!r} of {other_rows.space.name!r}: "
            "tables of one space are joined"
        )
    renamed = {name: new for name, new in _items(names) if isinstance(new, str) and new}
    if len(renamed) < len(names):
        raise InvalidSetting(
            f"the metrics of {other.table!r} are a name there to a name here: metrics={{'test_accuracy': 'accuracy_2'}}"
        )
    added: list[Metric] = []
    keys: dict[str, str] = {}
    for name, new in renamed.items():
        if [*renamed.values()].count(new) > 1:
            raise DuplicateName(f"two metrics of {other.table!r} are to be named {new!r}")
        for metric in other.by_run[other.metric(name, None).name].values():
            added.append(replace(metric, name=new))
            keys[metric_key(added[-1])] = metric_key(metric)
    _check_metrics(measured, added)
    found = _rows_of(rows, map(int, other_rows.identities))
    _check_extent(rows, found, (other_rows.architecture(row) for row in np.flatnonzero(found < 0).tolist()), how)
    aligned = np.full(len(rows), -1, dtype=np.int64)
    aligned[found[found >= 0]] = np.flatnonzero(found >= 0)
    digest = hashlib.sha256(f"{source} {sorted(keys.items())}".encode()).hexdigest()
    return Joining(added, AlignedColumns(other.values, keys, aligned), digest, checked=other.checked)


class AlignedColumns(Mapping[str, NDArray[np.floating]]):
    """Columns of a table in rows of their own choice; each is taken out when it is asked for.

    Args:
        columns: The values of the table.
        keys: What a column is called here to what it is called there.
        rows: The row of the table that stands in each row, (rows,); -1 for none, which gives NaN.
    """

    def __init__(
        self, columns: Mapping[str, NDArray[np.floating]], keys: Mapping[str, str], rows: NDArray[np.int64]
    ) -> None:
        self._columns = columns
        self._keys = keys
        self._rows = rows

    def __getitem__(self, key: str) -> NDArray[np.floating]:
        taken = self._columns[self._keys[key]][self._rows]
        absent = self._rows < 0
        if not absent.any():
            return taken
        return np.where(absent.reshape(-1, *[1] * (taken.ndim - 1)), np.nan, taken)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class JoinedColumns(Mapping[str, NDArray[np.floating]]):
    """The columns of a table, untouched until they are asked for, and further ones with other names."""

    def __init__(self, columns: Mapping[str, NDArray[np.floating]], added: Mapping[str, NDArray[np.floating]]) -> None:
        self._columns = columns
        self._added = added

    def __getitem__(self, key: str) -> NDArray[np.floating]:
        return (self._added if key in self._added else self._columns)[key]

    def __iter__(self) -> Iterator[str]:
        yield from self._columns
        yield from self._added

    def __len__(self) -> int:
        return len(self._columns) + len(self._added)


def _rows_of(rows: TableRows, keys: Iterable[int]) -> NDArray[np.int64]:
    """The row of each identity key, -1 where the table has none."""
    if rows.dense:
        return np.array([key if 0 <= key < len(rows) else -1 for key in keys], dtype=np.int64)
    return np.array([rows.lookup.get(key, -1) for key in keys], dtype=np.int64)


def _items(metrics: object) -> Iterable[tuple[Any, object]]:
    if not isinstance(metrics, Mapping):
        raise InvalidSetting(f"metrics is a mapping of what is taken to what it becomes, not {metrics!r:.60}")
    return metrics.items()


def _check_metrics(measured: Measurements, added: Sequence[Metric]) -> None:
    """Refuse names that are taken, and epochs and runs whose cost the table does not know: no query would answer."""
    if not added:
        raise InvalidSetting("a join needs at least one metric")
    by_run(added)  # two of one name
    for metric in added:
        if metric.name in measured.by_run:
            raise DuplicateName(f"{measured.table!r} has a metric {metric.name!r} already: give this one another name")
        if measured.cost_metric is None:
            continue
        costs, run = measured.by_run[measured.cost_metric], metric.run
        if run is not None and run not in costs and None not in costs:
            raise InvalidSetting(
                f"{metric.name!r} is of a run over {run} epochs, and {measured.table!r} knows the cost "
                f"({measured.cost_metric!r}) of runs over {quote_list(costs)}"
            )
        known = (costs[run] if run in costs else measured.metrics[measured.cost_metric]).epochs
        unknown = [epoch for epoch in metric.epochs if known and epoch not in known]
        if unknown:
            raise InvalidSetting(
                f"{metric.name!r} is held at epoch {unknown[0]}, up to which {measured.table!r} does not know the cost "
                f"({measured.cost_metric!r}, at {quote_list(known)}): join its last value, as a metric without epochs"
            )


def _check_extent(rows: TableRows, found: NDArray[np.int64], absent: Iterable[Architecture], how: object) -> None:
    """Refuse architectures that the table does not hold, unless they are to be left out and are not all there is."""
    if how not in get_args(Extent):
        raise InvalidSetting(
            f"how must be one of {quote_list(get_args(Extent))}, not {how!r}{closest_match(how, get_args(Extent))}"
        )
    count = int((found < 0).sum())
    if count == len(found):
        raise DataError(f"none of the {count:,} architectures to be joined is in {rows.table!r}")
    if count and how == "strict":
        first = rows.space.format(next(iter(absent)))
        others = f", nor are {count - 1:,} others" if count > 1 else ""
        raise ArchitectureNotMeasured(
            f"{first} is not among the {len(rows):,} architectures of {rows.table!r}{others}; how='left' leaves out "
            "what is not in the table"
        )
