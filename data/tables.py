"""Tables on disk: one parquet file, one row an architecture, one column a measurement."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.errors import DataError

if TYPE_CHECKING:
    import pyarrow

__all__ = ["file_sha256", "mean_over_trials", "read_architectures", "read_values", "row_count", "write_table"]

_NUMBERS = {
    "double": "<f8",
    "float": "<f4",
    **{f"{sign}int{8 * size}": f"<{sign or 'i'}{size}" for sign in ("", "u") for size in (1, 2, 4, 8)},
}
"""Types of parquet columns that hold numbers, with their numpy equivalents."""


def write_table(
    path: Path, key: tuple[str, NDArray[np.int32] | NDArray[np.int64]], values: Mapping[str, NDArray[Any]]
) -> None:
    """Write a table, the same bytes for the same content and version of pyarrow.

    The file appears complete or not at all. Values are stored exactly, as float64 or int64.

    Args:
        path: The file to write.
        key: Name and values of the column that says which architecture a row is, in increasing order.
        values: Name and values of every other column, (rows,); NaN becomes null.
    """
    import pyarrow
    from pyarrow import parquet

    columns = {key[0]: pyarrow.array(key[1])}
    for name, column in values.items():
        missing = np.isnan(column) if column.dtype.kind == "f" else None
        columns[name] = pyarrow.array(column, mask=missing)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # Without dictionaries: almost every accuracy is distinct, and zstd finds the repeats of the rest.
        parquet.write_table(
            pyarrow.table(columns),
            unfinished,
            compression="zstd",
            compression_level=19,
            use_dictionary=False,
            column_encoding={key[0]: "DELTA_BINARY_PACKED"},
            row_group_size=2**20,
        )
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_values(path: Path, columns: Sequence[str]) -> NDArray[np.float64]:
    """Read some columns of numbers and nothing else, (rows, len(columns)), NaN where nothing was measured.

    Raises:
        DataError: The file is missing or damaged, lacks a column, or a column does not hold numbers.
    """
    table = _read(path, columns)
    values = np.empty((table.num_rows, len(columns)), dtype=np.float64, order="F")
    for position, name in enumerate(columns):
        column = table.column(name).combine_chunks()
        if str(column.type) not in _NUMBERS:
            raise DataError(f"column {name!r} of {path.name} does not hold numbers but {column.type}")
        values[:, position] = _numbers(column)
        values[~_present(column), position] = np.nan
    return values


def read_architectures(path: Path, column: str) -> NDArray[np.int64] | list[str]:
    """Read the column that says which architecture a row is: identity keys, or the notation of the space.

    Raises:
        DataError: The file is missing or damaged, lacks the column, or a row has no entry.
    """
    entries = _read(path, [column]).column(column).combine_chunks()
    if entries.null_count:
        raise DataError(f"column {column!r} of {path.name} has {entries.null_count} empty entries")
    if str(entries.type).startswith(("int", "uint")):
        return _numbers(entries).astype(np.int64)
    return [str(entry) for entry in entries.to_pylist()]


def row_count(path: Path) -> int:
    """How many rows the table has.

    Raises:
        DataError: The file is missing or damaged.
    """
    return int(_open(path).metadata.num_rows)


def file_sha256(path: Path) -> str:
    """The SHA-256 digest of a file, in hexadecimal.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


def mean_over_trials(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean over the last axis of the trials that were measured; NaN where there is none.

    Added up in the order of the trials, so it is ``sum(trials) / len(trials)`` to the last bit.

    >>> mean_over_trials(np.array([[90.0, 91.0, np.nan], [80.0, 81.0, 85.0]])).tolist()
    [90.5, 82.0]
    """
    total = np.zeros(values.shape[:-1])
    count = np.zeros(values.shape[:-1])
    for trial in range(values.shape[-1]):
        measured = ~np.isnan(values[..., trial])
        total += np.where(measured, values[..., trial], 0.0)
        count += measured
    means = np.full(total.shape, np.nan)
    np.divide(total, count, out=means, where=count > 0)
    return means


# Arrow's own conversion to numpy imports pandas, which takes longer than everything else about opening a table.
def _numbers(column: pyarrow.Array) -> NDArray[Any]:
    """The values of a column; arbitrary where it is null."""
    dtype = np.dtype(_NUMBERS[str(column.type)])
    return np.frombuffer(column.buffers()[1], dtype=dtype, count=len(column), offset=column.offset * dtype.itemsize)


def _present(column: pyarrow.Array) -> NDArray[np.bool_]:
    """Where a column is not null."""
    bitmap = column.buffers()[0]
    if bitmap is None:
        return np.ones(len(column), dtype=bool)
    bits = np.unpackbits(np.frombuffer(bitmap, dtype=np.uint8), bitorder="little")
    return bits[column.offset : column.offset + len(column)].astype(bool)


def _open(path: Path) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except (OSError, pyarrow.ArrowException) as error:
        if not path.is_file():
            raise DataError(f"the table {path} does not exist") from None
        raise DataError(f"cannot read the table {path}: {error}") from error


def _read(path: Path, columns: Sequence[str]) -> pyarrow.Table:
    import pyarrow

    file = _open(path)
    absent = [name for name in columns if name not in file.schema_arrow.names]
    if absent:
        raise DataError(
            f"the table {path.name} has no column {absent[0]!r}: it has {', '.join(file.schema_arrow.names)}"
        )
    try:
        # One thread: a table this size is read before a pool of threads has started.
        return file.read(columns=list(columns), use_threads=False)
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"cannot read the table {path}: {error}") from error
