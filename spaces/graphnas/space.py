"""The spaces of NAS-Bench-Graph: four computing nodes, nine wirings, nine operations; 26,206 architectures.

Qin et al., "NAS-Bench-Graph: Benchmarking Graph Neural Architecture Search", NeurIPS 2022,
https://arxiv.org/abs/2206.09166. Operation names, notation and what counts as the same architecture are those of the
package ``nas-bench-graph`` 1.4.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import index
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture, Edge
from ganas.spaces.building import Builder, Decision
from ganas.spaces.canonical import functional_certificate
from ganas.spaces.errors import InvalidArchitecture, MalformedArchitecture, WrongSpace, closest_match, quote_list
from ganas.spaces.graphnas.builder import TreeBuilder, schedule, sequences_of_genotypes
from ganas.spaces.graphnas.wiring import LINKS, NUM_NODES, canonical_order, classes
from ganas.spaces.space import Genotype, Space, positive_count

__all__ = ["GNN_OPERATIONS", "GraphNAS", "GraphNASProteins"]

GNN_OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
"""In the order of the package, which numbers them 0 to 8."""

_NOTATION = re.compile(r"\[([^\[\]]*)\]([^\[\]]*)|Arch\(\s*\[([^\[\]]*)\]\s*,\s*\[([^\[\]]*)\]\s*\)")


def _edges(links: Sequence[int]) -> tuple[Edge, ...]:
    """The edges of a link list, with those of its leaves to the output."""
    leaves = [node for node in range(1, NUM_NODES + 1) if node not in links]
    pairs = [(source, node) for node, source in enumerate(links, start=1)]
    return tuple(sorted(pairs + [(leaf, NUM_NODES + 1) for leaf in leaves]))


_EDGES = tuple(_edges(links) for links in LINKS)
_WIRING = {edges: number for number, edges in enumerate(_EDGES)}


class GraphNAS(Space):
    """The search space of NAS-Bench-Graph.

    Node 0 is the input, 1 to 4 compute, and those that no other node reads feed the output, node 5. The genotype is the
    number of the link list in :data:`~ganas.spaces.graphnas.wiring.LINKS` and the operation number of each node; all
    are valid but those of four skips. The notation is a link list and the operations of its nodes; any link list of a
    tree may be given, and its nodes are put into the order of one of the nine.

    The package holds some architectures to be the same and has one measurement for them; the rules are in
    :mod:`ganas.spaces.graphnas.wiring`. ``identity_key`` is the smallest rank of a genotype among them, and the
    architecture of that genotype is their representative: :meth:`sample`, :meth:`enumerate`, :meth:`neighbours`,
    :meth:`mutate` and :meth:`crossover` give representatives, while :meth:`parse`, :meth:`decode` and the builder keep
    what was written. ``functional_key`` is that of the representative, so the same entry has one.

    :meth:`sample` draws uniformly from the 26,206 entries.

    >>> space = GraphNAS()
    >>> one = space.parse("Arch([0, 1, 2, 1], ['gcn', 'gin', 'fc', 'cheb'])")
    >>> space.format(one)
    '[0,1,1,2] gcn,gin,cheb,fc'
    >>> space.package_hash(one)
    61237
    """

    name: ClassVar[str] = "graphnas"
    title: ClassVar[str] = "NAS-Bench-Graph: 4 nodes, 9 wirings, 9 graph operations (Qin et al., 2022)"
    operations: ClassVar[tuple[str, ...]] = ("input", *GNN_OPERATIONS, "output")
    max_nodes: ClassVar[int] = NUM_NODES + 2
    choices: ClassVar[tuple[int, ...]] = (len(LINKS), 9, 9, 9, 9)
    size: ClassVar[int] = 26_206
    skip_operations: ClassVar[frozenset[str]] = frozenset({"skip"})

    # --- notation and genotype -------------------------------------------------------------------------------

    def parse(self, text: str) -> Architecture:
        """Read ``[0,1,1,2] gcn,gin,cheb,fc``, or ``Arch([0, 1, 1, 2], ['gcn', 'gin', 'cheb', 'fc'])``.

        Raises:
            MalformedArchitecture: The text is not in the notation.
            InvalidArchitecture: A node reads none of the earlier ones, or all four nodes are skips.
        """
        match = _NOTATION.fullmatch(str(text).strip())
        if match is None:
            raise MalformedArchitecture(
                f"{text!r} is not an architecture of {self.name!r}: wanted is a link list and four operations, "
                "as in [0,1,1,2] gcn,gin,cheb,fc"
            )
        first, second = (match[1], match[2]) if match[1] is not None else (match[3], match[4])
        links = [entry.strip() for entry in first.split(",")]
        labels = [entry.strip().strip("'\"") for entry in second.split(",")]
        if len(links) != NUM_NODES or not all(re.fullmatch(r"[0-9]{1,9}", link) for link in links):
            raise MalformedArchitecture(f"the link list of {text!r} is not four node numbers, as in [0,1,1,2]")
        known = self.operations[1:-1]
        for label in labels:
            if label not in known:
                raise MalformedArchitecture(
                    f"unknown operation {label!r} in {text!r}: known are {quote_list(known)}"
                    f"{closest_match(label, known)}"
                )
        if len(labels) != NUM_NODES:
            raise MalformedArchitecture(f"{text!r} has {len(labels)} operations: wanted are four, one for each node")
        return self._from_links([int(link) for link in links], labels)

    def format(self, architecture: Architecture) -> str:
        """Write ``[0,1,1,2] gcn,gin,cheb,fc``."""
        links = ",".join(map(str, LINKS[self._wiring(architecture)]))
        return f"[{links}] {','.join(architecture.operations[1:-1])}"

    def encode(self, architecture: Architecture) -> Genotype:
        """The number of the link list and of the operation of each node."""
        wiring = self._wiring(architecture)
        number = self._number
        return (wiring, *[number[label] for label in architecture.operations[1:-1]])

    def decode(self, genotype: Sequence[int]) -> Architecture:
        """The architecture with this link list and these operations, as written."""
        try:
            # Plain ints: the rank overflows the small integers of numpy.
            values = [index(value) for value in genotype]
        except TypeError:
            values = []
        if not super().is_valid(values):
            raise InvalidArchitecture(
                f"{genotype!r} is not a link list number from 0 to {len(LINKS) - 1} and four operation numbers from 0 "
                f"to {self.choices[-1] - 1}"
            )
        return self._from_rank(sum(value * place for value, place in zip(values, self.radix, strict=True)))

    def is_valid(self, genotype: Sequence[int]) -> bool:
        """Whether the genotype is in range and not of four skips."""
        return super().is_valid(genotype) and any(value != self.choices[-1] - 1 for value in genotype[1:])

    def package_hash(self, architecture: Architecture) -> int:
        """The key of the architecture's entry in the files of the package: ``Arch(...).valid_hash()``.

        Its decimal digits are the number of the link list (no leading zero) and the package's numbers of the
        operations.
        """
        representative = self.representative(architecture)
        found = self._wiring(representative)
        for label in representative.operations[1:-1]:
            found = found * 10 + GNN_OPERATIONS.index(label)
        return found

    def from_package_hash(self, number: int) -> Architecture:
        """The architecture whose digits a key of the package's files is.

        Raises:
            InvalidArchitecture: It is not such a key, or names an operation that the space does not have.
        """
        digits = [int(digit) for digit in f"{number:05d}"] if number >= 0 else []
        if len(digits) != 1 + NUM_NODES or max(digits) > 8:
            raise InvalidArchitecture(f"{number} is not the key of an architecture: five digits from 0 to 8")
        labels = [GNN_OPERATIONS[digit] for digit in digits[1:]]
        absent = next((label for label in labels if label not in self._number), None)
        if absent is not None:
            raise InvalidArchitecture(f"{number} has the operation {absent!r}, which {self.name!r} does not have")
        return self._from_links(LINKS[digits[0]], labels)

    # --- counting and drawing ----------------------------------------------------------------------------------

    def enumerate(self) -> Iterator[Architecture]:
        """The representative of every entry, in the order of the identity keys."""
        return map(self._from_rank, self._representatives.tolist())

    def sample(self, count: int, *, rng: np.random.Generator) -> list[Architecture]:
        """Draw uniformly from the entries, with replacement; each is given by its representative."""
        drawn = rng.integers(self.size, size=positive_count(count))
        return [self._from_rank(rank) for rank in self._representatives[drawn].tolist()]

    # --- keys ----------------------------------------------------------------------------------------------------

    def identity_key(self, architecture: Architecture) -> int:
        """The smallest rank of a genotype among the architectures that the package holds to be the same."""
        if architecture.identity is not None and architecture.space == self.name:
            return architecture.identity
        return int(classes(self.choices[-1])[super().identity_key(architecture)])

    def identity_keys(self, genotypes: NDArray[np.integer]) -> NDArray[np.int64]:
        """Identity keys of many genotypes, (count, 5) -> (count,).

        Raises:
            InvalidArchitecture: The array has the wrong shape, or a genotype is not valid.
        """
        array = self.check_genotypes(genotypes)
        keys: NDArray[np.int64] = classes(self.choices[-1])[array @ np.array(self.radix, dtype=np.int64)]
        if len(keys) and int(keys.min()) < 0:
            row = int(np.flatnonzero(keys < 0)[0])
            raise InvalidArchitecture(f"genotype {array[row].tolist()} in row {row} is of four skips")
        return keys

    def representative(self, architecture: Architecture) -> Architecture:
        """The architecture that stands for all that share its identity key."""
        return self._from_rank(self.identity_key(architecture))

    def functional_key(self, architecture: Architecture) -> bytes:
        """The functional certificate of the representative; the order of the nodes does not matter."""
        if architecture.identity is None and architecture.edges not in _WIRING:
            links = [0] * NUM_NODES
            for source, node in architecture.edges:
                if 1 <= node <= NUM_NODES:
                    links[node - 1] = source
            architecture = self._from_links(links, architecture.operations[1:-1])
        return functional_certificate(
            self.representative(architecture), zero=self.zero_operations, skip=self.skip_operations
        )

    # --- variation -------------------------------------------------------------------------------------------------

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """Every other entry that one change of a genotype position gives, by its representative, in order.

        The changes are of all architectures of the entry, so being a neighbour is mutual, and does not depend on how
        the architecture is written.
        """
        key = self.identity_key(architecture)
        ranks = self._members(key)
        found = []
        for place, count in zip(self.radix, self.choices, strict=True):
            value = ranks // place % count
            found.append((ranks[:, None] + (np.arange(count) - value[:, None]) * place).ravel())
        keys = np.unique(classes(self.choices[-1])[np.concatenate(found)])
        return [self._from_rank(rank) for rank in keys.tolist() if rank not in (-1, key)]

    def mutate(self, architecture: Architecture, *, rng: np.random.Generator) -> Architecture:
        """Draw one of the architectures of the entry uniformly, then change one genotype position of it.

        Position and value are drawn uniformly; what is not valid or gives the same entry is redrawn.
        """
        members = self._members(self.identity_key(architecture))
        written = self._from_rank(int(members[int(rng.integers(len(members)))]))
        return self.representative(super().mutate(written, rng=rng))

    def crossover(self, first: Architecture, second: Architecture, *, rng: np.random.Generator) -> Architecture:
        """Take the link list and each operation from one of two parents at random; redrawn if all are skips."""
        return self.representative(super().crossover(first, second, rng=rng))

    # --- building step by step ---------------------------------------------------------------------------------------

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """For each node the operation, then, from the second node on, one bit for each earlier node."""
        return schedule(len(self.operations))

    def builder(self, batch_size: int) -> Builder:
        """Start a batch with the input placed; see :mod:`ganas.spaces.graphnas.builder`."""
        return TreeBuilder(self, batch_size)

    def building_sequences(self, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
        """The choices that build each architecture as it is written, (count, 13)."""
        return sequences_of_genotypes(self.encode_many(architectures))

    # --- inside ------------------------------------------------------------------------------------------------------

    @cached_property
    def _number(self) -> dict[str, int]:
        return {label: number for number, label in enumerate(self.operations[1:-1])}

    @cached_property
    def _representatives(self) -> NDArray[np.int64]:
        """The identity key of every entry, increasing."""
        return np.unique(classes(self.choices[-1]))[1:]

    def _members(self, key: int) -> NDArray[np.int64]:
        """Ranks of the genotypes of an entry."""
        return np.flatnonzero(classes(self.choices[-1]) == key)

    def _from_rank(self, rank: int) -> Architecture:
        key = int(classes(self.choices[-1])[rank])
        if key < 0:
            raise InvalidArchitecture("four skips compute nothing: an architecture has at least one other operation")
        known = self.operations
        count = len(known) - 2
        labels = (
            "input",
            known[rank // count**3 % count + 1],
            known[rank // count**2 % count + 1],
            known[rank // count % count + 1],
            known[rank % count + 1],
            "output",
        )
        return Architecture.trusted(self.name, labels, _EDGES[rank // count**4], identity=key)

    def _from_links(self, links: Sequence[int], labels: Sequence[str]) -> Architecture:
        """The architecture of any link list, its nodes put into the order of one of the nine."""
        for node, source in enumerate(links, start=1):
            if not 0 <= source < node:
                raise InvalidArchitecture(
                    f"node {node} cannot read {source}: it reads the input, 0, or an earlier node"
                )
        wiring, order = canonical_order(tuple(links))
        return self.decode([wiring, *[self._number[labels[position]] for position in order]])

    def _wiring(self, architecture: Architecture) -> int:
        """The number of the link list of an architecture.

        Raises:
            WrongSpace: It is of another space.
            InvalidArchitecture: It has not the nodes and edges of this space.
        """
        if architecture.space != self.name:
            raise WrongSpace(f"an architecture of {self.name!r} is wanted, not of {architecture.space!r}")
        wiring = _WIRING.get(architecture.edges, -1)
        if architecture.identity is not None:
            return wiring  # built by this space
        labels = architecture.operations
        if (
            wiring < 0
            or len(labels) != NUM_NODES + 2
            or architecture.cells
            or labels[0] != "input"
            or labels[-1] != "output"
            or not all(label in self._number for label in labels[1:-1])
            or all(label == "skip" for label in labels[1:-1])
        ):
            raise InvalidArchitecture(f"{architecture!r} does not have the nodes and edges of {self.name!r}")
        return wiring


class GraphNASProteins(GraphNAS):
    """The part of the space that NAS-Bench-Graph measured on the data set proteins: five of the nine operations.

    Everything else is as in :class:`GraphNAS`; operation numbers count the five, and :meth:`sample` draws uniformly
    from the 2,021 entries.

    >>> GraphNASProteins().package_hash(GraphNASProteins().parse("[0,0,0,0] gcn,gcn,gcn,gcn"))
    1111
    """

    name: ClassVar[str] = "graphnas-proteins"
    title: ClassVar[str] = "NAS-Bench-Graph on proteins: 4 nodes, 9 wirings, 5 of the 9 operations (Qin et al., 2022)"
    operations: ClassVar[tuple[str, ...]] = ("input", "gcn", "sage", "arma", "fc", "skip", "output")
    choices: ClassVar[tuple[int, ...]] = (len(LINKS), 5, 5, 5, 5)
    size: ClassVar[int] = 2_021
