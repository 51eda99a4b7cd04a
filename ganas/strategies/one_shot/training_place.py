"""Where one-shot searches train: the device of the benchmark, with torch left as it was."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

from ganas.bench.training.computing import computing
from ganas.bench.training.devices import Compute
from ganas.bench.training.training_task import TrainingTask

__all__ = ["training_place"]


def training_place(task: TrainingTask, what: str) -> AbstractContextManager[Compute]:
    """Compute on the machine of a task; see :func:`~ganas.bench.training.computing.computing`.

    Args:
        task: What is learned from.
        what: What needs memory, for the message.
    """
    # What is computed changes from batch to batch: compiling it would not pay.
    return computing(replace(task.machine, compiled=False), what)
