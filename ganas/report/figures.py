"""Figures of a report: best-so-far curves and shares of seeds that reached the optimum, as SVG text."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ganas.report.drawing import FONT_FAMILY
from ganas.report.results import Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "LineStyle",
    "combined_figure",
    "curve_figures",
    "draw_grid",
    "draw_one",
    "line_styles",
    "plain_text",
    "reached_figures",
    "style_line",
    "swatch",
]

# Okabe and Ito, "Color Universal Design", 2008, without their yellow, which is too pale for a line on white.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#4d4d4d")
# Dash patterns in units of the line width; every strategy differs in both colour and pattern from the next.
_DASHES: tuple[tuple[float, ...], ...] = ((), (5.0, 1.8), (1.3, 1.5), (6.0, 1.6, 1.3, 1.6))

_INK, _QUIET = "#23272d", "#5b626c"
_THEME: dict[str, Any] = {
    "svg.hashsalt": "ganas",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8.0,
    "axes.labelsize": 9.0,
    "axes.edgecolor": _QUIET,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e4e7ea",
    "grid.linewidth": 0.6,
    "xtick.color": _QUIET,
    "ytick.color": _QUIET,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "text.color": _INK,
    "lines.linewidth": 1.7,
    "legend.frameon": False,
    "legend.fontsize": 9.0,
    "path.simplify": False,
    "mathtext.default": "regular",
}


@dataclass(frozen=True, slots=True)
class LineStyle:
    """How one strategy is drawn in every panel."""

    colour: str
    dashes: tuple[float, ...]


def line_styles(variants: Sequence[str]) -> dict[str, LineStyle]:
    """Give each strategy a colour and a dash pattern of its own (28 pairs before they repeat)."""
    styles = {}
    for number, variant in enumerate(variants):
        turn, place = divmod(number, len(_COLOURS))
        styles[variant] = LineStyle(_COLOURS[place], _DASHES[(place + turn) % len(_DASHES)])
    return styles


def swatch(style: LineStyle) -> str:
    """A short piece of the line of a strategy, as SVG for a legend in text."""
    dashes = f' stroke-dasharray="{" ".join(f"{2 * length:g}" for length in style.dashes)}"' if style.dashes else ""
    return (
        f'<svg viewBox="0 0 34 10" width="34" height="10" aria-hidden="true" class="swatch">'
        f'<path d="M1 5H33" fill="none" stroke="{style.colour}" stroke-width="2.4"{dashes}/></svg>'
    )


def curve_figures(panels: Sequence[Panel], styles: Mapping[str, LineStyle]) -> list[str]:
    """One SVG a panel: mean regret of the best so far against queries, with bootstrap bands."""
    return [_single(panel, _draw_curves, styles, f"curve-{number}", len(panels)) for number, panel in enumerate(panels)]


def reached_figures(panels: Sequence[Panel], styles: Mapping[str, LineStyle]) -> list[str]:
    """One SVG a panel: share of the seeds that had found the reference after so many queries."""
    return [
        _single(panel, _draw_reached, styles, f"reached-{number}", len(panels)) for number, panel in enumerate(panels)
    ]


def combined_figure(panels: Sequence[Panel], styles: Mapping[str, LineStyle], kind: str) -> str:
    """All panels with one legend in one SVG, for use outside the page.

    Args:
        panels: Which.
        styles: Strategy to line style.
        kind: ``"curves"`` or ``"reached"``.
    """
    draw = {"curves": _draw_curves, "reached": _draw_reached}[kind]
    shown = list(dict.fromkeys(result.variant for panel in panels for result in panel.results))
    return draw_grid(
        [partial(draw, panel=panel, styles=styles) for panel in panels],
        {name: styles[name] for name in shown},
        identifier=f"all-{kind}",
        label="; ".join(panel.label for panel in panels),
    )


def draw_grid(
    draws: Sequence[Callable[[Axes], None]],
    legend: Mapping[str, LineStyle],
    *,
    identifier: str,
    label: str,
    height: float = 2.9,
) -> str:
    """Draw up to three plots a row under one legend, as one SVG element.

    Args:
        draws: One a plot.
        legend: Strategy to line style.
        identifier: Starts the names inside the drawing.
        label: What it shows, for readers who cannot see it.
        height: Of a row of plots, in inches.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    columns = min(3, len(draws))
    rows = -(-len(draws) // columns)
    with _theme():
        width = 6.4 if columns == 1 else 3.7 * columns
        # Long names take a line of the legend each.
        per_row = max(1, int(width * 72.0 / (60.0 + 5.4 * max((len(name) for name in legend), default=1))))
        legend_height = 0.24 * -(-len(legend) // per_row) + 0.1
        figure = Figure(figsize=(width, height * rows + legend_height), layout="constrained")
        axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axis, draw in zip(axes, draws, strict=False):
            draw(axis)
        for axis in axes[len(draws) :]:
            axis.remove()
        handles = [style_line(Line2D([], []), style) for style in legend.values()]
        if handles:
            names = [plain_text(name) for name in legend]
            figure.legend(handles, names, loc="outside upper left", ncols=per_row, handlelength=3.2)
        return _svg(figure, identifier, label)


def draw_one(draw: Callable[[Axes], None], size: tuple[float, float], *, identifier: str, label: str) -> str:
    """Draw one plot of this width and height in inches, as an SVG element."""
    from matplotlib.figure import Figure

    with _theme():
        figure = Figure(figsize=size, layout="tight")
        draw(figure.subplots())
        return _svg(figure, identifier, label)


def _single(
    panel: Panel,
    draw: Callable[[Axes, Panel, Mapping[str, LineStyle]], None],
    styles: Mapping[str, LineStyle],
    identifier: str,
    count: int,
) -> str:
    # A lone panel gets the width of the text; several stand side by side and are nearer to squares.
    size = (7.2, 3.5) if count == 1 else (5.2, 3.4) if count == 2 else (4.0, 3.2)
    return draw_one(
        lambda axis: draw(axis, panel, styles),
        size,
        identifier=identifier,
        label=f"{draw.__doc__} Benchmark {panel.label}.",
    )


def _draw_curves(axis: Axes, panel: Panel, styles: Mapping[str, LineStyle]) -> None:
    """Mean regret of the best architecture so far against the number of queries."""
    smallest, largest = np.inf, 0.0
    for result in panel.results:
        style = styles[result.variant]
        curve = result.curve
        axis.fill_between(result.grid, curve.low, curve.high, color=style.colour, alpha=0.16, linewidth=0)
        (line,) = axis.plot(result.grid, curve.mean)
        style_line(line, style)
        positive = curve.mean[curve.mean > 0]
        if positive.size:
            smallest, largest = min(smallest, float(positive.min())), max(largest, float(positive.max()))
    if largest > 0:
        _regret_axis(axis, smallest, largest)
    axis.set_xlim(0, panel.budget)
    axis.set_title(plain_text(panel.label))
    axis.set_xlabel("queries")
    unit = f", {panel.regret_unit}" if panel.regret_unit else ""
    axis.set_ylabel(plain_text(f"mean regret{unit}"))


def _regret_axis(axis: Axes, smallest: float, largest: float) -> None:
    """A logarithmic axis that ends in a linear piece down to 0, so that a regret of exactly 0 can be drawn."""
    from matplotlib.ticker import FixedLocator, FuncFormatter

    top = int(np.ceil(np.log10(largest)))
    bottom = max(int(np.floor(np.log10(smallest))), top - 4)
    bottom = min(bottom, top - 1)
    axis.set_yscale("symlog", linthresh=10.0**bottom, linscale=0.45)
    decades = [10.0**power for power in range(bottom, top + 1)]
    axis.yaxis.set_major_locator(FixedLocator([0.0, *decades]))
    minor = [step * decade for decade in decades for step in range(2, 10) if step * decade <= largest * 1.3]
    axis.yaxis.set_minor_locator(FixedLocator(minor))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.tick_params(axis="y", which="minor", length=2.0, width=0.5)
    axis.set_ylim(0.0, largest * 1.3)


def _draw_reached(axis: Axes, panel: Panel, styles: Mapping[str, LineStyle]) -> None:
    """Share of the seeds that had found the optimum against the number of queries."""
    for result in panel.results:
        hits = np.sort(result.reached[np.isfinite(result.reached)])
        share = np.arange(1, len(hits) + 1) / len(result.reached)
        x = np.concatenate([[0.0], hits, [float(panel.budget)]])
        y = np.concatenate([[0.0], share, share[-1:] if len(hits) else [0.0]]) * 100.0
        (line,) = axis.step(x, y, where="post", clip_on=False)
        style_line(line, styles[result.variant])
    axis.set_xlim(0, panel.budget)
    axis.set_ylim(0, 100)
    axis.set_title(plain_text(panel.label))
    axis.set_xlabel("queries")
    axis.set_ylabel(plain_text(f"seeds at the {panel.reference_name}, %"))


def style_line(line: Any, style: LineStyle) -> Any:
    """Give a line of matplotlib its colour and dashes, and return it."""
    line.set_color(style.colour)
    line.set_dashes(style.dashes)
    line.set_dash_capstyle("butt")
    return line


def plain_text(text: str) -> str:
    """Text that matplotlib does not read as mathematics."""
    return text.replace("$", r"\$")


@contextmanager
def _theme() -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context(cast(Any, _THEME)):
        yield


def _svg(figure: Figure, identifier: str, label: str) -> str:
    """The figure as one SVG element that scales with its container and can stand beside others in one page."""
    from html import escape

    from matplotlib.backends.backend_svg import FigureCanvasSVG

    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].rstrip()
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Names are unique in a figure only; a page holds several.
    text = re.sub(r'\bid="([^"]+)"', rf'id="{identifier}-\1"', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{identifier}-", text).replace("xlink:href=", "href=")
    text = text.replace("'DejaVu Sans'", FONT_FAMILY.replace('"', "'"))
    start, _, rest = text.partition(">")
    size = re.findall(r'\b(?:width|height|viewBox)="[^"]*"', start)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {" ".join(size)} role="img" aria-label="{escape(label)}">'
    return (head + rest).replace("\n", " ")
