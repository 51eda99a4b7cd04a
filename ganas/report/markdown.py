"""A report as Markdown: the same parts as the page, figures by link."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from ganas.report.blocks import Block, Cell, Document, Figure, Listing, Paragraph, Table, Terms

__all__ = ["render_markdown"]


def render_markdown(document: Document) -> str:
    """Render the report; what would be markup in its text is escaped."""
    tables, figures = itertools.count(1), itertools.count(1)
    parts = [f"# {_plain(document.title)}", _plain(document.subtitle)]
    for section in document.sections:
        parts.append(f"## {_plain(section.title)}")
        parts += [_block(block, tables, figures) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def _block(block: Block, tables: Iterator[int], figures: Iterator[int]) -> str:
    match block:
        case Paragraph():
            return f"**{_plain(block.title)}.** {_plain(block.text)}" if block.title else _plain(block.text)
        case Terms():
            return "\n".join(f"- **{_plain(term)}**: {_plain(text)}" for term, text in block.entries)
        case Listing():
            # A fence longer than any run of backticks inside cannot be closed by the text.
            longest = max((len(run) for run in re.findall("`+", block.text)), default=0)
            fence = "`" * max(3, longest + 1)
            return f"{fence}text\n{block.text}\n{fence}"
        case Table():
            return _table(block, next(tables))
        case Figure():
            return (
                f"![{_plain(block.alternative)}](figures/{block.file})\n\n"
                f"**Figure {next(figures)}.** {_plain(block.caption)}"
            )


def _table(table: Table, number: int) -> str:
    lines = [
        "| " + " | ".join(_plain(column.heading) or " " for column in table.columns) + " |",
        "| " + " | ".join("---:" if column.numeric else ":---" for column in table.columns) + " |",
        *("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows),
    ]
    note = f"\n\n{_plain(table.note)}" if table.note else ""
    return f"**Table {number}.** {_plain(table.caption)}\n\n" + "\n".join(lines) + note


def _cell(cell: Cell) -> str:
    text = f"**{_plain(cell.text)}**" if cell.strong else _plain(cell.text)
    if not cell.detail:
        return text
    # An interval brings its own brackets.
    detail = cell.detail if cell.detail.startswith("[") else f"({cell.detail})"
    return f"{text} {_plain(detail)}"


def _plain(text: str) -> str:
    """Text on one line without markup: HTML and Markdown signs escaped."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", flat)
