"""The pool of proposals that a model ranks, never the whole space; and what proposals are made of."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import NotSupported
from ganas.spaces.space import Space
from ganas.strategy import Problem

__all__ = ["ProposalPool", "RowMaker", "crossovers", "mutants"]

# Proposals that wait for a ranking, in units of how many a ranking keeps; beyond, the oldest are dropped.
_MOST_WAITING = 16


class RowMaker(Protocol):
    """What turns architectures into rows of numbers, as :class:`ganas.bench.surrogate.features.Features` does."""

    def rows(self, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
        """Numbers that depend on each architecture alone, (len(architectures), width)."""


class ProposalPool:
    """Architectures not evaluated yet, with their features; the best ranked stay.

    So a ranking costs the same however large the space is, and few proposals have to be made for each.

    Args:
        problem: Whose predicates every proposal meets.
        features: Gives the rows; None where the model reads architectures, and the rows are then empty.
        size: How many proposals stay at most.
    """

    def __init__(self, problem: Problem, features: RowMaker | None, size: int) -> None:
        self.problem = problem
        self.size = size
        self._features = features
        self.architectures: list[Architecture] = []
        self._keys: list[int] = []
        self.rows = self._rows([])

    def __len__(self) -> int:
        return len(self.architectures)

    def add(self, architectures: Iterable[Architecture], seen: Container[int]) -> None:
        """Take in what is allowed, not in the pool yet and not ``seen`` by its identity key."""
        identity, allows = self.problem.space.identity_key, self.problem.allows
        known = set(self._keys)
        fresh: list[Architecture] = []
        for architecture in architectures:
            key = identity(architecture)
            if key not in known and key not in seen and allows(architecture):
                known.add(key)
                self._keys.append(key)
                fresh.append(architecture)
        if fresh:
            self.architectures += fresh
            self.rows = np.concatenate([self.rows, self._rows(fresh)])
        # Only where nothing is ranked for long, as with an exploration share near 1.
        if len(self) > _MOST_WAITING * self.size:
            self._keep(np.arange(len(self) - _MOST_WAITING * self.size, len(self)))

    def take(self, scores: NDArray[np.float64], count: int) -> list[Architecture]:
        """Remove and return the ``count`` best by ``scores``, (len(pool),), and keep only the best of the rest."""
        order = np.argsort(-scores, kind="stable")
        taken = [self.architectures[number] for number in order[:count].tolist()]
        self._keep(order[count : count + self.size])
        return taken

    def discard(self, key: int) -> None:
        """Remove the architecture of this identity key, if it is there."""
        if key in self._keys:
            place = self._keys.index(key)
            self._keep(np.delete(np.arange(len(self)), place))

    def _rows(self, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
        if self._features is None:
            return np.zeros((len(architectures), 0), dtype=np.float32)
        return self._features.rows(architectures)

    def _keep(self, numbers: NDArray[np.int64]) -> None:
        kept = numbers.tolist()
        self.architectures = [self.architectures[number] for number in kept]
        self._keys = [self._keys[number] for number in kept]
        self.rows = self.rows[numbers]

    def state(self) -> NDArray[np.int64]:
        """Genotypes, (len(pool), len(space.choices))."""
        return self.problem.space.encode_many(self.architectures)

    def load_state(self, genotypes: NDArray[np.integer]) -> None:
        """Take over a saved pool."""
        space = self.problem.space
        self.architectures = [space.decode(genotype) for genotype in np.asarray(genotypes).tolist()]
        self._keys = [space.identity_key(architecture) for architecture in self.architectures]
        self.rows = self._rows(self.architectures)


def mutants(
    space: Space, parents: Sequence[Architecture], count: int, *, rng: np.random.Generator
) -> list[Architecture]:
    """Mutate parents that are drawn uniformly; a parent without a neighbour gives none."""
    found = []
    for number in rng.integers(len(parents), size=count).tolist():
        try:
            found.append(space.mutate(parents[number], rng=rng))
        except NotSupported:
            continue
    return found


def crossovers(
    space: Space, parents: Sequence[Architecture], count: int, *, rng: np.random.Generator
) -> list[Architecture]:
    """Cross two parents over, both drawn uniformly."""
    pairs = rng.integers(len(parents), size=(count, 2)).tolist()
    return [space.crossover(parents[first], parents[second], rng=rng) for first, second in pairs]
