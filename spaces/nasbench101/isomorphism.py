"""Every cell of NAS-Bench-101 by computation, and the number of the isomorphism class of each.

A *wiring* is a pruned upper-triangular graph of 2 to 7 vertices and at most 9 edges; there are 6,472. A *labelled
cell* is a wiring with one of three operations on each interior vertex; there are 1,293,208, numbered by vertices,
wiring and labels. A permutation of the interior vertices that keeps a wiring upper-triangular leads to an isomorphic
one, so the class of every labelled cell follows from trying all of them (at most 120) once: the smallest wiring, then
the smallest labels. That leaves 423,624 classes, the number that Ying et al. report
(https://arxiv.org/abs/1902.09635, section 2.2). A key is then two look-ups.

Edges are bits in target-major order: ``source -> target`` is bit ``target * (target - 1) / 2 + source``, so the edges
into one vertex are one field of bits. A *slot code* is the 21 bits of 7 vertices with the output in the last; a cell
of fewer vertices leaves slots empty.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MAX_EDGES",
    "MAX_VERTICES",
    "NUM_SLOT_EDGES",
    "CellTable",
    "cell_table",
    "edge_bit",
    "labelled_cells",
    "prune_code",
    "prune_codes",
]

MAX_VERTICES = 7
MAX_EDGES = 9
NUM_SLOT_EDGES = 21
_INTERIOR = MAX_VERTICES - 2
_OUTPUT = MAX_VERTICES - 1
_BLOCK = 256

Edge = tuple[int, int]


def edge_bit(source: int, target: int) -> int:
    """The position of an edge in target-major order: 0->1, 0->2, 1->2, 0->3, ..."""
    return target * (target - 1) // 2 + source


@dataclass(frozen=True, slots=True, eq=False)
class CellTable:
    """All wirings, all labelled cells and their classes.

    Attributes:
        edges: The edges of each wiring, sorted.
        wiring_of_edges: The number of the wiring with these edges.
        num_vertices: Vertices of each wiring, (6472,).
        offsets: Number of the first labelled cell of each wiring, and at the end of all, (6473,). Cells of a wiring
            follow in the order of their labels, read as base-3 digits, the first interior vertex the most significant.
        wiring_of_slots: The wiring of a pruned slot code, -1 where it is none, (2**21,).
        classes: The class of each labelled cell, numbered without gaps from 0, (1293208,).
        representatives: The smallest labelled cell of each class, increasing, (423624,).
    """

    edges: tuple[tuple[Edge, ...], ...]
    wiring_of_edges: dict[tuple[Edge, ...], int]
    num_vertices: NDArray[np.int64]
    offsets: NDArray[np.int64]
    wiring_of_slots: NDArray[np.int16]
    classes: NDArray[np.int32]
    representatives: NDArray[np.int32]


@functools.cache
def cell_table() -> CellTable:
    """Compute the table; once a process."""
    codes = {vertices: _wirings(vertices) for vertices in range(2, MAX_VERTICES + 1)}
    edges: list[tuple[Edge, ...]] = []
    slots = np.full(2**NUM_SLOT_EDGES, -1, dtype=np.int16)
    smallest: list[NDArray[np.int32]] = []
    first_wiring = first_cell = 0
    for vertices, wirings in codes.items():
        pairs = sorted(itertools.combinations(range(vertices), 2))
        present = wirings[:, None] >> np.array([edge_bit(*pair) for pair in pairs]) & 1
        edges += [tuple(itertools.compress(pairs, row)) for row in present.tolist()]
        for places in itertools.combinations(range(1, _OUTPUT), vertices - 2):
            slot = (0, *places, _OUTPUT)
            weights = [1 << edge_bit(slot[source], slot[target]) for source, target in pairs]
            slots[present @ np.array(weights)] = first_wiring + np.arange(len(wirings))
        smallest.append((first_cell + _smallest_isomorphic(wirings, vertices)).ravel())
        first_wiring += len(wirings)
        first_cell += smallest[-1].size
    num_vertices = np.repeat(np.array(list(codes)), [len(wirings) for wirings in codes.values()])
    smallest_cell = np.concatenate(smallest)
    is_smallest = smallest_cell == np.arange(len(smallest_cell), dtype=np.int32)
    table = CellTable(
        edges=tuple(edges),
        wiring_of_edges={wiring: number for number, wiring in enumerate(edges)},
        num_vertices=num_vertices,
        offsets=np.concatenate([[0], np.cumsum(3 ** (num_vertices - 2))]),
        wiring_of_slots=slots,
        classes=(np.cumsum(is_smallest, dtype=np.int32) - 1)[smallest_cell],
        representatives=np.flatnonzero(is_smallest).astype(np.int32),
    )
    for array in (table.num_vertices, table.offsets, table.wiring_of_slots, table.classes, table.representatives):
        array.flags.writeable = False
    return table


def _wirings(vertices: int) -> NDArray[np.int64]:
    """The codes of all pruned wirings with this many vertices, increasing.

    Every vertex but the first needs an edge in and every one but the last an edge out; in an upper-triangular graph
    that puts each on a path from input to output. A vertex without an edge out yet is open and will cost one edge.
    """
    codes = np.zeros(1, dtype=np.int64)
    open_vertices = np.ones(1, dtype=np.int64)
    for target in range(1, vertices):
        sources = np.arange(1, 2**target)
        left_open = open_vertices[:, None] & ~sources
        codes = codes[:, None] | sources << edge_bit(0, target)
        is_output = target == vertices - 1
        open_vertices = left_open if is_output else left_open | 1 << target
        keep = np.bitwise_count(codes) + np.bitwise_count(open_vertices) <= MAX_EDGES
        if is_output:
            keep &= left_open == 0
        codes, open_vertices = codes[keep], open_vertices[keep]
    return np.sort(codes)


def _smallest_isomorphic(wirings: NDArray[np.int64], vertices: int) -> NDArray[np.int32]:
    """The smallest isomorphic labelled cell of each wiring and labelling, (len(wirings), 3**(vertices - 2))."""
    interior = vertices - 2
    orders = list(itertools.permutations(range(1, vertices - 1)))
    permutations = np.array(orders, dtype=np.int64).reshape(len(orders), interior)
    place = np.zeros((len(permutations), vertices), dtype=np.int64)
    place[:, 1:-1] = permutations
    place[:, -1] = vertices - 1
    pairs = [(source, target) for target in range(1, vertices) for source in range(target)]
    # A permuted wiring whose edge goes backwards gets a bit above all codes, so it is never the smallest.
    weights = np.stack(
        [
            np.where(
                place[:, source] < place[:, target],
                1 << (place[:, target] * (place[:, target] - 1) // 2 + place[:, source]),
                1 << NUM_SLOT_EDGES,
            )
            for source, target in pairs
        ]
    )
    digits = _digits(interior)
    permuted_labels = ((3 ** (interior - permutations)) @ digits.T).astype(np.int32)
    numbers = np.empty((len(wirings), len(digits)), dtype=np.int32)
    # In blocks: what is needed on the way would otherwise be three times as large as all that is kept.
    for start in range(0, len(wirings), _BLOCK):
        block = wirings[start : start + _BLOCK]
        present = block[:, None] >> np.arange(len(pairs)) & 1
        # In float64 the product is BLAS's, and exact: sums stay far below 2**53.
        permuted = (present.astype(np.float64) @ weights.astype(np.float64)).astype(np.int64)
        smallest = permuted.min(axis=1)
        rows, columns = np.nonzero(permuted == smallest[:, None])
        first_of_row = np.searchsorted(rows, np.arange(len(block)))
        labels = np.minimum.reduceat(permuted_labels[columns], first_of_row, axis=0)
        numbers[start : start + _BLOCK] = np.searchsorted(wirings, smallest)[:, None] * len(digits) + labels
    return numbers


def _digits(interior: int) -> NDArray[np.int64]:
    """The base-3 digits of every labelling, the first interior vertex the most significant, (3**interior, interior)."""
    return np.arange(3**interior)[:, None] // 3 ** np.arange(interior - 1, -1, -1) % 3


def prune_code(code: int) -> tuple[int, int]:
    """Prune one slot code: return the code without dead edges, and the set of live vertices as bits.

    A vertex is live on a path from vertex 0 to vertex 6; where there is no such path both numbers are 0.
    """
    incoming = [0] + [code >> edge_bit(0, target) & (1 << target) - 1 for target in range(1, MAX_VERTICES)]
    reached = 1
    for target in range(1, MAX_VERTICES):
        if incoming[target] & reached:
            reached |= 1 << target
    if not reached >> _OUTPUT:
        return 0, 0
    live = 1 << _OUTPUT
    for target in range(_OUTPUT, 0, -1):
        if live >> target & 1:
            live |= incoming[target] & reached
    pruned = 0
    for target in range(1, MAX_VERTICES):
        if live >> target & 1:
            pruned |= (incoming[target] & live) << edge_bit(0, target)
    return pruned, live


def prune_codes(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Prune many slot codes, (count,); see :func:`prune_code`."""
    incoming = {target: codes >> edge_bit(0, target) & (1 << target) - 1 for target in range(1, MAX_VERTICES)}
    reached = np.ones_like(codes)
    for target in range(1, MAX_VERTICES):
        reached |= ((incoming[target] & reached) != 0).astype(np.int64) << target
    live = reached & 1 << _OUTPUT
    for target in range(_OUTPUT, 0, -1):
        live |= incoming[target] & reached & -(live >> target & 1)
    pruned = np.zeros_like(codes)
    for target in range(1, MAX_VERTICES):
        pruned |= (incoming[target] & live & -(live >> target & 1)) << edge_bit(0, target)
    return pruned, live


@functools.cache
def _label_weights() -> NDArray[np.int64]:
    """The place value of each interior slot's label for each set of live vertices, (128, 5)."""
    weights = np.zeros((2**MAX_VERTICES, _INTERIOR), dtype=np.int64)
    for live in range(len(weights)):
        used = [slot for slot in range(_INTERIOR) if live >> slot + 1 & 1]
        for rank, slot in enumerate(reversed(used)):
            weights[live, slot] = 3**rank
    return weights


def labelled_cells(codes: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the labelled cells of many slot codes after pruning; -1 where there is no valid cell.

    Args:
        codes: Slot codes, pruned or not, (count,).
        labels: Operation numbers 0 to 2 of the interior slots, (count, 5); those of dead slots do not count.
    """
    table = cell_table()
    pruned, live = prune_codes(codes)
    wirings = table.wiring_of_slots[pruned]
    cells = table.offsets[wirings] + np.einsum("ij,ij->i", labels, _label_weights()[live])
    return np.where(wirings >= 0, cells, -1)
