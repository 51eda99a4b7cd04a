"""Learning curves on disk: files of numpy, mapped into memory, so that opening one reads nothing.

An array has the shape (epochs, rows, trials). What a search asks for, one epoch of many architectures, stands
together in the file; the curve of one architecture is spread over it.
"""

from __future__ import annotations

import math
import os
import tokenize
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.errors import DataError

if TYPE_CHECKING:
    from ganas.data.card import Card, CardMetric

__all__ = [
    "KEYS",
    "EntryReader",
    "entries_of",
    "narrowest",
    "narrowest_keys",
    "open_array",
    "open_keys",
    "write_array",
    "write_keys",
]

KEYS = "identity_key.npy"
"""The keys of the rows once more, beside the curves: reading them from the table would load pyarrow, 45 MB of it."""

_TYPES = (np.dtype("<f4"), np.dtype("<f8"))
_KEY_TYPES = (np.dtype("<i4"), np.dtype("<i8"))

_LARGE_BYTES = 2**24
"""Of an array whose single entries are read from its file."""


def open_keys(card: Card) -> NDArray[np.int64] | None:
    """The identity key of each row, (rows,); None where they are in the table alone.

    Raises:
        DataError: The file is missing, damaged or has not the shape that the card says.
    """
    if KEYS not in [array.file for array in card.arrays]:
        return None
    mapped = _mapped(card.folder / KEYS)
    if mapped.dtype not in _KEY_TYPES or mapped.shape != (card.rows,):
        raise DataError(
            f"the array {card.folder / KEYS} has shape {mapped.shape} of {mapped.dtype}: its card says {card.rows} rows"
        )
    return mapped.astype(np.int64)


def open_array(card: Card, metric: CardMetric) -> NDArray[np.floating]:
    """Map the array of a metric, (rows, epochs, trials), NaN where nothing was measured.

    Raises:
        DataError: The file is missing, damaged or has not the shape that the card says.
    """
    path = card.folder / str(metric.array)
    mapped = _mapped(path)
    epochs = max(1, len(metric.epochs))
    trials = len(metric.seeds) or (mapped.shape[2] if mapped.ndim == 3 else 1)
    if mapped.dtype not in _TYPES or mapped.shape != (epochs, card.rows, trials):
        raise DataError(
            f"the array {path} has shape {mapped.shape} of {mapped.dtype}: its card says {epochs} epoch(s), "
            f"{card.rows} rows and {trials} trial(s)"
        )
    # Plain arrays index faster than np.memmap; the mapping stays open as their base.
    return cast("NDArray[np.floating]", np.asarray(mapped)).transpose(1, 0, 2)


class EntryReader:
    """Reads single entries of a large mapped array from its file.

    A page that is read through the mapping stays in the memory of the process, with fifteen more around it, so that a
    few curves would bring in the whole array.

    Args:
        stream: The open file, at the first number.
        mapped: The array, (epochs, rows, trials).
    """

    def __init__(self, stream: BinaryIO, mapped: NDArray[Any]) -> None:
        self._file = os.dup(stream.fileno())
        weakref.finalize(self, os.close, self._file)
        self._start, self._type = stream.tell(), mapped.dtype
        self._epochs: int = mapped.shape[0]
        self._trials: int = mapped.shape[2]
        self._entry_bytes: int = self._trials * mapped.dtype.itemsize
        self._epoch_bytes: int = mapped.shape[1] * self._entry_bytes

    def entry(self, row: int, epoch: int) -> list[float]:
        """The trials of a row at an epoch position."""
        content = os.pread(self._file, self._entry_bytes, self._start + epoch * self._epoch_bytes + self._at(row))
        return cast("list[float]", np.frombuffer(content, self._type).tolist())

    def row(self, row: int) -> NDArray[np.floating]:
        """All of a row, (epochs, trials)."""
        first, size = self._start + self._at(row), self._entry_bytes
        pieces = [os.pread(self._file, size, first + epoch * self._epoch_bytes) for epoch in range(self._epochs)]
        return np.frombuffer(b"".join(pieces), self._type).reshape(self._epochs, self._trials)

    def _at(self, row: int) -> int:
        return row * self._entry_bytes


class _Mapped(np.memmap[Any, np.dtype[Any]]):
    """An array in a file; views that are plain arrays have it as their base."""

    entries: EntryReader | None = None


def entries_of(values: NDArray[Any]) -> EntryReader | None:
    """What reads single entries of the array that :func:`open_array` gave; None where memory does as well."""
    base: object = values
    while isinstance(base, np.ndarray):
        if isinstance(base, _Mapped):
            return base.entries
        base = base.base
    return None


def _mapped(path: Path) -> NDArray[Any]:
    try:
        with path.open("rb") as stream:
            if np.lib.format.read_magic(stream) != (1, 0):
                raise ValueError("the version of the format is another one")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
            if fortran or dtype.hasobject:
                raise ValueError(f"it holds {dtype}{', in the order of Fortran' if fortran else ''}")
            size = os.fstat(stream.fileno()).st_size - stream.tell()
            if min(shape, default=0) < 1 or math.prod(shape) * dtype.itemsize != size:
                raise ValueError(f"its shape is {shape}, which {size:,} bytes do not hold")
            mapped = _Mapped(stream, dtype=dtype, mode="r", offset=stream.tell(), shape=shape)
            if mapped.ndim == 3 and mapped.nbytes >= _LARGE_BYTES and hasattr(os, "pread"):
                stream.seek(mapped.offset)
                mapped.entries = EntryReader(stream, mapped)
    except FileNotFoundError:
        raise DataError(f"the array {path} does not exist") from None
    except (OSError, ValueError, EOFError, SyntaxError, OverflowError, tokenize.TokenError) as error:
        raise DataError(f"cannot read the array {path}: {error}") from None
    return mapped


def write_array(path: Path, values: NDArray[np.floating]) -> None:
    """Write values given as (rows, epochs, trials), without loss in the narrowest type that holds them.

    Raises:
        OSError: The file cannot be written.
    """
    ordered = np.ascontiguousarray(values.transpose(1, 0, 2), dtype=narrowest(values))
    _save(path, ordered)


def write_keys(path: Path, identities: NDArray[np.int64]) -> None:
    """Write the identity key of each row.

    Raises:
        OSError: The file cannot be written.
    """
    _save(path, narrowest_keys(identities))


def _save(path: Path, values: NDArray[Any]) -> None:
    with path.open("wb") as stream:
        # np.save hands the values to C, whose error about a full disk does not say so.
        np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(values))
        stream.write(values.reshape(-1).view(np.uint8).data)


def narrowest(values: NDArray[np.floating]) -> np.dtype[np.floating]:
    """The narrowest type of numbers that holds all values exactly.

    >>> narrowest(np.array([0.5, np.nan])).str, narrowest(np.array([0.1])).str
    ('<f4', '<f8')
    """
    with np.errstate(over="ignore"):
        exact = np.array_equal(values.astype("<f4").astype("<f8"), values, equal_nan=True)
    return np.dtype("<f4" if exact else "<f8")


def narrowest_keys(identities: NDArray[np.int64]) -> NDArray[np.int32] | NDArray[np.int64]:
    """The keys of the rows in 32 bits where these hold them; those of a large space need 64.

    >>> narrowest_keys(np.array([0, 15_624])).dtype.str, narrowest_keys(np.array([10**18])).dtype.str
    ('<i4', '<i8')
    """
    largest = int(identities.max(initial=0))
    return identities.astype("<i4") if largest < 2**31 else identities.astype("<i8", copy=False)
