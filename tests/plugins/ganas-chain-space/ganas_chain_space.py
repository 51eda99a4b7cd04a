"""A space of one's own: chains of one to five operations, 363 architectures of five different lengths."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import index
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas import Architecture, Builder, Decision, Space
from ganas.spaces.errors import (
    InvalidArchitecture,
    InvalidSetting,
    MalformedArchitecture,
    WrongSpace,
    closest_match,
    quote_list,
)

LONGEST = 5
"""The most operations in a chain."""

OPERATIONS = ("conv", "pool", "skip")
"""What may stand in a chain; the id of each in the vocabulary of the space is its place here plus one."""

OUTPUT_ID = len(OPERATIONS) + 1


class ChainSpace(Space):
    """Chains of one to five operations, written ``input>conv>pool>output``.

    The genotype has five positions, each the id of an operation, or 0 behind the end of the chain. So not every
    vector is valid: there is an operation at the first position and none behind a 0. Two chains are the same entry
    only if they are written alike.
    """

    name: ClassVar[str] = "chain"
    title: ClassVar[str] = "Chains of 1 to 5 operations: conv, pool, skip"
    operations: ClassVar[tuple[str, ...]] = ("input", *OPERATIONS, "output")
    max_nodes: ClassVar[int] = LONGEST + 2
    choices: ClassVar[tuple[int, ...]] = (1 + len(OPERATIONS),) * LONGEST
    size: ClassVar[int] = sum(len(OPERATIONS) ** length for length in range(1, LONGEST + 1))
    skip_operations: ClassVar[frozenset[str]] = frozenset({"skip"})

    def parse(self, text: str) -> Architecture:
        """Read ``input>conv>pool>output``."""
        labels = str(text).strip().split(">")
        if len(labels) < 3 or labels[0] != "input" or labels[-1] != "output":
            raise MalformedArchitecture(f"{text!r} is not a chain, which is written like input>conv>pool>output")
        for label in labels[1:-1]:
            if label not in OPERATIONS:
                raise MalformedArchitecture(
                    f"unknown operation {label!r} in {text!r}: known are {quote_list(OPERATIONS)}"
                    f"{closest_match(label, OPERATIONS)}"
                )
        if len(labels) - 2 > LONGEST:
            raise InvalidArchitecture(f"{text!r} has {len(labels) - 2} operations, a chain has at most {LONGEST}")
        return self._chain([self.operations.index(label) for label in labels[1:-1]])

    def format(self, architecture: Architecture) -> str:
        """Write ``input>conv>pool>output``."""
        self._require(architecture)
        return ">".join(architecture.operations)

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """The ids of the operations, then zeros."""
        self._require(architecture)
        ids = [self.operations.index(label) for label in architecture.operations[1:-1]]
        return (*ids, *[0] * (LONGEST - len(ids)))

    def decode(self, genotype: Sequence[int]) -> Architecture:
        """The chain of the operations in front of the first 0."""
        if not self.is_valid(genotype):
            raise InvalidArchitecture(f"{genotype!r} is not {LONGEST} operation ids from 1 to 3, or 0 behind the end")
        return self._chain([index(value) for value in genotype if value])

    def is_valid(self, genotype: Sequence[int]) -> bool:
        """Whether it has the right range, an operation at the first position, and none behind a 0."""
        if not super().is_valid(genotype):
            return False
        filled = [value != 0 for value in genotype]
        return filled[0] and filled == sorted(filled, reverse=True)

    def enumerate(self) -> Iterator[Architecture]:
        """All 363 chains, the short ones first."""
        for length in range(1, LONGEST + 1):
            for ids in itertools.product(range(1, OUTPUT_ID), repeat=length):
                yield self._chain(ids)

    def sample(self, count: int, *, rng: np.random.Generator) -> list[Architecture]:
        """Draw uniformly from the 363 chains, with replacement: two of three have five operations."""
        if count < 0:
            raise InvalidSetting(f"count must not be negative, not {count}")
        return [self._members[number] for number in rng.integers(self.size, size=count).tolist()]

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """An operation for each node behind the input, ``output`` among them; the wiring is fixed."""
        return _DECISIONS

    def builder(self, batch_size: int) -> Builder:
        """Start a batch of chains that have only their input."""
        return _ChainBuilder(self, batch_size)

    def building_sequences(self, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
        """The operation id of each node behind the input, then zeros, (count, 6)."""
        sequences = np.zeros((len(architectures), len(_DECISIONS)), dtype=np.int64)
        for row, architecture in zip(sequences, architectures, strict=True):
            self._require(architecture)
            ids = [self.operations.index(label) for label in architecture.operations[1:]]
            row[: len(ids)] = ids
        return sequences

    @cached_property
    def _members(self) -> tuple[Architecture, ...]:
        return tuple(self.enumerate())

    def _chain(self, ids: Sequence[int]) -> Architecture:
        labels = ("input", *[self.operations[number] for number in ids], "output")
        return Architecture.trusted(self.name, labels, tuple(itertools.pairwise(range(len(labels)))))

    def _require(self, architecture: Architecture) -> None:
        if architecture.space != self.name:
            raise WrongSpace(f"an architecture of {self.name!r} is wanted, not of {architecture.space!r}")
        labels = architecture.operations
        if (
            not 3 <= len(labels) <= self.max_nodes
            or labels[0] != "input"
            or labels[-1] != "output"
            or not set(labels[1:-1]) <= set(OPERATIONS)
            or architecture.edges != tuple(itertools.pairwise(range(len(labels))))
            or architecture.cells
        ):
            raise InvalidArchitecture(f"{architecture!r} is not a chain of 1 to {LONGEST} operations")


_DECISIONS = tuple(Decision("operation", node, -1, len(ChainSpace.operations)) for node in range(1, LONGEST + 2))


class _ChainBuilder(Builder):
    """Each decision appends a node; ``output`` ends a chain, and choice 0 is all that is left to it."""

    def __init__(self, space: Space, batch_size: int) -> None:
        super().__init__(space, batch_size)
        self.operation_ids[:, 0] = 0
        self.num_nodes[:] = 1
        self._ended = np.zeros(batch_size, dtype=bool)

    def mask(self) -> NDArray[np.bool_]:
        """An operation while there is room, the output from the second node on."""
        legal = np.zeros((self.batch_size, len(ChainSpace.operations)), dtype=bool)
        legal[:, 0] = self._ended
        legal[:, 1:OUTPUT_ID] = ~self._ended[:, None] & (self.step < LONGEST)
        legal[:, OUTPUT_ID] = ~self._ended & (self.step > 0)
        return legal

    def _place(self, decision: Decision, choices: NDArray[np.int64]) -> None:
        going = ~self._ended
        self.operation_ids[going, decision.node] = choices[going]
        self.adjacency[going, decision.node - 1, decision.node] = True
        self.num_nodes += going
        self._ended |= choices == OUTPUT_ID

    def finish(self) -> list[Architecture]:
        """The finished chains."""
        self._require_done()
        inner = np.where(self.operation_ids == OUTPUT_ID, 0, self.operation_ids)[:, 1 : LONGEST + 1]
        return [self.space.decode(genotype) for genotype in np.maximum(inner, 0).tolist()]
