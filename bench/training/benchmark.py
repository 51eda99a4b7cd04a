"""The trainer: a benchmark that answers by training the network, and never trains the same twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Architectures, Benchmark
from ganas.bench.metric import Curve, Metric, Optimum, Reduction, Result
from ganas.bench.training.finished import TrainingPlace
from ganas.bench.training.history import History
from ganas.bench.training.identity import Identity
from ganas.bench.training.loop import Progress
from ganas.bench.training.protocol import Protocol
from ganas.bench.training.running import Machine, reaches, train
from ganas.bench.training.task import Task, TaskMetric
from ganas.bench.training.training_task import TrainingTask
from ganas.bench.training.trials import asked_trials, check_seeds, result_of_trials
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import (
    ArchitectureNotMeasured,
    EpochNotMeasured,
    NotSupported,
    TrainingFailed,
    quote_list,
)

__all__ = ["SECONDS", "TrainerBenchmark"]

SECONDS = TaskMetric(
    "train_seconds",
    "seconds",
    None,
    False,
    "what the training took, validations included, on the machine it ran on",
    "epoch",
)
"""The metric that every trainer has beside those of its task."""


class TrainerBenchmark(Benchmark):
    """Answers by training, or from a training that was finished before with the same protocol and seed.

    Trial k is the training with the k-th seed. A finished training is on the disk before it is answered from, so an
    interrupted study finds all of them; so is a training up to the epoch that was asked for, which goes on from there
    when more is asked for. Any question about trained metrics needs all trials. A training that broke down is
    remembered as such and raises :class:`~ganas.spaces.errors.TrainingFailed` whenever it is asked for.

    Values of a metric that is measured on validation data are of the weights that are kept, those of the best epoch up
    to the one asked for; test values are of the weights kept at the end. Seconds are those measured, so they differ
    from machine to machine; all other values of one device are the same again.

    Args:
        name: Its name.
        task: What is trained, on what and how.
        seeds: The seeds of the trials.
        machine: Device, precision and the like; the same for all that this object trains.
        progress: Called a few times a second while something is trained.
        trains: Whether it trains; otherwise what was not trained before raises ArchitectureNotMeasured.

    Raises:
        InvalidSetting: There is no seed, or one comes twice or is negative.
    """

    kind: ClassVar[Literal["table", "surrogate", "trainer"]] = "trainer"

    def __init__(
        self,
        name: str,
        task: Task,
        *,
        seeds: Sequence[int] = (0,),
        machine: Machine | None = None,
        progress: Callable[[Progress], None] | None = None,
        trains: bool = True,
    ) -> None:
        self.name = name
        self.task = task
        self.space = task.space
        self.seeds = check_seeds(seeds, "a trainer")
        self.objective = task.objective
        self.source = f"trainer:{task.protocol.label}"
        self.progress, self.trains = progress, trains
        self._measured = {metric.name: metric for metric in (*task.metrics, SECONDS)}
        epochs = task.protocol.epochs
        self.metrics = MappingProxyType({key: m.metric(epochs, self.seeds) for key, m in self._measured.items()})
        self.machine = Machine() if machine is None else machine

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.name, self.task, self.seeds, self.machine, self.trains)

    def as_measured(self) -> TrainerBenchmark:
        """The same trainer, which answers from finished trainings only."""
        return TrainerBenchmark(self.name, self.task, seeds=self.seeds, machine=self.machine, trains=False)

    @property
    def protocol(self) -> Protocol:
        """The recipe."""
        return self.task.protocol

    @property
    def title(self) -> str:
        """One line for lists."""
        return f"trainer of {self.space.name} on {self.task.dataset}: {self.protocol.title}"

    def training_task(self) -> TrainingTask:
        """The training data, for searches that train a network of their own; nothing is read yet.

        Raises:
            NotSupported: The architectures are in no relaxed network.
        """
        return self.task.training_task(self.machine)

    # --- questions ---------------------------------------------------------------------------------------------------

    def query(
        self,
        architecture: Architecture,
        metric: str | None = None,
        *,
        epoch: int | None = None,
        trial: int | None = None,
        seed: int | None = None,
        run: int | None = None,
        reduction: Reduction = "mean",
    ) -> Result:
        """Answer one question, by training if need be; see :meth:`Benchmark.query`.

        Raises:
            TrainingFailed: A training broke down before the epoch asked for.
            DataError: The data are missing or damaged, or the disk is full.
        """
        described = self.metric(metric, run=run)
        at = self._epoch(described, epoch)
        chosen = asked_trials(self.name, described, trial=trial, seed=seed, reduction=reduction)
        self.space.check(architecture)
        said = (described.name, described.unit, described.split, at)
        if at is None:
            static = float(self.task.static(architecture)[self._measured[described.name].source])
            return Result(static, *said, (), "none", 0.0, self.source)
        histories = self.trained(architecture, at)
        return result_of_trials(
            described,
            [self._value(history, described.name, at) for history in histories],
            [history.epochs[at - 1].seconds for history in histories],
            chosen,
            epoch=at,
            single=trial is not None or seed is not None,
            reduction=reduction,
            source=self.source,
        )

    def query_many(
        self,
        architectures: Architectures,
        metrics: Sequence[str] | None = None,
        *,
        epoch: int | None = None,
        run: int | None = None,
    ) -> NDArray[np.float64]:
        """Means over trials for many architectures or genotypes, trained one after the other.

        Raises:
            NotSupported: Row indices are given.
            GanasError: As :meth:`query`; nothing is trained when an architecture or a metric is not known.
        """
        names = [self.metric(name, run=run).name for name in ([self.objective] if metrics is None else metrics)]
        for name in names:
            self._epoch(self.metrics[name], epoch)
        return self._query_each(architectures, names, epoch=epoch)

    def curve(self, architecture: Architecture, metric: str | None = None, *, run: int | None = None) -> Curve:
        """A metric along the training, the mean over trials, by training to the end if need be.

        Raises:
            EpochNotMeasured: The metric does not belong to an epoch.
            GanasError: As :meth:`query`.
        """
        described = self.metric(metric, run=run)
        if not described.epochs:
            raise EpochNotMeasured(f"{described.name!r} of {self.name!r} does not belong to an epoch")
        self.space.check(architecture)
        histories = self.trained(architecture, described.epochs[-1])
        values = [[self._value(one, described.name, at) for one in histories] for at in described.epochs]
        costs = [[one.epochs[at - 1].seconds for one in histories] for at in described.epochs]
        return Curve(
            np.array(described.epochs, dtype=np.int64),
            np.mean(values, axis=1),
            np.mean(costs, axis=1),
            described.name,
            described.unit,
            described.split,
            tuple(range(len(self.seeds))),
            "mean",
            self.source,
            None,
            self.seeds,
        )

    def num_trials(self, architecture: Architecture, metric: str | None = None) -> int:
        """How many seeds there are; 0 for what is not trained."""
        described = self.metric(metric)
        self.space.check(architecture)
        return len(self.seeds) if described.epochs else 0

    def optimum(self, metric: str | None = None) -> Optimum:
        """Not known: what was not trained yet may be better."""
        raise NotSupported(f"{self.name!r} knows no best value of {self.metric(metric).name!r}: search for it")

    def _epoch(self, metric: Metric, epoch: int | None) -> int | None:
        """The epoch that a question is about; None for what is not trained."""
        if epoch is None:
            return metric.epochs[-1] if metric.epochs else None
        if isinstance(epoch, bool) or not isinstance(epoch, int | np.integer) or epoch not in metric.epochs:
            held = (
                f"{metric.epochs[0]} to {metric.epochs[-1]}"
                if len(metric.epochs) > 1
                else f"{quote_list(metric.epochs)}"
            )
            raise EpochNotMeasured(f"{self.name!r} measures {metric.name!r} at the epochs {held}, not at {epoch!r}")
        return int(epoch)

    def _value(self, history: History, name: str, epoch: int) -> float:
        if name == SECONDS.name:
            return history.epochs[epoch - 1].seconds
        return history.value(self._measured[name], epoch)

    # --- training ----------------------------------------------------------------------------------------------------

    def trained(self, architecture: Architecture, epoch: int | None = None) -> list[History]:
        """Train with every seed, up to an epoch, unless that was done before; returns what is known, a seed each.

        Args:
            architecture: An architecture of the space.
            epoch: None for the full training.

        Raises:
            TrainingFailed: A training broke down before.
            DataError: The data are missing or damaged, or the disk is full.
        """
        at = self.protocol.epochs if epoch is None else epoch
        return [self._train(architecture, seed, at) for seed in self.seeds]

    def place(self, architecture: Architecture, seed: int) -> TrainingPlace:
        """Where the training with a seed is kept."""
        return TrainingPlace.of(self.name, self.protocol.label, self.space.identity_key(architecture), seed)

    def _train(self, architecture: Architecture, seed: int, at: int) -> History:
        place = self.place(architecture, seed)
        text = f"{self.space.format(architecture):.200}"
        if not self.trains:
            found = place.known(Identity(self.task, architecture, seed))
            if found is None or not reaches(found, at, self.protocol.epochs):
                raise ArchitectureNotMeasured(f"{text} was not trained by {self.name} with seed {seed}")
        known = train(
            self.task,
            architecture,
            place,
            seed=seed,
            machine=self.machine,
            until=at,
            progress=self.progress,
        )
        if len(known.epochs) < at:
            raise TrainingFailed(f"{text} on {self.name}: {known.failure}", known.seconds)
        return known


def _rebuild(name: str, task: Task, seeds: tuple[int, ...], machine: Machine, trains: bool) -> TrainerBenchmark:
    return TrainerBenchmark(name, task, seeds=seeds, machine=machine, trains=trains)
