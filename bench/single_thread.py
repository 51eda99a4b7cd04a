"""One thread for small linear algebra and small networks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController

__all__ = ["one_thread"]

# What brings thread pools of its own; each is found only after it was loaded.
_WITH_POOLS = ("scipy.linalg", "torch", "sklearn", "lightgbm")


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch and the linear algebra of numpy compute in one thread, and in as many as before afterwards.

    Networks and matrices are so small that several threads wait for each other: two were four times as slow as one. And
    sums that are split among threads may round differently, while the same seed must give the same numbers anywhere.
    """
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch is not None else 0
    with _thread_pools(tuple(name in sys.modules for name in _WITH_POOLS)).limit(limits=1):
        if torch is not None:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before)


@lru_cache(maxsize=16)
def _thread_pools(loaded: tuple[bool, ...]) -> ThreadpoolController:
    # Looking for the libraries takes longer than a training step.
    return ThreadpoolController()
