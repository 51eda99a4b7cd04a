"""Where the numbers of a report come from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganas.report.blocks import Block, Cell, Column, Listing, Table, Terms
from ganas.report.results import Panel
from ganas.report.wording import ranges

if TYPE_CHECKING:
    import pandas

__all__ = ["provenance"]


def provenance(panels: Sequence[Panel], studies: pandas.DataFrame, command: str | None, date: str) -> list[Block]:
    """The command, the tables, the settings and the versions behind the numbers."""
    blocks: list[Block] = [Listing(command)] if command else []
    seeds = studies["seed"].astype(int)
    unfinished = int((studies["state"] != "finished").sum())
    entries = [
        ("report written", date),
        ("studies", f"{len(studies):,}, of which {unfinished:,} unfinished"),
        ("seeds", ranges(sorted(set(seeds.tolist())))),
        ("counted queries", f"{int(studies['queries'].sum()):,}"),
        (
            "simulated time",
            f"{float(studies['simulated_seconds'].sum()) / 86400:,.1f} days of training, all studies together",
        ),
        ("measured time", f"{float(studies['wall_seconds'].sum()):,.1f} seconds, all studies together"),
    ]
    if not command:
        entries.insert(0, ("command", "not recorded: the experiment was started from Python"))
    blocks.append(Terms(tuple(entries)))
    blocks.append(
        Table(
            caption="Where the numbers come from.",
            columns=(
                *(Column(name, numeric=False) for name in ("benchmark", "space", "source", "metric", "unit", "signal")),
                Column("budget"),
                Column("reference value"),
            ),
            rows=tuple(
                (
                    Cell(panel.label), Cell(panel.space), Cell(panel.source), Cell(panel.metric.name),
                    Cell(panel.unit or "not known"), Cell(panel.signal), Cell(f"{panel.budget}"),
                    Cell(panel.format(panel.reference), panel.reference_name),
                )
                for panel in panels
            ),
        )
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for (variant, settings), group in studies.groupby(["variant", "settings"], sort=False):
        rows.append((Cell(str(variant)), Cell(_settings(str(settings))), Cell(f"{len(group)}")))
    blocks.append(
        Table(
            caption="Settings of the strategies.",
            columns=(Column("strategy", numeric=False), Column("settings", numeric=False), Column("studies")),
            rows=tuple(rows),
        )
    )
    rows = [
        (Cell(_settings(str(versions))), Cell(f"{int(count)}"))
        for versions, count in studies["versions"].astype(str).value_counts(sort=False).items()
    ]
    blocks.append(
        Table(caption="Versions.", columns=(Column("packages", numeric=False), Column("studies")), rows=tuple(rows))
    )
    return blocks


def _settings(text: str) -> str:
    """JSON as ``name=value`` pairs; as it is where it is not an object."""
    try:
        data = json.loads(text)
    except ValueError:
        return text
    if not isinstance(data, dict):
        return text
    return ", ".join(f"{name}={value}" for name, value in data.items()) or "none"
