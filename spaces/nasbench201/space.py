"""NAS-Bench-201: four nodes, six edges, five operations on each edge; 15,625 architectures.

Dong and Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search", ICLR 2020,
https://arxiv.org/abs/2001.00326. Notation and operation names are those of its official code.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from operator import index
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision
from ganas.spaces.errors import InvalidArchitecture, MalformedArchitecture, WrongSpace, closest_match, quote_list
from ganas.spaces.fixed_wiring import FixedWiringBuilder, operation_decisions
from ganas.spaces.space import Genotype, Space, positive_count

if TYPE_CHECKING:
    import torch

__all__ = ["EDGES", "EDGE_OPERATIONS", "NASBench201", "official_unique_string"]

EDGE_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""In the order of the official code, which numbers them 0 to 4."""

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""The edges of the cell between its four feature maps, in the order of the notation (by target)."""

# Each edge becomes a node of the DAG: 0 is the input, 1 to 6 are the edges in order, 7 is the output. An edge reads
# every edge that ends where it starts; what leaves feature map 0 reads the input, what enters feature map 3 feeds
# the output.
_WIRING = tuple(
    sorted(
        [(0, 1 + e) for e, (source, _) in enumerate(EDGES) if source == 0]
        + [(1 + a, 1 + b) for a, (_, end) in enumerate(EDGES) for b, (start, _) in enumerate(EDGES) if end == start]
        + [(1 + e, 7) for e, (_, target) in enumerate(EDGES) if target == 3]
    )
)


class NASBench201(Space):
    """The cell space of NAS-Bench-201.

    The genotype is the operation number on each edge, in the order 0->1, 0->2, 1->2, 0->3, 1->3, 2->3. Every vector
    is valid, and two architectures are the same entry only if their genotypes are equal: ``none`` is a labelled node,
    and functional twins were trained and measured apart.

    :meth:`sample` draws uniformly from the 15,625 architectures.

    >>> space = NASBench201()
    >>> cell = space.parse("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|")
    >>> space.encode(cell)
    (3, 0, 1, 4, 0, 2)
    >>> len(space.neighbours(cell))
    24
    """

    name: ClassVar[str] = "nasbench201"
    title: ClassVar[str] = "NAS-Bench-201 cell: 4 nodes, 6 edges, 5 operations (Dong and Yang, 2020)"
    operations: ClassVar[tuple[str, ...]] = ("input", *EDGE_OPERATIONS, "output")
    max_nodes: ClassVar[int] = 8
    choices: ClassVar[tuple[int, ...]] = (5,) * 6
    size: ClassVar[int] = 5**6
    longest_path: ClassVar[int | None] = 3
    zero_operations: ClassVar[frozenset[str]] = frozenset({"none"})
    skip_operations: ClassVar[frozenset[str]] = frozenset({"skip_connect"})
    has_parameter_count: ClassVar[bool] = True

    def parse(self, text: str) -> Architecture:
        """Read ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``; the sources of a node must stand in order."""
        groups = str(text).strip().split("+")
        if len(groups) != 3:
            raise MalformedArchitecture(
                f"{text!r} is not a NAS-Bench-201 cell: three groups joined by '+' are wanted, "
                "as in |op~0|+|op~0|op~1|+|op~0|op~1|op~2|"
            )
        genotype = []
        for target, group in enumerate(groups, start=1):
            entries = group.split("|")
            if len(entries) != target + 2 or entries[0] or entries[-1]:
                raise MalformedArchitecture(f"group {group!r} must hold {target} entries between bars, as in |op~0|")
            for source, entry in enumerate(entries[1:-1]):
                operation, _, origin = entry.partition("~")
                if origin != str(source):
                    raise MalformedArchitecture(f"entry {entry!r} in group {group!r} must end in ~{source}")
                if operation not in EDGE_OPERATIONS:
                    raise MalformedArchitecture(
                        f"unknown operation {operation!r} in {entry!r}: known are {quote_list(EDGE_OPERATIONS)}"
                        f"{closest_match(operation, EDGE_OPERATIONS)}"
                    )
                genotype.append(EDGE_OPERATIONS.index(operation))
        return self.decode(genotype)

    def format(self, architecture: Architecture) -> str:
        """Write ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``."""
        self._require(architecture)
        a, b, c, d, e, f = architecture.operations[1:-1]
        return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"

    def encode(self, architecture: Architecture) -> Genotype:
        """The operation number on each edge."""
        self._require(architecture)
        number = _NUMBER
        return tuple([number[operation] for operation in architecture.operations[1:-1]])

    def decode(self, genotype: Sequence[int]) -> Architecture:
        """The architecture with these operation numbers."""
        try:
            # Plain ints: the rank overflows the small integers of numpy.
            values = [index(value) for value in genotype]
        except TypeError:
            values = []
        if not self.is_valid(values):
            raise InvalidArchitecture(f"{genotype!r} is not six operation numbers from 0 to 4")
        a, b, c, d, e, f = values
        rank = ((((a * 5 + b) * 5 + c) * 5 + d) * 5 + e) * 5 + f
        labels = ("input", *[EDGE_OPERATIONS[value] for value in values], "output")
        return Architecture.trusted("nasbench201", labels, _WIRING, identity=rank)

    def enumerate(self) -> Iterator[Architecture]:
        """All 15,625 architectures in the order of their genotypes."""
        return map(self.decode, itertools.product(range(5), repeat=6))

    def sample(self, count: int, *, rng: np.random.Generator) -> list[Architecture]:
        """Draw uniformly from the 15,625 architectures, with replacement."""
        genotypes = rng.integers(5, size=(positive_count(count), 6)).tolist()
        return [self.decode(genotype) for genotype in genotypes]

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Six operations; the wiring is fixed."""
        return _DECISIONS

    def builder(self, batch_size: int) -> Builder:
        """Start a batch of cells whose six operations are open."""
        return FixedWiringBuilder(self, batch_size, _WIRING)

    def building_sequences(self, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
        """Operation ids of the six edge nodes, (count, 6)."""
        # The vocabulary starts with "input", so an operation's id is its official number plus one.
        return self.encode_many(architectures) + 1

    def parameter_count(self, architecture: Architecture, *, num_classes: int = 10) -> int:
        """Parameters of the network with 16 channels and 5 cells a stage.

        Three stages of 16, 32 and 64 channels hold five copies of the cell; a convolution of kernel k on C channels
        has k * k * C * C weights and 2 * C of its batch normalisation. Stem, two reduction blocks, last batch
        normalisation and classifier do not depend on the cell. Dead edges count: the official network builds them.
        """
        labels = architecture.operations
        self._require(architecture)
        cell = sum(
            labels.count(operation) * 5 * sum(kernel**2 * width**2 + 2 * width for width in (16, 32, 64))
            for operation, kernel in (("nor_conv_1x1", 1), ("nor_conv_3x3", 3))
        )
        stem = 3 * 9 * 16 + 2 * 16
        reductions = sum(
            9 * width * 2 * width + 4 * width + 9 * (2 * width) ** 2 + 4 * width + width * 2 * width
            for width in (16, 32)
        )
        return cell + stem + reductions + 2 * 64 + 64 * num_classes + num_classes

    def network(self, architecture: Architecture, *, num_classes: int = 10) -> torch.nn.Module:
        """The network of the paper: 16 channels, 5 cells a stage; see :mod:`ganas.spaces.nasbench201.network`."""
        from ganas.spaces.nasbench201.network import build_network

        return build_network(self.encode(architecture), num_classes=num_classes)

    def _require(self, architecture: Architecture) -> None:
        if architecture.identity is not None and architecture.space == "nasbench201":
            return  # built by decode
        if architecture.space != "nasbench201":
            raise WrongSpace(f"an architecture of 'nasbench201' is wanted, not of {architecture.space!r}")
        labels = architecture.operations
        if (
            architecture.edges != _WIRING
            or len(labels) != 8
            or architecture.cells
            or labels[0] != "input"
            or labels[-1] != "output"
            or not all(label in _NUMBER for label in labels[1:-1])
        ):
            raise InvalidArchitecture(f"{architecture!r} does not have the nodes and edges of a NAS-Bench-201 cell")


_NUMBER = {operation: number for number, operation in enumerate(EDGE_OPERATIONS)}
_DECISIONS = operation_decisions(NASBench201.max_nodes, len(NASBench201.operations))


def official_unique_string(architecture: Architecture) -> str:
    """The string by which the official code tells cells apart (``to_unique_str(consider_zero=True)``).

    Each feature map is the sorted sum of its terms; ``none`` and what follows from it is written ``#`` and stays in
    the sum, a skip is replaced by what it carries, and shared feature maps are written out at every use. It has
    6,466 values on the space. ``functional_key`` has 5,425: it drops dead terms, so that ``x + #`` is ``x`` (with
    sharing forgotten that leaves 4,930), and it keeps apart one convolution read twice from two convolutions.

    >>> cell = NASBench201().parse("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|")
    >>> official_unique_string(cell)
    '#+#+(#+(0)@nor_conv_3x3)@nor_conv_1x1'
    """
    NASBench201()._require(architecture)
    feature_maps = ["0"]
    operations = iter(architecture.operations[1:-1])
    for target in (1, 2, 3):
        terms = []
        for source in range(target):
            operation = next(operations)
            if operation == "none" or feature_maps[source] == "#":
                terms.append("#")
            elif operation == "skip_connect":
                terms.append(feature_maps[source])
            else:
                terms.append(f"({feature_maps[source]})@{operation}")
        feature_maps.append("+".join(sorted(terms)))
    return feature_maps[-1]
