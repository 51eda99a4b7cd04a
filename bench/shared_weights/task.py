"""What shared weights are of: a task that trains one network which holds every architecture of a space.

H. Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", ICML 2018,
https://arxiv.org/abs/1802.03268: all architectures are parts of one network (the supernet), and every batch trains the
part that one architecture uses. How the architecture of a batch is chosen is up to who trains: uniformly at random
where the supernet is to score any architecture, by a controller where it searches.

The training data are cut in two halves. Weights learn from one, and architectures are scored on the other. Validation
and test data play no part.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ganas.bench.training.protocol import Protocol
from ganas.bench.training.running import Machine
from ganas.bench.training.task import Step, Task, TaskMetric, Training
from ganas.bench.training.training_task import TrainingTask
from ganas.spaces.architecture import Architecture

if TYPE_CHECKING:
    import torch

    from ganas.bench.training.devices import Compute

__all__ = ["SharedTask", "SharedTraining", "SharedTrainingTask"]


class SharedTraining(Training, ABC):
    """The network of all architectures in training.

    :meth:`~ganas.bench.training.task.Training.step` learns with an architecture that is drawn uniformly for every
    batch, and ``evaluate("valid")`` measures some fixed architectures on the held-back half of the training data;
    ``evaluate("test")`` measures nothing.
    """

    @abstractmethod
    def learn(self, architecture: Architecture) -> Step | None:
        """Learn from the next batch with an architecture; None, and nothing learned, at the end of the epoch."""

    @abstractmethod
    def measure(self, architecture: Architecture) -> dict[str, float]:
        """Score an architecture on the held-back half; the same whatever was measured before, nothing is drawn."""

    @abstractmethod
    def load_weights(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Take what :meth:`~ganas.bench.training.task.Training.kept_weights` gave.

        Raises:
            RuntimeError: They do not fit.
        """


class SharedTask(Task):
    """Data and a recipe for shared weights; as a task, it is of one network only, the supernet.

    Attributes:
        answers: What is said of an architecture: ``"static"`` metrics, and those that :meth:`SharedTraining.measure`
            gives, of the ``"valid"`` split.
        score: The name of the one that a search improves.
    """

    answers: tuple[TaskMetric, ...]
    score: str

    def describe(self, architecture: Architecture | None) -> str:
        """An architecture, or the supernet."""
        return "supernet" if architecture is None else super().describe(architecture)

    @abstractmethod
    def start(self, architecture: Architecture | None, *, seed: int, compute: Compute) -> SharedTraining:
        """Make the supernet; see :meth:`Task.start`. The architecture is None."""

    @abstractmethod
    def halves(self) -> Any:
        """Read the training data: one half for weights, one that is held back.

        Raises:
            DataError: The data are missing, damaged or too few.
        """


class SharedTrainingTask(TrainingTask):
    """A shared task for one-shot searches.

    Args:
        task: The task.
        machine: Device, precision and the like.
    """

    def __init__(self, task: SharedTask, machine: Machine) -> None:
        self.task, self.machine = task, machine
        self.space, self.dataset, self.protocol = task.space, task.dataset, task.protocol

    def halves(self) -> Any:
        """Read the training data; see :meth:`SharedTask.halves`."""
        return self.task.halves()

    def start(self, recipe: Protocol, *, seed: int, compute: Compute) -> SharedTraining:
        """Make the supernet by a recipe, that of the task or a changed one; see :meth:`Task.start`."""
        return self.task.with_protocol(recipe).start(None, seed=seed, compute=compute)
