"""Building architectures of NAS-Bench-Graph step by step.

The schedule is, for nodes 1 to 4, the operation, then one bit for each earlier node (0 is the input), of which exactly
one is set; what the first node reads is no decision. Only link lists of :data:`~ganas.spaces.graphnas.wiring.LINKS`
come out. Nodes that no other reads feed the output, which appears with the last bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision
from ganas.spaces.graphnas.wiring import LINKS, NUM_NODES
from ganas.spaces.space import Space

__all__ = ["TreeBuilder", "schedule", "sequences_of_genotypes"]

_OUTPUT = NUM_NODES + 1
_LINKS = np.array(LINKS, dtype=np.int64)


def schedule(num_labels: int) -> tuple[Decision, ...]:
    """The 13 decisions, for a vocabulary of ``num_labels`` labels."""
    decisions = []
    for node in range(1, NUM_NODES + 1):
        decisions.append(Decision("operation", node, -1, num_labels))
        if node > 1:
            decisions += [Decision("edge", node, source, 2) for source in range(node)]
    return tuple(decisions)


def sequences_of_genotypes(genotypes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The choices that build each genotype, (count, 5) -> (count, 13)."""
    links = _LINKS[genotypes[:, 0]]
    columns = []
    for node in range(1, NUM_NODES + 1):
        # The vocabulary starts with "input", so an operation's id is its number plus one.
        columns.append(genotypes[:, node] + 1)
        if node > 1:
            columns += [(links[:, node - 1] == source).astype(np.int64) for source in range(node)]
    return np.stack(columns, axis=1)


def _next_links() -> list[NDArray[np.bool_]]:
    """For each node which sources its link list may go on with, (links of the nodes before as one number, sources)."""
    tables = []
    for node in range(NUM_NODES):
        table = np.zeros((NUM_NODES**node, NUM_NODES), dtype=bool)
        for links in LINKS:
            table[_code(np.array([links[:node]], dtype=np.int64))[0], links[node]] = True
        tables.append(table)
    return tables


def _code(links: NDArray[np.int64]) -> NDArray[np.int64]:
    """Link lists as numbers, (count, nodes) -> (count,)."""
    return links @ NUM_NODES ** np.arange(links.shape[1])


_NEXT_LINKS = _next_links()


class TreeBuilder(Builder):
    """A batch of partial trees; the last operation of the space is the skip, which cannot stand at all four nodes."""

    def __init__(self, space: Space, batch_size: int) -> None:
        super().__init__(space, batch_size)
        self.operation_ids[:, 0] = 0
        self.num_nodes[:] = 1
        self._links = np.full((batch_size, NUM_NODES), -1, dtype=np.int64)

    def mask(self) -> NDArray[np.bool_]:
        """Which choices are legal now."""
        decision = self.decision
        if decision is None:
            return np.zeros((self.batch_size, 0), dtype=bool)
        legal = np.zeros((self.batch_size, decision.num_choices), dtype=bool)
        if decision.kind == "operation":
            legal[:, 1:-1] = True
            if decision.node == NUM_NODES:
                skip = len(self.space.operations) - 2
                legal[:, skip] = ~(self.operation_ids[:, 1:NUM_NODES] == skip).all(axis=1)
            return legal
        allowed = _NEXT_LINKS[decision.node - 1][_code(self._links[:, : decision.node - 1])]
        is_linked = self._links[:, decision.node - 1] >= 0
        legal[:, 0] = is_linked | allowed[:, decision.source + 1 :].any(axis=1)
        legal[:, 1] = ~is_linked & allowed[:, decision.source]
        return legal

    def _place(self, decision: Decision, choices: NDArray[np.int64]) -> None:
        node = decision.node
        if decision.kind == "operation":
            self.operation_ids[:, node] = choices
            self.num_nodes += 1
            if node == 1:
                self._link(node, 0, np.ones(self.batch_size, dtype=bool))
            return
        self._link(node, decision.source, choices == 1)
        if decision.source == node - 1 == NUM_NODES - 1:
            is_leaf = ~self.adjacency[:, 1:_OUTPUT].any(axis=2)
            self.operation_ids[:, _OUTPUT] = len(self.space.operations) - 1
            self.adjacency[:, 1:_OUTPUT, _OUTPUT] = is_leaf
            self.num_nodes += 1

    def _link(self, node: int, source: int, rows: NDArray[np.bool_]) -> None:
        self._links[rows, node - 1] = source
        self.adjacency[rows, source, node] = True

    def finish(self) -> list[Architecture]:
        """The finished architectures."""
        self._require_done()
        numbers = [LINKS.index(tuple(links)) for links in self._links.tolist()]
        operations = (self.operation_ids[:, 1:_OUTPUT] - 1).tolist()
        return [self.space.decode([number, *row]) for number, row in zip(numbers, operations, strict=True)]
