"""Batches of graphs as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganas.spaces.architecture import Architecture
from ganas.spaces.encodings import graph_arrays
from ganas.spaces.space import Space

__all__ = ["GraphTensors"]


@dataclass(frozen=True, slots=True, eq=False)
class GraphTensors:
    """Many graphs of one space, padded to the same number of nodes.

    Attributes:
        operation_ids: Indices into ``space.operations``, -1 where no node is, (count, nodes) int64.
        adjacency: 1 at ``[b, source, target]``, else 0, (count, nodes, nodes) float32.
    """

    operation_ids: Tensor
    adjacency: Tensor

    @classmethod
    def from_architectures(
        cls, space: Space, architectures: Sequence[Architecture], *, device: torch.device | str = "cpu"
    ) -> GraphTensors:
        """The graphs of finished architectures, (count, space.max_nodes).

        Raises:
            WrongSpace: An architecture is of another space.
            InvalidArchitecture: An architecture has an operation that the space does not know, or too many nodes.
        """
        batch = graph_arrays(space, architectures)
        return cls.from_arrays(batch.operation_ids, batch.adjacency, device=device)

    @classmethod
    def from_arrays(
        cls, operation_ids: NDArray[np.int64], adjacency: NDArray[np.bool_], *, device: torch.device | str = "cpu"
    ) -> GraphTensors:
        """Copies of numpy arrays of these shapes, without the columns in which no graph has a node."""
        present = np.flatnonzero((operation_ids >= 0).any(axis=0))
        nodes = int(present[-1]) + 1 if len(present) else 1
        return cls(
            torch.tensor(operation_ids[:, :nodes], device=device),
            torch.tensor(adjacency[:, :nodes, :nodes], dtype=torch.float32, device=device),
        )

    @property
    def node_mask(self) -> Tensor:
        """Where nodes are, (count, nodes) bool."""
        return self.operation_ids >= 0

    @property
    def num_nodes(self) -> Tensor:
        """How many nodes each graph has, (count,) int64."""
        return self.node_mask.sum(dim=1)

    def __len__(self) -> int:
        return len(self.operation_ids)

    def __getitem__(self, rows: Tensor | slice) -> GraphTensors:
        return GraphTensors(self.operation_ids[rows], self.adjacency[rows])

    def to(self, device: torch.device | str) -> GraphTensors:
        """The same graphs on another device."""
        return GraphTensors(self.operation_ids.to(device), self.adjacency.to(device))

    def padded(self, nodes: int) -> GraphTensors:
        """The same graphs with at least ``nodes`` columns."""
        extra = nodes - self.operation_ids.shape[1]
        if extra <= 0:
            return self
        return GraphTensors(
            torch.nn.functional.pad(self.operation_ids, (0, extra), value=-1),
            torch.nn.functional.pad(self.adjacency, (0, extra, 0, extra)),
        )

    @staticmethod
    def concatenate(parts: Sequence[GraphTensors]) -> GraphTensors:
        """All graphs of the parts, in order; at least one part."""
        nodes = max(part.operation_ids.shape[1] for part in parts)
        same = [part.padded(nodes) for part in parts]
        return GraphTensors(
            torch.cat([part.operation_ids for part in same]), torch.cat([part.adjacency for part in same])
        )
