"""How generators and discriminators of AlphaGAN are drawn as one DAG.

Every searched edge of the official code is a node, labelled with its operation; sums and what else is fixed are nodes
of their own. The edges are always the same.

A generator has three cells of one wiring. ``x`` is the input of a cell, r its resolution; skips lead to later cells::

    up 0:      x  -> n1  (2 r)       n1 is also what skips read
    up 1:      x  -> n3  (2 r)       the short cut
    normal 0:  n1 -> n2
    normal 1:  n2 -> sum
    normal 2:  n3 -> sum
    skips:     n1 of earlier cells -> sum

A discriminator has four cells, each the sum of two operations in a row and of a short cut; the first two cells halve
the resolution.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ganas.spaces.alphagan.genotype import DISCRIMINATOR as DISCRIMINATOR_CHOICES
from ganas.spaces.alphagan.genotype import (
    FIRST_OPERATIONS,
    NORMAL_OPERATIONS,
    SPECTRAL_OPERATIONS,
    UP_OPERATIONS,
    Choices,
)
from ganas.spaces.alphagan.genotype import GENERATOR as GENERATOR_CHOICES
from ganas.spaces.architecture import Edge

__all__ = ["DISCRIMINATOR", "GENERATOR", "Place", "Skeleton"]


@dataclass(frozen=True, slots=True)
class Place:
    """One node of every architecture.

    Attributes:
        labels: What it may be labelled with; one label where that is fixed.
        sources: The nodes that it reads.
        cell: The number of its cell.
        resolution: Height and width of what it gives, in times of the smallest feature map of the network.
    """

    labels: tuple[str, ...]
    sources: tuple[int, ...]
    cell: int
    resolution: int


@dataclass(frozen=True)
class Skeleton:
    """What all architectures of a space share.

    Attributes:
        operations: Every label, that of the input first and that of the output last.
        places: The nodes.
        searched: The node that each number of a genotype is about.
        choices: What a genotype is made of.
    """

    operations: tuple[str, ...]
    places: tuple[Place, ...]
    searched: tuple[int, ...]
    choices: Choices

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """All edges, sorted."""
        return tuple(sorted((source, node) for node, place in enumerate(self.places) for source in place.sources))

    @cached_property
    def cells(self) -> tuple[int, ...]:
        """The number of the cell of each node."""
        return tuple(place.cell for place in self.places)

    @cached_property
    def position(self) -> dict[int, int]:
        """Which number of a genotype is about a node."""
        return {node: position for position, node in enumerate(self.searched)}

    def labels(self, genotype: Sequence[int]) -> tuple[str, ...]:
        """The labels of the nodes of a valid genotype."""
        labels = [place.labels[0] for place in self.places]
        for node, number in zip(self.searched, genotype, strict=True):
            labels[node] = self.places[node].labels[number]
        return tuple(labels)

    def genotype(self, labels: Sequence[str]) -> tuple[int, ...] | None:
        """The genotype of the labels of the nodes; None where they are none of an architecture."""
        if len(labels) != len(self.places):
            return None
        if any(label not in place.labels for label, place in zip(labels, self.places, strict=True)):
            return None
        return tuple(self.places[node].labels.index(labels[node]) for node in self.searched)

    def factor(self, node: int) -> int:
        """How many times higher and wider a node with one source makes what it reads; 1 where it makes it smaller."""
        place = self.places[node]
        return max(1, place.resolution // self.places[place.sources[0]].resolution)


def _generator() -> Skeleton:
    places = [Place(("input",), (), 0, 1)]
    in_cells: list[list[int]] = []
    into_sum: list[list[int]] = []
    for cell in range(3):
        x, first, side = len(places) - 1, len(places), 2 ** (cell + 1)
        places += [Place(UP_OPERATIONS, (x,), cell, side) for _ in range(2)]
        places += [
            Place(NORMAL_OPERATIONS, (source,), cell, side) for source in (first, first + 2, first + 1)
        ]  # n1, n2 and n3
        skips = [Place(UP_OPERATIONS, (earlier[0],), cell, side) for earlier in in_cells]
        places += skips
        in_cells.append(list(range(first, first + 5)))
        into_sum.append(list(range(first + 5, first + 5 + len(skips))))
        places.append(Place(("add",), (first + 3, first + 4, *into_sum[-1]), cell, side))
    places.append(Place(("output",), (len(places) - 1,), 2, 8))
    labels = ("input", *NORMAL_OPERATIONS, *UP_OPERATIONS, "add", "output")
    return Skeleton(labels, tuple(places), tuple(itertools.chain(*in_cells, *into_sum)), GENERATOR_CHOICES)


def _discriminator() -> Skeleton:
    places = [Place(("input",), (), 0, 4)]
    searched: list[int] = []
    for cell in range(4):
        x, first = len(places) - 1, len(places)
        inside, side = max(1, 4 >> cell), max(1, 2 >> cell)
        places.append(Place(FIRST_OPERATIONS if cell == 0 else SPECTRAL_OPERATIONS, (x,), cell, inside))
        places.append(Place(SPECTRAL_OPERATIONS, (first,), cell, inside))
        searched += [first, first + 1]
        if inside == side:
            places.append(Place(("add",), (x, first + 1), cell, side))
        else:
            places.append(Place(("halve",), (first + 1,), cell, side))
            places.append(Place(("shortcut",), (x,), cell, side))
            places.append(Place(("add",), (first + 2, first + 3), cell, side))
    places.append(Place(("output",), (len(places) - 1,), 3, 1))
    labels = ("input", *FIRST_OPERATIONS, *SPECTRAL_OPERATIONS, "halve", "shortcut", "add", "output")
    return Skeleton(labels, tuple(places), tuple(searched), DISCRIMINATOR_CHOICES)


GENERATOR = _generator()
"""23 nodes: the input (the projected latent vector), 18 operations, three sums, the output (the image)."""

DISCRIMINATOR = _discriminator()
"""18 nodes: the input (the image), 8 operations, what halves the resolution, short cuts, four sums, the output."""
