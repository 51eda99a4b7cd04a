"""Running a training to the end, or finding it finished."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ganas.bench.training.checkpoint import write_atomically
from ganas.bench.training.devices import process_group
from ganas.bench.training.finished import TrainingPlace
from ganas.bench.training.history import History
from ganas.bench.training.identity import Identity
from ganas.bench.training.loop import Progress, TrainingLoop
from ganas.bench.training.task import Task
from ganas.spaces.architecture import Architecture

__all__ = ["Machine", "reaches", "train"]


@dataclass(frozen=True, slots=True)
class Machine:
    """What a training is to run on; see :func:`~ganas.bench.training.devices.choose_compute`.

    Attributes:
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        precision: ``"auto"``, ``"float32"`` or ``"bfloat16"``.
        compiled: Whether networks go through ``torch.compile``.
    """

    device: str = "auto"
    precision: str = "auto"
    compiled: bool = False


def train(
    task: Task,
    architecture: Architecture | None,
    place: TrainingPlace,
    *,
    seed: int,
    machine: Machine,
    until: int | None = None,
    every_steps: int | None = None,
    weights: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> History:
    """Train unless that was done, going on from a checkpoint that is there; one process at a time works on a place.

    Processes that ``torchrun`` started train together, each on its part of every batch, and count as one; the first of
    them writes and tells.

    Args:
        task: What is trained.
        architecture: The network; None for a task that is of one network only.
        place: Where the checkpoint is kept and what is measured; it is on the disk when this returns.
        seed: Of the training.
        machine: Device, precision and the like.
        until: Stop when so many epochs are completed; None for the end.
        every_steps: Write a checkpoint after so many steps as well as after every epoch; None for epochs only.
        weights: A file for the weights that are kept in the end; None for none.
        progress: Called a few times a second.

    Returns:
        What is known, at least up to the epoch asked for unless the training broke down.

    Raises:
        DataError: The data are missing or damaged, what is kept is of another training or data, or the disk is full.
        NotEnoughMemory: The network does not fit into the memory of the device.
        MissingDependency: A package is not installed.
        InvalidSetting: The seed or the device is not possible.
    """
    epochs = task.protocol.epochs
    at = epochs if until is None else until
    identity = Identity(task, architecture, seed, machine.precision)
    known = place.known(identity)
    if known is not None and reaches(known, at, epochs):
        return known
    # Data that are missing or damaged are refused before anything is written.
    digest = task.digest()
    with ExitStack() as stack:
        compute = stack.enter_context(
            process_group(machine.device, precision=machine.precision, compiled=machine.compiled)
        )
        if compute.rank == 0:
            stack.enter_context(place.locked())
        # While this process waited, another one may have trained it; all that train together must see the same.
        compute.wait_for_all()
        known = place.known(identity)
        if known is not None and reaches(known, at, epochs):
            compute.wait_for_all()
            return known
        loop = TrainingLoop(
            task,
            architecture,
            seed=seed,
            compute=compute,
            checkpoint=place.checkpoint,
            every_steps=every_steps,
            progress=progress if compute.rank == 0 else None,
        )
        history = loop.run(at)
        if history.finished and compute.rank == 0:
            if weights is not None and history.failure is None:
                from safetensors.torch import save

                kept = {name: tensor.cpu().contiguous() for name, tensor in loop.kept_weights().items()}
                write_atomically(weights, save(kept))
            about = {
                **identity.record,
                "data": digest,
                **task.data_facts(),
                "protocol": {"name": task.protocol.label, **{item.field: item.value for item in task.protocol.values}},
                "device": compute.device,
                "precision": compute.precision,
                "compiled": compute.compiled,
                "processes": compute.processes,
                "versions": _versions(),
            }
            place.finish(history, about)
        compute.wait_for_all()
    return history


def reaches(history: History, at: int, epochs: int) -> bool:
    """Whether nothing is to be done to answer for an epoch.

    Args:
        history: What is known of a training.
        at: The epoch.
        epochs: How many epochs the whole training has; after the last one the test data are measured.
    """
    return history.finished or (len(history.epochs) >= at and at < epochs)


def _versions() -> dict[str, Any]:
    found = {"python": platform.python_version()}
    for name in ("ganas", "numpy", "torch"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
