"""Drawings of architectures as SVG: layered from left to right, nodes coloured by operation."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ganas.report.layout import Layout, layered_layout
from ganas.spaces.architecture import Architecture, Edge
from ganas.spaces.space import Space

__all__ = ["FONT_FAMILY", "draw_architecture"]

FONT_FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"
"""Fonts of the page and its figures: what the reader's system has."""

# Fill and outline of operations in the order of the space's list: tints that stay apart for colour-blind readers.
_FILLS = (
    ("#cfe3f3", "#2f76b0"), ("#fbd9c3", "#c25a12"), ("#c9eadc", "#0c8a62"), ("#f3d9e8", "#a8588a"),
    ("#fbecc4", "#b07c00"), ("#d9f0fb", "#2b8ec2"), ("#e3dcf2", "#6c55a3"), ("#e6e6d3", "#7a7a3c"),
    ("#efdfd6", "#8a5a3c"),
)  # fmt: skip
_TERMINAL = ("#3c4149", "#3c4149")
_TERMINAL_PREFIXES = ("input", "output")
_GREY, _GREY_TEXT = "#c4c8ce", "#8d939b"
_INK = "#23272d"

_FONT_SIZE = 13.0
_LETTER = 7.1  # mean advance of a letter at this size, on the wide side
_NODE_HEIGHT, _SKIP_HEIGHT = 32.0, 22.0
_ROW, _GAP, _MARGIN = 50.0, 58.0, 10.0
_ARROW = 7.0


def draw_architecture(architecture: Architecture, space: Space | None = None) -> str:
    """Draw an architecture as one SVG element.

    Nodes are coloured by operation; a skip is a thin node; zero operations, and nodes that no live path from an input
    to an output passes, are grey, as are their edges. Cells stand below one another.

    Args:
        architecture: What to draw.
        space: Its space, which says what a zero operation and a skip are; without it no node counts as either.
    """
    zero = space.zero_operations if space is not None else frozenset[str]()
    skip = space.skip_operations if space is not None else frozenset[str]()
    vocabulary = space.operations if space is not None else tuple(dict.fromkeys(architecture.operations))
    live = _live_nodes(architecture, zero)
    inner = [label for label in vocabulary if label not in zero | skip and not label.startswith(_TERMINAL_PREFIXES)]
    fills = {label: _FILLS[number % len(_FILLS)] for number, label in enumerate(inner)}

    parts: list[str] = []
    top = _MARGIN
    width = 0.0
    for title, nodes in _components(architecture):
        if title:
            parts.append(_text(_MARGIN, top + 10.0, title, anchor="start", colour=_GREY_TEXT))
            top += 22.0
        number = {node: position for position, node in enumerate(nodes)}
        edges = [(number[a], number[b]) for a, b in architecture.edges if a in number]
        layout = layered_layout(len(nodes), edges)
        drawing = _Drawing([architecture.operations[node] for node in nodes], layout, top)
        is_live = {(a, b): nodes[a] in live and nodes[b] in live for a, b in edges}
        # Live edges last, so that they are drawn over the grey ones.
        parts += [drawing.edge(edge, is_live[edge]) for edge in sorted(edges, key=is_live.__getitem__)]
        for position, node in enumerate(nodes):
            label = architecture.operations[node]
            kind = "zero" if label in zero else "skip" if label in skip else "inner" if label in fills else "terminal"
            parts.append(drawing.node(position, kind, fills.get(label, _TERMINAL), node in live))
        width = max(width, drawing.width)
        top = drawing.bottom + _MARGIN
    names = ", ".join(architecture.operations)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {top:.0f}" width="{width:.0f}" '
        f'height="{top:.0f}" role="img" aria-label="{escape(f"Graph of {architecture.space}: {names}")}" '
        f'font-family="{escape(FONT_FAMILY)}" font-size="{_FONT_SIZE:g}">{"".join(parts)}</svg>'
    )


def _live_nodes(architecture: Architecture, zero: frozenset[str]) -> set[int]:
    """Nodes on a path from an input to an output that no zero operation cuts; inputs and outputs always count.

    Inputs are the nodes that nothing enters and outputs those that nothing leaves; where labels say which are meant,
    only these.
    """
    nodes = range(architecture.num_nodes)
    labels = architecture.operations
    entered = {target for _, target in architecture.edges}
    left = {source for source, _ in architecture.edges}
    inputs = {node for node in nodes if node not in entered}
    outputs = {node for node in nodes if node not in left}
    inputs = {node for node in inputs if labels[node].startswith("input")} or inputs
    outputs = {node for node in outputs if labels[node].startswith("output")} or outputs
    forward = {node for node in inputs if labels[node] not in zero}
    for source, target in architecture.edges:  # sorted by source and numbered in topological order: one pass is enough
        if source in forward and labels[target] not in zero:
            forward.add(target)
    backward = {node for node in outputs if labels[node] not in zero}
    for source, target in sorted(architecture.edges, key=lambda edge: -edge[1]):
        if target in backward and labels[source] not in zero:
            backward.add(source)
    return (forward & backward) | inputs | outputs


def _components(architecture: Architecture) -> list[tuple[str, list[int]]]:
    """The nodes of each cell with a title; one group where there is one cell, or edges join the cells."""
    cells = architecture.cells
    if not cells or len(set(cells)) < 2 or any(cells[a] != cells[b] for a, b in architecture.edges):
        return [("", list(range(architecture.num_nodes)))]
    return [
        (f"cell {cell}", [node for node in range(architecture.num_nodes) if cells[node] == cell])
        for cell in sorted(set(cells))
    ]


class _Drawing:
    """Turns a layout into SVG: layers become columns as wide as their widest label."""

    def __init__(self, labels: Sequence[str], layout: Layout, top: float) -> None:
        self.labels = labels
        self.layout = layout
        self.widths = [max(44.0, len(label) * _LETTER + 18.0) for label in labels]
        columns = [0.0] * (max(layout.layers, default=-1) + 1)
        for layer, wide in zip(layout.layers, self.widths, strict=True):
            columns[layer] = max(columns[layer], wide)
        self.columns = columns
        self.centres: list[float] = []
        x = _MARGIN
        for wide in columns:
            self.centres.append(x + wide / 2.0)
            x += wide + _GAP
        self.width = x - _GAP + _MARGIN
        low, high = layout.extent
        self._zero = top + _NODE_HEIGHT / 2.0 - low * _ROW
        self.bottom = top + _NODE_HEIGHT + (high - low) * _ROW

    def _y(self, position: float) -> float:
        return self._zero + position * _ROW

    def node(self, node: int, kind: str, colours: tuple[str, str], live: bool) -> str:
        """A box with the label of the node."""
        fill, stroke = colours
        text, dash = _INK, ""
        if kind == "terminal":
            text = "#ffffff"
        elif kind == "skip":
            fill, stroke = "#ffffff", "#5b626c"
        if kind == "zero" or not live:
            fill, stroke, text = "#ffffff", _GREY, _GREY_TEXT
            dash = ' stroke-dasharray="4 3"' if kind == "zero" else ""
        height = _SKIP_HEIGHT if kind in ("skip", "zero") else _NODE_HEIGHT
        wide = self.widths[node]
        x, y = self.centres[self.layout.layers[node]], self._y(self.layout.positions[node])
        radius = height / 2.0 if kind in ("skip", "zero", "terminal") else 6.0
        return (
            f'<rect x="{x - wide / 2:.1f}" y="{y - height / 2:.1f}" width="{wide:.1f}" height="{height:.1f}" '
            f'rx="{radius:.1f}" fill="{fill}" stroke="{stroke}" stroke-width="1.2"{dash}/>'
            + _text(x, y + 0.35 * _FONT_SIZE, self.labels[node], anchor="middle", colour=text)
        )

    def edge(self, edge: Edge, live: bool) -> str:
        """A smooth line through the bend points, with an arrowhead where it enters its target."""
        source, target = edge
        route = self.layout.routes[edge]
        x = self.centres[route[0][0]] + self.widths[source] / 2.0
        y = self._y(route[0][1])
        end = self.centres[route[-1][0]] - self.widths[target] / 2.0 - 1.0
        path = [f"M{x:.1f} {y:.1f}"]
        # A straight run across the column of the source keeps the curve clear of wider neighbours.
        run = self.centres[route[0][0]] + self.columns[route[0][0]] / 2.0
        if run > x:
            path.append(f"H{run:.1f}")
            x = run
        for layer, position in route[1:]:
            last = layer == route[-1][0]
            into = self.centres[layer] - self.columns[layer] / 2.0 - (_ARROW if last else 0.0)
            bend = (into - x) / 2.0
            ahead = self._y(position)
            path.append(f"C{x + bend:.1f} {y:.1f} {into - bend:.1f} {ahead:.1f} {into:.1f} {ahead:.1f}")
            x, y = into, ahead
            out = end - _ARROW if last else self.centres[layer] + self.columns[layer] / 2.0
            if out > x:
                path.append(f"H{out:.1f}")
                x = out
        colour, wide = (_INK, 1.3) if live else (_GREY, 1.1)
        head = f"M{end:.1f} {y:.1f}l{-_ARROW:g} {-0.45 * _ARROW:.2f}v{0.9 * _ARROW:.2f}z"
        return (
            f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="{wide:g}"/>'
            f'<path d="{head}" fill="{colour}"/>'
        )


def _text(x: float, y: float, text: str, *, anchor: str, colour: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
