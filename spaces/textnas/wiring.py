"""How a text network is drawn as a DAG, and in which order a genotype lists its choices.

A layer reads one earlier layer through its operator, and adds others to what comes out: two kinds of edges that must
not be confused. So each layer after the first has two nodes: one labelled with the operator, with one edge in, from
what it reads; and one labelled ``add``, with an edge from the operator and one from each layer that is added. Edges out
of the layer leave its ``add``. An ``add`` with one edge in changes nothing: the official network normalises only sums
of several terms. It is there all the same, so that nodes have the same numbers in all architectures of a space:

==================  ===========================================
0                   the input: the embedding and the initial convolution
1                   the operator of layer 0, also its output
2 i, 2 i + 1        the operator and the ``add`` of layer i
2 L                 the output, which combines all L layers
==================  ===========================================

The pooling and classification behind the output are the same for all.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ganas.spaces.architecture import Edge
from ganas.spaces.errors import InvalidSetting
from ganas.spaces.textnas.genotype import OPERATORS, WINDOW, TextGenotype, TextLayer, num_offsets

__all__ = ["LABELS", "Layout", "make_layout"]

LABELS = ("input", *OPERATORS, "add", "output")
"""Every label of a node."""

_NUMBER = {operator: number for number, operator in enumerate(OPERATORS)}
_MOST_LAYERS = 64


@dataclass(frozen=True)
class Layout:
    """The fixed part of every architecture of one space; made by :func:`make_layout`.

    A *code* is the list of all choices, the rows of the official code one after another: for each layer its offset, the
    number of its operator, and its skip bits. There are L (L + 3) / 2, and every code is valid.

    Attributes:
        layers: How many layers there are, L.
        window: An operator reads one of so many layers before it.
    """

    layers: int
    window: int

    @property
    def num_nodes(self) -> int:
        """How many nodes the DAG has."""
        return 2 * self.layers + 1

    @cached_property
    def choices(self) -> tuple[int, ...]:
        """How many values each number of a code takes."""
        rows = ((num_offsets(layer, self.window), len(OPERATORS), *(2,) * layer) for layer in range(self.layers))
        return tuple(itertools.chain.from_iterable(rows))

    @cached_property
    def rows(self) -> tuple[slice, ...]:
        """Where the row of each layer stands in a code."""
        return tuple(slice(layer * (layer + 3) // 2, (layer + 1) * (layer + 4) // 2) for layer in range(self.layers))

    def operator_node(self, layer: int) -> int:
        """The node of the operator of a layer."""
        return max(1, 2 * layer)

    def output_node(self, layer: int) -> int:
        """The node that others read; for -1 that of the initial convolution."""
        return 2 * layer + 1 if layer >= 0 else 0

    # --- codes ---------------------------------------------------------------------------------------------------

    def code(self, genotype: TextGenotype) -> tuple[int, ...]:
        """The code of a genotype of this size."""
        rows = ((layer.offset, _NUMBER[layer.operator], *map(int, layer.skips)) for layer in genotype.layers)
        return tuple(itertools.chain.from_iterable(rows))

    def genotype(self, code: Sequence[int]) -> TextGenotype:
        """The genotype of a code."""
        rows = (code[row] for row in self.rows)
        return TextGenotype(
            tuple(TextLayer(offset, OPERATORS[operator], tuple(map(bool, skips))) for offset, operator, *skips in rows)
        )

    def graph(self, code: Sequence[int]) -> tuple[tuple[str, ...], tuple[Edge, ...]]:
        """The labels and the sorted edges of a code."""
        labels = ["input"]
        edges: list[Edge] = []
        output = 2 * self.layers
        for layer, row in enumerate(self.rows):
            offset, operator, *skips = code[row]
            node = self.operator_node(layer)
            labels.append(OPERATORS[operator])
            edges.append((self.output_node(layer - 1 - offset), node))
            if layer:
                labels.append("add")
                edges += [(self.output_node(source), node + 1) for source, bit in enumerate(skips) if bit]
                edges.append((node, node + 1))
            edges.append((self.output_node(layer), output))
        edges.sort()
        return (*labels, "output"), tuple(edges)

    def code_of_graph(self, labels: tuple[str, ...], edges: tuple[Edge, ...]) -> tuple[int, ...] | None:
        """The code whose graph this may be; None where it is surely that of none. Compare with :meth:`graph`."""
        if len(labels) != self.num_nodes:
            return None
        present = set(edges)
        read = {target: source for source, target in edges}
        numbers: list[int] = []
        for layer in range(self.layers):
            node = self.operator_node(layer)
            # The inverse of output_node; a node without a source has an offset that no layer has.
            offset = layer - 1 - (read.get(node, -1) - 1) // 2 if layer else 0
            if labels[node] not in _NUMBER or not 0 <= offset < num_offsets(layer, self.window):
                return None
            numbers += (offset, _NUMBER[labels[node]])
            numbers += (int((self.output_node(source), node + 1) in present) for source in range(layer))
        return tuple(numbers)


def make_layout(layers: int, window: int = WINDOW) -> Layout:
    """Build a layout.

    Args:
        layers: How many layers there are.
        window: An operator reads one of so many layers before it.

    Raises:
        InvalidSetting: A number is out of range.

    >>> make_layout(3).choices
    (1, 8, 1, 8, 2, 2, 8, 2, 2)
    """
    for name, value in (("layers", layers), ("window", window)):
        if not 1 <= value <= _MOST_LAYERS:
            raise InvalidSetting(f"{name} must be from 1 to {_MOST_LAYERS}, not {value}")
    return Layout(layers, window)
