"""Small edits of a pruned cell: the neighbours and mutants of NAS-Bench-101.

Four kinds, each undone by one of the same kind:

- change the operation of a vertex;
- add an edge, or remove one whose ends both keep another edge on that side;
- insert a vertex beside what is there, with one edge in and one out, or delete such a vertex where its neighbours
  stay connected without it;
- insert a vertex on an edge, or contract a vertex with one edge in and one out to an edge that was not there.

So the relation between cells is symmetric, every edit leaves a pruned cell, and it does not depend on the order in
which the vertices are written: an edge may go against that order where it closes no cycle. Flips of genotype bits
would not do: an added vertex needs two edges at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ganas.spaces.architecture import Architecture
from ganas.spaces.nasbench101.isomorphism import MAX_EDGES, MAX_VERTICES
from ganas.spaces.nasbench101.notation import INTERIOR_OPERATIONS

__all__ = ["Cell", "EditableCell"]

Edge = tuple[int, int]
Cell = tuple[tuple[str, ...], tuple[Edge, ...]]
"""Labels and sorted edges, in a topological order."""


class EditableCell:
    """The edits of one cell; each method returns the edited cell, or None where the edit is not allowed."""

    def __init__(self, architecture: Architecture) -> None:
        self.operations = architecture.operations
        self.edges = frozenset(architecture.edges)
        self.size = len(self.operations)
        self.out_degree = [0] * self.size
        self.in_degree = [0] * self.size
        # reaches[v]: the vertices on paths from v, itself included, as bits.
        self.reaches = [1 << vertex for vertex in range(self.size)]
        for source, target in reversed(architecture.edges):
            self.out_degree[source] += 1
            self.in_degree[target] += 1
            self.reaches[source] |= self.reaches[target]

    def change_operation(self, vertex: int, operation: str) -> Cell | None:
        """Relabel an interior vertex."""
        if operation == self.operations[vertex]:
            return None
        operations = (*self.operations[:vertex], operation, *self.operations[vertex + 1 :])
        return operations, tuple(sorted(self.edges))

    def toggle_edge(self, source: int, target: int) -> Cell | None:
        """Remove the edge if it is there, otherwise add it."""
        if (source, target) in self.edges:
            if self.out_degree[source] == 1 or self.in_degree[target] == 1:
                return None
            return self.operations, tuple(sorted(self.edges - {(source, target)}))
        if self._closes_cycle(source, target) or len(self.edges) == MAX_EDGES:
            return None
        return _in_order(self.operations, self.edges | {(source, target)})

    def insert_beside(self, source: int, target: int, operation: str) -> Cell | None:
        """Add a vertex that reads ``source`` and feeds ``target``."""
        if self.size == MAX_VERTICES or len(self.edges) + 2 > MAX_EDGES or self._closes_cycle(source, target):
            return None
        return self._insert(source, target, operation, self.edges)

    def insert_on_edge(self, source: int, target: int, operation: str) -> Cell | None:
        """Put a vertex on an edge."""
        if self.size == MAX_VERTICES or len(self.edges) == MAX_EDGES or (source, target) not in self.edges:
            return None
        return self._insert(source, target, operation, self.edges - {(source, target)})

    def delete(self, vertex: int) -> Cell | None:
        """Take out a vertex that was inserted beside."""
        if self.in_degree[vertex] != 1 or self.out_degree[vertex] != 1:
            return None
        source, target = self._ends(vertex)
        if self.out_degree[source] == 1 or self.in_degree[target] == 1:
            return None
        return self._without(vertex, self.edges)

    def contract(self, vertex: int) -> Cell | None:
        """Take out a vertex that was inserted on an edge, and put the edge back."""
        if self.in_degree[vertex] != 1 or self.out_degree[vertex] != 1:
            return None
        ends = self._ends(vertex)
        if ends in self.edges:
            return None
        return self._without(vertex, self.edges | {ends})

    def all_edits(self) -> Iterator[Cell]:
        """Every edit, in a fixed order; isomorphic results may repeat."""
        for cell in self._every_attempt():
            if cell is not None:
                yield cell

    def _every_attempt(self) -> Iterator[Cell | None]:
        interior = range(1, self.size - 1)
        pairs = [(s, t) for s in range(self.size - 1) for t in range(1, self.size) if s != t]
        for vertex in interior:
            for operation in INTERIOR_OPERATIONS:
                yield self.change_operation(vertex, operation)
        for pair in pairs:
            yield self.toggle_edge(*pair)
        for vertex in interior:
            yield self.delete(vertex)
            yield self.contract(vertex)
        for pair in pairs:
            for operation in INTERIOR_OPERATIONS:
                yield self.insert_beside(*pair, operation)
                yield self.insert_on_edge(*pair, operation)

    def random_edit(self, rng: np.random.Generator) -> Cell | None:
        """Attempt one random edit.

        First its kind, uniformly: operation, edge, insertion or removal of a vertex. Then uniformly what it needs: an
        interior vertex, an ordered pair of vertices, an operation; and with equal odds beside or on an edge, delete or
        contract.
        """
        kind, first, second, number, side = rng.random(5).tolist()
        source = int(first * (self.size - 1))
        target = 1 + int(second * (self.size - 1))
        vertex = 1 + int(first * (self.size - 2))
        operation = INTERIOR_OPERATIONS[int(number * len(INTERIOR_OPERATIONS))]
        if kind < 0.25:
            return self.change_operation(vertex, operation) if self.size > 2 else None
        if kind < 0.5:
            return self.toggle_edge(source, target)
        if kind < 0.75:
            insert = self.insert_beside if side < 0.5 else self.insert_on_edge
            return insert(source, target, operation)
        if self.size == 2:
            return None
        return self.delete(vertex) if side < 0.5 else self.contract(vertex)

    def _closes_cycle(self, source: int, target: int) -> bool:
        return bool(self.reaches[target] >> source & 1)

    def _ends(self, vertex: int) -> Edge:
        source = next(s for s, t in self.edges if t == vertex)
        target = next(t for s, t in self.edges if s == vertex)
        return source, target

    def _insert(self, source: int, target: int, operation: str, edges: frozenset[Edge]) -> Cell:
        added = self.size
        return _in_order((*self.operations, operation), edges | {(source, added), (added, target)})

    def _without(self, vertex: int, edges: frozenset[Edge]) -> Cell:
        operations = self.operations[:vertex] + self.operations[vertex + 1 :]
        kept = [(s - (s > vertex), t - (t > vertex)) for s, t in edges if vertex not in (s, t)]
        return operations, tuple(sorted(kept))


def _in_order(operations: tuple[str, ...], edges: frozenset[Edge]) -> Cell:
    """Renumber topologically, of the vertices that are ready always the smallest first."""
    waiting = [0] * len(operations)
    for _, target in edges:
        waiting[target] += 1
    order: list[int] = []
    while len(order) < len(operations):
        vertex = waiting.index(0)
        waiting[vertex] = -1
        order.append(vertex)
        for source, target in edges:
            if source == vertex:
                waiting[target] -= 1
    position = {vertex: index for index, vertex in enumerate(order)}
    renumbered = sorted((position[source], position[target]) for source, target in edges)
    return tuple(operations[vertex] for vertex in order), tuple(renumbered)
