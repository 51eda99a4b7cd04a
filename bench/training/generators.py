"""What a training takes from the machine and gives back: the state of torch's generators, and its memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ganas.bench.training.checkpoint import as_tensors
from ganas.spaces.errors import NotEnoughMemory

if TYPE_CHECKING:
    from ganas.bench.training.devices import Compute

__all__ = ["generators_now", "generators_of_torch", "memory_errors", "seed_generators", "set_generators"]


@contextmanager
def generators_of_torch(compute: Compute, seed: int) -> Iterator[None]:
    """Seed torch's global generators, and put them back afterwards."""
    before = generators_now(compute)
    try:
        # Initial weights are the same in every process.
        seed_generators(seed, None)
        yield
    finally:
        set_generators(compute, before)


def seed_generators(seed: int, compute: Compute | None) -> None:
    """Seed torch's global generators; processes that train together, but for the first, get seeds of their own.

    Args:
        seed: Of the training.
        compute: The process; None for the seed that all share.
    """
    import torch

    rank = 0 if compute is None else compute.rank
    # Neighbouring seeds of torch are good seeds; the ranks of one training must not be another training's seeds.
    torch.manual_seed((seed + rank * 1_000_003) % 2**63)


def generators_now(compute: Compute) -> dict[str, Any]:
    """The states of torch's global generators for the CPU and the device."""
    import torch

    states = {"cpu": torch.get_rng_state()}
    if compute.kind == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(compute.device)
    elif compute.kind == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_generators(compute: Compute, states: Mapping[str, Any]) -> None:
    """Go on with states that :func:`generators_now` gave."""
    import torch

    tensors = as_tensors(states)
    torch.set_rng_state(tensors["cpu"])
    if compute.kind == "cuda" and "cuda" in tensors:
        torch.cuda.set_rng_state(tensors["cuda"], compute.device)
    elif compute.kind == "mps" and "mps" in tensors:
        torch.mps.set_rng_state(tensors["mps"])


@contextmanager
def memory_errors(what: str, compute: Compute) -> Iterator[None]:
    """Turn what the allocators say into one line."""
    import torch

    try:
        yield
    except (MemoryError, torch.OutOfMemoryError):
        short = True
    except RuntimeError as error:
        # The allocator of the CPU has no type of error of its own.
        if "not enough memory" not in str(error) and "can't allocate memory" not in str(error):
            raise
        short = True
    else:
        return
    if short:
        raise NotEnoughMemory(f"training {what:.200} needs more memory than there is on {compute.device}")
