"""Which architectures a surrogate learns from and which it is judged on: functional twins are not on both sides."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganas.bench.surrogate.judging.population import Population
from ganas.bench.surrogate.judging.scores import TOP_SHARE
from ganas.spaces.errors import InvalidSetting, unknown_name

__all__ = [
    "EXTRAPOLATION",
    "RANDOM",
    "TABLE_SPLITS",
    "WITH_TWINS",
    "Split",
    "make_split",
    "split_names",
    "split_rng",
    "strategy_split",
]

Rows = NDArray[np.int64]

RANDOM = "random"
"""Learn from architectures drawn at random."""

EXTRAPOLATION = "extrapolation"
"""The same, but none that is learnt from is among the best 1 % or the functional twin of one that is."""

WITH_TWINS = "with-twins"
"""Learn from what :data:`RANDOM` draws and be judged on all the rest, twins of what was learnt from among it.

It leaks, and stands here because published figures are usually those of all that was not trained on.
"""

TABLE_SPLITS = (RANDOM, EXTRAPOLATION, WITH_TWINS)
"""The splits that every table has."""

_STRATEGY = "without "
# A rank correlation of fewer says nothing.
_FEWEST_TESTS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows of a population.

    Attributes:
        train: What is learnt from.
        test: What is judged on, in random order.
    """

    train: Rows
    test: Rows


def strategy_split(strategy: str) -> str:
    """Name of the split that learns from what all other strategies visited and is judged on what this one did."""
    return f"{_STRATEGY}{strategy}"


def split_names(population: Population) -> tuple[str, ...]:
    """Every split that a population has."""
    return (*TABLE_SPLITS, *map(strategy_split, population.visited))


def split_rng(name: str, size: int, seed: int) -> np.random.Generator:
    """The generator of a split: the same for every model, another for every size and seed."""
    drawn_as = RANDOM if name == WITH_TWINS else name
    return np.random.default_rng([seed, size, zlib.crc32(drawn_as.encode())])


def make_split(population: Population, name: str, size: int, *, rng: np.random.Generator) -> Split:
    """Draw a split.

    What is judged on is all the rest of the table (or what the strategy visited), as far as no functional twin of it
    was learnt from; see ``Space.functional_key``. Only :data:`WITH_TWINS` keeps such twins.

    Args:
        population: What is split.
        name: One of :func:`split_names`.
        size: How many architectures are learnt from.
        rng: Draws them.

    Raises:
        UnknownName: The population has no such split.
        InvalidSetting: There are fewer architectures to learn from, or too few are left to judge on.
    """
    candidates, judged = _candidates(population, name)
    if not 0 < size <= len(candidates):
        raise InvalidSetting(
            f"the split {name!r} has {len(candidates):,} architectures to learn from: {size:,} cannot be drawn"
        )
    train = rng.choice(candidates, size, replace=False)
    learnt = np.isin(judged, train) if name == WITH_TWINS else _have_twin(population, judged, train)
    test = rng.permutation(judged[~learnt])
    if len(test) < _FEWEST_TESTS:
        raise InvalidSetting(
            f"with {size:,} architectures learnt from, the split {name!r} has {len(test)} left to judge on, and "
            f"{_FEWEST_TESTS} are needed"
        )
    return Split(train, test)


def _candidates(population: Population, name: str) -> tuple[Rows, Rows]:
    """What may be learnt from and what is judged on."""
    table = np.arange(population.drawn)
    if name in (RANDOM, WITH_TWINS):
        return table, table
    if name == EXTRAPOLATION:
        scores = population.scores(population.means[: population.drawn])
        best = np.argsort(-scores, kind="stable")[: max(1, round(TOP_SHARE * len(scores)))]
        return _without_twins(population, table, best), table
    strategy = name.removeprefix(_STRATEGY)
    if name == strategy or strategy not in population.visited:
        raise unknown_name("split", name, split_names(population))
    own = population.visited[strategy]
    others = [rows for other, rows in population.visited.items() if other != strategy]
    visited = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *others]))
    return _without_twins(population, visited, own), own


def _without_twins(population: Population, rows: Rows, left_out: Rows) -> Rows:
    """Rows that are in no functional class of those left out."""
    return rows[~_have_twin(population, rows, left_out)]


def _have_twin(population: Population, rows: Rows, others: Rows) -> NDArray[np.bool_]:
    """Whether each row is in a functional class of the others."""
    return np.isin(population.groups[rows], population.groups[others])
