"""How the cells of DARTS are drawn as one DAG, and in which order a genotype lists their choices.

Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, section 2,
https://arxiv.org/abs/1806.09055. A cell has two inputs, the outputs of the two layers before, and four nodes, each the
sum of two operations on different earlier ones. What a node may read is numbered as in the official code: 0 and 1 are
the inputs, 2 to 5 the nodes.

Each operation becomes a node of the DAG, each sum one labelled ``add``, and the output joins the four sums along the
channels. A cell has 15 nodes, the normal cell those from 0, the reduction cell those from 15:

====================  ==================================================
0, 1                  the inputs
3 k - 4, 3 k - 3      the operations of node k, that with the lower source first
3 k - 2               node k, their sum
14                    the output
====================  ==================================================
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ganas.spaces.architecture import Edge

__all__ = [
    "CELLS",
    "CELL_CHOICES",
    "CELL_NODES",
    "EDGES_PER_CELL",
    "NODES",
    "OPERATIONS",
    "SOURCE_PAIRS",
    "cell_edges",
    "cell_labels",
    "source_node",
    "wiring_number",
]

OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""In the order of the official code, which has ``none`` before them for its search alone."""

CELLS = ("normal", "reduce")
"""The names of the cells; cell number 0 is the first."""

NODES = (2, 3, 4, 5)
"""The numbers of the nodes of a cell; 0 and 1 are its inputs."""

SOURCE_PAIRS = {node: tuple(itertools.combinations(range(node), 2)) for node in NODES}
"""For each node the pairs of sources that it may read, in the order of NAS-Bench-301's configuration space."""

CELL_CHOICES = tuple(
    count
    for node in NODES
    # Node 2 reads both inputs: that is no choice.
    for count in (*([len(SOURCE_PAIRS[node])] if node > 2 else []), len(OPERATIONS), len(OPERATIONS))
)
"""How many values each choice of a cell takes: for each node the pair that it reads and its two operations."""

CELL_NODES = 15
EDGES_PER_CELL = 20


def source_node(source: int) -> int:
    """The node of the DAG that is input or node ``source`` of the first cell."""
    return source if source < 2 else 3 * source - 2


def wiring_number(third: int, fourth: int, fifth: int) -> int:
    """The number of a wiring, from 0 to 179, by the numbers of the pairs that nodes 3 to 5 read."""
    return (third * len(SOURCE_PAIRS[4]) + fourth) * len(SOURCE_PAIRS[5]) + fifth


def _edges(pairs: Sequence[tuple[int, int]], first: int) -> tuple[Edge, ...]:
    edges = []
    for node, pair in zip(NODES, pairs, strict=True):
        total = source_node(node)
        for operation, source in zip((total - 2, total - 1), pair, strict=True):
            edges += [(source_node(source), operation), (operation, total)]
        edges.append((total, CELL_NODES - 1))
    return tuple(sorted((first + source, first + target) for source, target in edges))


_WIRINGS = tuple(
    tuple(_edges(pairs, cell * CELL_NODES) for pairs in itertools.product(*SOURCE_PAIRS.values()))
    for cell in range(len(CELLS))
)


def cell_edges(cell: int, wiring: int) -> tuple[Edge, ...]:
    """The sorted edges of a cell by the number of its wiring."""
    return _WIRINGS[cell][wiring]


def cell_labels(choices: Sequence[int]) -> tuple[str, ...]:
    """The labels of the nodes of a cell, given the choices that a genotype lists for it."""
    a, b, _, c, d, _, e, f, _, g, h = choices
    op = OPERATIONS
    return (
        *("input_0", "input_1"),
        *(op[a], op[b], "add"),
        *(op[c], op[d], "add"),
        *(op[e], op[f], "add"),
        *(op[g], op[h], "add"),
        "output",
    )
