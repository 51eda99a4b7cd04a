"""Batched encodings: architectures of any space as arrays of one shape.

Each encoding is a function ``(space, architectures) -> (count, columns)`` in float32, whose columns depend on the
space alone. :func:`encode` finds one by name. :func:`graph_arrays` gives what graph networks read.

*Live* encodings look only at what reaches an output: a node is live when a path from an input (a node without
in-edges) to an output (a node without out-edges) leads through it and no node on that path has one of the space's
``zero_operations``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidArchitecture, InvalidSetting, NotSupported, WrongSpace, unknown_name
from ganas.spaces.space import Space

__all__ = [
    "ENCODINGS",
    "GraphBatch",
    "Encoding",
    "adjacency_one_hot",
    "encode",
    "graph_arrays",
    "live_nodes",
    "live_one_hot",
    "live_operation_counts",
    "live_path_summary",
    "live_path_summary_columns",
    "one_hot",
    "path_columns",
    "path_encoding",
]

Encoding = Callable[[Space, Sequence[Architecture]], NDArray[np.float32]]

_MOST_PATH_COLUMNS = 100_000
# Path encoding holds the paths of every node at once: this many values at a time.
_PATH_CHUNK = 2**25


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
    adjacency = np.zeros((count, space.max_nodes, space.max_nodes), dtype=bool)
    rows = np.repeat(np.arange(count), [len(architecture.edges) for architecture in architectures])
    edges = np.array([edge for architecture in architectures for edge in architecture.edges], dtype=np.int64)
    adjacency[rows, edges.reshape(-1, 2)[:, 0], edges.reshape(-1, 2)[:, 1]] = True
    return GraphBatch(operation_ids, adjacency, node_mask)


def one_hot(space: Space, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
    """The genotype with each position one-hot, (count, sum(space.choices)).

    >>> from ganas.spaces.nasbench201.space import NASBench201
    >>> space = NASBench201()
    >>> one_hot(space, [space.decode((0, 1, 2, 3, 4, 0))]).reshape(6, 5).argmax(axis=1).tolist()
    [0, 1, 2, 3, 4, 0]
    """
    genotypes = space.encode_many(architectures)
    offsets = np.concatenate([[0], np.cumsum(space.choices)[:-1]]).astype(np.int64)
    encoded = np.zeros((len(genotypes), sum(space.choices)), dtype=np.float32)
    np.put_along_axis(encoded, genotypes + offsets, 1.0, axis=1)
    return encoded


def adjacency_one_hot(space: Space, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
    """The upper triangle of the adjacency matrix by rows, then each node's operation one-hot (none: all zero).

    Its shape is (count, max_nodes * (max_nodes - 1) / 2 + max_nodes * len(operations)).
    """
    batch = graph_arrays(space, architectures)
    sources, targets = np.triu_indices(space.max_nodes, k=1)
    operations = _operation_one_hot(space, batch).reshape(len(batch.adjacency), space.max_nodes * len(space.operations))
    return np.concatenate([batch.adjacency[:, sources, targets], operations], axis=1, dtype=np.float32)


# --- paths -------------------------------------------------------------------------------------------------------


def path_columns(space: Space, max_length: int | None = None) -> tuple[tuple[str, ...], ...]:
    """The operation sequence of each column of :func:`path_encoding`: by length, then in the order of operations."""
    operations, longest = _path_vocabulary(space, max_length)
    sequences: list[tuple[str, ...]] = [()]
    columns = list(sequences)
    for _ in range(longest):
        sequences = [(*sequence, operation) for sequence in sequences for operation in operations]
        columns += sequences
    return tuple(columns)


def path_encoding(
    space: Space, architectures: Sequence[Architecture], max_length: int | None = None
) -> NDArray[np.float32]:
    """Which operation sequences occur on a path from an input to an output: 1 or 0 for each possible sequence.

    White, Neiswanger and Savani, "BANANAS", AAAI 2021, https://arxiv.org/abs/1910.11858, section 4. A sequence holds
    the labels strictly between the two ends; sequences are ordered by length, the empty one (an edge from input to
    output) first, so a short prefix of the columns is the truncated encoding. With several cells a sequence counts
    wherever it occurs. Nothing is pruned.

    Args:
        space: The space.
        architectures: Its architectures.
        max_length: Longest sequence with a column of its own; by default the longest that the space has. Longer
            paths are left out.

    Raises:
        InvalidSetting: ``max_length`` is negative, or there would be more than 100,000 columns.
    """
    operations, longest = _path_vocabulary(space, max_length)
    kinds = len(operations)
    widths = [kinds**length for length in range(longest + 1)]
    chunk = max(1, _PATH_CHUNK // (sum(widths) * space.max_nodes))
    if len(architectures) > chunk:
        parts = [architectures[start : start + chunk] for start in range(0, len(architectures), chunk)]
        return np.concatenate([path_encoding(space, part, longest) for part in parts])

    batch = graph_arrays(space, architectures)
    count = len(batch.node_mask)
    has_in = np.asarray(batch.adjacency.any(axis=1))
    has_out = np.asarray(batch.adjacency.any(axis=2))
    interior = np.array([space.operations.index(operation) for operation in operations], dtype=np.int64)
    label = batch.operation_ids[:, :, None] == interior
    _require_interior_labels(space, batch, label.any(axis=2) | ~(has_in & has_out))
    # passing[node][length]: which sequences of this length end with the node itself, (count, kinds**length).
    passing: list[list[NDArray[np.bool_]]] = []
    found = [np.zeros((count, width), dtype=bool) for width in widths]
    for node in range(space.max_nodes):
        arriving = [np.zeros((count, width), dtype=bool) for width in widths]
        for source in range(node):
            edge = batch.adjacency[:, source, node, None]
            if edge.any():
                for length in range(longest + 1):
                    arriving[length] |= passing[source][length] & edge
        is_input = (batch.node_mask[:, node] & ~has_in[:, node])[:, None]
        is_output = (has_in[:, node] & ~has_out[:, node])[:, None]
        for length in range(longest + 1):
            found[length] |= arriving[length] & is_output
        onward: list[NDArray[np.bool_]] = [np.broadcast_to(is_input, (count, 1))]
        for length in range(longest):
            longer = arriving[length][:, :, None] & label[:, node, None, :]
            onward.append(longer.reshape(count, widths[length + 1]))
        passing.append(onward)
    return np.concatenate(found, axis=1, dtype=np.float32)


def _path_vocabulary(space: Space, max_length: int | None) -> tuple[tuple[str, ...], int]:
    """The labels that may stand between the ends of a path, and the length of the longest sequence."""
    operations = tuple(o for o in space.operations if not o.startswith(("input", "output")))
    possible = space.longest_path if space.longest_path is not None else space.max_nodes - 2
    longest = possible if max_length is None else min(max_length, possible)
    if longest < 0:
        raise InvalidSetting(f"max_length must not be negative, not {max_length}")
    columns = 0
    for length in range(longest + 1):
        columns += len(operations) ** length
        if columns > _MOST_PATH_COLUMNS:
            raise InvalidSetting(
                f"the path encoding of {space.name!r} has more than {_MOST_PATH_COLUMNS:,} columns for sequences of up "
                f"to {longest} operations: pass a max_length of at most {length - 1}"
            )
    return operations, longest


def _require_interior_labels(space: Space, batch: GraphBatch, allowed: NDArray[np.bool_]) -> None:
    if not allowed.all():
        label = space.operations[int(batch.operation_ids[~allowed][0])]
        raise NotSupported(
            f"{label!r} stands inside a path of {space.name!r}, and names an input or output by its name"
        )


# --- after pruning -----------------------------------------------------------------------------------------------


def live_nodes(space: Space, batch: GraphBatch) -> NDArray[np.bool_]:
    """Which nodes lie on a path from an input to an output without a zero operation, (count, max_nodes)."""
    zeros = [index for index, operation in enumerate(space.operations) if operation in space.zero_operations]
    passes = batch.node_mask & ~np.isin(batch.operation_ids, zeros)
    forward = passes & ~batch.adjacency.any(axis=1)
    for node in range(space.max_nodes):
        forward[:, node] |= passes[:, node] & (forward & batch.adjacency[:, :, node]).any(axis=1)
    backward = passes & ~batch.adjacency.any(axis=2)
    for node in reversed(range(space.max_nodes)):
        backward[:, node] |= passes[:, node] & (backward & batch.adjacency[:, node]).any(axis=1)
    return forward & backward


def live_one_hot(space: Space, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
    """The operation of each live node one-hot, zero for the others, (count, max_nodes * len(operations))."""
    batch = graph_arrays(space, architectures)
    encoded = _operation_one_hot(space, batch) & live_nodes(space, batch)[:, :, None]
    return encoded.reshape(len(encoded), space.max_nodes * len(space.operations)).astype(np.float32)


def live_operation_counts(space: Space, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
    """How many live nodes have each operation, (count, len(operations))."""
    batch = graph_arrays(space, architectures)
    encoded = _operation_one_hot(space, batch) & live_nodes(space, batch)[:, :, None]
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
    edges = batch.adjacency & live[:, :, None] & live[:, None, :]
    label = _operation_one_hot(space, batch)
    count, nodes = live.shape
    kinds = len(space.operations)
    # Of the live paths from an input to each node, the node included; the last slot sums up those to an output.
    paths = np.zeros((count, nodes + 1))
    shortest = np.full((count, nodes + 1), np.inf)
    longest = np.zeros((count, nodes + 1))
    total = np.zeros((count, nodes + 1, kinds))
    most = np.zeros((count, nodes + 1, kinds))
    is_output = live & ~batch.adjacency.any(axis=2)
    for node in range(nodes + 1):
        sources = edges[:, :node, node] if node < nodes else is_output
        before = slice(0, sources.shape[1])
        paths[:, node] = np.where(sources, paths[:, before], 0).sum(axis=1)
        shortest[:, node] = np.where(sources, shortest[:, before], np.inf).min(axis=1, initial=np.inf)
        longest[:, node] = np.where(sources, longest[:, before], 0).max(axis=1, initial=0)
        total[:, node] = np.where(sources[:, :, None], total[:, before], 0).sum(axis=1)
        most[:, node] = np.where(sources[:, :, None], most[:, before], 0).max(axis=1, initial=0)
        if node < nodes:
            is_input = live[:, node] & ~batch.adjacency[:, :, node].any(axis=1)
            paths[is_input, node] = 1
            shortest[is_input, node] = 0
            shortest[:, node] += 1
            longest[:, node] += live[:, node]
            total[:, node] += label[:, node] * paths[:, node, None]
            most[:, node] += label[:, node] & live[:, node, None]
    shortest[np.isinf(shortest)] = 0
    return np.concatenate(
        [paths[:, -1:], shortest[:, -1:], longest[:, -1:], total[:, -1], most[:, -1]], axis=1, dtype=np.float32
    )


def _operation_one_hot(space: Space, batch: GraphBatch) -> NDArray[np.bool_]:
    """The operation of each node one-hot, (count, max_nodes, len(operations))."""
    encoded: NDArray[np.bool_] = batch.operation_ids[:, :, None] == np.arange(len(space.operations))
    return encoded


# --- by name -----------------------------------------------------------------------------------------------------

ENCODINGS: dict[str, Encoding] = {
    "one_hot": one_hot,
    "adjacency_one_hot": adjacency_one_hot,
    "path": path_encoding,
    "live_one_hot": live_one_hot,
    "live_operation_counts": live_operation_counts,
    "live_path_summary": live_path_summary,
}
"""Every encoding by name."""


def encode(space: Space, architectures: Sequence[Architecture], name: str) -> NDArray[np.float32]:
    """Encode by the name of an encoding, (count, columns).

    Raises:
        UnknownName: No encoding has this name.
    """
    try:
        encoding = ENCODINGS[name]
    except KeyError:
        raise unknown_name("encoding", name, ENCODINGS) from None
    return encoding(space, architectures)
