"""The official numbers of architectures: the place of each in the list that NAS-Bench-201 and NATS-Bench ship."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from ganas.bench.tabular import TabularBenchmark
from ganas.data.card import Card, table_path
from ganas.data.tables import read_values
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidArchitecture, InvalidSetting

__all__ = ["OfficialNumbers"]


class OfficialNumbers:
    """From official numbers to architectures and back, as the tables of one file have them.

    Indexing gives the official notation, and iterating all of them by number, as the list of the official code does.
    Tables that were converted from a part of the benchmark have the numbers of that part.

    Args:
        tables: The tables with their cards; each file has a column ``official_index``. An architecture without a
            result on a data set is not in its table.

    Attributes:
        space: The space of the tables.
        numbers: The numbers that there are, in increasing order.

    Raises:
        DataError: A file cannot be read or lacks the column.
    """

    def __init__(self, tables: Sequence[tuple[TabularBenchmark, Card]]) -> None:
        self.space = tables[0][0].space
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
        return self.space.format(self.architecture(number))

    def architecture(self, number: int) -> Architecture:
        """The architecture with this number.

        Raises:
            InvalidSetting: There is none.
        """
        place = self._places.get(number)
        if place is None:
            numbers = f"numbers from {self.numbers[0]:,} to {self.numbers[-1]:,}"
            raise InvalidSetting(f"there is no architecture {number}: the tables hold {self._of}, with {numbers}")
        table, row = place
        return table.architecture_at(row)

    def named(self, arch: object) -> Architecture:
        """The architecture that something stands for, as :meth:`number_of` takes it.

        Raises:
            InvalidSetting: There is none, or the tables do not hold it.
        """
        number = self.number_of(arch)
        if number >= 0:
            return self.architecture(number)
        text = _notation(arch)
        try:
            written = self.space.format(self.space.parse(text or ""))
        except InvalidArchitecture:
            example = self[self.numbers[0]]
            raise InvalidSetting(
                f"{arch if text is None else text!r:.90} is no architecture of {self.space.name!r}: it is asked for "
                f"by its number, or in the notation, as in {example}"
            ) from None
        if written in self.by_notation:
            raise InvalidSetting(f"{text!r:.90} is written {written}")
        raise InvalidSetting(f"{written} is not among the architectures of these tables, which hold {self._of}")

    @property
    def _of(self) -> str:
        size = self.space.size
        return f"{len(self):,}" if size is None else f"{len(self):,} of {size:,}"

    def number_of(self, arch: object) -> int:
        """The number of an architecture: of itself, its notation, or an object with ``tostr``; -1 where there is none.

        Raises:
            InvalidSetting: A number is given that no architecture has.
        """
        if isinstance(arch, (int, np.integer)) and not isinstance(arch, bool):
            self.architecture(int(arch))
            return int(arch)
        text = _notation(arch)
        return -1 if text is None else self.by_notation.get(text, -1)

    @cached_property
    def by_notation(self) -> dict[str, int]:
        """The number of each architecture, by its notation."""
        return {self[number]: number for number in self.numbers}


def _notation(arch: object) -> str | None:
    text = arch if isinstance(arch, str) else getattr(arch, "tostr", lambda: None)()
    return text if isinstance(text, str) else None
