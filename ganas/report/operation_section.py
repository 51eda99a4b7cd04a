"""The section of a report on operations: how often each stands in the best architectures and in random ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from ganas.report.blocks import Block, Cell, Column, Figure, Paragraph, Table
from ganas.report.figures import LineStyle, draw_grid, draw_one, line_styles, plain_text
from ganas.report.operations import BEST_SHARE, FEWEST_BEST, Alphabet, PanelOperations, Share
from ganas.report.wording import NO_VALUE, plural
from ganas.strategies.random_search import RandomSearch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["operation_blocks"]

_BEST, _RANDOM = "best architectures", "random architectures"
_FILE = "operations.svg"


def operation_blocks(panels: Sequence[PanelOperations]) -> list[Block]:
    """The blocks of the section; none where there is nothing to count."""
    if not panels:
        return []
    return [
        Paragraph(
            f"How often each operation stands in the best architectures, one in {BEST_SHARE} of all distinct ones that "
            f"the finished studies evaluated and at least {FEWEST_BEST}, and in random ones."
        ),
        *(Paragraph(_behind(panel), panel.label) for panel in panels),
        _figure(panels),
        _table(panels),
    ]


def _behind(panel: PanelOperations) -> str:
    """How many architectures the shares are of."""
    best = f"The best {panel.best:,} of {panel.evaluated:,} distinct architectures"
    if panel.random:
        return f"{best}, against {plural(panel.random, 'one', 'distinct ones')} that {RandomSearch.name} drew."
    return f"{best}, against a uniform sample of the space, whose shares are computed: {RandomSearch.name} did not run."


def _kind(alphabet: Alphabet) -> str:
    return f"{plural(len(alphabet.positions), 'position', 'positions')} of {len(alphabet.operations)} operations"


def _table(panels: Sequence[PanelOperations]) -> Table:
    several = any(len(panel.alphabets) > 1 for panel in panels)
    rows = []
    for panel in panels:
        for use in panel.uses:
            random = f"{use.random.count:,}" if use.random.draws else NO_VALUE
            rows.append(
                (
                    Cell(panel.label),
                    *([Cell(_kind(use.alphabet))] if several else []),
                    Cell(use.operation, strong=use.differs),
                    Cell(_percent(use.best.value), _interval(use.best), use.differs),
                    Cell(f"{use.best.count:,}", f"of {use.best.draws:,}"),
                    Cell(_percent(use.random.value), _interval(use.random)),
                    Cell(random, f"of {use.random.draws:,}" if use.random.draws else ""),
                )
            )
    return Table(
        caption="Share of each operation among the operations that architectures have, percent "
        "[95 % Wilson interval], and how often it stands there.",
        columns=(
            Column("benchmark", numeric=False),
            *([Column("where", numeric=False)] if several else []),
            Column("operation", numeric=False),
            Column(f"share in the {_BEST}"),
            Column("times"),
            Column(f"share in {_RANDOM}"),
            Column("times"),
        ),
        rows=tuple(rows),
        headers=3 if several else 2,
        grouped=True,
        note="Bold: the two intervals do not overlap. The intervals count every position of every architecture as a "
        "draw of its own. That is so in random architectures; the best ones of a search that varies what it found "
        "resemble each other, and what they share need not be what made them good.",
    )


def _percent(share: float) -> str:
    return f"{100.0 * share:.1f}"


def _interval(share: Share) -> str:
    return f"[{_percent(share.low)}, {_percent(share.high)}]" if share.draws else "computed"


def _figure(panels: Sequence[PanelOperations]) -> Figure:
    # No dashes: an interval may be shorter than one.
    styles = {name: LineStyle(style.colour, ()) for name, style in line_styles([_BEST, _RANDOM]).items()}
    drawn = {name: style for name, style in styles.items() if name == _BEST or any(panel.random for panel in panels)}
    rows = max(len(panel.uses) + _headings(panel) for panel in panels)
    height = 0.3 * rows + 0.95
    width = {1: 7.2, 2: 5.2}.get(len(panels), 4.0)
    draws = [partial(_draw, panel=panel, styles=styles) for panel in panels]
    labels = "; ".join(panel.label for panel in panels)
    return Figure(
        caption=f"Share of each operation in the {_BEST} (circles)"
        + (f" and in {_RANDOM} (diamonds)" if len(drawn) > 1 else "")
        + ", with 95 % Wilson intervals. The grey line is the share that every operation has in a uniform sample.",
        drawings=tuple(
            draw_one(
                draw,
                (width, height),
                identifier=f"operations-{number}",
                label=f"Share of each operation in the best architectures and in random ones on {panel.label}.",
            )
            for number, (panel, draw) in enumerate(zip(panels, draws, strict=True))
        ),
        file=_FILE,
        alternative=f"Share of each operation in the best architectures and in random ones: {labels}",
        legend=tuple(drawn.items()),
        together=draw_grid(draws, drawn, identifier="all-operations", label=labels, height=height),
    )


def _headings(panel: PanelOperations) -> int:
    """Rows that name the positions: none where all positions have the same operations."""
    return len(panel.alphabets) if len(panel.alphabets) > 1 else 0


def _draw(axis: Axes, panel: PanelOperations, styles: dict[str, LineStyle]) -> None:
    row, apart = 0, 0.16 if panel.random else 0.0
    ticks: list[tuple[int, str, bool]] = []
    for alphabet in panel.alphabets:
        if _headings(panel):
            ticks.append((row, _kind(alphabet), True))
            row += 1
        uses = [use for use in panel.uses if use.alphabet == alphabet]
        uniform = 100.0 / len(alphabet.operations)
        axis.plot([uniform, uniform], [row - 0.45, row + len(uses) - 0.55], color="#9aa1aa", linewidth=0.9)
        for use in uses:
            _draw_share(axis, use.random, row + apart, styles[_RANDOM], "D")
            _draw_share(axis, use.best, row - apart, styles[_BEST], "o")
            ticks.append((row, use.operation, False))
            row += 1
    axis.set_yticks([place for place, _, _ in ticks], [plain_text(text) for _, text, _ in ticks])
    for label, (_, _, heading) in zip(axis.get_yticklabels(), ticks, strict=True):
        label.set_fontstyle("italic" if heading else "normal")
    axis.tick_params(axis="y", length=0.0)
    axis.grid(visible=False, axis="y")
    axis.set_ylim(row - 0.4, -0.6)
    axis.set_xlim(left=0.0)
    axis.set_xlabel("share, percent")
    axis.set_title(plain_text(panel.label))


def _draw_share(axis: Axes, share: Share, height: float, style: LineStyle, marker: str) -> None:
    if share.draws:
        axis.plot([100.0 * share.low, 100.0 * share.high], [height, height], color=style.colour)
        axis.plot([100.0 * share.value], [height], marker=marker, markersize=4.8, color=style.colour)
