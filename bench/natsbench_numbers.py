"""The official numbers of architectures: the place of each in the list that NAS-Bench-201 and NATS-Bench ship."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from ganas.bench.tabular import TabularBenchmark
from ganas.data.catalog import Card, table_path
from ganas.data.tables import read_values
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting

__all__ = ["OfficialNumbers"]


class OfficialNumbers:
    """From official numbers to architectures and back, as a table has them.

    Indexing gives the official notation, and iterating all of them by number, as the list of the official code does.
    A table that was converted from a part of the benchmark has the numbers of that part.

    Args:
        table: The table.
        card: Its card; its file has a column ``official_index``.

    Raises:
        DataError: The file cannot be read or lacks the column.
    """

    def __init__(self, table: TabularBenchmark, card: Card) -> None:
        numbers = read_values(table_path(card), ["official_index"])[:, 0].astype(int).tolist()
        self._table = table
        self._row_of = dict(sorted(zip(numbers, range(len(numbers)), strict=True)))

    def __len__(self) -> int:
        return len(self._row_of)

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, self._row_of)

    def __getitem__(self, number: int) -> str:
        return self._table.space.format(self.architecture(number))

    @property
    def numbers(self) -> list[int]:
        """The numbers that there are, in increasing order."""
        return list(self._row_of)

    def architecture(self, number: int) -> Architecture:
        """The architecture with this number.

        Raises:
            InvalidSetting: There is none.
        """
        row = self._row_of.get(number)
        if row is None:
            held = self.numbers
            raise InvalidSetting(
                f"there is no architecture {number}: the official numbers go from {held[0]} to {held[-1]}, "
                f"{len(held):,} in all"
            )
        return self._table.architecture_at(row)

    def number_of(self, arch: object) -> int:
        """The number of an architecture: of itself, its notation, or an object with ``tostr``; -1 where there is none.

        Raises:
            InvalidSetting: A number is given that no architecture has.
        """
        if isinstance(arch, (int, np.integer)) and not isinstance(arch, bool):
            self.architecture(int(arch))
            return int(arch)
        text = arch if isinstance(arch, str) else getattr(arch, "tostr", lambda: None)()
        return self._by_notation.get(text, -1) if isinstance(text, str) else -1

    @cached_property
    def _by_notation(self) -> dict[str, int]:
        return {self[number]: number for number in self._row_of}
