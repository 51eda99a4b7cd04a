"""How NAS-Bench-101 writes a cell: an adjacency matrix with labels, and the text of its official records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganas.spaces.errors import InvalidArchitecture, MalformedArchitecture, closest_match, quote_list
from ganas.spaces.nasbench101.isomorphism import MAX_VERTICES, edge_bit

if TYPE_CHECKING:
    from ganas.spaces.architecture import Architecture

__all__ = [
    "INPUT",
    "INTERIOR_OPERATIONS",
    "OPERATIONS",
    "OUTPUT",
    "format_record",
    "matrix_of",
    "parse_record",
    "slot_code",
]

INPUT = "input"
OUTPUT = "output"
INTERIOR_OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""In the order of the official code, which numbers them 0 to 2."""
OPERATIONS = (INPUT, *INTERIOR_OPERATIONS, OUTPUT)


def slot_code(matrix: ArrayLike, operations: Sequence[str]) -> tuple[int, list[int]]:
    """Read a matrix and its labels into 21 edge bits and 5 operation numbers, the output in the last of 7 slots.

    Nothing is pruned here. Slots that the cell does not use have no edges and operation 0.

    Args:
        matrix: Upper-triangular, 0 or 1, as booleans, integers or floats, (vertices, vertices).
        operations: The label of each vertex.

    Raises:
        MalformedArchitecture: The matrix is not square, not upper-triangular or not of 0 and 1, or a label is wrong.
        InvalidArchitecture: There are more than 7 vertices.
    """
    array = np.asarray(matrix)
    vertices = len(operations)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise MalformedArchitecture(f"an adjacency matrix is square, not of shape {array.shape}")
    if len(array) != vertices:
        raise MalformedArchitecture(f"{vertices} operations were given for a matrix of {len(array)} vertices")
    if vertices < 2:
        raise InvalidArchitecture(f"a cell has at least an input and an output, not {vertices} vertices")
    if vertices > MAX_VERTICES:
        raise InvalidArchitecture(f"a cell of NAS-Bench-101 has at most {MAX_VERTICES} vertices, not {vertices}")
    if array.dtype.kind not in "buif" or not ((array == 0) | (array == 1)).all():
        raise MalformedArchitecture("the entries of an adjacency matrix are 0 and 1")
    sources, targets = (axis.tolist() for axis in np.nonzero(array))
    for source, target in zip(sources, targets, strict=True):
        if source >= target:
            raise MalformedArchitecture(
                f"the adjacency matrix must be strictly upper-triangular: it has an edge {source} -> {target}"
            )
    if operations[0] != INPUT or operations[-1] != OUTPUT:
        raise MalformedArchitecture(
            f"the first label must be {INPUT!r} and the last {OUTPUT!r}, not {operations[0]!r} and {operations[-1]!r}"
        )
    for label in operations[1:-1]:
        if label not in INTERIOR_OPERATIONS:
            raise MalformedArchitecture(
                f"unknown operation {label!r}: known are {quote_list(INTERIOR_OPERATIONS)}"
                f"{closest_match(label, INTERIOR_OPERATIONS)}"
            )
    code = 0
    for source, target in zip(sources, targets, strict=True):
        code |= 1 << edge_bit(source, MAX_VERTICES - 1 if target == vertices - 1 else target)
    labels = [INTERIOR_OPERATIONS.index(label) for label in operations[1:-1]]
    return code, labels + [0] * (MAX_VERTICES - vertices)


def matrix_of(architecture: Architecture) -> tuple[NDArray[np.int8], list[str]]:
    """The adjacency matrix, (vertices, vertices) int8, and the label of each vertex."""
    matrix = np.zeros((architecture.num_nodes, architecture.num_nodes), dtype=np.int8)
    for source, target in architecture.edges:
        matrix[source, target] = 1
    return matrix, list(architecture.operations)


def parse_record(text: str) -> tuple[NDArray[np.int8], list[str]]:
    """Split ``raw_adjacency:raw_operations`` into a matrix, not yet checked, and labels.

    Raises:
        MalformedArchitecture: The text is not of this form.
    """
    bits, colon, labels = str(text).strip().partition(":")
    size = math.isqrt(len(bits))
    if not colon or not bits or set(bits) - {"0", "1"} or size * size != len(bits):
        raise MalformedArchitecture(
            f"{text!r} is not a NAS-Bench-101 cell: the rows of the adjacency matrix, a colon and the labels are "
            "wanted, as in 010001000:input,conv3x3-bn-relu,output"
        )
    matrix = np.array([int(bit) for bit in bits], dtype=np.int8).reshape(size, size)
    return matrix, [label.strip() for label in labels.split(",")]


def format_record(architecture: Architecture) -> str:
    """Write ``raw_adjacency:raw_operations``, the two fields of the official records joined by a colon."""
    vertices = architecture.num_nodes
    bits = ["0"] * vertices**2
    for source, target in architecture.edges:
        bits[source * vertices + target] = "1"
    return f"{''.join(bits)}:{','.join(architecture.operations)}"
