"""Batched encodings: architectures of any space as arrays of one shape.

Each encoding is a function ``(space, architectures) -> (count, columns)`` in float32, whose columns depend on the
space alone. :func:`encode` finds one by name. Here are those of an architecture as written; those of what reaches an
output are in :mod:`ganas.spaces.live_encodings`, and the arrays that graph networks read in
:mod:`ganas.spaces.graph_arrays`. All of them can be imported from this module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting, NotSupported, unknown_name
from ganas.spaces.graph_arrays import GraphBatch, graph_arrays, operation_one_hot
from ganas.spaces.live_encodings import (
    live_nodes,
    live_one_hot,
    live_operation_counts,
    live_operation_pair_columns,
    live_operation_pairs,
    live_path_summary,
    live_path_summary_columns,
)
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
    "live_operation_pair_columns",
    "live_operation_pairs",
    "live_path_summary",
    "live_path_summary_columns",
    "one_hot",
    "operation_one_hot",
    "path_columns",
    "path_encoding",
]

Encoding = Callable[[Space, Sequence[Architecture]], NDArray[np.float32]]

_MOST_PATH_COLUMNS = 100_000
# Path encoding holds the paths of every node at once: this many values at a time.
_PATH_CHUNK = 2**25


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
    operations = operation_one_hot(space, batch).reshape(len(batch.adjacency), space.max_nodes * len(space.operations))
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


# --- by name -----------------------------------------------------------------------------------------------------

ENCODINGS: dict[str, Encoding] = {
    "one_hot": one_hot,
    "adjacency_one_hot": adjacency_one_hot,
    "path": path_encoding,
    "live_one_hot": live_one_hot,
    "live_operation_counts": live_operation_counts,
    "live_operation_pairs": live_operation_pairs,
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
