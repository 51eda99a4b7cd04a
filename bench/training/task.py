"""What a trainer trains: a task makes a network with its data and optimiser, and a training goes on step by step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from ganas.bench.metric import Metric, Split
from ganas.bench.training.protocol import Protocol
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import NotSupported, unknown_name
from ganas.spaces.space import Space

if TYPE_CHECKING:
    import torch

    from ganas.bench.training.devices import Compute
    from ganas.bench.training.running import Machine
    from ganas.bench.training.training_task import TrainingTask

__all__ = ["Step", "Task", "TaskMetric", "Training"]


@dataclass(frozen=True, slots=True)
class TaskMetric:
    """A number that a task measures.

    Attributes:
        name: Its name, which says the split: ``"valid_perplexity"``.
        unit: Its unit.
        split: The data that it is measured on; None for what is not measured on data.
        higher_is_better: The direction.
        description: One line.
        when: ``"kept"``: after an epoch, of the weights that are kept, those of the best epoch so far; ``"epoch"``: of
            the epoch itself; ``"mean"``: the mean of all epochs up to this one; ``"end"``: once, of the kept weights,
            after the last epoch; ``"static"``: of the network, without training.
        reads: The number of :meth:`Training.step` or :meth:`Training.evaluate` that it is; its own name without it.
    """

    name: str
    unit: str
    split: Split | None
    higher_is_better: bool
    description: str
    when: Literal["kept", "epoch", "mean", "end", "static"]
    reads: str = ""

    @property
    def source(self) -> str:
        """The number that it is."""
        return self.reads or self.name

    def metric(self, epochs: int, seeds: tuple[int, ...]) -> Metric:
        """What a benchmark says of it."""
        held: tuple[int, ...] = {"static": (), "end": (epochs,)}.get(self.when, tuple(range(1, epochs + 1)))
        trained = seeds if self.when != "static" else ()
        return Metric(self.name, self.unit, self.split, self.higher_is_better, held, self.description, None, trained)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of a training did.

    Attributes:
        loss: The mean loss of an item, a tensor without dimensions that needs no gradient.
        items: How many items it learned from: tokens, sentences or images.
    """

    loss: torch.Tensor
    items: int


class Training(ABC):
    """One network in training: its data, optimiser and schedule.

    What is random in it draws from torch's global generator, which the loop seeds, saves and gives back afterwards, or
    from generators that are part of :meth:`progress`. Its state is two nested values of JSON, numpy arrays and tensors,
    with text as keys. After both were loaded into a new training of the same task, architecture and seed, it must go on
    to the same numbers.
    """

    item: str = "items"
    """What its items are called, in the plural."""

    @property
    @abstractmethod
    def num_parameters(self) -> int:
        """How many trainable numbers the network has."""

    @property
    @abstractmethod
    def items_in_epoch(self) -> int:
        """About how many items an epoch has: how much is left is told from it."""

    @abstractmethod
    def start_epoch(self, epoch: int) -> None:
        """Go to the beginning of the training data; epochs count from 1."""

    @abstractmethod
    def step(self) -> Step | None:
        """Learn from the next batch; None, and nothing learned, once the epoch's data are used up."""

    @abstractmethod
    def evaluate(self, split: Literal["valid", "test"]) -> dict[str, float]:
        """Measure the weights that this training would keep now; nothing random is drawn."""

    def finish_epoch(self, epoch: int, values: Mapping[str, float]) -> None:  # noqa: B027  many have no schedule
        """Take in what the epoch's validation gave, as a schedule does."""

    def save_picture(self, path: Path) -> None:  # noqa: B027  most have nothing to show
        """Save a picture of what the network does now, as PNG; nothing random is drawn."""

    @abstractmethod
    def kept_weights(self) -> dict[str, torch.Tensor]:
        """The weights of the network as :meth:`evaluate` uses them, by name."""

    @abstractmethod
    def learned(self) -> dict[str, Any]:
        """Weights and optimiser: what a roll-back brings back. Tensors in it may be those of the network itself."""

    @abstractmethod
    def load_learned(self, state: Mapping[str, Any]) -> None:
        """Take weights and optimiser from :meth:`learned`."""

    @abstractmethod
    def progress(self) -> dict[str, Any]:
        """Everything else: the place in the data, generators, the schedule. A roll-back leaves it as it is."""

    @abstractmethod
    def load_progress(self, state: Mapping[str, Any]) -> None:
        """Take the rest from :meth:`progress`."""


class Task(ABC):
    """Data and a recipe: says what is measured, and starts trainings; the data are read when they are needed.

    Attributes:
        space: Of the architectures.
        dataset: Name of the data.
        protocol: The recipe.
        metrics: What is measured.
        objective: The metric, of the validation split and ``"kept"``, that says which epoch is the best, and that a
            search improves.
        measures_last: Whether the test data are also measured by the weights of the last epoch, under names that begin
            with ``last_``: for trainings that do not settle, whose best epoch is luck in part.
    """

    space: Space
    dataset: str
    protocol: Protocol
    metrics: tuple[TaskMetric, ...]
    objective: str
    measures_last: bool = False

    def metric(self, name: str) -> TaskMetric:
        """What is measured under a name.

        Raises:
            UnknownName: Nothing is.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise unknown_name(f"metric of {self.dataset}", name, [metric.name for metric in self.metrics])

    def with_protocol(self, protocol: Protocol) -> Self:
        """The same task by another recipe of the same kind, one made by :func:`dataclasses.replace` say."""
        changed = copy(self)
        changed.protocol = protocol
        return changed

    def describe(self, architecture: Architecture | None) -> str:
        """What is trained, in the notation of the space; a task of one network only says which it is."""
        return "" if architecture is None else self.space.format(architecture)

    @abstractmethod
    def start(self, architecture: Architecture | None, *, seed: int, compute: Compute) -> Training:
        """Make a network with its data and optimiser; initial weights come from torch's global generator.

        Args:
            architecture: An architecture of the space; None for a task of one network only.
            seed: Of the generators that it makes beside torch's.
            compute: Device, precision and the like.

        Raises:
            DataError: The data are missing, damaged or not what they should be.
            MissingDependency: A package is not installed.
        """

    @abstractmethod
    def static(self, architecture: Architecture | None) -> dict[str, float]:
        """The ``"static"`` metrics; nothing is trained."""

    def data_facts(self) -> dict[str, Any]:
        """What is to be known of the data that were read, as JSON values: how many documents were cut, say.

        Raises:
            DataError: As :meth:`start`.
        """
        return {}

    def training_task(self, machine: Machine) -> TrainingTask:
        """The training data for one-shot searches.

        Args:
            machine: Device, precision and the like.

        Raises:
            NotSupported: The architectures are in no relaxed network.
        """
        raise NotSupported(f"there is no relaxed network of {self.space.name!r} to be trained on {self.dataset}")

    @abstractmethod
    def missing(self) -> str | None:
        """None where the data are at hand, else one line on which files to put where; quick, nothing is read."""

    @abstractmethod
    def digest(self) -> str:
        """A digest of the data, which finished trainings keep.

        Raises:
            DataError: As :meth:`start`.
        """
