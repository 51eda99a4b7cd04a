"""The parts that a report is made of; the page and the Markdown file are two renderings of the same parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ganas.report.figures import LineStyle

__all__ = ["Block", "Cell", "Column", "Document", "Figure", "Listing", "Paragraph", "Section", "Table", "Terms"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str
    title: str = ""
    """A short heading in front of it, or nothing."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms and what they stand for."""

    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Text to be shown letter by letter: a command, a notation."""

    text: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry of a table.

    Attributes:
        text: What it says.
        detail: A quieter second part, such as an interval.
        strong: Whether it is emphasised.
    """

    text: str
    detail: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; numbers are set to the right."""

    heading: str
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption.

    Attributes:
        caption: Sentence above the table.
        columns: One each.
        rows: One cell a column.
        headers: How many leading columns name the row.
        grouped: Whether equal cells of the first column are shown once for all their rows.
        note: Sentence below the table.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    headers: int = 1
    grouped: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One or several drawings under one caption.

    Attributes:
        caption: Sentence below.
        drawings: SVG elements that stand side by side where there is room.
        file: Name of the SVG file in ``figures`` that holds them all.
        alternative: What they show, for readers who cannot see them.
        legend: Strategy and line style, above the drawings.
        together: All drawings with their legend as one SVG element, for the file; the first drawing where empty.
    """

    caption: str
    drawings: tuple[str, ...]
    file: str
    alternative: str
    legend: tuple[tuple[str, LineStyle], ...] = ()
    together: str = ""


Block = Paragraph | Terms | Listing | Table | Figure


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part with an anchor."""

    identifier: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
