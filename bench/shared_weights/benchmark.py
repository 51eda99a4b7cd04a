"""Shared weights as a benchmark: a cheap score of every architecture, from one training of all together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Architectures, Benchmark, Kind
from ganas.bench.metric import Metric, Optimum, Reduction, Result
from ganas.bench.shared_weights.kept import Answer, KeptWeights, weights_file
from ganas.bench.shared_weights.task import SharedTask, SharedTraining, SharedTrainingTask
from ganas.bench.training.computing import computing
from ganas.bench.training.finished import TrainingPlace
from ganas.bench.training.history import History
from ganas.bench.training.identity import Identity
from ganas.bench.training.loop import Progress
from ganas.bench.training.protocol import Protocol
from ganas.bench.training.running import Machine, train
from ganas.bench.training.task import TaskMetric
from ganas.bench.training.trials import asked_trials, check_seeds, result_of_trials
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import ArchitectureNotMeasured, EpochNotMeasured, NotSupported, TrainingFailed

__all__ = ["SharedWeightsBenchmark"]

# So often a checkpoint is written within an epoch, in batches.
_EVERY_STEPS = 200


class SharedWeightsBenchmark(Benchmark):
    """Scores architectures by weights that all of them share.

    The first question trains the supernet, with one uniformly drawn architecture a batch, on one half of the training
    data; the weights are kept and found again. A question runs an architecture with these weights on the other half of
    the training data: never on validation or test data, so its numbers are neither those of the architecture trained
    by itself, nor comparable with them. They are there to be ranked.

    Trial k is the supernet of the k-th seed. An answer costs the seconds that measuring took, and is kept, so that it
    costs the same again; the training is charged once a study (:meth:`preparation_seconds`).

    Args:
        name: Its name.
        task: What is trained and measured.
        seeds: The seeds of the trials.
        machine: Device, precision and the like.
        progress: Called a few times a second while a supernet is trained.
        trains: Whether it trains and measures; otherwise what is not known raises ArchitectureNotMeasured.

    Raises:
        InvalidSetting: There is no seed, or one comes twice or is negative.
    """

    kind: ClassVar[Kind] = "shared"

    def __init__(
        self,
        name: str,
        task: SharedTask,
        *,
        seeds: Sequence[int] = (0,),
        machine: Machine | None = None,
        progress: Callable[[Progress], None] | None = None,
        trains: bool = True,
    ) -> None:
        self.name, self.task, self.space = name, task, task.space
        self.seeds = check_seeds(seeds, "a benchmark of shared weights")
        self.machine = Machine() if machine is None else machine
        self.progress, self.trains = progress, trains
        self.objective = task.score
        self.source = f"shared:{task.protocol.label}"
        self.metrics = MappingProxyType({answer.name: _metric(answer, self.seeds) for answer in task.answers})
        self._kept: dict[int, KeptWeights] = {}
        self._networks: dict[int, SharedTraining] = {}
        self._answers: dict[tuple[int, int], Answer] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.name, self.task, self.seeds, self.machine, self.trains)

    def as_measured(self) -> SharedWeightsBenchmark:
        """The same benchmark, which answers only what was asked before."""
        return SharedWeightsBenchmark(self.name, self.task, seeds=self.seeds, machine=self.machine, trains=False)

    @property
    def protocol(self) -> Protocol:
        """The recipe of the shared weights."""
        return self.task.protocol

    @property
    def title(self) -> str:
        """One line for lists."""
        return f"shared weights of {self.space.name} on {self.task.dataset}: {self.protocol.title}"

    def training_task(self) -> SharedTrainingTask:
        """The training data, for searches that train a network of their own; nothing is read yet."""
        return SharedTrainingTask(self.task, self.machine)

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
        """Answer one question, by training the supernet if need be; see :meth:`Benchmark.query`.

        Raises:
            TrainingFailed: The training of a supernet broke down.
            DataError: The data are missing or damaged, or the disk is full.
            MissingDependency: A package is not installed.
        """
        described = self.metric(metric, run=run)
        self._refuse_epoch(described, epoch)
        chosen = asked_trials(self.name, described, trial=trial, seed=seed, reduction=reduction)
        self.space.check(architecture)
        said = (described.name, described.unit, described.split, None)
        if not described.seeds:
            static = float(self.task.static(architecture)[described.name])
            return Result(static, *said, (), "none", 0.0, self.source)
        answers = [self._answer(architecture, each) for each in self.seeds]
        return result_of_trials(
            described,
            [answer.values[described.name] for answer in answers],
            [answer.seconds for answer in answers],
            chosen,
            epoch=None,
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
        """Means over trials for many architectures or genotypes.

        Raises:
            NotSupported: Row indices are given.
            GanasError: As :meth:`query`; nothing is trained when an architecture or a metric is not known.
        """
        names = [self.metric(name, run=run).name for name in ([self.objective] if metrics is None else metrics)]
        for name in names:
            self._refuse_epoch(self.metrics[name], epoch)
        return self._query_each(architectures, names)

    def num_trials(self, architecture: Architecture, metric: str | None = None) -> int:
        """How many supernets there are; 0 for what needs none."""
        described = self.metric(metric)
        self.space.check(architecture)
        return len(described.seeds)

    def optimum(self, metric: str | None = None) -> Optimum:
        """Not known: what was not measured yet may be better."""
        raise NotSupported(f"{self.name!r} knows no best value of {self.metric(metric).name!r}: search for it")

    def preparation_seconds(self, metrics: Sequence[str]) -> float:
        """What the training of the supernet took, the mean over seeds; 0 for metrics that need none."""
        if not any(self.metric(name).seeds for name in metrics):
            return 0.0
        return float(np.mean([self._trained(seed).history.seconds for seed in self.seeds]))

    def _refuse_epoch(self, metric: Metric, epoch: int | None) -> None:
        if epoch is not None:
            raise EpochNotMeasured(f"{metric.name!r} of {self.name!r} does not belong to an epoch")

    # --- shared weights ----------------------------------------------------------------------------------------------

    def place(self, seed: int) -> TrainingPlace:
        """Where the supernet of a seed is kept."""
        return TrainingPlace.of(self.name, self.protocol.label, 0, seed)

    def _trained(self, seed: int) -> KeptWeights:
        """The supernet of a seed, trained if need be."""
        found = self._kept.get(seed)
        if found is None:
            place = self.place(seed)
            if self.trains:
                history = self._train(place, seed)
                if history.failure is None and not weights_file(place).is_file():
                    # They were removed, or the process ended right before it wrote them.
                    place.forget()
                    history = self._train(place, seed)
            else:
                finished = place.finished(Identity(self.task, None, seed))
                if finished is None:
                    raise ArchitectureNotMeasured(f"the shared weights of {self.name} with seed {seed} are not trained")
                history = finished
            found = self._kept[seed] = KeptWeights(place, history)
        return found

    def _train(self, place: TrainingPlace, seed: int) -> History:
        return train(
            self.task,
            None,
            place,
            seed=seed,
            machine=self.machine,
            every_steps=_EVERY_STEPS,
            weights=weights_file(place),
            progress=self.progress,
        )

    def _answer(self, architecture: Architecture, seed: int) -> Answer:
        key = self.space.identity_key(architecture)
        known = self._answers.get((key, seed))
        if known is None:
            known = self._answers[key, seed] = self._measured(architecture, key, seed)
        return known

    def _measured(self, architecture: Architecture, key: int, seed: int) -> Answer:
        """Find what was measured before, or measure it."""
        kept = self._trained(seed)
        if kept.history.failure is not None:
            raise TrainingFailed(f"the shared weights of {self.name}: {kept.history.failure}")
        found = kept.answer(key)
        if found is not None:
            return found
        text = self.space.format(architecture)
        if not self.trains:
            raise ArchitectureNotMeasured(f"{text:.200} was not measured by {self.name} with seed {seed}")
        with computing(self.machine, text) as compute:
            network = self._networks.get(seed)
            if network is None:
                network = self.task.start(None, seed=seed, compute=compute)
                try:
                    network.load_weights(kept.read())
                except RuntimeError as error:
                    raise kept.damaged(error) from None
                self._networks[seed] = network
            started = time.perf_counter()
            values = network.measure(architecture)
            found = Answer(values, time.perf_counter() - started)
        if not all(map(math.isfinite, values.values())):
            raise TrainingFailed(f"{text:.200} on {self.name}: the output is no finite number", found.seconds)
        kept.keep(key, text, found)
        return found


def _metric(answer: TaskMetric, seeds: tuple[int, ...]) -> Metric:
    """What is said of an architecture belongs to no epoch: it was never trained by itself."""
    trials = seeds if answer.when != "static" else ()
    return replace(answer.metric(0, ()), epochs=(), seeds=trials)


def _rebuild(name: str, task: SharedTask, seeds: tuple[int, ...], machine: Machine, trains: bool) -> Any:
    return SharedWeightsBenchmark(name, task, seeds=seeds, machine=machine, trains=trains)
