"""The space: which architectures exist, how they are written, compared, drawn at random and varied."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision
from ganas.spaces.canonical import canonical_certificate, functional_certificate
from ganas.spaces.errors import InvalidArchitecture, InvalidSetting, NotSupported, WrongSpace

if TYPE_CHECKING:
    import torch

__all__ = ["Genotype", "Space"]

Genotype = tuple[int, ...]

# Redraws before a generic operator lists all neighbours instead.
_REDRAWS = 100


class Space(ABC):
    """Says which architectures exist.

    An architecture of a space has three faces: the DAG (:class:`Architecture`), the community's text notation
    (:meth:`parse`, :meth:`format`), and the genotype, a vector of ``len(choices)`` categorical choices
    (:meth:`encode`, :meth:`decode`). Not every vector need be valid: :meth:`is_valid` says which are.

    Three keys say when two architectures are the same:

    - ``identity_key``: the same entry of a benchmark. Ledger, tables and duplicate filters use it. By default the
      rank of the genotype.
    - ``canonical_key``: isomorphic as labelled DAGs, exactly.
    - ``functional_key``: the same once dead paths are pruned to a fixed point and skips are contracted, sharing kept.
      For leak-free splits and analysis.

    A subclass sets the class attributes and implements the abstract methods; everything else follows from them and
    may be overridden where the space knows a better way. ``ganas.testing.check_space`` judges the result.
    """

    name: ClassVar[str]
    """Registered name, such as ``"nasbench201"``."""
    title: ClassVar[str]
    """One line for ``ganas list``."""
    operations: ClassVar[tuple[str, ...]]
    """Every label that a node may carry, inputs and outputs included; operation ids index into it."""
    max_nodes: ClassVar[int]
    """The most nodes that an architecture has, inputs and outputs included."""
    choices: ClassVar[tuple[int, ...]]
    """How many values each position of the genotype takes."""
    size: ClassVar[int]
    """How many architectures there are, counted by ``identity_key``; exact."""
    longest_path: ClassVar[int | None] = None
    """The most nodes strictly between an input and an output on one path; None for ``max_nodes - 2``."""
    zero_operations: ClassVar[frozenset[str]] = frozenset()
    """Labels of nodes that pass nothing on: paths through them are dead."""
    skip_operations: ClassVar[frozenset[str]] = frozenset()
    """Labels of nodes that pass their input on unchanged."""
    has_parameter_count: ClassVar[bool] = False
    """Whether :meth:`parameter_count` is implemented."""

    # --- notation and genotype -------------------------------------------------------------------------------

    @abstractmethod
    def parse(self, text: str) -> Architecture:
        """Read the community's notation.

        Raises:
            MalformedArchitecture: The text is not in the notation.
            InvalidArchitecture: It is, but the architecture is not in the space.
        """

    @abstractmethod
    def format(self, architecture: Architecture) -> str:
        """Write the community's notation; ``parse(format(a)) == a``."""

    @abstractmethod
    def encode(self, architecture: Architecture) -> Genotype:
        """Return a genotype that :meth:`decode` turns back into ``architecture``.

        Raises:
            InvalidArchitecture: The architecture is not in the space.
        """

    @abstractmethod
    def decode(self, genotype: Sequence[int]) -> Architecture:
        """Return the architecture of a genotype.

        Raises:
            InvalidArchitecture: The genotype is not valid.
        """

    def is_valid(self, genotype: Sequence[int]) -> bool:
        """Whether the genotype has the right length and range and stands for an architecture of the space."""
        return len(genotype) == len(self.choices) and all(
            0 <= value < count for value, count in zip(genotype, self.choices, strict=True)
        )

    def encode_many(self, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
        """Genotypes of many architectures, (len(architectures), len(choices))."""
        genotypes = [self.encode(architecture) for architecture in architectures]
        return np.array(genotypes, dtype=np.int64).reshape(len(genotypes), len(self.choices))

    def check(self, architecture: Architecture) -> None:
        """Raise unless ``architecture`` is in this space.

        Raises:
            WrongSpace: It belongs to another space.
            InvalidArchitecture: It says it belongs here and does not.
        """
        if not isinstance(architecture, Architecture):
            raise InvalidArchitecture(f"an Architecture is wanted, not {type(architecture).__name__}")
        if architecture.space != self.name:
            raise WrongSpace(f"an architecture of {self.name!r} is wanted, not of {architecture.space!r}")
        if self.decode(self.encode(architecture)) != architecture:
            raise InvalidArchitecture(f"{architecture!r} is not an architecture of {self.name!r}")

    # --- counting and drawing ----------------------------------------------------------------------------------

    @abstractmethod
    def enumerate(self) -> Iterator[Architecture]:
        """Yield every architecture once by identity, in a fixed order."""

    @abstractmethod
    def sample(self, count: int, *, rng: np.random.Generator) -> list[Architecture]:
        """Draw ``count`` architectures with replacement; the docstring of the space names the distribution."""

    # --- keys ----------------------------------------------------------------------------------------------------

    @cached_property
    def radix(self) -> tuple[int, ...]:
        """Place value of each genotype position, the first the most significant."""
        values = [1]
        for count in reversed(self.choices[1:]):
            values.append(values[-1] * count)
        return tuple(reversed(values))

    def identity_key(self, architecture: Architecture) -> int:
        """The number that says "the same entry of a benchmark"; by default the rank of the genotype."""
        if architecture.identity is not None and architecture.space == self.name:
            return architecture.identity
        genotype = self.encode(architecture)
        return sum(value * place for value, place in zip(genotype, self.radix, strict=True))

    def identity_keys(self, genotypes: NDArray[np.integer]) -> NDArray[np.int64]:
        """Identity keys of many valid genotypes, (count, len(choices)) -> (count,).

        Raises:
            InvalidArchitecture: The array has the wrong shape or a value out of range.
            NotSupported: The keys of this space do not fit into 64 bits.
        """
        if self.radix[0] * self.choices[0] >= 2**63:
            raise NotSupported(f"the identity keys of {self.name!r} do not fit into 64 bits: use identity_key")
        return self.check_genotypes(genotypes) @ np.array(self.radix, dtype=np.int64)

    def from_key(self, key: int) -> Architecture:
        """The architecture with an identity key; by default the one whose genotype has this rank.

        Raises:
            InvalidArchitecture: No architecture has this key.
        """
        genotype = [key // place % count for place, count in zip(self.radix, self.choices, strict=True)]
        if 0 <= key < self.radix[0] * self.choices[0] and self.is_valid(genotype):
            architecture = self.decode(genotype)
            # Where several genotypes are one architecture, most ranks are no key.
            if self.identity_key(architecture) == key:
                return architecture
        raise InvalidArchitecture(f"no architecture of {self.name!r} has the key {key}")

    def from_keys(self, keys: Sequence[int]) -> list[Architecture]:
        """The architectures with some identity keys; errors as :meth:`from_key`."""
        return [self.from_key(key) for key in keys]

    def check_genotypes(self, genotypes: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return ``genotypes`` as an array of integers (count, len(choices)) with every value in range.

        Raises:
            InvalidArchitecture: The shape, the type or a value is wrong.
        """
        array = np.asarray(genotypes)
        if array.ndim != 2 or array.shape[1] != len(self.choices) or array.dtype.kind not in "iu":
            raise InvalidArchitecture(
                f"genotypes of {self.name!r} are integers of shape (count, {len(self.choices)}), "
                f"not {array.dtype} of shape {array.shape}"
            )
        # Bounds of the whole array first: two passes over contiguous memory. The bounds of each column are forty times
        # slower, and needed only where a value would not fit the column with the fewest choices.
        if len(array) and (
            int(array.min()) < 0
            or (int(array.max()) >= min(self.choices) and bool((array.max(axis=0) >= self.choices).any()))
        ):
            inside = ((array >= 0) & (array < np.array(self.choices))).all(axis=1)
            row = int(np.flatnonzero(~inside)[0])
            raise InvalidArchitecture(
                f"genotype {array[row].tolist()} in row {row} is out of range: {self.name!r} has choices {self.choices}"
            )
        return array.astype(np.int64, copy=False)

    def canonical_key(self, architecture: Architecture) -> bytes:
        """A certificate that isomorphic labelled DAGs share and others never do."""
        return canonical_certificate(architecture)

    def functional_key(self, architecture: Architecture) -> bytes:
        """A certificate of the function: dead paths pruned to a fixed point, skips contracted, sharing kept."""
        return functional_certificate(architecture, zero=self.zero_operations, skip=self.skip_operations)

    # --- variation -------------------------------------------------------------------------------------------------

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """Every other architecture one genotype position away, once by identity, in a fixed order."""
        genotype = list(self.encode(architecture))
        seen = {self.identity_key(architecture)}
        found = []
        for position, count in enumerate(self.choices):
            original = genotype[position]
            for value in range(count):
                genotype[position] = value
                if value != original and self.is_valid(genotype):
                    neighbour = self.decode(genotype)
                    key = self.identity_key(neighbour)
                    if key not in seen:
                        seen.add(key)
                        found.append(neighbour)
            genotype[position] = original
        return found

    def mutate(self, architecture: Architecture, *, rng: np.random.Generator) -> Architecture:
        """Change one genotype position, drawn uniformly, to another value, drawn uniformly.

        A change that is not valid or gives the same identity is redrawn; after 100 redraws the mutant is drawn
        uniformly from :meth:`neighbours`.

        Raises:
            NotSupported: The architecture has no neighbour.
        """
        genotype = self.encode(architecture)
        identity = self.identity_key(architecture)
        for _ in range(_REDRAWS):
            position = int(rng.integers(len(genotype)))
            if self.choices[position] < 2:
                continue
            value = int(rng.integers(self.choices[position] - 1))
            changed = list(genotype)
            changed[position] = value + (value >= genotype[position])
            if self.is_valid(changed):
                mutant = self.decode(changed)
                if self.identity_key(mutant) != identity:
                    return mutant
        neighbours = self.neighbours(architecture)
        if not neighbours:
            raise NotSupported(f"{self.format(architecture)} has no neighbour in {self.name!r}")
        return neighbours[int(rng.integers(len(neighbours)))]

    def crossover(self, first: Architecture, second: Architecture, *, rng: np.random.Generator) -> Architecture:
        """Take each genotype position from one of two parents at random (uniform crossover).

        A child that is not valid is redrawn; after 100 redraws the child is one of the parents, drawn uniformly.
        """
        parents = (self.encode(first), self.encode(second))
        for _ in range(_REDRAWS):
            picks = rng.integers(2, size=len(self.choices)).tolist()
            child = [parents[pick][position] for position, pick in enumerate(picks)]
            if self.is_valid(child):
                return self.decode(child)
        return (first, second)[int(rng.integers(2))]

    # --- building step by step ---------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def decisions(self) -> tuple[Decision, ...]:
        """The schedule of decisions that builds any architecture; see :mod:`ganas.spaces.building`."""

    @abstractmethod
    def builder(self, batch_size: int) -> Builder:
        """Start ``batch_size`` empty partial architectures."""

    @abstractmethod
    def building_sequences(self, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
        """The choices that build each architecture, (len(architectures), len(decisions))."""

    # --- what some spaces can do -------------------------------------------------------------------------------------

    def parameter_count(self, architecture: Architecture, *, num_classes: int = 10) -> int:
        """Trainable parameters of the network, by a closed formula (no network is built).

        Raises:
            NotSupported: The space has no formula; see ``has_parameter_count``.
        """
        raise NotSupported(f"{self.name!r} has no closed formula for its parameters")

    def network(self, architecture: Architecture, *, num_classes: int = 10) -> torch.nn.Module:
        """The trainable network of an architecture.

        Raises:
            NotSupported: The space builds no networks.
            MissingDependency: torch is not installed.
        """
        raise NotSupported(f"{self.name!r} builds no networks")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"<Space {self.name}: {self.size:,} architectures>"


def positive_count(count: int) -> int:
    """Return ``count`` if it is a sample size, at least 0.

    Raises:
        InvalidSetting: It is negative.
    """
    if count < 0:
        raise InvalidSetting(f"count must not be negative, not {count}")
    return count
