"""Building cells of NAS-Bench-101 step by step: every choice that is legal leads to a pruned cell.

For vertices 1 to 6 in turn: the operation (``output`` ends the cell), then one bit for each earlier vertex.

An interior vertex needs an edge in, and later an edge out; until it has one it is *open*, and it will cost one edge at
least. So edges taken plus open vertices never go above 9. An interior vertex adds one to that sum, an edge from an
open source leaves it, an edge from any other source adds one. The output takes every open vertex. The vertex placed
last is always open, so the edge that an interior vertex still needs at its last source is free, and an output may
always be placed. Every topological order of every cell is the result of exactly one sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.building import Builder, Decision
from ganas.spaces.nasbench101.isomorphism import (
    MAX_EDGES,
    MAX_VERTICES,
    NUM_SLOT_EDGES,
    cell_table,
    edge_bit,
    labelled_cells,
)
from ganas.spaces.nasbench101.notation import OPERATIONS

if TYPE_CHECKING:
    from ganas.spaces.architecture import Architecture
    from ganas.spaces.nasbench101.space import NASBench101

__all__ = ["DECISIONS", "CellBuilder", "sequences_of_cells"]

_OUTPUT_ID = len(OPERATIONS) - 1

DECISIONS = tuple(
    decision
    for node in range(1, MAX_VERTICES)
    for decision in (
        Decision("operation", node, -1, len(OPERATIONS)),
        *(Decision("edge", node, source, 2) for source in range(node)),
    )
)


class CellBuilder(Builder):
    """A batch of partial cells; the input is placed."""

    def __init__(self, space: NASBench101, batch_size: int) -> None:
        super().__init__(space, batch_size)
        self._space = space
        self.operation_ids[:, 0] = 0
        self.num_nodes[:] = 1
        self._is_open = np.zeros((batch_size, MAX_VERTICES), dtype=bool)
        self._is_open[:, 0] = True
        self._edges_and_open = np.ones(batch_size, dtype=np.int64)
        # Of the vertex whose edges are being decided:
        self._is_output = np.zeros(batch_size, dtype=bool)
        self._has_edge_in = np.zeros(batch_size, dtype=bool)
        self._is_done = np.zeros(batch_size, dtype=bool)

    def mask(self) -> NDArray[np.bool_]:
        """Which choices lead to a pruned cell, (batch, num_choices)."""
        decision = self.decision
        if decision is None:
            return np.zeros((self.batch_size, 0), dtype=bool)
        legal = np.zeros((self.batch_size, decision.num_choices), dtype=bool)
        going = ~self._is_done
        room = self._edges_and_open < MAX_EDGES
        if decision.kind == "operation":
            legal[:, 0] = self._is_done
            legal[:, _OUTPUT_ID] = going
            if decision.node < MAX_VERTICES - 1:
                legal[:, 1:_OUTPUT_ID] = (going & room)[:, None]
        else:
            is_open = self._is_open[:, decision.source]
            must = is_open & self._is_output
            if decision.source == decision.node - 1:
                must |= ~self._has_edge_in
            legal[:, 1] = going & (is_open | room)
            legal[:, 0] = ~(going & must)
        return legal

    def _place(self, decision: Decision, choices: NDArray[np.int64]) -> None:
        node = decision.node
        if decision.kind == "operation":
            # Rows that ended with the previous vertex have taken its last edge only now.
            going = choices != 0
            self._is_output = choices == _OUTPUT_ID
            interior = going & ~self._is_output
            self.operation_ids[going, node] = choices[going]
            self.num_nodes += going
            self._is_open[:, node] = interior
            self._edges_and_open += interior
            self._has_edge_in[:] = False
        else:
            taken = choices == 1
            self._edges_and_open += taken & ~self._is_open[:, decision.source]
            self._is_open[taken, decision.source] = False
            self._has_edge_in |= taken
            self.adjacency[:, decision.source, node] = taken
            if decision.source == node - 1:
                self._is_done |= self._is_output

    def finish(self) -> list[Architecture]:
        """The finished cells, each in the order in which it was built."""
        self._require_done()
        codes = np.zeros(self.batch_size, dtype=np.int64)
        for target in range(1, MAX_VERTICES):
            is_output = self.operation_ids[:, target] == _OUTPUT_ID
            for source in range(target):
                slot = np.where(is_output, edge_bit(source, MAX_VERTICES - 1), edge_bit(source, target))
                codes |= self.adjacency[:, source, target].astype(np.int64) << slot
        labels = self.operation_ids[:, 1 : MAX_VERTICES - 1] - 1
        # Outputs and empty vertices are dead slots, whose labels do not count.
        cells = labelled_cells(codes, np.where((labels >= 0) & (labels < 3), labels, 0))
        return self._space.from_cells(cells)


def sequences_of_cells(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """The building sequences of labelled cells by number, (count,) -> (count, 27)."""
    table = cell_table()
    wirings = np.searchsorted(table.offsets, cells, side="right") - 1
    labels = cells - table.offsets[wirings]
    vertices = table.num_vertices[wirings]
    present = np.zeros((len(cells), NUM_SLOT_EDGES), dtype=np.int64)
    rows, bits = _edge_bits([table.edges[wiring] for wiring in wirings.tolist()])
    present[rows, bits] = 1
    sequences = np.zeros((len(cells), len(DECISIONS)), dtype=np.int64)
    for column, decision in enumerate(DECISIONS):
        node = decision.node
        if decision.kind == "edge":
            sequences[:, column] = present[:, edge_bit(decision.source, node)]
        else:
            interior = node < vertices - 1
            place = 3 ** np.where(interior, vertices - 2 - node, 0)
            operation = np.where(interior, 1 + labels // place % 3, 0)
            sequences[:, column] = np.where(node == vertices - 1, _OUTPUT_ID, operation)
    return sequences


def _edge_bits(edges: Sequence[Sequence[tuple[int, int]]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row number and bit of every edge of many cells."""
    rows = np.repeat(np.arange(len(edges)), [len(cell) for cell in edges])
    bits = np.array([edge_bit(*edge) for cell in edges for edge in cell], dtype=np.int64)
    return rows, bits
