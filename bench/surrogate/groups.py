"""Which architectures are functional twins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.space import Space

__all__ = ["functional_groups"]


def functional_groups(space: Space, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
    """Numbers that functional twins share, (count,): what is known of one twin is known of the other.

    See ``Space.functional_key``.
    """
    numbers: dict[object, int] = {}
    keys = [_functional_key(space, architecture) for architecture in architectures]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


@lru_cache(maxsize=2**14)
def _functional_key(space: Space, architecture: Architecture) -> bytes:
    """The key, kept: a search learns from the same architectures again after every query."""
    return space.functional_key(architecture)
