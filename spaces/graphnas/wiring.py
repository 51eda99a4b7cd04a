"""How four computing nodes are wired in NAS-Bench-Graph, and which of their labellings are the same entry.

Qin et al., "NAS-Bench-Graph: Benchmarking Graph Neural Architecture Search", NeurIPS 2022,
https://arxiv.org/abs/2206.09166. Each of the four nodes reads one earlier node or the input, so the wiring is a tree
with the input as its root. It is written as a link list: the node that each reads, 0 for the input. Nodes that no
other reads feed the output. Up to the order of the nodes there are nine such trees; :data:`LINKS` has one link list of
each, in the order of the package ``nas-bench-graph`` 1.4.0.

The package keeps one measurement for architectures that it holds to be the same, and :func:`classes` computes which
those are (its ``Arch.valid_hash``). Two architectures are the same entry when their trees are isomorphic as labelled
trees once their skips are moved:

- A skip moves to the front, right after the input, if another node reads it, if nothing else reads what it reads, or
  if only skips lie between it and the input. Its readers then read what it read.
- The skips that moved form a chain, and what read the input reads the end of the chain.
- A skip stays where it is if it feeds the output alone, beside another reader of the same node: there it carries an
  inner value to the output.

None of this changes what the graph as drawn computes, but for a skip that leads from the input straight to the output:
the package drops that path, and the skip becomes a node in front of all others.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["LINKS", "NUM_NODES", "automorphisms", "canonical_order", "classes", "move_skips"]

NUM_NODES = 4
"""How many computing nodes there are."""

LINKS = (
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)
"""One link list of each of the nine wirings."""

_NUMBER: dict[tuple[int, ...], int] = {links: number for number, links in enumerate(LINKS)}


@functools.cache
def canonical_order(links: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """The number in :data:`LINKS` of the wiring of a link list, and which of its nodes comes at each place there.

    Args:
        links: For each node an earlier one (from 1), or 0 for the input.

    >>> canonical_order((0, 1, 2, 1))
    (6, (0, 1, 3, 2))
    """
    return next((number, order) for order in _ORDERS if (number := _NUMBER.get(_reordered(links, order))) is not None)


@functools.cache
def automorphisms(number: int) -> tuple[tuple[int, ...], ...]:
    """The orders of the nodes that leave a wiring of :data:`LINKS` as it is."""
    return tuple(order for order in _ORDERS if _reordered(LINKS[number], order) == LINKS[number])


@functools.cache
def move_skips(number: int, skips: tuple[bool, ...]) -> tuple[int, tuple[int, ...]]:
    """Move the skips of a wiring to the front, as the module says.

    Args:
        number: The wiring in :data:`LINKS`.
        skips: Which nodes are skips.

    Returns:
        The number of the wiring that this gives, and which of the nodes comes at each place there.

    >>> move_skips(8, (False, True, False, False))  # a chain, the second node a skip
    (8, (1, 0, 2, 3))
    """
    parents = dict(enumerate(LINKS[number], start=1))
    moved: list[int] = []
    while True:
        node = next((node for node in parents if skips[node - 1] and _moves(node, parents, skips)), None)
        if node is None:
            break
        above = parents.pop(node)
        parents = {other: above if parent == node else parent for other, parent in parents.items()}
        moved.append(node)
    order = [*moved, *parents]
    place = {node: position for position, node in enumerate(order, start=1)}
    links = [*range(len(moved)), *(place.get(parent, len(moved)) for parent in parents.values())]
    found, rearranged = canonical_order(tuple(links))
    return found, tuple(order[position] - 1 for position in rearranged)


@functools.cache
def classes(num_operations: int) -> NDArray[np.int64]:
    """The entry of every genotype: the smallest rank among those that are the same architecture.

    A genotype is the number of the wiring and the operation of each node; its rank counts genotypes in lexicographic
    order. The last operation is the skip.

    Args:
        num_operations: How many operations a node chooses from.

    Returns:
        The rank of the representative of each genotype by rank, (9 * num_operations ** 4,); -1 where all four nodes
        are skips, which is no architecture.
    """
    labels = np.array(list(itertools.product(range(num_operations), repeat=NUM_NODES)), dtype=np.int64)
    places = num_operations ** np.arange(NUM_NODES - 1, -1, -1)
    count = len(labels)
    found = np.empty(len(LINKS) * count, dtype=np.int64)
    is_skip = labels == num_operations - 1
    for skips in itertools.product((False, True), repeat=NUM_NODES):
        chosen = np.flatnonzero((is_skip == skips).all(axis=1))
        for number in range(len(LINKS)):
            wiring, order = move_skips(number, skips)
            moved = labels[chosen][:, order]
            ranks = [moved[:, symmetry] @ places for symmetry in automorphisms(wiring)]
            found[number * count + chosen] = wiring * count + np.min(ranks, axis=0)
    found[count - 1 :: count] = -1
    found.flags.writeable = False
    return found


def _moves(node: int, parents: dict[int, int], skips: Sequence[bool]) -> bool:
    """Whether a skip does not stay where it is."""
    above = parents[node]
    if node in parents.values() or list(parents.values()).count(above) == 1:
        return True
    while above:
        if not skips[above - 1]:
            return False
        above = parents[above]
    return True


def _reordered(links: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """The link list once node ``order[place] + 1`` stands at each place."""
    place = {0: 0, **{node + 1: position for position, node in enumerate(order, start=1)}}
    return tuple(place[links[node]] for node in order)


_ORDERS = tuple(itertools.permutations(range(NUM_NODES)))
