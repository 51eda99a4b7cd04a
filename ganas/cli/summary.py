"""The summary of a run: of all that the report has, the figures for which a terminal has room."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ganas.cli.output import print_table

__all__ = ["print_summary", "read_summary"]


def read_summary(path: Path) -> list[dict[str, str]]:
    """The rows of the summary that the report writes as CSV, one for each strategy on each benchmark."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def print_summary(rows: Sequence[Mapping[str, str]]) -> None:
    """Print a table: in a terminal the strategies below their benchmark, elsewhere the benchmark in every row."""
    if not sys.stdout.isatty():
        table = [[row["benchmark"], *[show(row) for show in _COLUMNS.values()]] for row in rows]
        print_table(["benchmark", *_COLUMNS], table)
        return
    table, benchmark = [], ""
    for row in rows:
        if row["benchmark"] != benchmark:
            benchmark = row["benchmark"]
            table.append([benchmark, *[""] * (len(_COLUMNS) - 1)])
        strategy, *figures = [show(row) for show in _COLUMNS.values()]
        table.append([f"  {strategy}", *figures])
    # Words of a heading below each other: the width is for the names.
    print_table([heading.replace(" ", "\n") for heading in _COLUMNS], table)


def _number(text: str, digits: int) -> str:
    # Nothing is known where every evaluation failed, or where no best value is known.
    return f"{float(text):.{digits}f}" if text and math.isfinite(float(text)) else "-"


def _queries(row: Mapping[str, str]) -> str:
    return f">{row['budget']}" if row["queries_median"] == "inf" else _number(row["queries_median"], 0)


def _share(text: str) -> str:
    return f"{100 * float(text):.0f}%" if text else "-"


_COLUMNS: dict[str, Callable[[Mapping[str, str]], str]] = {
    "strategy": lambda row: row["strategy"],
    "seeds": lambda row: row["seeds"],
    "mean best": lambda row: _number(row["best_mean"], 3),
    "mean regret": lambda row: _number(row["regret_budget"], 3),
    "reached optimum": lambda row: _share(row["share_reached"]),
    "median queries": _queries,
}
