"""The size search space of NATS-Bench: five layers, eight channel counts for each; 32,768 architectures.

Dong, Liu, Musial and Gabrys, "NATS-Bench: Benchmarking NAS Algorithms for Architecture Topology and Size", IEEE TPAMI
2021, section 3, https://arxiv.org/abs/2009.00437. Notation and order of the architectures are those of its official
data; the layers are those of the network that its official code trains (``infer.shape.tiny``).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from operator import index
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision
from ganas.spaces.errors import InvalidArchitecture, MalformedArchitecture, WrongSpace, quote_list
from ganas.spaces.fixed_wiring import FixedWiringBuilder, operation_decisions
from ganas.spaces.space import Genotype, Space, positive_count

if TYPE_CHECKING:
    import torch

__all__ = ["CELL", "CHANNELS", "LAYERS", "NATSBenchSize"]

CHANNELS = (8, 16, 24, 32, 40, 48, 56, 64)
"""The channel counts that a layer chooses from."""

LAYERS = ("cell", "reduction", "cell", "reduction", "cell")
"""What the layers are whose channel counts the notation names; the stem has as many channels as the first."""

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
"""The cell of every architecture, in the notation of NAS-Bench-201: the one with the best validation accuracy there on
CIFAR-100."""

_COUNT = len(LAYERS)
_WIRING = tuple((node, node + 1) for node in range(_COUNT + 1))


class NATSBenchSize(Space):
    """The size search space of NATS-Bench.

    Only the channel counts of a network are searched: its cell, depth and strides are fixed. The DAG is a chain from
    input to output of the five layers in :data:`LAYERS`, each labelled with the channels that it gives; which kind of
    layer it is follows from its place. The genotype is the number in :data:`CHANNELS` of each layer's channels. Every
    vector is valid, and ``identity_key`` is the official index.

    :meth:`sample` draws uniformly from the 32,768 architectures.

    >>> space = NATSBenchSize()
    >>> one = space.parse("8:16:24:32:64")
    >>> space.encode(one)
    (0, 1, 2, 3, 7)
    >>> space.identity_key(space.parse("8:8:8:16:32"))
    11
    >>> len(space.neighbours(one))
    35
    """

    name: ClassVar[str] = "natsbench-size"
    title: ClassVar[str] = "NATS-Bench size: channels of 5 layers, 8 counts for each (Dong et al., 2021)"
    operations: ClassVar[tuple[str, ...]] = ("input", *map(str, CHANNELS), "output")
    max_nodes: ClassVar[int] = _COUNT + 2
    choices: ClassVar[tuple[int, ...]] = (len(CHANNELS),) * _COUNT
    size: ClassVar[int] = len(CHANNELS) ** _COUNT
    has_parameter_count: ClassVar[bool] = True

    def parse(self, text: str) -> Architecture:
        """Read ``8:16:24:32:64``: the channels of the five layers, in order.

        Raises:
            MalformedArchitecture: The text is not five whole numbers between colons.
            InvalidArchitecture: A number is not one of the eight channel counts.
        """
        entries = [entry.strip() for entry in str(text).split(":")]
        if len(entries) != _COUNT or not all(re.fullmatch(r"[0-9]{1,9}", entry) for entry in entries):
            raise MalformedArchitecture(
                f"{text!r} is not an architecture of 'natsbench-size': wanted are five channel counts, "
                "as in 8:16:24:32:64"
            )
        counts = [int(entry) for entry in entries]
        for count in counts:
            if count not in CHANNELS:
                closest = min(CHANNELS, key=lambda known: abs(known - count))
                raise InvalidArchitecture(
                    f"channel count {count} in {text!r} is not in 'natsbench-size': known are {quote_list(CHANNELS)}; "
                    f"the closest is {closest}"
                )
        return self.decode([CHANNELS.index(count) for count in counts])

    def format(self, architecture: Architecture) -> str:
        """Write ``8:16:24:32:64``."""
        self._require(architecture)
        return ":".join(architecture.operations[1:-1])

    def encode(self, architecture: Architecture) -> Genotype:
        """The number in :data:`CHANNELS` of each layer's channels."""
        self._require(architecture)
        number = _NUMBER
        return tuple([number[label] for label in architecture.operations[1:-1]])

    def decode(self, genotype: Sequence[int]) -> Architecture:
        """The architecture whose layers have these channel counts, by number."""
        try:
            # Plain ints: the rank overflows the small integers of numpy.
            values = [index(value) for value in genotype]
        except TypeError:
            values = []
        if not self.is_valid(values):
            raise InvalidArchitecture(f"{genotype!r} is not five numbers from 0 to {len(CHANNELS) - 1}")
        rank = sum(value * place for value, place in zip(values, self.radix, strict=True))
        labels = ("input", *[_LABELS[value] for value in values], "output")
        return Architecture.trusted("natsbench-size", labels, _WIRING, identity=rank)

    def channels(self, architecture: Architecture) -> tuple[int, ...]:
        """The channels of the five layers.

        >>> NATSBenchSize().channels(NATSBenchSize().parse("8:16:24:32:64"))
        (8, 16, 24, 32, 64)
        """
        return tuple([CHANNELS[number] for number in self.encode(architecture)])

    def enumerate(self) -> Iterator[Architecture]:
        """All 32,768 architectures in the order of their genotypes, which is the official one."""
        return map(self.decode, itertools.product(range(len(CHANNELS)), repeat=_COUNT))

    def sample(self, count: int, *, rng: np.random.Generator) -> list[Architecture]:
        """Draw uniformly from the 32,768 architectures, with replacement."""
        genotypes = rng.integers(len(CHANNELS), size=(positive_count(count), _COUNT)).tolist()
        return [self.decode(genotype) for genotype in genotypes]

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Five channel counts; the chain is fixed."""
        return _DECISIONS

    def builder(self, batch_size: int) -> Builder:
        """Start a batch of chains whose five channel counts are open."""
        return FixedWiringBuilder(self, batch_size, _WIRING)

    def building_sequences(self, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
        """Operation ids of the five layers, (count, 5)."""
        # The vocabulary starts with "input", so the id of a channel count is its number plus one.
        return self.encode_many(architectures) + 1

    def parameter_count(self, architecture: Architecture, *, num_classes: int = 10) -> int:
        """Parameters of the network.

        A convolution of kernel k from a to b channels has k * k * a * b weights and 2 * b of its batch normalisation.
        The cell has two of kernel 3 from its input to its output channels and three among its output channels; where
        the two differ, its skip is a convolution of kernel 1. A reduction has two of kernel 3 and a shortcut of kernel
        1 without normalisation. Stem, last batch normalisation and classifier come on top.
        """
        channels = self.channels(architecture)
        inputs = channels[0]
        total = 9 * 3 * inputs + 2 * inputs
        for layer, outputs in zip(LAYERS, channels, strict=True):
            if layer == "cell":
                total += 2 * 9 * inputs * outputs + 3 * 9 * outputs**2 + 5 * 2 * outputs
                if inputs != outputs:
                    total += inputs * outputs + 2 * outputs
            else:
                total += 9 * inputs * outputs + 9 * outputs**2 + 2 * 2 * outputs + inputs * outputs
            inputs = outputs
        return total + 2 * inputs + inputs * num_classes + num_classes

    def network(self, architecture: Architecture, *, num_classes: int = 10) -> torch.nn.Module:
        """The network of the benchmark; see :mod:`ganas.spaces.natsbench_size.network`."""
        from ganas.spaces.natsbench_size.network import build_network

        return build_network(self.channels(architecture), num_classes=num_classes)

    def _require(self, architecture: Architecture) -> None:
        if architecture.identity is not None and architecture.space == "natsbench-size":
            return  # built by decode
        if architecture.space != "natsbench-size":
            raise WrongSpace(f"an architecture of 'natsbench-size' is wanted, not of {architecture.space!r}")
        labels = architecture.operations
        if (
            architecture.edges != _WIRING
            or len(labels) != _COUNT + 2
            or architecture.cells
            or labels[0] != "input"
            or labels[-1] != "output"
            or not all(label in _NUMBER for label in labels[1:-1])
        ):
            raise InvalidArchitecture(f"{architecture!r} is not a chain of five channel counts of 'natsbench-size'")


_LABELS = NATSBenchSize.operations[1:-1]
_NUMBER = {label: number for number, label in enumerate(_LABELS)}
_DECISIONS = operation_decisions(NATSBenchSize.max_nodes, len(NATSBenchSize.operations))
