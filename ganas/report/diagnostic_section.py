"""The section of a report on diagnostics: a table a strategy, its plots on each benchmark, and its heat maps there."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ganas.report.blocks import Block, Cell, Column, Figure, Paragraph, Table
from ganas.report.diagnostics import Diagnostic, DiagnosticCurve, StrategyDiagnostics
from ganas.report.figures import LineStyle, draw_grid, draw_one, plain_text, style_line
from ganas.report.heat_map import draw_heat_map, heat_map_height, row_labels, shade_range, values_by_query
from ganas.report.wording import MINUS, NO_VALUE, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["diagnostic_blocks"]

_BAND = "from the 25th to the 75th percentile"

# Letters of a title that fit above a plot in the bold type of its width in inches.
_LETTERS_PER_INCH = 9.5


def diagnostic_blocks(
    groups: Sequence[StrategyDiagnostics],
    styles: Mapping[str, LineStyle],
    figure_names: Mapping[tuple[str, str, str], str],
) -> list[Block]:
    """The blocks of the section; none where nothing was recorded.

    Args:
        groups: What was recorded.
        styles: Variant to line style.
        figure_names: (label of the panel, strategy, title) to the file name of a heat map; the title is empty for the
            plots.
    """
    if not groups:
        return []
    blocks: list[Block] = [
        Paragraph(
            "What strategies say of themselves while they search, such as how well a model that they train does. "
            "Nothing else in this report is computed from it."
        )
    ]
    for strategy in dict.fromkeys(group.strategy for group in groups):
        own = [group for group in groups if group.strategy == strategy]
        if own[0].note:
            blocks.append(Paragraph(own[0].note, strategy))
        blocks.append(_table(strategy, own))
        for number, group in enumerate(groups):
            if group.strategy != strategy:
                continue
            if group.alone:
                blocks.append(_figure(number, group, styles, figure_names[(group.label, strategy, "")]))
            blocks += [
                _heat_maps(f"{number}-{place}", group, title, figure_names[(group.label, strategy, title)])
                for place, title in enumerate(group.together)
            ]
    return blocks


def _table(strategy: str, groups: Sequence[StrategyDiagnostics]) -> Table:
    """Last values: a row a diagnostic and variant, a column a benchmark."""
    variants = list(dict.fromkeys(variant for group in groups for variant in group.seeds))
    titles = {diagnostic.name: diagnostic.title for group in groups for diagnostic in group.diagnostics}
    several = len(variants) > 1
    rows = []
    for name, title in titles.items():
        for variant in variants:
            label = Cell(title, name if title != name else "")
            values = (_last(group, name, variant) for group in groups)
            rows.append((label, *([Cell(variant)] if several else []), *values))
    return Table(
        caption=f"{strategy}: last value of each diagnostic at the end of the budget, "
        + ("1 seed." if _alone(groups) else f"median over {_seeds(groups)} [25th, 75th percentile]."),
        columns=(
            Column("diagnostic", numeric=False),
            *([Column("strategy", numeric=False)] if several else []),
            *(Column(group.label) for group in groups),
        ),
        rows=tuple(rows),
        headers=2 if several else 1,
        grouped=several,
    )


def _last(group: StrategyDiagnostics, name: str, variant: str) -> Cell:
    curve = next((d.curves[variant] for d in group.diagnostics if d.name == name and variant in d.curves), None)
    if curve is None:
        return Cell(NO_VALUE)
    median, low, high = (_number(float(values[-1])) for values in (curve.median, curve.low, curve.high))
    some = "" if curve.seeds == group.seeds[variant] else f", {curve.seeds} of {group.seeds[variant]} seeds"
    interval = "" if _alone([group]) else f"[{low}, {high}]"
    return Cell(median, f"{interval}{some}")


def _number(value: float) -> str:
    """Four significant digits, or all digits before the point.

    >>> _number(0.123456), _number(91.5), _number(12345.6)
    ('0.1235', '91.5', '12,346')
    """
    text = f"{value:,.0f}" if 1000.0 <= abs(value) < 1e9 else f"{value:.4g}"
    return text.replace("-", MINUS)


def _seeds(groups: Sequence[StrategyDiagnostics]) -> str:
    counts = sorted({count for group in groups for count in group.seeds.values()})
    return plural(counts[0], "seed", "seeds") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"


def _alone(groups: Sequence[StrategyDiagnostics]) -> bool:
    """Whether there is a single seed everywhere, and so nothing to take a median of."""
    return all(count == 1 for group in groups for count in group.seeds.values())


def _figure(number: int, group: StrategyDiagnostics, styles: Mapping[str, LineStyle], file: str) -> Figure:
    shown = group.alone
    size = {1: (7.2, 3.2), 2: (5.2, 2.9)}.get(len(shown), (4.0, 2.7))
    legend = {variant: styles[variant] for variant in group.seeds}
    drawings = tuple(
        draw_one(
            partial(_draw, diagnostic=diagnostic, budget=group.budget, styles=styles, width=size[0]),
            size,
            identifier=f"diagnostic-{number}-{place}",
            label=f"{diagnostic.title} of {group.strategy} on {group.label} against the number of queries.",
        )
        for place, diagnostic in enumerate(shown)
    )
    width = 6.4 if len(shown) == 1 else 3.7
    together = draw_grid(
        [partial(_draw, diagnostic=d, budget=group.budget, styles=styles, width=width) for d in shown],
        legend,
        identifier=f"all-diagnostics-{number}",
        label=f"Diagnostics of {group.strategy} on {group.label}",
    )
    return Figure(
        caption=f"Diagnostics of {group.strategy} on {group.label} against counted queries: "
        + ("1 seed." if _alone([group]) else f"median over {_seeds([group])}; bands {_BAND}."),
        drawings=drawings,
        file=file,
        alternative=f"Diagnostics of {group.strategy} on {group.label}: " + "; ".join(d.title for d in shown),
        legend=tuple(legend.items()),
        together=together,
    )


def _heat_maps(identifier: str, group: StrategyDiagnostics, title: str, file: str) -> Figure:
    """One heat map a variant, all with the same shades."""
    names = group.together[title]
    members = [next(one for one in group.diagnostics if one.name == name) for name in names]
    labels = dict(zip(names, row_labels(names), strict=True))
    values = {}
    for variant in group.seeds:
        present = {one.name: one.curves[variant] for one in members if variant in one.curves}
        if present:
            values[variant] = (values_by_query(list(present.values())), [labels[name] for name in present])
    low, high = shades = shade_range([numbers for (_, numbers), _ in values.values()])
    draws = {
        variant: partial(
            draw_heat_map,
            queries=queries,
            values=numbers,
            labels=rows,
            shades=shades,
            title=variant if len(group.seeds) > 1 else "",
        )
        for variant, ((queries, numbers), rows) in values.items()
    }
    height = heat_map_height(len(names))
    what = f"{title}, of {{}} on {group.label}: a row a diagnostic, queries from left to right, the value as a shade."
    drawings = tuple(
        draw_one(draw, (7.2, height), identifier=f"heat-map-{identifier}-{place}", label=what.format(variant))
        for place, (variant, draw) in enumerate(draws.items())
    )
    together = draw_grid(
        list(draws.values()),
        {},
        identifier=f"all-heat-maps-{identifier}",
        label=what.format(group.strategy),
        height=height,
    )
    return Figure(
        caption=f"{title}: {group.strategy} on {group.label}. A row a diagnostic, counted queries from left to right; "
        f"shades run from {_number(low)} to {_number(high)}, and where there is none there is no value yet; "
        + ("1 seed." if _alone([group]) else f"median over {_seeds([group])}."),
        drawings=drawings,
        file=file,
        alternative=f"Heat map of {group.strategy} on {group.label}: {title}; rows: {', '.join(labels.values())}",
        together=together if len(draws) > 1 else "",
    )


def _draw(axis: Axes, diagnostic: Diagnostic, budget: int, styles: Mapping[str, LineStyle], width: float) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for variant, curve in diagnostic.curves.items():
        _draw_curve(axis, curve, styles[variant])
    axis.set_xlim(0, budget)
    ends = np.concatenate([values for curve in diagnostic.curves.values() for values in (curve.low, curve.high)])
    if np.ptp(ends) <= 1e-9 * np.abs(ends).max():
        # A flat line is not blown up to the digits in which nothing happens.
        axis.set_ylim((0, 1) if 0 <= ends[0] <= 1 else (ends[0] - 0.5, ends[0] + 0.5))
    axis.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}".replace("-", MINUS)))
    # A unit in brackets stays together.
    title = re.sub(r"\([^()]{1,24}\)", lambda unit: unit.group().replace(" ", "\N{NO-BREAK SPACE}"), diagnostic.title)
    lines = textwrap.wrap(title, int(width * _LETTERS_PER_INCH)) or [diagnostic.name]
    axis.set_title(plain_text("\n".join(lines)))
    axis.set_xlabel("queries")


def _draw_curve(axis: Axes, curve: DiagnosticCurve, style: LineStyle) -> None:
    if curve.seeds > 1:
        axis.fill_between(curve.grid, curve.low, curve.high, color=style.colour, alpha=0.16, linewidth=0)
    # A last value may stand alone at the end of the budget, where a line has no length.
    marker = "o" if len(curve.grid) == 1 else ""
    (line,) = axis.plot(curve.grid, curve.median, marker=marker, markersize=4.0)
    style_line(line, style)
