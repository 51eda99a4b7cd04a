"""What is chosen in a generator and in a discriminator of AlphaGAN, and how its official code lists the choices.

Tian, Shen, Su, Li and Liu, "AlphaGAN: Fully Differentiable Architecture Search for Generative Adversarial Networks",
TPAMI 2021, https://arxiv.org/abs/2006.09134; operations and their order are those of its official code with the options
of its README (``models/genotypes.py``). A genotype is one whole number for each searched edge: 18 in a generator, 8 in
a discriminator.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import NamedTuple

from ganas.spaces.errors import InvalidArchitecture

__all__ = [
    "DISCRIMINATOR",
    "FIRST_OPERATIONS",
    "GENERATOR",
    "NORMAL_OPERATIONS",
    "SPECTRAL_OPERATIONS",
    "UP_OPERATIONS",
    "Choices",
    "Group",
]

NORMAL_OPERATIONS = ("conv_1x1", "conv_3x3", "conv_5x5", "sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7")
"""Of an edge that keeps the resolution in a generator."""

UP_OPERATIONS = ("deconv", "nearest", "bilinear")
"""Of an edge that raises the resolution in a generator."""

FIRST_OPERATIONS = ("conv_1x1", "conv_3x3", "conv_5x5")
"""Of the edge of a discriminator that reads the image."""

SPECTRAL_OPERATIONS = ("none", "conv_1x1_SN", "conv_3x3_SN", "conv_5x5_SN", "skip_connect")
"""Of every other edge of a discriminator; its convolutions have spectral norm."""


class Group(NamedTuple):
    """Edges that stand together in the official code, in the order of the genotype.

    Attributes:
        field: The field of the official genotype.
        key: The cell within the field; empty where the field is no mapping.
        edges: How many edges there are.
        operations: What each of them may be.
    """

    field: str
    key: str
    edges: int
    operations: tuple[str, ...]


class Choices(NamedTuple):
    """What a genotype is made of.

    Attributes:
        name: Of the official type.
        groups: Its edges, in the order of the genotype.
        rows: How many edges each part of a line has.
    """

    name: str
    groups: tuple[Group, ...]
    rows: tuple[int, ...]

    @property
    def operations(self) -> tuple[tuple[str, ...], ...]:
        """What each edge may be."""
        return tuple(group.operations for group in self.groups for _ in range(group.edges))

    def names(self, genotype: Sequence[int]) -> tuple[str, ...]:
        """The operation on each edge.

        Raises:
            InvalidArchitecture: It has another length, or a number is out of range.

        >>> DISCRIMINATOR.names([1, 2, 2, 2, 2, 2, 0, 4])[-3:]
        ('conv_3x3_SN', 'none', 'skip_connect')
        """
        try:
            numbers = [index(number) for number in genotype]
        except TypeError:
            raise InvalidArchitecture(f"{genotype!r} is not a sequence of whole numbers") from None
        allowed = self.operations
        if len(numbers) != len(allowed):
            raise InvalidArchitecture(f"a genotype has {len(allowed)} whole numbers here, not {len(numbers)}")
        for place, (number, names) in enumerate(zip(numbers, allowed, strict=True)):
            if not 0 <= number < len(names):
                raise InvalidArchitecture(f"number {place} of a genotype can be 0 to {len(names) - 1}, not {number}")
        return tuple(names[number] for number, names in zip(numbers, allowed, strict=True))


GENERATOR = Choices(
    "Genotype_gen",
    (
        *(
            group
            for cell in "123"
            for group in (Group("up", cell, 2, UP_OPERATIONS), Group("normal", cell, 3, NORMAL_OPERATIONS))
        ),
        Group("skip_2", "", 1, UP_OPERATIONS),
        Group("skip_3", "", 2, UP_OPERATIONS),
    ),
    (5, 5, 5, 3),
)
"""18 choices: for each cell two up and three normal edges, then the skips into the second and the third cell."""

DISCRIMINATOR = Choices(
    "Genotype_dis_Auto",
    (
        Group("normal", "channels_raise", 1, FIRST_OPERATIONS),
        Group("normal", "1", 1, SPECTRAL_OPERATIONS),
        *(Group("normal", cell, 2, SPECTRAL_OPERATIONS) for cell in "234"),
    ),
    (2, 2, 2, 2),
)
"""8 choices: two in each of four cells, the first of which reads the image."""
