"""From a pandas frame to the arrays of a table."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganas.bench.metric import Metric
from ganas.data.card import metric_key
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import DataError, InvalidArchitecture, InvalidSetting, MalformedArchitecture, unknown_name
from ganas.spaces.space import Space

if TYPE_CHECKING:
    import pandas

__all__ = ["FrameRows", "read_frame"]


@dataclass(frozen=True, slots=True)
class FrameRows:
    """The rows of a frame in the order of their identity keys.

    Attributes:
        identities: The identity key of each row.
        architectures: The architecture of each row.
        values: Key of a metric to (rows,), (rows, trials) or (rows, epochs, trials).
    """

    identities: list[int]
    architectures: list[Architecture]
    values: dict[str, NDArray[np.float64]]


def read_frame(
    space: Space, frame: pandas.DataFrame, architecture: str, metrics: Mapping[str | tuple[str, ...], Metric]
) -> FrameRows:
    """Read and check a frame; see :meth:`ganas.bench.tabular.TabularBenchmark.from_frame`."""
    if not len(frame):
        raise DataError("the frame has no rows")
    if not metrics:
        raise InvalidSetting("a table needs at least one metric: metrics={'column': Metric(...)}")
    entries = _column(frame, architecture).tolist()
    found = [_architecture(space, entry, row) for row, entry in enumerate(entries)]
    keys = [space.identity_key(one) for one in found]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    for row, following in itertools.pairwise(order):
        if keys[row] == keys[following]:
            raise DataError(
                f"rows {row} and {following} are the same architecture, {space.format(found[row])}: give its trials "
                "as columns, metrics={('acc_0', 'acc_1'): ...}"
            )
    values = {metric_key(metric): _values(frame, columns, metric)[order] for columns, metric in metrics.items()}
    return FrameRows([keys[row] for row in order], [found[row] for row in order], values)


def _column(frame: pandas.DataFrame, name: str) -> pandas.Series:
    names = [str(column) for column in frame.columns]
    if name not in frame.columns:
        raise unknown_name("column", name, names)
    if names.count(name) > 1:
        raise DataError(f"the frame has {names.count(name)} columns named {name!r}")
    return frame[name]


def _architecture(space: Space, entry: object, row: int) -> Architecture:
    try:
        if isinstance(entry, str):
            return space.parse(entry)
        if not isinstance(entry, Architecture):
            index = isinstance(entry, (int, np.integer))
            raise MalformedArchitecture(
                f"{entry!r:.60} is neither text nor an Architecture"
                f"{'; an index is of no use, because every source counts in an order of its own' if index else ''}"
            )
        # Where the space that built it noted the key, it is of the space; checks take ten times as long as the rest.
        if entry.identity is None or entry.space != space.name:
            space.check(entry)
    except InvalidArchitecture as error:
        raise type(error)(f"row {row}: {error}") from None
    return entry


def _values(frame: pandas.DataFrame, columns: str | tuple[str, ...], metric: Metric) -> NDArray[np.float64]:
    epochs = len(metric.epochs)
    if isinstance(columns, str):
        if epochs > 1:
            raise InvalidSetting(f"{metric.name!r} is held at {epochs} epochs: give a tuple of columns, epoch by epoch")
        return _numbers(frame, columns)
    if not columns or len(columns) % max(1, epochs):
        raise InvalidSetting(
            f"{metric.name!r} needs a column for each trial of each of its {max(1, epochs)} epoch(s), "
            f"and {len(columns)} were given"
        )
    stacked = np.stack([_numbers(frame, column) for column in columns], axis=1)
    return stacked.reshape(len(stacked), max(1, epochs), -1)


def _numbers(frame: pandas.DataFrame, name: str) -> NDArray[np.float64]:
    column = _column(frame, name)
    try:
        if column.dtype.kind == "b":
            raise TypeError("it holds truth values")
        # na_value: columns of nullable and of object type mark what is missing with pandas.NA or None.
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    except (TypeError, ValueError) as error:
        raise DataError(f"column {name!r} does not hold numbers: {error}") from None
    if np.isinf(numbers).any():
        raise DataError(f"column {name!r} is infinite in row {int(np.isinf(numbers).argmax())}")
    return numbers
