"""Checks of counting, drawing, keys and variation."""

from __future__ import annotations

import itertools

import numpy as np

from ganas.spaces.architecture import Architecture
from ganas.spaces.checks import raises, require
from ganas.spaces.conformance.drawing import describe, draw, reordered, same_stream
from ganas.spaces.errors import CheckFailed, GanasError, InvalidArchitecture, InvalidSetting, NotSupported
from ganas.spaces.space import Space

__all__ = ["VARIATION_CHECKS"]

_COUNTED = 20_000
"""A space of at most this size is enumerated in full."""

_PARENTS = 8


def check_enumerate_gives_size_architectures(space: Space, *, rng: np.random.Generator) -> None:
    """``enumerate`` gives every identity once, ``size`` of them; only its start is read in a large space."""
    seen: set[int] = set()
    # One more than there should be, so that a space that is larger than it says is found out.
    for architecture in itertools.islice(space.enumerate(), space.size + 1 if _small(space) else 100):
        identity = space.identity_key(architecture)
        require(identity not in seen, f"enumerate gives {describe(space, architecture)} twice")
        seen.add(identity)
    expected = space.size if _small(space) else 100
    require(len(seen) == expected, f"enumerate gives {len(seen)} architectures, and size is {space.size}")


def check_enumerate_is_in_a_fixed_order(space: Space, *, rng: np.random.Generator) -> None:
    """``enumerate`` gives members of the space, in the same order every time."""
    first, again = (list(itertools.islice(space.enumerate(), 200)) for _ in range(2))
    require(first == again, "enumerate gives another order at the second call")
    for architecture in first:
        _member(space, architecture, "enumerate")


def check_sample_gives_members(space: Space, *, rng: np.random.Generator) -> None:
    """``sample`` gives as many members as asked for, none for 0, and refuses a negative count."""
    sample = draw(space, rng)
    for architecture in sample:
        _member(space, architecture, "sample")
    require(space.sample(0, rng=rng) == [], "sample(0) must give an empty list")
    raises(InvalidSetting, lambda: space.sample(-1, rng=rng), "sample(-1)")
    if _small(space):
        listed = {space.identity_key(architecture) for architecture in space.enumerate()}
        for architecture in sample:
            require(
                space.identity_key(architecture) in listed,
                f"sample gives {describe(space, architecture)}, which enumerate does not",
            )


def check_sample_draws_from_rng_alone(space: Space, *, rng: np.random.Generator) -> None:
    """The same generator gives the same sample, and a generator that has moved on another one."""
    first, again = draw(space, same_stream(rng)), draw(space, rng)
    require(first == again, "two generators in the same state give different samples: draw from rng alone")
    # 40 draws with the same outcome twice: less than one in 2**40 with two equally likely members.
    require(space.size == 1 or draw(space, rng) != again, "sample gives the same again: it does not draw from rng")


def check_identity_keys_equal_identity_key(space: Space, *, rng: np.random.Generator) -> None:
    """``identity_key`` is a plain int, and ``identity_keys`` gives the same in a batch where 64 bits hold it."""
    sample = draw(space, rng)
    keys = [space.identity_key(architecture) for architecture in sample]
    for architecture, key in zip(sample, keys, strict=True):
        require(type(key) is int, f"identity_key of {describe(space, architecture)} is a {type(key).__name__}, not int")
    genotypes = space.encode_many(sample)
    try:
        batch = space.identity_keys(genotypes)
    except NotSupported:
        require(max(keys) >= 2**31, "identity_keys says NotSupported, and the keys are small")
        return
    require(
        batch.dtype == np.int64 and batch.shape == (len(sample),),
        f"identity_keys gave {batch.dtype} of shape {batch.shape}",
    )
    for architecture, one, key in zip(sample, keys, batch.tolist(), strict=True):
        require(one == key, f"identity_keys gave {key}, identity_key {one}, for {describe(space, architecture)}")
    wrong_range = genotypes.copy()
    wrong_range[-1, -1] = space.choices[-1]
    for wrong, what in ((genotypes[:, 1:], "too few columns"), (wrong_range, "a value out of range")):
        raises(InvalidArchitecture, lambda wrong=wrong: space.identity_keys(wrong), f"identity_keys of {what}")  # type: ignore[misc]


def check_keys_do_not_depend_on_node_order(space: Space, *, rng: np.random.Generator) -> None:
    """A graph with its nodes in another topological order keeps ``canonical_key`` and ``functional_key``."""
    for architecture in draw(space, rng):
        other = reordered(architecture, rng=rng)
        for name, key in (("canonical_key", space.canonical_key), ("functional_key", space.functional_key)):
            value = key(architecture)
            require(isinstance(value, bytes), f"{name} is a {type(value).__name__}, not bytes")
            require(
                key(other) == value,
                f"{name} of {describe(space, architecture)} changes with the order of its nodes",
            )


def check_canonical_key_tells_graphs_apart(space: Space, *, rng: np.random.Generator) -> None:
    """What differs in its labels, or in its number of edges, differs in ``canonical_key``."""
    shapes: dict[bytes, tuple[object, ...]] = {}
    for architecture in draw(space, rng):
        shape = (sorted(architecture.operations), len(architecture.edges))
        known = shapes.setdefault(space.canonical_key(architecture), shape)
        require(known == shape, f"canonical_key of {describe(space, architecture)} is that of another graph: {known}")


def check_neighbours(space: Space, *, rng: np.random.Generator) -> None:
    """Neighbours are members, each once by identity, not the architecture itself, in a fixed order."""
    for architecture in draw(space, rng, _PARENTS):
        text = describe(space, architecture)
        neighbours = space.neighbours(architecture)
        require(neighbours == space.neighbours(architecture), f"neighbours of {text} change between two calls")
        seen = {space.identity_key(architecture)}
        for neighbour in neighbours:
            _member(space, neighbour, "neighbours")
            identity = space.identity_key(neighbour)
            require(
                identity not in seen,
                f"neighbours of {text} hold {describe(space, neighbour)} twice, or the architecture itself",
            )
            seen.add(identity)
        require(neighbours or space.size == 1, f"{text} has no neighbour")


def check_mutate(space: Space, *, rng: np.random.Generator) -> None:
    """A mutant is a member of another identity, drawn from ``rng`` alone, not always the same one."""
    if space.size == 1:
        return
    for parent in draw(space, rng, _PARENTS):
        text = describe(space, parent)
        twin = same_stream(rng)
        mutants = [space.mutate(parent, rng=rng) for _ in range(30)]
        require(
            mutants == [space.mutate(parent, rng=twin) for _ in range(30)],
            f"mutate of {text} differs between two generators in the same state",
        )
        for mutant in mutants:
            _member(space, mutant, "mutate")
            require(space.identity_key(mutant) != space.identity_key(parent), f"mutate returned the parent, {text}")
        if len(space.neighbours(parent)) > 1:
            require(len(set(mutants)) > 1, f"mutate of {text} always gives {describe(space, mutants[0])}")


def check_crossover(space: Space, *, rng: np.random.Generator) -> None:
    """A child is a member, drawn from ``rng`` alone."""
    parents = draw(space, rng)
    for first, second in itertools.pairwise(parents):
        twin = same_stream(rng)
        child = space.crossover(first, second, rng=rng)
        _member(space, child, "crossover")
        require(
            child == space.crossover(first, second, rng=twin),
            f"crossover of {describe(space, first)} and {describe(space, second)} differs between two generators "
            "in the same state",
        )


def _small(space: Space) -> bool:
    return space.size <= _COUNTED


def _member(space: Space, architecture: Architecture, origin: str) -> None:
    try:
        space.check(architecture)
    except GanasError as error:
        raise CheckFailed(f"{origin} gives what is not in the space: {error}") from error


VARIATION_CHECKS = (
    check_enumerate_gives_size_architectures,
    check_enumerate_is_in_a_fixed_order,
    check_sample_gives_members,
    check_sample_draws_from_rng_alone,
    check_identity_keys_equal_identity_key,
    check_keys_do_not_depend_on_node_order,
    check_canonical_key_tells_graphs_apart,
    check_neighbours,
    check_mutate,
    check_crossover,
)
