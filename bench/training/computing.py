"""Where networks are computed outside the training loop: on the device of a machine, with torch left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ganas.bench.single_thread import one_thread
from ganas.bench.training.devices import Compute, choose_compute
from ganas.bench.training.generators import generators_of_torch, memory_errors
from ganas.bench.training.running import Machine

__all__ = ["computing"]


@contextmanager
def computing(machine: Machine, what: str, *, seed: int = 0) -> Iterator[Compute]:
    """Compute on a machine, on the CPU in one thread; torch's global generators are put back afterwards.

    Args:
        machine: Device, precision and the like.
        what: What needs memory, for the message.
        seed: Of torch's global generators until then.

    Raises:
        InvalidSetting: This machine does not have the device.
        NotEnoughMemory: The network does not fit into the memory of the device.
        MissingDependency: torch is not installed.
    """
    compute = choose_compute(machine.device, precision=machine.precision, compiled=machine.compiled)
    with ExitStack() as stack:
        stack.enter_context(generators_of_torch(compute, seed))
        if compute.kind == "cpu":
            stack.enter_context(one_thread())
        stack.enter_context(memory_errors(what, compute))
        yield compute
