"""Building architectures of a space whose wiring is fixed: the only decisions are the operations of its nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture, Edge
from ganas.spaces.building import Builder, Decision
from ganas.spaces.space import Space

__all__ = ["FixedWiringBuilder", "operation_decisions"]


def operation_decisions(num_nodes: int, num_labels: int) -> tuple[Decision, ...]:
    """One operation for each node between the first and the last.

    >>> operation_decisions(num_nodes=3, num_labels=5)
    (Decision(kind='operation', node=1, source=-1, num_choices=5),)
    """
    return tuple(Decision("operation", node, -1, num_labels) for node in range(1, num_nodes - 1))


class FixedWiringBuilder(Builder):
    """A batch of partial graphs with one input, one output and the same edges; edges appear with the node they enter.

    It is for spaces whose vocabulary starts with the label of the input and ends with that of the output, in which
    every other label may stand at every other node, and whose genotype is the number of each node's label among those.

    Args:
        space: Its ``decisions`` are those of :func:`operation_decisions`.
        batch_size: How many architectures are built.
        wiring: All edges of an architecture.
    """

    def __init__(self, space: Space, batch_size: int, wiring: Sequence[Edge]) -> None:
        super().__init__(space, batch_size)
        self._wiring = wiring
        self._output = space.max_nodes - 1
        self.operation_ids[:, 0] = 0
        self.num_nodes[:] = 1

    def mask(self) -> NDArray[np.bool_]:
        """Every label but those of input and output."""
        legal = np.zeros((self.batch_size, len(self.space.operations)), dtype=bool)
        legal[:, 1:-1] = True
        return legal

    def _place(self, decision: Decision, choices: NDArray[np.int64]) -> None:
        self._add_node(decision.node, choices)
        if decision.node == self._output - 1:
            self._add_node(self._output, np.full(self.batch_size, len(self.space.operations) - 1))

    def _add_node(self, node: int, operation_ids: NDArray[np.int64]) -> None:
        self.operation_ids[:, node] = operation_ids
        for source, target in self._wiring:
            if target == node:
                self.adjacency[:, source, target] = True
        self.num_nodes += 1

    def finish(self) -> list[Architecture]:
        """The finished architectures."""
        self._require_done()
        # The vocabulary starts with the input, so the number of a label is its id less one.
        return [self.space.decode(genotype) for genotype in (self.operation_ids[:, 1:-1] - 1).tolist()]
