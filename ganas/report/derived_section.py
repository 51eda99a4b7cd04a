"""The section of a report on the rank of what one-shot searches end with, among random architectures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ganas.report.blocks import Block, Cell, Column, Paragraph, Table
from ganas.report.derived import Derived, PanelDerived
from ganas.report.tables import share
from ganas.report.wording import NO_VALUE, plural
from ganas.strategies.random_search import RandomSearch

__all__ = ["derived_blocks"]


def derived_blocks(panels: Sequence[PanelDerived]) -> list[Block]:
    """The blocks of the section; none where no one-shot search ran beside random search."""
    if not panels:
        return []
    return [
        Paragraph(
            "A search that trains one network of its own ends with the architecture that this network stands for, "
            "which need not be the best that it proposed on the way. Here the last proposal of each seed (the last new "
            "one: a repeated one is no query) stands among "
            f"the architectures that {RandomSearch.name} evaluated on the same benchmark: rank 1 of n + 1 is better "
            "than all n of them, and one more random architecture would be expected in the middle."
        ),
        *(_table(one) for one in panels),
    ]


def _table(one: PanelDerived) -> Table:
    panel = one.panel
    rows = []
    for variant in dict.fromkeys(derived.variant for derived in one.derived):
        own = [derived for derived in one.derived if derived.variant == variant]
        rows += [_row(one, derived) for derived in own]
        ranked = [derived for derived in own if not np.isnan(derived.rank)]
        if len(ranked) > 1:
            middle = float(np.median([panel.scale * derived.value for derived in ranked]))
            rank = float(np.median([derived.rank for derived in ranked]))
            beaten = float(np.median([_beaten(derived) for derived in ranked]))
            rows.append(
                tuple(Cell(text) for text in (variant, "median", panel.format(middle), _number(rank), share(beaten)))
            )
    failed = f" Random ones left out because they failed: {one.failed:,}." if one.failed else ""
    random = plural(one.random, "random architecture", "random architectures")
    unit = f", {panel.unit}" if panel.unit else ""
    return Table(
        caption=f"{panel.label}: the last proposal of each seed among {random}, by {panel.metric.name}.",
        columns=(
            Column("strategy", numeric=False),
            Column("seed"),
            Column(f"{panel.metric.name}{unit}"),
            Column("rank"),
            Column("random ones that it beats"),
        ),
        rows=tuple(rows),
        headers=2,
        grouped=True,
        note="Architectures with the same value share their mean rank; a last proposal that is itself among the random "
        f"ones is not ranked against itself.{failed}",
    )


def _row(one: PanelDerived, derived: Derived) -> tuple[Cell, ...]:
    head = Cell(derived.variant), Cell(f"{derived.seed}")
    if np.isnan(derived.rank):
        return (*head, Cell(NO_VALUE, "failed"), Cell(NO_VALUE), Cell(NO_VALUE))
    return (
        *head,
        Cell(one.panel.format(one.panel.scale * derived.value)),
        Cell(_number(derived.rank), f"of {derived.others + 1:,}"),
        Cell(share(_beaten(derived))),
    )


def _beaten(derived: Derived) -> float:
    """Share of the others that are worse, one as good counted as half."""
    return (derived.others - derived.better - derived.equal / 2.0) / derived.others if derived.others else float("nan")


def _number(rank: float) -> str:
    return f"{rank:,.1f}".removesuffix(".0")
