"""Building architectures of DARTS step by step.

The schedule is, for each cell and each of its nodes, for the operation on the lower and then for that on the higher
source: the operation, then one bit for each source that it may read, of which exactly one is set. The lower source of
node k is one of 0 to k - 2, the higher one is above it and below k; what node 2 reads is no decision. Sums, outputs and
inputs are placed as soon as they can be. Every architecture is the result of exactly one sequence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision
from ganas.spaces.darts.wiring import CELL_CHOICES, CELL_NODES, CELLS, NODES, OPERATIONS, SOURCE_PAIRS, source_node
from ganas.spaces.space import Space

__all__ = ["CellsBuilder", "schedule", "sequences_of_genotypes"]

# In the vocabulary of the space: two inputs, the operations, the sum, the output.
_FIRST_OPERATION = 2
_ADD = _FIRST_OPERATION + len(OPERATIONS)
_OUTPUT = _ADD + 1
_NUM_LABELS = _OUTPUT + 1


class _Place(NamedTuple):
    """What a decision is about.

    Attributes:
        cell: The number of the cell.
        node: The node of the cell whose operation or source is decided.
        which: 0 for the lower source, 1 for the higher one.
        source: The source of an edge decision, as the cell numbers it; -1 for an operation.
        completes: Whether the node is complete with it.
    """

    cell: int
    node: int
    which: int
    source: int
    completes: bool


def _places() -> tuple[_Place, ...]:
    places = []
    for cell in range(len(CELLS)):
        for node in NODES:
            for which in (0, 1):
                open_sources = range(which, node - 1 + which) if node > 2 else ()
                places.append(_Place(cell, node, which, -1, which == 1 and not open_sources))
                places += [
                    _Place(cell, node, which, source, which == 1 and source == node - 1) for source in open_sources
                ]
    return tuple(places)


_PLACES = _places()


def _dag_node(cell: int, source: int) -> int:
    return cell * CELL_NODES + source_node(source)


def schedule() -> tuple[Decision, ...]:
    """The 52 decisions."""
    decisions = []
    for place in _PLACES:
        operation = _dag_node(place.cell, place.node) - 2 + place.which
        if place.source < 0:
            decisions.append(Decision("operation", operation, -1, _NUM_LABELS))
        else:
            decisions.append(Decision("edge", operation, _dag_node(place.cell, place.source), 2))
    return tuple(decisions)


def sequences_of_genotypes(genotypes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The choices that build each genotype, (count, 22) -> (count, 52)."""
    columns = []
    for place in _PLACES:
        first = place.cell * len(CELL_CHOICES) + _FIRST_CHOICE[place.node]
        if place.source < 0:
            columns.append(genotypes[:, first + (place.node > 2) + place.which] + _FIRST_OPERATION)
        else:
            read = np.array(SOURCE_PAIRS[place.node])[genotypes[:, first], place.which]
            columns.append((read == place.source).astype(np.int64))
    return np.stack(columns, axis=1)


# Where the choices of a node begin among those of its cell: node 2 has two, the others three.
_FIRST_CHOICE = {node: 3 * (node - 2) - (node > 2) for node in NODES}
# The number of a pair by its sources, -1 where there is none.
_PAIR_NUMBER = {
    node: np.array([[pairs.index((a, b)) if a < b else -1 for b in range(node)] for a in range(node)])
    for node, pairs in SOURCE_PAIRS.items()
}


class CellsBuilder(Builder):
    """A batch of partial architectures; the inputs of the first cell are placed."""

    def __init__(self, space: Space, batch_size: int) -> None:
        super().__init__(space, batch_size)
        self._genotypes: NDArray[np.int64] = np.zeros((batch_size, len(space.choices)), dtype=np.int64)
        # What the operations of the node in the making read; -1 where that is open.
        self._sources: NDArray[np.int64] = np.full((batch_size, 2), -1, dtype=np.int64)
        self._add_inputs(0)

    def mask(self) -> NDArray[np.bool_]:
        """Which choices are legal now."""
        if self.step == len(_PLACES):
            return np.zeros((self.batch_size, 0), dtype=bool)
        place = _PLACES[self.step]
        if place.source < 0:
            legal = np.zeros((self.batch_size, _NUM_LABELS), dtype=bool)
            legal[:, _FIRST_OPERATION:_ADD] = True
            return legal
        legal = np.empty((self.batch_size, 2), dtype=bool)
        is_open = self._sources[:, place.which] < 0
        legal[:, 1] = is_open
        if place.which:
            legal[:, 1] &= self._sources[:, 0] < place.source
        last = place.source == place.node - 2 + place.which
        legal[:, 0] = ~is_open if last else True
        return legal

    def _place(self, decision: Decision, choices: NDArray[np.int64]) -> None:
        place = _PLACES[self.step]
        if place.source < 0:
            if place.which == 0:
                self._sources[:] = (0, 1) if place.node == 2 else -1
            self._add_node(decision.node, choices)
            choice = place.cell * len(CELL_CHOICES) + _FIRST_CHOICE[place.node] + (place.node > 2) + place.which
            self._genotypes[:, choice] = choices - _FIRST_OPERATION
            if place.node == 2:
                self.adjacency[:, _dag_node(place.cell, place.which), decision.node] = True
        else:
            taken = choices == 1
            self._sources[taken, place.which] = place.source
            self.adjacency[:, decision.source, decision.node] = taken
        if place.completes:
            self._complete(place.cell, place.node)

    def _complete(self, cell: int, node: int) -> None:
        """Place the sum of a node, and after the last one the output and the inputs of the next cell."""
        total = _dag_node(cell, node)
        self._add_node(total, _ADD)
        self.adjacency[:, total - 2 : total, total] = True
        if node > 2:
            choice = cell * len(CELL_CHOICES) + _FIRST_CHOICE[node]
            self._genotypes[:, choice] = _PAIR_NUMBER[node][self._sources[:, 0], self._sources[:, 1]]
        if node == NODES[-1]:
            self._add_node(total + 1, _OUTPUT)
            self.adjacency[:, [_dag_node(cell, each) for each in NODES], total + 1] = True
            if cell + 1 < len(CELLS):
                self._add_inputs(cell + 1)

    def _add_inputs(self, cell: int) -> None:
        for number in range(2):
            self._add_node(_dag_node(cell, number), number)

    def _add_node(self, node: int, operation_ids: NDArray[np.int64] | int) -> None:
        self.operation_ids[:, node] = operation_ids
        self.num_nodes += 1

    def finish(self) -> list[Architecture]:
        """The finished architectures."""
        self._require_done()
        return [self.space.decode(genotype) for genotype in self._genotypes.tolist()]
