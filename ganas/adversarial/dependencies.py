"""What GA-NAS needs beyond the base installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from ganas.spaces.errors import missing_torch

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

__all__ = ["one_thread", "require_torch"]


def require_torch() -> None:
    """Raise unless the extra ``torch`` is installed; a strategy calls this before it imports its networks.

    Raises:
        MissingDependency: torch, or what limits its threads, is not installed.
    """
    try:
        import threadpoolctl  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise missing_torch("GA-NAS") from error


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch and the linear algebra of numpy compute in one thread, and in as many as before afterwards.

    Networks and matrices are so small that several threads wait for each other: two were four times as slow as one. And
    sums that are split among threads may round differently, while the same seed must give the same search anywhere.
    """
    import torch

    before = torch.get_num_threads()
    with _thread_pools().limit(limits=1):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)


@cache
def _thread_pools() -> ThreadpoolController:
    """The libraries that numpy and torch have loaded; looking for them takes longer than a training step."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
