"""How text networks are written: the rows of the official code, and published names.

Row i, counted from 0, has the offset, the number of the operator in
:data:`~ganas.spaces.textnas.genotype.OPERATORS` and i skip bits, with spaces between them; rows are separated by
semicolons, vertical bars or line breaks::

    0 5; 1 7 0; 1 3 0 0

All numbers of an architecture in one row, as the official scripts pass them on, are read as well. An offset beyond the
first layer or outside the window stands for 0, as in the official code. So rows that are read and written again may
have other digits: they say where an operator really reads.
"""

from __future__ import annotations

import re

from ganas.spaces.errors import MalformedArchitecture, closest_match, quote_list
from ganas.spaces.textnas.genotype import OPERATORS, WINDOW, TextGenotype, TextLayer, num_offsets
from ganas.spaces.textnas.published import PUBLISHED

__all__ = ["format_genotype", "parse_genotype"]

_EXAMPLE = "0 5; 1 7 0; 1 3 0 0"
_MOST_CHARACTERS = 100_000
_SEPARATOR = re.compile(r"[;|]")
_NUMBER = re.compile(r"[0-9]{1,4}")


def format_genotype(genotype: TextGenotype) -> str:
    """Write the rows of a genotype in one line.

    >>> format_genotype(TextGenotype((TextLayer(0, "max_pool", ()), TextLayer(0, "gru", (True,)))))
    '0 5; 0 6 1'
    """
    return "; ".join(
        " ".join(map(str, (layer.offset, OPERATORS.index(layer.operator), *map(int, layer.skips))))
        for layer in genotype.layers
    )


def parse_genotype(text: str, window: int = WINDOW) -> TextGenotype:
    """Read rows, or a published name in letters of either case.

    Args:
        text: What is read.
        window: How many layers back an operator may read; a larger offset stands for 0.

    Raises:
        MalformedArchitecture: It is neither, a row has too few or too many numbers, or a number is out of range.

    >>> parse_genotype("0 5; 3 6 1").layers[1]
    TextLayer(offset=0, operator='gru', skips=(True,))
    """
    given = str(text).strip()
    given = PUBLISHED.get(given.lower(), given).strip()
    shown = repr(given) if len(given) <= 60 else f"{given[:60]!r}..."
    if not given.lstrip("+-")[:1].isdigit() or len(given) > _MOST_CHARACTERS:
        raise MalformedArchitecture(
            f"{shown} is not a text network: wanted are rows such as {_EXAMPLE}, or one of {quote_list(PUBLISHED)}"
            f"{closest_match(given.lower(), PUBLISHED)}"
        )
    lines = [line for line in given.splitlines() if line.strip()]
    rows = [row.split() for line in lines for row in _SEPARATOR.split(line)]
    if len(rows) == 1:
        rows = _rows_of_line(rows[0])
    return TextGenotype(tuple(_layer(number, entries, window) for number, entries in enumerate(rows)))


def _rows_of_line(entries: list[str]) -> list[list[str]]:
    """The rows of an architecture that is given without separators; the last one may be incomplete."""
    rows: list[list[str]] = []
    start = 0
    while start < len(entries):
        stop = start + 2 + len(rows)
        rows.append(entries[start:stop])
        start = stop
    return rows


def _layer(number: int, entries: list[str], window: int) -> TextLayer:
    for entry in entries:
        if _NUMBER.fullmatch(entry) is None:
            raise MalformedArchitecture(f"{entry!r:.40} in row {number} is not a whole number of at most four digits")
    if len(entries) != number + 2:
        raise MalformedArchitecture(
            f"row {number} has {len(entries)} numbers: wanted are {number + 2}, the offset, the operator and {number} "
            "skip bits"
        )
    offset, operator, *skips = map(int, entries)
    if operator >= len(OPERATORS):
        numbered = quote_list(f"{place} {name}" for place, name in enumerate(OPERATORS))
        raise MalformedArchitecture(f"row {number} has the operator {operator}: known are {numbered}")
    for source, bit in enumerate(skips):
        if bit > 1:
            raise MalformedArchitecture(f"row {number} has the skip bit {bit} for layer {source}: it can be 0 or 1")
    if offset >= num_offsets(number, window):
        offset = 0
    return TextLayer(offset, OPERATORS[operator], tuple(map(bool, skips)))
