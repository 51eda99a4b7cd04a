"""Where one-shot searches train: the device of the benchmark, with torch left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ganas.bench.single_thread import one_thread
from ganas.bench.training.devices import Compute, choose_compute
from ganas.bench.training.loop import generators_of_torch, memory_errors
from ganas.bench.training.training_task import TrainingTask

__all__ = ["training_place"]


@contextmanager
def training_place(task: TrainingTask, what: str) -> Iterator[Compute]:
    """Compute on the machine of a task, on the CPU in one thread; torch's global generators are put back afterwards.

    Args:
        task: What is learned from.
        what: What needs memory, for the message.

    Raises:
        InvalidSetting: This machine does not have the device.
        NotEnoughMemory: The network does not fit into the memory of the device.
    """
    compute = choose_compute(task.machine.device, precision=task.machine.precision)
    with ExitStack() as stack:
        stack.enter_context(generators_of_torch(compute, 0))
        if compute.kind == "cpu":
            stack.enter_context(one_thread())
        stack.enter_context(memory_errors(what, compute))
        yield compute
