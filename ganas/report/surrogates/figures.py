"""Figures of a report on surrogates: scores against the number of architectures learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ganas.report.blocks import Figure
from ganas.report.figures import LineStyle, draw_grid, draw_one, plain_text, style_line
from ganas.report.surrogates.summary import Key, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Plot", "size_figure"]


@dataclass(frozen=True, slots=True)
class Plot:
    """One panel.

    Attributes:
        number: What is drawn.
        title: Above it.
        axis: Label of the vertical axis.
        band: Where values should be, drawn grey.
        logarithmic: Whether the vertical axis is.
    """

    number: str
    title: str
    axis: str
    band: tuple[float, float] | None = None
    logarithmic: bool = False


def size_figure(
    summary: Summary,
    split: str,
    plots: Sequence[Plot],
    styles: Mapping[tuple[str, bool], LineStyle],
    labels: Mapping[tuple[str, bool], str],
    *,
    caption: str,
    file: str,
) -> Figure | None:
    """Panels of means by size with their intervals; None where nothing can be drawn.

    Args:
        summary: The means.
        split: Of which split.
        plots: The panels; those without any value are left out.
        styles: (model, known) to line style.
        labels: (model, known) to name.
        caption: Below the figure.
        file: Name of the SVG file.
    """
    shown = [plot for plot in plots if _lines(summary, split, plot.number)]
    if not shown:
        return None
    drawn = {line for plot in shown for line in _lines(summary, split, plot.number)}
    draws = [partial(_draw, plot=plot, summary=summary, split=split, styles=styles) for plot in shown]
    size = {1: (7.2, 3.5), 2: (5.2, 3.4)}.get(len(shown), (4.0, 3.2))
    stem = file.removesuffix(".svg")
    alternative = f"{', '.join(plot.title for plot in shown)} against the number of architectures learnt from"
    legend = {labels[line]: styles[line] for line in labels if line in drawn}
    return Figure(
        caption=caption,
        drawings=tuple(
            draw_one(draw, size, identifier=f"{stem}-{plot.number}", label=f"{plot.title} by size of the learning set")
            for plot, draw in zip(shown, draws, strict=True)
        ),
        file=file,
        alternative=alternative,
        legend=tuple(legend.items()),
        together=draw_grid(draws, legend, identifier=f"all-{stem}", label=alternative),
    )


def _lines(summary: Summary, split: str, number: str) -> list[tuple[str, bool]]:
    """Models with a value of this number, in their order."""
    return list(
        dict.fromkeys(
            (key.model, key.known)
            for key, estimates in summary.estimates.items()
            if key.split == split and not np.isnan(estimates[number].mean)
        )
    )


def _draw(
    axis: Axes, *, plot: Plot, summary: Summary, split: str, styles: Mapping[tuple[str, bool], LineStyle]
) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    if plot.band is not None:
        axis.axhspan(*plot.band, color="#e4e7ea", zorder=0, linewidth=0)
    every = sorted({key.size for key in summary.estimates if key.split == split})
    for model, known in _lines(summary, split, plot.number):
        keys = [Key(split, model, known, size) for size in every]
        held = [(key.size, summary.estimates[key][plot.number]) for key in keys if key in summary.estimates]
        sizes = [size for size, _ in held]
        style = styles[(model, known)]
        low, high = [part.low for _, part in held], [part.high for _, part in held]
        axis.fill_between(sizes, low, high, color=style.colour, alpha=0.16, linewidth=0)
        (line,) = axis.plot(sizes, [part.mean for _, part in held], marker="o", markersize=3.2)
        style_line(line, style)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(FixedLocator([float(size) for size in every]))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xticklabels([f"{size:,}" for size in every])
    if plot.logarithmic:
        axis.set_yscale("log")
    axis.set_title(plain_text(plot.title))
    axis.set_xlabel("architectures learnt from")
    axis.set_ylabel(plain_text(plot.axis))
