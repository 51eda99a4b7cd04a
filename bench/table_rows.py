"""Rows of a table: which architecture is in which row."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import cached_property
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Architectures
from ganas.bench.table_columns import whole_number
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import ArchitectureNotMeasured, DataError, InvalidArchitecture, NotSupported
from ganas.spaces.space import Space

__all__ = ["TableRows"]

_identity = attrgetter("identity")
_space = attrgetter("space")


class TableRows:
    """Finds the row of an architecture by its identity key.

    A table that holds a whole space by rank needs no look-up (the key is the row). Otherwise single keys go through a
    dict, which takes keys of any size, and arrays of keys through a binary search.

    Args:
        table: Name of the table, for messages.
        space: The space of the architectures.
        identities: The identity key of each row, strictly increasing.
        architectures: The architecture of each row; None where the identity keys are ranks of the genotype.

    Raises:
        DataError: The keys repeat or are out of order.
    """

    def __init__(
        self,
        table: str,
        space: Space,
        identities: Sequence[int] | NDArray[np.integer],
        architectures: Sequence[Architecture] | None = None,
    ) -> None:
        self.table = table
        self.space = space
        self.identities = _increasing(identities)
        self.architectures = architectures
        size = len(self.identities)
        self.dense = size > 0 and int(self.identities[0]) == 0 and int(self.identities[-1]) == size - 1

    def __len__(self) -> int:
        return len(self.identities)

    @cached_property
    def lookup(self) -> dict[int, int]:
        """Identity key to row."""
        return {key: row for row, key in enumerate(self._keys())}

    def row(self, architecture: Architecture) -> int:
        """The row of an architecture.

        Raises:
            ArchitectureNotMeasured: The table has no entry for it.
            WrongSpace: It is of another space.
            InvalidArchitecture: It is no architecture of the space.
        """
        if not isinstance(architecture, Architecture):
            raise InvalidArchitecture(
                f"an Architecture is wanted, not {type(architecture).__name__}: read notation with space.parse(...), "
                "genotypes with space.decode(...)"
            )
        if architecture.space != self.space.name or architecture.identity is None:
            self.space.check(architecture)
        key = self.space.identity_key(architecture)
        # A dict of half a million keys takes 50 MB: where the key is the row there is none.
        row = (key if 0 <= key < len(self) else None) if self.dense else self.lookup.get(key)
        if row is None:
            raise ArchitectureNotMeasured(
                f"{self.space.format(architecture)} is not among the {len(self):,} architectures of {self.table!r}"
            )
        return row

    def rows(self, architectures: Architectures) -> NDArray[np.int64]:
        """Rows of many architectures: objects, a genotype array or row indices; errors as :meth:`row`."""
        if isinstance(architectures, np.ndarray) and architectures.dtype.kind in "iu":
            return self._checked(architectures) if architectures.ndim == 1 else self._of_genotypes(architectures)
        try:
            given = None if isinstance(architectures, (str, Mapping)) else [*architectures]
        except TypeError:
            given = None
        if given is None:
            raise InvalidArchitecture(
                "many architectures are a sequence of Architecture, an integer genotype array or row indices, "
                f"not {type(architectures).__name__}"
            )
        try:
            if not given or {*map(_space, given)} == {self.space.name}:
                found = self._of_keys(np.fromiter(map(_identity, given), np.int64, len(given)))
                if len(found) == 0 or int(found.min()) >= 0:
                    return found
        except (AttributeError, TypeError, OverflowError):
            pass  # one by one, then: that names what is wrong, and takes keys of any size
        return np.array([self.row(architecture) for architecture in given], dtype=np.int64)

    def architecture(self, row: int) -> Architecture:
        """The architecture of a row.

        Raises:
            ArchitectureNotMeasured: The table has no such row.
            DataError: The identity keys are not ranks, and no architectures were given.
        """
        if not 0 <= whole_number(row, "row") < len(self):
            raise ArchitectureNotMeasured(f"{self.table!r} has rows 0 to {len(self) - 1}, not {row}")
        if self.architectures is not None:
            return self.architectures[row]
        return self._from_keys([int(self.identities[row])])[0]

    def notation(self, row: int) -> str:
        """The architecture of a row in the notation of the space."""
        return self.space.format(self.architecture(row))

    def notations(self) -> list[str]:
        """The architecture of every row in the notation of the space."""
        architectures = self.architectures
        if architectures is None:
            architectures = self._from_keys(self._keys())
        return [self.space.format(architecture) for architecture in architectures]

    def _keys(self) -> list[int]:
        return self.identities.tolist() if isinstance(self.identities, np.ndarray) else self.identities

    def _from_keys(self, keys: Sequence[int]) -> list[Architecture]:
        try:
            return self.space.from_keys(keys)
        except InvalidArchitecture as error:
            raise DataError(f"the identity keys of {self.table!r} are not those of its space: {error}") from None

    def _of_genotypes(self, genotypes: NDArray[np.integer]) -> NDArray[np.int64]:
        try:
            found = self._of_keys(self.space.identity_keys(genotypes))
        except NotSupported:  # keys beyond 64 bits
            decoded = [self.space.decode(genotype) for genotype in genotypes.tolist()]
            return np.array([self.row(architecture) for architecture in decoded], dtype=np.int64)
        if len(found) and int(found.min()) < 0:
            # Raises, and names the first.
            self.row(self.space.decode(genotypes[int(np.flatnonzero(found < 0)[0])].tolist()))
        return found

    def _of_keys(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of identity keys, (count,) -> (count,), -1 where the table has none."""
        size = len(self)
        if self.dense:
            if len(keys) == 0 or (int(keys.min()) >= 0 and int(keys.max()) < size):
                return keys
            return np.where((keys >= 0) & (keys < size), keys, -1)
        if not isinstance(self.identities, np.ndarray):
            return np.array([self.lookup.get(key, -1) for key in keys.tolist()], dtype=np.int64)
        found = np.searchsorted(self.identities, keys)
        found[found == size] = 0
        return np.where(self.identities[found] == keys, found, -1)

    def _checked(self, rows: NDArray[np.integer]) -> NDArray[np.int64]:
        outside = (rows < 0) | (rows >= len(self))
        if outside.any():
            raise ArchitectureNotMeasured(
                f"{self.table!r} has rows 0 to {len(self) - 1}, not {int(rows[int(outside.argmax())])}"
            )
        return rows.astype(np.int64, copy=False)


def _increasing(identities: Sequence[int] | NDArray[np.integer]) -> list[int] | NDArray[np.int64]:
    """The keys as an array, or as a list where they do not fit into 64 bits."""
    keys: list[int] | NDArray[np.int64]
    if isinstance(identities, np.ndarray):
        keys = identities.astype(np.int64)
        ordered = bool((keys[1:] > keys[:-1]).all())
    else:
        numbers = [int(key) for key in identities]
        ordered = all(first < second for first, second in itertools.pairwise(numbers))
        keys = numbers
        if numbers and ordered and numbers[0] >= -(2**63) and numbers[-1] < 2**63:
            keys = np.array(numbers, dtype=np.int64)
    if len(keys) == 0:
        raise DataError("a table needs at least one row")
    if not ordered:
        raise DataError("the identity keys of a table must be strictly increasing: one row an architecture")
    return keys
