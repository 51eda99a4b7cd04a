"""Draws of architectures that a problem allows."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from ganas.spaces.architecture import Architecture
from ganas.strategy import Problem

__all__ = ["draw_allowed"]

# Draws that are refused one after another before a strategy takes it that nothing is left. With r of N architectures
# left it misses them all with probability (1 - r/N) ** 20_000: below 1e-8 for one in a thousand.
_MOST_DRAWS = 20_000


def draw_allowed(
    problem: Problem, *, rng: np.random.Generator, seen: Container[int] | None = None
) -> Architecture | None:
    """Draw from the space until the predicates of the problem hold and the identity key is not in ``seen``.

    Returns:
        The architecture, or None after 20,000 draws in a row that did not do. A space of at most 20,000
        architectures is then searched in order for one that does, so that small spaces are used up completely.
    """
    space = problem.space
    for _ in range(_MOST_DRAWS):
        (architecture,) = space.sample(1, rng=rng)
        if (seen is None or space.identity_key(architecture) not in seen) and problem.allows(architecture):
            return architecture
    if space.size <= _MOST_DRAWS:
        for architecture in space.enumerate():
            if (seen is None or space.identity_key(architecture) not in seen) and problem.allows(architecture):
                return architecture
    return None
