"""What commands print: data on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Annotated, Any

import typer

__all__ = [
    "Json",
    "Progress",
    "example",
    "print_error",
    "print_items",
    "print_json",
    "print_note",
    "print_pairs",
    "print_table",
    "print_text",
    "snake_case",
]

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout; progress stays on stderr.")]


def example(*lines: str) -> str:
    """The end of a help text: a command to copy, whose lines are not broken elsewhere."""
    return "\b\n" + "\n".join(["Example:", *[f"  {line}" for line in lines]])


def snake_case(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Names for people as keys for programs: ``best value`` becomes ``best_value``."""
    return {name.replace(" ", "_"): value for name, value in facts.items()}


def print_text(text: str) -> None:
    """Print one piece of data on stdout."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def print_error(text: str) -> None:
    """Print one line on stderr."""
    sys.stderr.write("Error: " + " ".join(text.split()) + "\n")


def print_note(text: str) -> None:
    """Print one line on stderr that is no error."""
    sys.stderr.write(" ".join(text.split()) + "\n")


def print_json(value: Any) -> None:
    """Print strict JSON on stdout: what is not a number becomes null."""
    print_text(json.dumps(_strict(value), indent=2, ensure_ascii=False, allow_nan=False))


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()  # a numpy number
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


_LEAST_ROOM = 7
"""Characters of a terminal that every other column needs beside names."""


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str | None = None) -> None:
    """Print a table: drawn in a terminal, tab-separated where a program reads it."""
    if not sys.stdout.isatty():
        for row in [list(columns), *rows]:
            print_text("\t".join(str(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        numeric = any(row[index] for row in rows) and all(_is_number(row[index]) for row in rows)
        # Names stay whole, so that they can be copied, where they leave room for the rest.
        room = console.width - max((len(str(row[0])) for row in rows), default=0)
        whole = index == 0 and room >= _LEAST_ROOM * (len(columns) - 1)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=whole)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(table)


def _is_number(cell: Any) -> bool:
    return (
        str(cell) in ("", "-")
        or str(cell).replace(",", "").replace("%", "").lstrip("-<>").replace(".", "", 1).isdigit()
    )


def print_pairs(pairs: Sequence[tuple[str, Any]]) -> None:
    """Print names and values, one a line, aligned; in a terminal a long value goes on below itself."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        print_text(_wrap(f"{name:<{width}}  ", str(value)))


def print_items(items: Sequence[Any]) -> None:
    """Print one item a line, with a dash in front."""
    for item in items:
        print_text(_wrap("  - ", str(item)))


def _wrap(start: str, text: str) -> str:
    if not sys.stdout.isatty():
        return start + text
    # Names and architectures stay whole, so that they can be copied.
    lines = textwrap.wrap(
        text,
        max(20, shutil.get_terminal_size().columns - len(start) - 1),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return start + ("\n" + " " * len(start)).join(lines)


class Progress:
    """A live bar in a terminal; elsewhere a plain line at most every five seconds.

    Args:
        title: What is being done.
        total: Steps in all.
        unit: What a step is.
    """

    def __init__(self, title: str, total: int, unit: str) -> None:
        self._title, self._total, self._unit = title, total, unit
        self._last = time.monotonic()
        self._started = self._last
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar
            from rich.table import Column

            columns = (TextColumn("{task.description}"), BarColumn(12), MofNCompleteColumn(), TextColumn(self._unit))
            times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
            # In a narrow terminal only the note gives way.
            note = TextColumn("{task.fields[note]}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"))
            self._bar = Bar(*columns, *times, note, console=Console(stderr=True), transient=True, expand=True)
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=self._total, note="")
        return self

    def update(self, done: int, note: str = "") -> None:
        """Say how far it is, with the newest figure as a note."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, note=note)
            return
        now = time.monotonic()
        if now - self._last >= 5.0:
            self._last = now
            sys.stderr.write(f"{self._title}: {done} of {self._total} {self._unit}{', ' + note if note else ''}\n")
            sys.stderr.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif kind is None:
            seconds = time.monotonic() - self._started
            sys.stderr.write(f"{self._title}: {self._total} {self._unit} in {seconds:.1f} s\n")
