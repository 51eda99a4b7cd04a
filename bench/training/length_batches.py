"""Batches of sequences of about one length, so that little of a batch is padding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["batch_order", "sorted_batches"]

# So many batches are sorted together: of more, batches would depend less on the draw; of fewer, be padded more.
_POOL = 16


def batch_order(lengths: NDArray[np.int64], size: int, *, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Draw batches of sequences of about one length: every sequence is in one, the last may be smaller.

    Args:
        lengths: Of each sequence.
        size: Sequences of a batch.
        rng: Of the order.

    Returns:
        For each batch the numbers of its sequences.
    """
    order = rng.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), size * _POOL):
        pool = order[start : start + size * _POOL]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[first : first + size] for first in range(0, len(pool), size)]
    return [batches[place] for place in rng.permutation(len(batches))]


def sorted_batches(lengths: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """All sequences in batches by length, the shortest first; nothing is random."""
    order = np.argsort(lengths, kind="stable")
    return [order[start : start + size] for start in range(0, len(order), size)]
