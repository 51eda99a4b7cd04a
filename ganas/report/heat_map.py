"""Diagnostics that belong together as one drawing: a row each, queries from left to right, the value as a shade."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganas.report.diagnostics import DiagnosticCurve
from ganas.report.figures import plain_text
from ganas.report.wording import MINUS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_heat_map", "heat_map_height", "row_labels", "shade_range", "values_by_query"]

# Most columns: each rectangle is a path of the drawing, and narrower ones are not told apart.
_MOST_COLUMNS = 60

# One hue from light to dark, so that it survives print and colour blindness; the lightest is no white, which is "no
# value".
_SHADES = ("#e4eff7", "#6fb1d6", "#0072b2", "#08304f")

# With more, matplotlib draws the colour bar as a bitmap.
_LEVELS = 48


def values_by_query(curves: Sequence[DiagnosticCurve]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Medians of several diagnostics on common queries.

    Returns:
        Query numbers, increasing, at most 60, (columns,); and the medians, (len(curves), columns), NaN
        before a diagnostic has a value.
    """
    queries = np.unique(np.concatenate([curve.grid for curve in curves]))
    if len(queries) > _MOST_COLUMNS:
        queries = queries[np.unique(np.linspace(0, len(queries) - 1, _MOST_COLUMNS).round().astype(np.int64))]
    values = np.full((len(curves), len(queries)), np.nan)
    for row, curve in zip(values, curves, strict=True):
        last = np.searchsorted(curve.grid, queries, side="right") - 1
        row[last >= 0] = curve.median[last[last >= 0]]
    return queries, values


def shade_range(values: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """What the lightest and the darkest shade stand for, the same for all of ``values``.

    >>> shade_range([np.array([0.2, np.nan]), np.array([0.7])])
    (0.2, 0.7)
    """
    known = np.concatenate([array[np.isfinite(array)] for array in values])
    low, high = float(known.min()), float(known.max())
    if high - low > 1e-9 * max(abs(low), abs(high)):
        return low, high
    # What does not change is not blown up to the digits in which nothing happens.
    return (0.0, 1.0) if 0.0 <= low <= 1.0 else (low - 0.5, high + 0.5)


def row_labels(names: Sequence[str]) -> list[str]:
    """Names without the words that all of them start with.

    >>> row_labels(["entropy_up_1", "entropy_normal_1"])
    ['up_1', 'normal_1']
    """
    words = [name.split("_") for name in names]
    shared = 0
    while len(words) > 1 and all(len(own) > shared + 1 and own[shared] == words[0][shared] for own in words):
        shared += 1
    return ["_".join(own[shared:]) for own in words]


def heat_map_height(rows: int) -> float:
    """Height of the drawing in inches."""
    return 0.19 * rows + 1.0


def draw_heat_map(
    axis: Axes,
    queries: NDArray[np.int64],
    values: NDArray[np.float64],
    labels: Sequence[str],
    shades: tuple[float, float],
    title: str,
) -> None:
    """Draw values (len(labels), len(queries)), the first row on top; a column begins at its query."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    # A value stands from its query on, so the last column has no natural end: it is as wide as the one before.
    width = int(queries[-1] - queries[-2]) if len(queries) > 1 else 1
    edges = np.append(queries, queries[-1] + width) - 0.5
    mesh = axis.pcolormesh(
        edges,
        np.arange(len(labels) + 1) - 0.5,
        np.ma.masked_invalid(values),
        cmap=LinearSegmentedColormap.from_list("shades", _SHADES, N=_LEVELS),
        vmin=shades[0],
        vmax=shades[1],
        # Without a line, viewers leave a hair of the ground between neighbours.
        edgecolors="face",
        linewidth=0.4,
    )
    axis.grid(visible=False)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.set_yticks(range(len(labels)), [plain_text(label) for label in labels], fontsize=7.5)
    axis.tick_params(axis="y", length=0.0)
    axis.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    axis.set_xlabel("queries")
    if title:
        axis.set_title(plain_text("\n".join(textwrap.wrap(title, 60))))
    for spine in axis.spines.values():
        spine.set_visible(False)
    bar = axis.figure.colorbar(mesh, ax=axis, fraction=0.035, pad=0.02, aspect=25)
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}".replace("-", MINUS)))
    bar.ax.grid(visible=False)
