"""Where and how precisely a network is computed: the device, autocast, compilation, several processes.

On the CPU all of it runs too, so that on a GPU only the name of the device differs.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar, cast

from ganas.spaces.errors import InvalidSetting, closest_match, missing_torch, quote_list

if TYPE_CHECKING:
    import torch

__all__ = ["DEVICES", "PRECISIONS", "Compute", "Precision", "choose_compute", "is_first_process", "process_group"]

DEVICES = ("auto", "cpu", "cuda", "mps")
"""What may be asked for; also one of several GPUs, as ``cuda:1``."""

Precision = Literal["float32", "bfloat16"]

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")

_Module = TypeVar("_Module", bound="torch.nn.Module")


@dataclass(frozen=True, slots=True)
class Compute:
    """How a network is computed.

    Attributes:
        device: Name of a torch device.
        precision: ``"bfloat16"`` for autocast to it; weights, optimiser and sums stay in single precision.
        compiled: Whether networks go through ``torch.compile``.
        rank: The number of this process among those that train together.
        processes: How many train together.
    """

    device: str = "cpu"
    precision: Precision = "float32"
    compiled: bool = False
    rank: int = 0
    processes: int = 1

    @property
    def kind(self) -> str:
        """``"cpu"``, ``"cuda"`` or ``"mps"``."""
        return self.device.partition(":")[0]

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which the network and its loss are computed."""
        import torch

        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.kind, dtype=torch.bfloat16)

    def wait_for_all(self) -> None:
        """Return when every process that trains together is here."""
        if self.processes > 1:
            import torch.distributed

            torch.distributed.barrier()

    def wrap(self, module: _Module) -> _Module:
        """The module as training calls it: compiled and, where several processes train, averaging their gradients."""
        import torch

        wrapped: torch.nn.Module = module
        if self.processes > 1:
            devices = [torch.device(self.device)] if self.kind == "cuda" else None
            wrapped = torch.nn.parallel.DistributedDataParallel(wrapped, device_ids=devices)
        if self.compiled:
            wrapped = cast("torch.nn.Module", torch.compile(wrapped))
        return cast("_Module", wrapped)


def choose_compute(
    device: str = "auto", *, precision: str = "auto", compiled: bool = False, rank: int = 0, processes: int = 1
) -> Compute:
    """Find the device to train on.

    Args:
        device: ``"auto"`` for a CUDA GPU, else Apple's, else the CPU; or one of them, as ``"cuda:1"``.
        precision: ``"auto"`` for bfloat16 on CUDA and float32 elsewhere, or one of :data:`PRECISIONS`.
        compiled: Whether networks go through ``torch.compile``.
        rank: The number of this process among those that train together.
        processes: How many train together.

    Raises:
        InvalidSetting: The device or the precision is unknown, or this machine does not have it.
        MissingDependency: torch is not installed.
    """
    try:
        import torch
    except ImportError:
        raise missing_torch("training") from None
    kind, _, number = device.partition(":")
    if kind not in DEVICES or (number and (kind != "cuda" or not number.isdigit())):
        raise InvalidSetting(
            f"unknown device {device!r}: known are {quote_list(DEVICES)}{closest_match(device, DEVICES)}"
        )
    if precision not in ("auto", *PRECISIONS):
        known = quote_list(("auto", *PRECISIONS))
        raise InvalidSetting(
            f"unknown precision {precision!r}: known are {known}{closest_match(precision, PRECISIONS)}"
        )
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if kind == "auto":
        device = kind = next(name for name, there in has.items() if there)
    if not has[kind] or (number and int(number) >= torch.cuda.device_count()):
        raise InvalidSetting(f"there is no device {device!r} on this machine: leave it out, or give cpu")
    if precision == "auto":
        precision = "bfloat16" if kind == "cuda" else "float32"
    return Compute(device, cast("Precision", precision), compiled, rank, processes)


def _together() -> tuple[int, int]:
    """The number of this process among those that ``torchrun`` started, and how many there are."""
    if "MASTER_ADDR" not in os.environ:
        return 0, 1
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def is_first_process() -> bool:
    """Whether this process is the one that writes and tells, of those that ``torchrun`` started."""
    return _together()[0] == 0


@contextmanager
def process_group(
    device: str = "auto", *, precision: str = "auto", compiled: bool = False, timeout_seconds: float = 1800.0
) -> Iterator[Compute]:
    """Join the processes that ``torchrun`` started, one a GPU; without it, train alone.

    The processes stay together until they end, whatever is trained. ``torchrun`` sets ``RANK``, ``LOCAL_RANK``,
    ``WORLD_SIZE`` and the address at which the processes meet.

    Args:
        device: As for :func:`choose_compute`; ``"cuda"`` becomes the GPU of this process.
        precision: As for :func:`choose_compute`.
        compiled: As for :func:`choose_compute`.
        timeout_seconds: How long a process waits for the others.
    """
    from datetime import timedelta

    rank, processes = _together()
    chosen = choose_compute(device, precision=precision, compiled=compiled, rank=rank, processes=processes)
    if processes == 1:
        yield chosen
        return
    import torch.distributed

    if chosen.device == "cuda":
        local = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        chosen = choose_compute(local, precision=precision, compiled=compiled, rank=rank, processes=processes)
        torch.cuda.set_device(chosen.device)
    if not torch.distributed.is_initialized():
        # Only once: who joins again at the same address may meet what is left of the group before, and wait for ever.
        backend = "nccl" if chosen.kind == "cuda" else "gloo"
        torch.distributed.init_process_group(backend, timeout=timedelta(seconds=timeout_seconds))
        atexit.register(torch.distributed.destroy_process_group)
    yield chosen
