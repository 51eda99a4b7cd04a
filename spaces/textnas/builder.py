"""Building text networks step by step.

The schedule is, for each layer: its operator; one bit for each layer that the operator may read, of which exactly one
is set; one bit for each earlier layer, whether its output is added. What the first two layers read is no decision. The
input, every ``add`` and the output are placed as soon as they can be. Every architecture is the result of exactly one
sequence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision
from ganas.spaces.textnas.genotype import OPERATORS, num_offsets
from ganas.spaces.textnas.wiring import LABELS, Layout

if TYPE_CHECKING:
    from ganas.spaces.textnas.space import TextSpace

__all__ = ["TextBuilder", "schedule", "sequences_of_codes"]

_FIRST_OPERATOR = LABELS.index(OPERATORS[0])
_ADD = LABELS.index("add")
_OUTPUT = LABELS.index("output")


class _Place(NamedTuple):
    """What a decision is about.

    Attributes:
        kind: Whether the operator of the layer, the layer that it reads, or one that it adds is decided.
        layer: The number of the layer.
        source: The earlier layer; -1 for an operator.
    """

    kind: Literal["operator", "read", "skip"]
    layer: int
    source: int = -1


def _places(layout: Layout) -> list[_Place]:
    places = []
    for layer in range(layout.layers):
        places.append(_Place("operator", layer))
        offsets = num_offsets(layer, layout.window)
        if offsets > 1:
            places += [_Place("read", layer, source) for source in range(layer - offsets, layer)]
        places += [_Place("skip", layer, source) for source in range(layer)]
    return places


def schedule(layout: Layout) -> tuple[Decision, ...]:
    """The decisions of a space."""
    decisions = []
    for kind, layer, source in _places(layout):
        node = layout.operator_node(layer)
        if kind == "operator":
            decisions.append(Decision("operation", node, -1, len(LABELS)))
        else:
            decisions.append(Decision("edge", node + (kind == "skip"), layout.output_node(source), 2))
    return tuple(decisions)


def sequences_of_codes(layout: Layout, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The choices that build the architectures of some codes, (count, code) -> (count, decisions)."""
    columns = []
    for kind, layer, source in _places(layout):
        row = codes[:, layout.rows[layer]]
        if kind == "operator":
            columns.append(row[:, 1] + _FIRST_OPERATOR)
        elif kind == "read":
            columns.append((layer - 1 - row[:, 0] == source).astype(np.int64))
        else:
            columns.append(row[:, 2 + source])
    return np.stack(columns, axis=1)


class TextBuilder(Builder):
    """A batch of partial architectures."""

    def __init__(self, space: TextSpace, batch_size: int) -> None:
        super().__init__(space, batch_size)
        self._layout = space.layout
        self._places = _places(space.layout)
        self._codes: NDArray[np.int64] = np.zeros((batch_size, len(space.choices)), dtype=np.int64)
        self._has_source: NDArray[np.bool_] = np.zeros(batch_size, dtype=bool)
        self._add_node(0, LABELS.index("input"))

    def mask(self) -> NDArray[np.bool_]:
        """Which choices are legal now."""
        if self.step == len(self._places):
            return np.zeros((self.batch_size, 0), dtype=bool)
        place = self._places[self.step]
        if place.kind == "operator":
            legal = np.zeros((self.batch_size, len(LABELS)), dtype=bool)
            legal[:, _FIRST_OPERATOR:_ADD] = True
            return legal
        legal = np.ones((self.batch_size, 2), dtype=bool)
        if place.kind == "read":
            legal[:, 1] = ~self._has_source
            if place.source == place.layer - 1:
                legal[:, 0] = self._has_source
        return legal

    def _place(self, decision: Decision, choices: NDArray[np.int64]) -> None:
        kind, layer, source = self._places[self.step]
        row = self._codes[:, self._layout.rows[layer]]  # a view
        if kind == "operator":
            self._add_node(decision.node, choices)
            row[:, 1] = choices - _FIRST_OPERATOR
            self._has_source[:] = False
            if num_offsets(layer, self._layout.window) == 1:
                self.adjacency[:, self._layout.output_node(layer - 1), decision.node] = True
        else:
            self.adjacency[:, decision.source, decision.node] = choices == 1
            if kind == "read":
                self._has_source |= choices == 1
                row[choices == 1, 0] = layer - 1 - source
            else:
                row[:, 2 + source] = choices
        following = self._places[self.step + 1] if self.step + 1 < len(self._places) else None
        if following is not None and following.kind == "skip" and following.source == 0:
            node = self._layout.operator_node(layer)
            self._add_node(node + 1, _ADD)
            self.adjacency[:, node, node + 1] = True
        elif following is None:
            output = self._layout.num_nodes - 1
            self._add_node(output, _OUTPUT)
            outputs = [self._layout.output_node(each) for each in range(self._layout.layers)]
            self.adjacency[:, outputs, output] = True

    def _add_node(self, node: int, operation_ids: NDArray[np.int64] | int) -> None:
        self.operation_ids[:, node] = operation_ids
        self.num_nodes += 1

    def finish(self) -> list[Architecture]:
        """The finished architectures."""
        self._require_done()
        return [self.space.decode(code) for code in self._codes.tolist()]
