"""Encodings of what reaches an output, once dead nodes are pruned.

A node is *live* when a path from an input (a node without in-edges) to an output (a node without out-edges) leads
through it and no node on that path has one of the space's ``zero_operations``; a *live path* is such a path.

Numbers of nodes and of paths do not depend on how an architecture's nodes are numbered; :func:`live_nodes` and
:func:`live_one_hot` do, as they speak of each node.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.graph_arrays import GraphBatch, graph_arrays, operation_one_hot
from ganas.spaces.space import Space

__all__ = [
    "live_nodes",
    "live_one_hot",
    "live_operation_counts",
    "live_operation_pair_columns",
    "live_operation_pairs",
    "live_path_summary",
    "live_path_summary_columns",
]


def live_nodes(space: Space, batch: GraphBatch) -> NDArray[np.bool_]:
    """Which nodes lie on a path from an input to an output without a zero operation, (count, max_nodes)."""
    zeros = [index for index, operation in enumerate(space.operations) if operation in space.zero_operations]
    passes = batch.node_mask & ~np.isin(batch.operation_ids, zeros)
    if np.array_equal(passes, batch.node_mask):
        return passes  # in a finite graph without cycles every node is on some path between such ends
    forward = passes & ~batch.adjacency.any(axis=1)
    for node, sources in enumerate(_neighbours(batch.adjacency.any(axis=0).T)):
        if len(sources):
            reached = (forward[:, sources] & batch.adjacency[:, sources, node]).any(axis=1)
            forward[:, node] |= passes[:, node] & reached
    backward = passes & ~batch.adjacency.any(axis=2)
    for node, targets in reversed([*enumerate(_neighbours(batch.adjacency.any(axis=0)))]):
        if len(targets):
            reached = (backward[:, targets] & batch.adjacency[:, node, targets]).any(axis=1)
            backward[:, node] |= passes[:, node] & reached
    return forward & backward


def live_one_hot(space: Space, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
    """The operation of each live node one-hot, zero for the others, (count, max_nodes * len(operations))."""
    batch = graph_arrays(space, architectures)
    encoded = operation_one_hot(space, batch) & live_nodes(space, batch)[:, :, None]
    return encoded.reshape(len(encoded), space.max_nodes * len(space.operations)).astype(np.float32)


def live_operation_counts(space: Space, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
    """How many live nodes have each operation, (count, len(operations))."""
    batch = graph_arrays(space, architectures)
    encoded = operation_one_hot(space, batch) & live_nodes(space, batch)[:, :, None]
    counts: NDArray[np.float32] = encoded.sum(axis=1, dtype=np.float32)
    return counts


def live_path_summary_columns(space: Space) -> tuple[str, ...]:
    """Names of the columns of :func:`live_path_summary`.

    >>> from ganas.spaces.nasbench101.space import NASBench101
    >>> live_path_summary_columns(NASBench101())[:5]
    ('paths', 'shortest', 'longest', 'total input', 'total conv3x3-bn-relu')
    """
    totals = tuple(f"total {operation}" for operation in space.operations)
    return ("paths", "shortest", "longest", *totals, *(f"most {operation}" for operation in space.operations))


def live_path_summary(space: Space, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
    """Numbers of the live paths from inputs to outputs, (count, 3 + 2 * len(operations)).

    In the order of :func:`live_path_summary_columns`: how many live paths there are; how many nodes the shortest and
    the longest have, ends included; then for each operation how often it occurs on all live paths together, and how
    often on the path that has most of it. All zero where nothing is live.
    """
    batch = graph_arrays(space, architectures)
    live = live_nodes(space, batch)
    # The batch is the last axis here, also in memory: sums over nodes and kinds then run over long rows.
    edges = np.ascontiguousarray((batch.adjacency & live[:, :, None] & live[:, None, :]).transpose(1, 2, 0))
    label = np.ascontiguousarray(operation_one_hot(space, batch).transpose(1, 2, 0))
    alive = np.ascontiguousarray(live.T)
    is_input = alive & ~batch.adjacency.any(axis=1).T
    is_output = alive & ~batch.adjacency.any(axis=2).T
    nodes, kinds, count = label.shape
    # Of the live paths from an input to each node, the node included; the last slot sums up those to an output.
    paths = np.zeros((nodes + 1, count))
    shortest = np.full((nodes + 1, count), np.inf)
    longest = np.zeros((nodes + 1, count))
    total = np.zeros((nodes + 1, kinds, count))
    most = np.zeros((nodes + 1, kinds, count))
    sources_of = [*_neighbours(edges.any(axis=2).T), np.flatnonzero(is_output.any(axis=1))]
    for node, numbers in enumerate(sources_of):
        sources = edges[numbers, node] if node < nodes else is_output[numbers]
        paths[node] = np.where(sources, paths[numbers], 0).sum(axis=0)
        shortest[node] = np.where(sources, shortest[numbers], np.inf).min(axis=0, initial=np.inf)
        longest[node] = np.where(sources, longest[numbers], 0).max(axis=0, initial=0)
        total[node] = np.where(sources[:, None], total[numbers], 0).sum(axis=0)
        most[node] = np.where(sources[:, None], most[numbers], 0).max(axis=0, initial=0)
        if node < nodes:
            paths[node, is_input[node]] = 1
            shortest[node, is_input[node]] = 0
            shortest[node] += 1
            longest[node] += alive[node]
            total[node] += label[node] * paths[node]
            most[node] += label[node] & alive[node]
    shortest[np.isinf(shortest)] = 0
    summary = np.concatenate([paths[-1:], shortest[-1:], longest[-1:], total[-1], most[-1]])
    encoded: NDArray[np.float32] = summary.T.astype(np.float32, order="C")
    return encoded


def live_operation_pair_columns(space: Space) -> tuple[str, ...]:
    """Names of the columns of :func:`live_operation_pairs`, by the first operation and then the second.

    >>> from ganas.spaces.nasbench201.space import NASBench201
    >>> live_operation_pair_columns(NASBench201())[:3]
    ('input > input', 'input > nor_conv_1x1', 'input > nor_conv_3x3')
    """
    labels = [space.operations[number] for number in _lasting_operations(space)]
    return tuple(f"{first} > {second}" for first in labels for second in labels)


def live_operation_pairs(space: Space, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
    """How often one operation follows another on all live paths together, skips taken out, (count, kinds * kinds).

    The kinds are the labels of ``space.operations`` that are neither zero nor skip operations, inputs and outputs
    among them. Nodes with a skip operation are removed from each path, wherever they stand on it; then each two
    neighbours on the path count for the column of their labels, in the order of
    :func:`live_operation_pair_columns`. All zero where nothing is live.

    >>> from ganas.spaces.nasbench201.space import NASBench201
    >>> space = NASBench201()
    >>> cell = space.parse("|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|")
    >>> pairs = live_operation_pairs(space, [cell])[0]
    >>> [column for column, times in zip(live_operation_pair_columns(space), pairs) if times]
    ['input > nor_conv_3x3', 'nor_conv_3x3 > output']
    """
    batch = graph_arrays(space, architectures)
    live = live_nodes(space, batch)
    count, nodes = live.shape
    lasting = _lasting_operations(space)
    kinds = len(lasting)
    # The batch is the last axis here, also in memory: sums over nodes and kinds then run over long rows.
    edges = (batch.adjacency & live[:, :, None] & live[:, None, :]).transpose(1, 2, 0).astype(np.float64, order="C")
    label = (batch.operation_ids.T[:, None] == lasting[:, None]).astype(np.float64, order="C")
    contracted = 1 - label.sum(axis=1)
    is_input = (live & ~batch.adjacency.any(axis=1)).T
    is_output = (live & ~batch.adjacency.any(axis=2)).T

    # How many live paths from an input reach the node, by the kind of the last operation before it that is not a
    # skip; the last slot counts those that have none yet. In leaving, the node itself is included.
    arriving = np.zeros((nodes, kinds + 1, count))
    leaving = np.zeros((nodes, kinds + 1, count))
    wired = edges.any(axis=2)
    for node, sources in enumerate(_neighbours(wired.T)):
        arriving[node, kinds] = is_input[node]
        for source in sources:
            arriving[node] += edges[source, node] * leaving[source]
        leaving[node] = contracted[node] * arriving[node]
        leaving[node, :kinds] += label[node] * arriving[node].sum(axis=0)
    # How many live paths lead from the node to an output.
    onward = is_output.astype(np.float64)
    for node, targets in reversed([*enumerate(_neighbours(wired))]):
        onward[node] += (edges[node, targets] * onward[targets]).sum(axis=0)
    pairs = np.einsum("vac,vbc->cab", arriving[:, :kinds], label * onward[:, None]).reshape(count, kinds * kinds)
    encoded: NDArray[np.float32] = pairs.astype(np.float32, order="C")
    return encoded


def _neighbours(wired: ArrayLike) -> list[NDArray[np.int64]]:
    """For each row the numbers of the columns that are true: which nodes a node is wired to in some graph."""
    return [np.flatnonzero(row) for row in np.asarray(wired)]


def _lasting_operations(space: Space) -> NDArray[np.int64]:
    """Ids of the operations that neither end a path nor are contracted."""
    gone = space.zero_operations | space.skip_operations
    return np.array([number for number, label in enumerate(space.operations) if label not in gone], dtype=np.int64)
