"""Building generators and discriminators step by step: one operation for each searched node, in the order of the nodes.

What is fixed (the input, sums, what halves the resolution, the output) is placed as soon as it can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.alphagan.wiring import Skeleton
from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Decision
from ganas.spaces.fixed_wiring import FixedWiringBuilder

if TYPE_CHECKING:
    from ganas.spaces.alphagan.space import SkeletonSpace

__all__ = ["SkeletonBuilder", "schedule", "sequences_of_genotypes"]


def schedule(skeleton: Skeleton) -> tuple[Decision, ...]:
    """The decisions of a space."""
    return tuple(Decision("operation", node, -1, len(skeleton.operations)) for node in sorted(skeleton.searched))


def _ids(skeleton: Skeleton, node: int) -> list[int]:
    """The operation ids that a node may have, in the order of its labels."""
    return [skeleton.operations.index(label) for label in skeleton.places[node].labels]


def sequences_of_genotypes(skeleton: Skeleton, genotypes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The choices that build each genotype, (count, searched nodes) in the order of the nodes."""
    columns = [
        np.array(_ids(skeleton, node))[genotypes[:, skeleton.position[node]]] for node in sorted(skeleton.searched)
    ]
    return np.stack(columns, axis=1)


class SkeletonBuilder(FixedWiringBuilder):
    """A batch of partial architectures; the input is placed."""

    def __init__(self, space: SkeletonSpace, batch_size: int) -> None:
        super().__init__(space, batch_size, space.skeleton.edges)
        self._skeleton = space.skeleton

    def mask(self) -> NDArray[np.bool_]:
        """The operations of the node."""
        decision = self.decision
        if decision is None:
            return np.zeros((self.batch_size, 0), dtype=bool)
        legal = np.zeros((self.batch_size, decision.num_choices), dtype=bool)
        legal[:, _ids(self._skeleton, decision.node)] = True
        return legal

    def _place(self, decision: Decision, choices: NDArray[np.int64]) -> None:
        self._add_node(decision.node, choices)
        node = decision.node + 1
        while node < len(self._skeleton.places) and node not in self._skeleton.position:
            self._add_node(node, np.full(self.batch_size, _ids(self._skeleton, node)[0]))
            node += 1

    def finish(self) -> list[Architecture]:
        """The finished architectures."""
        self._require_done()
        found = []
        for ids in self.operation_ids.tolist():
            genotype: Sequence[int] | None = self._skeleton.genotype([self._skeleton.operations[one] for one in ids])
            assert genotype is not None  # the masks allow nothing else
            found.append(self.space.decode(genotype))
        return found
