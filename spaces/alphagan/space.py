"""The spaces of AlphaGAN: generators, and the discriminators that its code can search besides.

Sources and operations are in :mod:`ganas.spaces.alphagan.genotype`, the notation in
:mod:`ganas.spaces.alphagan.notation`, the DAG in :mod:`ganas.spaces.alphagan.wiring`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from operator import index, mul
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.alphagan import notation
from ganas.spaces.alphagan.builder import SkeletonBuilder, schedule, sequences_of_genotypes
from ganas.spaces.alphagan.counts import (
    discriminator_parameters,
    generator_multiply_accumulates,
    generator_parameters,
)
from ganas.spaces.alphagan.published import PUBLISHED
from ganas.spaces.alphagan.wiring import DISCRIMINATOR, GENERATOR, Skeleton
from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision
from ganas.spaces.errors import InvalidArchitecture, WrongSpace
from ganas.spaces.space import Genotype, Space, positive_count

if TYPE_CHECKING:
    import torch

__all__ = ["AlphaGAN", "AlphaGANDiscriminator", "SkeletonSpace"]


class SkeletonSpace(Space):
    """Architectures of one wiring whose nodes choose their operations, each from a list of its own.

    Every vector is valid, and two architectures are the same entry only if their genotypes are equal.
    """

    skeleton: ClassVar[Skeleton]
    """What all architectures share."""
    published: ClassVar[Mapping[str, Sequence[int]]] = {}
    """Genotypes by name, which :meth:`parse` reads."""
    has_parameter_count: ClassVar[bool] = True

    def __init_subclass__(cls, **keywords: object) -> None:
        """Set what follows from the skeleton."""
        super().__init_subclass__(**keywords)
        skeleton = cls.skeleton
        cls.operations, cls.max_nodes = skeleton.operations, len(skeleton.places)
        cls.choices = tuple(len(names) for names in skeleton.choices.operations)
        cls.size = math.prod(cls.choices)

    # --- notation and genotype -------------------------------------------------------------------------------

    def parse(self, text: str) -> Architecture:
        """Read a line, an official genotype or a published name; see :mod:`ganas.spaces.alphagan.notation`.

        Raises:
            MalformedArchitecture: It is none of these.
            InvalidArchitecture: An operation is not one of its edge.
        """
        return self.decode(notation.parse_genotype(self.skeleton.choices, text, self.published))

    def format(self, architecture: Architecture) -> str:
        """Write a line: the operations on the edges, cells between bars."""
        return notation.format_genotype(self.skeleton.choices, self.encode(architecture))

    def format_official(self, architecture: Architecture) -> str:
        """Write the genotype as the official code prints it."""
        return notation.format_official(self.skeleton.choices, self.encode(architecture))

    def encode(self, architecture: Architecture) -> Genotype:
        """The number of the operation on each edge."""
        if architecture.space != self.name:
            raise WrongSpace(f"an architecture of {self.name!r} is wanted, not of {architecture.space!r}")
        genotype = self.skeleton.genotype(architecture.operations)
        known = architecture.identity is not None
        if genotype is None or not (
            known or (architecture.edges == self.skeleton.edges and architecture.cells == self.skeleton.cells)
        ):
            raise InvalidArchitecture(f"{architecture!r} does not have the nodes and edges of {self.name!r}")
        return genotype

    def decode(self, genotype: Sequence[int]) -> Architecture:
        """The architecture with these operations."""
        try:
            # Plain ints: the rank overflows the small integers of numpy.
            values = [index(value) for value in genotype]
        except TypeError:
            values = []
        if not self.is_valid(values):
            raise InvalidArchitecture(
                f"{genotype!r} is not a genotype of {self.name!r}: {len(self.choices)} choices within {self.choices}"
            )
        skeleton = self.skeleton
        rank = sum(map(mul, values, self.radix))
        return Architecture.trusted(self.name, skeleton.labels(values), skeleton.edges, skeleton.cells, rank)

    # --- counting and drawing ----------------------------------------------------------------------------------

    def enumerate(self) -> Iterator[Architecture]:
        """All architectures in the order of their genotypes."""
        return map(self.decode, itertools.product(*map(range, self.choices)))

    def sample(self, count: int, *, rng: np.random.Generator) -> list[Architecture]:
        """Draw uniformly from all architectures, with replacement."""
        genotypes = rng.integers(self.choices, size=(positive_count(count), len(self.choices))).tolist()
        return [self.decode(genotype) for genotype in genotypes]

    # --- building step by step ---------------------------------------------------------------------------------------

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """One operation for each searched node, in the order of the nodes; the wiring is fixed."""
        return schedule(self.skeleton)

    def builder(self, batch_size: int) -> Builder:
        """Start a batch with the input placed; see :mod:`ganas.spaces.alphagan.builder`."""
        return SkeletonBuilder(self, batch_size)

    def building_sequences(self, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
        """Operation ids of the searched nodes, (count, len(choices))."""
        return sequences_of_genotypes(self.skeleton, self.encode_many(architectures))


class AlphaGAN(SkeletonSpace):
    """The generators of AlphaGAN: three cells, nine edges of six operations and nine of three.

    The genotype lists two up and three normal edges for each cell, then the skip into the second cell and those into
    the third. :meth:`sample` draws uniformly from all architectures.

    >>> space = AlphaGAN()
    >>> space.size
    198359290368
    >>> small = space.parse("alphagan_s")
    >>> space.format(small).split("|")[0], len(space.neighbours(small))
    ('bilinear,deconv,conv_1x1,sep_conv_3x3,conv_1x1', 63)
    """

    name: ClassVar[str] = "alphagan"
    title: ClassVar[str] = "AlphaGAN generators: 3 cells, 18 edges of 6 or 3 operations (Tian et al., 2021)"
    skeleton: ClassVar[Skeleton] = GENERATOR
    published: ClassVar[Mapping[str, Sequence[int]]] = PUBLISHED
    longest_path: ClassVar[int | None] = 12

    def parameter_count(
        self,
        architecture: Architecture,
        *,
        num_classes: int = 3,
        channels: int = 256,
        bottom_width: int = 4,
        latent: int = 128,
    ) -> int:
        """Parameters of :meth:`network`."""
        return generator_parameters(
            self.encode(architecture),
            channels=channels,
            bottom_width=bottom_width,
            image_channels=num_classes,
            latent=latent,
        )

    def multiply_accumulates(
        self,
        architecture: Architecture,
        *,
        num_classes: int = 3,
        channels: int = 256,
        bottom_width: int = 4,
        latent: int = 128,
    ) -> int:
        """Multiply-accumulate operations of :meth:`network` for one image.

        What is counted is in :func:`ganas.spaces.alphagan.counts.generator_multiply_accumulates`.
        """
        return generator_multiply_accumulates(
            self.encode(architecture),
            channels=channels,
            bottom_width=bottom_width,
            image_channels=num_classes,
            latent=latent,
        )

    def network(
        self,
        architecture: Architecture,
        *,
        num_classes: int = 3,
        channels: int = 256,
        bottom_width: int = 4,
        latent: int = 128,
    ) -> torch.nn.Module:
        """The generator, by default of the size that the official code trains on CIFAR-10.

        Args:
            architecture: The architecture.
            num_classes: Outputs of the network at each pixel: the channels of an image.
            channels: Of every feature map (``gf_dim``).
            bottom_width: Height and width of the smallest feature map; images are 8 times as high and wide.
            latent: Length of the latent vector.

        See :mod:`ganas.spaces.alphagan.network` for more settings.
        """
        from ganas.spaces.alphagan.network import build_network

        return build_network(
            self.encode(architecture),
            channels=channels,
            bottom_width=bottom_width,
            image_channels=num_classes,
            latent=latent,
        )


class AlphaGANDiscriminator(SkeletonSpace):
    """The discriminators that the code of AlphaGAN can search: four cells of two edges each.

    AlphaGAN itself searches generators against a discriminator that is fixed
    (:mod:`ganas.spaces.alphagan.discriminator`), and this space is used only where it is asked for. The genotype lists
    the edge that reads the image, of three operations, and seven others of five. An operation reads what the ReLU
    before it leaves, so a ``skip_connect`` is an operation of its own and is not contracted. :meth:`sample` draws
    uniformly from all architectures.

    >>> space = AlphaGANDiscriminator()
    >>> space.size
    234375
    >>> space.format(space.decode([1, 2, 0, 4, 2, 2, 2, 2]))
    'conv_3x3,conv_3x3_SN|none,skip_connect|conv_3x3_SN,conv_3x3_SN|conv_3x3_SN,conv_3x3_SN'
    """

    name: ClassVar[str] = "alphagan-discriminator"
    title: ClassVar[str] = "AlphaGAN discriminators: 4 cells, 8 edges of 3 or 5 operations (Tian et al., 2021)"
    skeleton: ClassVar[Skeleton] = DISCRIMINATOR
    longest_path: ClassVar[int | None] = 14
    zero_operations: ClassVar[frozenset[str]] = frozenset({"none"})

    def parameter_count(
        self, architecture: Architecture, *, num_classes: int = 1, channels: int = 128, image_channels: int = 3
    ) -> int:
        """Parameters of :meth:`network`."""
        return discriminator_parameters(
            self.encode(architecture), channels=channels, image_channels=image_channels, outputs=num_classes
        )

    def network(
        self, architecture: Architecture, *, num_classes: int = 1, channels: int = 128, image_channels: int = 3
    ) -> torch.nn.Module:
        """The discriminator, by default of the size that the official code trains on CIFAR-10.

        Args:
            architecture: The architecture.
            num_classes: Outputs of the network: one, whether an image is real.
            channels: Of every feature map (``df_dim``).
            image_channels: Of an image.

        See :mod:`ganas.spaces.alphagan.discriminator_network` for more settings.
        """
        from ganas.spaces.alphagan.discriminator_network import build_discriminator

        return build_discriminator(
            self.encode(architecture), channels=channels, image_channels=image_channels, outputs=num_classes
        )
