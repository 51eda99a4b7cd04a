"""Architectures of one space as padded arrays of labels and edges: what graph networks and encodings read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture, Edge
from ganas.spaces.errors import InvalidArchitecture, WrongSpace
from ganas.spaces.space import Space

__all__ = ["GraphBatch", "graph_arrays", "operation_one_hot"]


@dataclass(frozen=True, slots=True, eq=False)
class GraphBatch:
    """Many graphs of one space, padded to its ``max_nodes``.

    Attributes:
        operation_ids: Indices into ``space.operations``, -1 where no node is, (count, max_nodes) int64.
        adjacency: True at ``[b, source, target]``, (count, max_nodes, max_nodes) bool.
        node_mask: Where nodes are, (count, max_nodes) bool.
    """

    operation_ids: NDArray[np.int64]
    adjacency: NDArray[np.bool_]
    node_mask: NDArray[np.bool_]


def graph_arrays(space: Space, architectures: Sequence[Architecture]) -> GraphBatch:
    """Labels and edges as padded arrays; nodes keep their numbers.

    Raises:
        WrongSpace: An architecture is of another space.
        InvalidArchitecture: An architecture has an operation that the space does not know, or too many nodes.
    """
    number = {operation: index for index, operation in enumerate(space.operations)}
    sizes = []
    for architecture in architectures:
        if architecture.space != space.name:
            raise WrongSpace(f"an architecture of {space.name!r} is wanted, not of {architecture.space!r}")
        if len(architecture.operations) > space.max_nodes:
            raise InvalidArchitecture(f"{architecture!r} has more than the {space.max_nodes} nodes of {space.name!r}")
        sizes.append(len(architecture.operations))
    count = len(sizes)
    node_mask = np.arange(space.max_nodes) < np.array(sizes, dtype=np.int64).reshape(count, 1)
    operation_ids = np.full((count, space.max_nodes), -1, dtype=np.int64)
    try:
        operation_ids[node_mask] = [number[o] for architecture in architectures for o in architecture.operations]
    except KeyError as error:
        raise InvalidArchitecture(f"{space.name!r} has no operation {error.args[0]!r}") from None
    # Architectures of one wiring share it: all of them in some spaces.
    wirings: dict[tuple[Edge, ...], int] = {}
    wiring_of = [wirings.setdefault(architecture.edges, len(wirings)) for architecture in architectures]
    rows = np.repeat(np.arange(len(wirings)), [len(edges) for edges in wirings])
    ends = np.fromiter(chain.from_iterable(chain.from_iterable(wirings)), dtype=np.int64)
    wired = np.zeros((len(wirings), space.max_nodes, space.max_nodes), dtype=bool)
    wired[rows, ends[::2], ends[1::2]] = True
    adjacency = wired[np.array(wiring_of, dtype=np.int64)]
    return GraphBatch(operation_ids, adjacency, node_mask)


def operation_one_hot(space: Space, batch: GraphBatch) -> NDArray[np.bool_]:
    """The operation of each node one-hot, (count, max_nodes, len(operations))."""
    encoded: NDArray[np.bool_] = batch.operation_ids[:, :, None] == np.arange(len(space.operations))
    return encoded
