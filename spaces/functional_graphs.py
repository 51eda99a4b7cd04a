"""What architectures compute, as batched arrays: dead nodes pruned and skips contracted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.graph_arrays import graph_arrays
from ganas.spaces.live_encodings import live_nodes
from ganas.spaces.space import Space

__all__ = ["FunctionalGraphs", "functional_graphs"]


@dataclass(frozen=True, slots=True, eq=False)
class FunctionalGraphs:
    """The labelled multigraphs that :func:`ganas.spaces.canonical.functional_certificate` compares.

    Functional twins differ at most in how their nodes are numbered. The batch is the last axis, also in memory: sums
    over nodes then run over long rows.

    Attributes:
        labels: Index into ``space.operations`` plus, in the cell of number c, c times their number; -1 where no node
            is, (max_nodes, count) int64.
        edges: At ``[source, target, b]`` how often the target reads the source, (max_nodes, max_nodes, count) float64.
    """

    labels: NDArray[np.int64]
    edges: NDArray[np.float64]

    @property
    def present(self) -> NDArray[np.bool_]:
        """Where nodes are, (max_nodes, count)."""
        return self.labels >= 0

    @property
    def is_input(self) -> NDArray[np.bool_]:
        """Nodes that read no other, (max_nodes, count)."""
        return self.present & ~self.edges.any(axis=0)

    @property
    def is_output(self) -> NDArray[np.bool_]:
        """Nodes that no other reads, (max_nodes, count)."""
        return self.present & ~self.edges.any(axis=1)

    @property
    def sources(self) -> list[NDArray[np.int64]]:
        """For each node which ones it reads in some graph."""
        return [np.flatnonzero(row) for row in np.asarray(self.edges.any(axis=2)).T]


def functional_graphs(space: Space, architectures: Sequence[Architecture]) -> FunctionalGraphs:
    """Prune what does not reach an output, and contract skips; nodes keep their numbers.

    A node with one of the space's ``skip_operations`` that reads and is read goes: its readers read what it reads, as
    often as the paths say. Everything as :func:`ganas.spaces.canonical.functional_certificate` does it.

    Raises:
        WrongSpace: An architecture is of another space.
        InvalidArchitecture: An architecture has an operation that the space does not know, or too many nodes.

    >>> from ganas.spaces.nasbench201.space import NASBench201
    >>> space = NASBench201()
    >>> cell = space.parse("|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|")
    >>> graphs = functional_graphs(space, [cell])
    >>> [space.operations[label] for label in graphs.labels[graphs.present[:, 0], 0]]
    ['input', 'nor_conv_3x3', 'output']
    >>> float(graphs.edges.sum())
    2.0
    """
    batch = graph_arrays(space, architectures)
    live = live_nodes(space, batch)
    adjacency = np.ascontiguousarray((batch.adjacency & live[:, :, None] & live[:, None, :]).transpose(1, 2, 0))
    skips = [number for number, label in enumerate(space.operations) if label in space.skip_operations]
    gone = np.isin(batch.operation_ids, skips) & batch.adjacency.any(axis=1) & batch.adjacency.any(axis=2)
    numbers = batch.operation_ids + len(space.operations) * _cells(space, architectures)
    labels = np.ascontiguousarray(np.where(live & ~gone, numbers, -1).T)
    edges = adjacency.astype(np.float64)
    gone = np.ascontiguousarray((gone & live).T)
    # In topological order, so that a chain of skips is contracted from its beginning.
    for node in np.flatnonzero(gone.any(axis=1)):
        arriving = np.where(gone[node], edges[:, node], 0.0)
        for target in np.flatnonzero(adjacency[node].any(axis=1)):
            edges[:, target] += arriving * edges[node, target]
        edges[:, node] -= arriving
        edges[node, :, gone[node]] = 0.0
    return FunctionalGraphs(labels, edges)


def _cells(space: Space, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
    """The number of each node's cell, 0 in a space with one cell, (count, max_nodes)."""
    kinds: dict[tuple[int, ...], int] = {}
    kind_of = [kinds.setdefault(architecture.cells, len(kinds)) for architecture in architectures]
    rows = np.zeros((len(kinds), space.max_nodes), dtype=np.int64)
    for cells, row in kinds.items():
        rows[row, : len(cells)] = cells
    return rows[np.array(kind_of, dtype=np.int64)]
