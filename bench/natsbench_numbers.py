"""The official numbers of architectures: the place of each in the list that NAS-Bench-201 and NATS-Bench ship."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from ganas.bench.tabular import TabularBenchmark
from ganas.data.card import Card, table_path
from ganas.data.tables import read_values
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting

__all__ = ["OfficialNumbers"]


class OfficialNumbers:
    """From official numbers to architectures and back, as the tables of one file have them.

    Indexing gives the official notation, and iterating all of them by number, as the list of the official code does.
    Tables that were converted from a part of the benchmark have the numbers of that part.

    Args:
        tables: The tables with their cards; each file has a column ``official_index``. An architecture without a
            result on a data set is not in its table.

    Attributes:
        numbers: The numbers that there are, in increasing order.

    Raises:
        DataError: A file cannot be read or lacks the column.
    """

    def __init__(self, tables: Sequence[tuple[TabularBenchmark, Card]]) -> None:
        self._space = tables[0][0].space
        places: dict[int, tuple[TabularBenchmark, int]] = {}
        for table, card in tables:
            numbers = read_values(table_path(card), ["official_index"])[:, 0].astype(int).tolist()
            for row, number in enumerate(numbers):
                places.setdefault(number, (table, row))
        self._places = dict(sorted(places.items()))
        self.numbers = [*self._places]

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, self.numbers)

    def __getitem__(self, number: int) -> str:
        return self._space.format(self.architecture(number))

    def architecture(self, number: int) -> Architecture:
        """The architecture with this number.

        Raises:
            InvalidSetting: There is none.
        """
        place = self._places.get(number)
        if place is None:
            held = self.numbers
            raise InvalidSetting(
                f"there is no architecture {number}: the official numbers go from {held[0]} to {held[-1]}, "
                f"{len(held):,} in all"
            )
        table, row = place
        return table.architecture_at(row)

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
        return {self[number]: number for number in self.numbers}
