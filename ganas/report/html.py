"""A report as one HTML page: style and figures inside, no script, nothing loaded from anywhere."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from html import escape
from importlib.resources import files

from ganas.report.blocks import Block, Cell, Document, Figure, Listing, Paragraph, Table, Terms
from ganas.report.figures import swatch

__all__ = ["render_html"]

# Rows up to which a table is kept on one page in print.
_SHORT_TABLE = 15
# Letters up to which a part of a name stays on one line.
_UNBROKEN = 24


def render_html(document: Document) -> str:
    """Render the report; all its text is escaped, its figures are SVG of our own making."""
    tables, figures = itertools.count(1), itertools.count(1)
    contents = "".join(
        f'<li><a href="#{escape(section.identifier)}">{escape(section.title)}</a></li>' for section in document.sections
    )
    style = files("ganas.report").joinpath("style.css").read_text(encoding="utf-8")
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(document.title)}</title>",
        # An empty icon keeps browsers from asking a server for one.
        '<link rel="icon" href="data:,">',
        f"<style>\n{style}</style>",
        "</head>",
        "<body>",
        "<main>",
        "<header>",
        f"<h1>{escape(document.title)}</h1>",
        f'<p class="subtitle">{escape(document.subtitle)}</p>',
        f'<nav aria-label="Contents"><ol>{contents}</ol></nav>',
        "</header>",
    ]
    for section in document.sections:
        identifier = escape(section.identifier)
        parts.append(f'<section aria-labelledby="{identifier}">')
        parts.append(f'<h2 id="{identifier}">{escape(section.title)}</h2>')
        parts += [_block(block, tables, figures) for block in section.blocks]
        parts.append("</section>")
    parts += ["</main>", "</body>", "</html>", ""]
    return "\n".join(parts)


def _block(block: Block, tables: Iterator[int], figures: Iterator[int]) -> str:
    match block:
        case Paragraph():
            title = f"<b>{escape(block.title)}.</b> " if block.title else ""
            return f"<p>{title}{escape(block.text)}</p>"
        case Terms():
            entries = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in block.entries)
            return f"<dl>{entries}</dl>"
        case Listing():
            return f"<pre>{escape(block.text)}</pre>"
        case Table():
            return _table(block, next(tables))
        case Figure():
            return _figure(block, next(figures))


def _table(table: Table, number: int) -> str:
    head = "".join(
        f'<th scope="col"{_class("n" if column.numeric else "" if position else "s")}>{_heading(column.heading)}</th>'
        for position, column in enumerate(table.columns)
    )
    bodies = []
    groups = itertools.groupby(table.rows, key=lambda row: row[0].text if table.grouped else "")
    for _, group in groups:
        rows = list(group)
        lines = []
        for place, row in enumerate(rows):
            cells = []
            for position, cell in enumerate(row):
                if table.grouped and position == 0:
                    if place == 0:
                        cells.append(f'<th class="group" scope="rowgroup" rowspan="{len(rows)}">{_cell(cell)}</th>')
                elif position < table.headers:
                    cells.append(f'<th scope="row"{_class("" if position else "s")}>{_cell(cell, name=True)}</th>')
                else:
                    kind = "n" if table.columns[position].numeric else "w" if len(cell.text) > 40 else ""
                    cells.append(f"<td{_class(kind)}>{_cell(cell)}</td>")
            lines.append(f"<tr>{''.join(cells)}</tr>")
        bodies.append(f"<tbody>{''.join(lines)}</tbody>")
    note = f'\n<p class="note">{escape(table.note)}</p>' if table.note else ""
    kind = "scroll short" if len(table.rows) <= _SHORT_TABLE else "scroll"
    # A region that scrolls must be reachable by keyboard, and then needs a name.
    return (
        f'<div class="{kind}" tabindex="0" role="region" aria-label="Table {number}"><table>'
        f"<caption><span><b>Table {number}.</b> {escape(table.caption)}</span></caption>"
        f"<thead><tr>{head}</tr></thead>{''.join(bodies)}</table></div>{note}"
    )


def _cell(cell: Cell, *, name: bool = False) -> str:
    text = _breakable(cell.text) if name else escape(cell.text)
    text = f"<strong>{text}</strong>" if cell.strong else text
    return f'{text}<span class="d"> {escape(cell.detail)}</span>' if cell.detail else text


def _heading(text: str) -> str:
    """A heading; columns are narrow, so one that is a name may break before and between its settings."""
    return "<wbr>".join(escape(piece) for piece in re.split(r"(?=\[)|(?<=,)(?=\S)", text))


def _breakable(text: str) -> str:
    """A name that may break before its settings and between them, but not at every hyphen; a long one at each _."""
    pieces = [piece for piece in re.split(r"(?=\[)|(?<=,)", text) if piece]
    return "<wbr>".join(
        escape(piece).replace("_", "_<wbr>") if len(piece) > _UNBROKEN else f'<span class="k">{escape(piece)}</span>'
        for piece in pieces
    )


def _figure(figure: Figure, number: int) -> str:
    legend = "".join(f"<li>{swatch(style)}<span>{escape(name)}</span></li>" for name, style in figure.legend)
    above = f'<ul class="legend" aria-label="Legend">{legend}</ul>' if legend else ""
    if figure.legend:
        kind = "panels one" if len(figure.drawings) == 1 else "panels"
        drawings = f'<div class="{kind}">' + "".join(f"<div>{drawing}</div>" for drawing in figure.drawings) + "</div>"
    else:
        drawings = f'<div class="graph">{"".join(figure.drawings)}</div>'
    return (
        f'<figure aria-label="{escape(figure.alternative)}">{above}{drawings}'
        f"<figcaption><b>Figure {number}.</b> {escape(figure.caption)}</figcaption></figure>"
    )


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""
