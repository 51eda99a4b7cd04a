"""What GA-NAS needs beyond the base installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ganas.spaces.errors import missing_torch

__all__ = ["one_thread", "require_torch"]


def require_torch() -> None:
    """Raise unless torch can be imported; a strategy calls this before it imports its networks.

    Raises:
        MissingDependency: torch is not installed.
    """
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise missing_torch("GA-NAS") from error


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread, and as many as before afterwards.

    The networks are so small that several threads wait for each other: two were four times as slow as one.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
