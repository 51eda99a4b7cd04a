"""The benchmark: answers queries about architectures of one space, and states what they cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ganas.bench.metric import Metric, Optimum, Reduction, Result
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import NotSupported, RunNotMeasured, UnknownMetric, unknown_name
from ganas.spaces.space import Space

if TYPE_CHECKING:
    import pandas

    from ganas.bench.training.training_task import TrainingTask

__all__ = ["Architectures", "Benchmark", "Kind"]

Kind = Literal["table", "surrogate", "trainer", "shared"]
"""Where answers come from: measurements, a model of them, a training of each architecture, or one of all together."""

Architectures = Sequence[Architecture] | NDArray[np.integer]
"""Many architectures: objects, an integer genotype array (count, positions), or row indices (count,)."""


class Benchmark(ABC):
    """Answers queries and states their cost. Tables, surrogates, trainers and shared weights have this interface.

    What was not measured raises a typed error; nothing is imputed and nothing falls back. ``query`` is free of side
    effects: budgets live in the ledger of a study.
    """

    name: str
    """Registered name, ``family-dataset``."""
    kind: ClassVar[Kind]
    space: Space
    metrics: Mapping[str, Metric]
    """Every metric that can be asked for, by name."""
    objective: str
    """The metric that a search maximises (or minimises) unless told otherwise; never a test metric."""
    source: str
    """Which numbers these are: ``table:<hash>``, ``surrogate:<hash>``, ``trainer:<protocol>`` or
    ``shared:<protocol>``."""
    fidelity: Literal["epoch", "run"] = "epoch"
    """What a fidelity is, the cheaper answer that a strategy may ask for: an epoch of the one training, or a run of
    its own that was scheduled for fewer epochs."""

    @abstractmethod
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
        """Answer one question.

        Args:
            architecture: An architecture of :attr:`space`.
            metric: Name of a metric, which says its split; None for :attr:`objective`.
            epoch: After how many completed epochs; None for the last that the metric has.
            trial: Position of one trial, from 0; None for all trials of the architecture, see ``reduction``.
            seed: The trial of this seed, in place of ``trial``.
            run: The training that was scheduled for this many epochs; None for the longest. Epoch 12 of a run over 12
                epochs is not epoch 12 of a longer one, whose learning rate was still high.
            reduction: How the trials become one number: ``"mean"``, ``"median"``, ``"min"`` or ``"max"``.

        Raises:
            UnknownMetric: No metric has this name.
            SplitNotMeasured: The metric is of a split that this benchmark does not hold.
            EpochNotMeasured: It holds no value at this epoch.
            RunNotMeasured: It has no run of this length.
            TrialNotMeasured: The architecture has no such trial, or the seeds are not known.
            InvalidSetting: A trial and a seed are given, or a reduction for one of them.
            ArchitectureNotMeasured: The table has no entry for the architecture.
            WrongSpace: The architecture is of another space.
        """

    @abstractmethod
    def query_many(
        self,
        architectures: Architectures,
        metrics: Sequence[str] | None = None,
        *,
        epoch: int | None = None,
        run: int | None = None,
    ) -> NDArray[np.float64]:
        """Means over trials for many architectures, (number of architectures, number of metrics).

        Raises:
            GanasError: As :meth:`query`, naming the first architecture concerned.
        """

    def members(self, architectures: Architectures) -> Sequence[Architecture]:
        """Many architectures as objects, for benchmarks that have no rows.

        Raises:
            NotSupported: Row indices are given.
            WrongSpace: An architecture is of another space.
            GanasError: A genotype is not one of the space.
        """
        if not isinstance(architectures, np.ndarray):
            for architecture in architectures:
                self.space.check(architecture)
            return architectures
        if architectures.ndim == 1:
            raise NotSupported(f"{self.name!r} has no rows to be asked by index: give architectures or genotypes")
        return [self.space.decode(row) for row in self.space.check_genotypes(architectures).tolist()]

    def _query_each(
        self, architectures: Architectures, metrics: Sequence[str], *, epoch: int | None = None, run: int | None = None
    ) -> NDArray[np.float64]:
        """Many answers one after the other, for benchmarks that cannot ask faster, (architectures, metrics)."""
        members = self.members(architectures)
        values = [[self.query(member, name, epoch=epoch, run=run).value for name in metrics] for member in members]
        return np.array(values, dtype=np.float64).reshape(len(members), len(metrics))

    @abstractmethod
    def num_trials(self, architecture: Architecture, metric: str | None = None) -> int:
        """How many trials of this architecture were measured (0 for a metric that is not of a trial)."""

    @abstractmethod
    def optimum(self, metric: str | None = None) -> Optimum:
        """The best known mean value of a metric.

        Raises:
            NotSupported: No best value is known (an open-ended benchmark).
        """

    def frame(self) -> pandas.DataFrame:
        """Every entry as a pandas frame: the architecture's notation, then one column a metric (mean over trials).

        Raises:
            NotSupported: The benchmark has no finite list of entries.
        """
        raise NotSupported(f"{self.name!r} has no finite list of entries")

    def training_task(self) -> TrainingTask:
        """Training data, in two halves, for a search that trains a network of its own; nothing is read yet.

        Raises:
            NotSupported: There are no training data, as in a table or a surrogate.
        """
        raise NotSupported(f"{self.name!r} is a {self.kind}: only trainers, as train-rnn-bbcnews, have training data")

    @property
    def runs(self) -> tuple[int, ...]:
        """Scheduled epochs of each run that is held, in increasing order; empty where nobody tells runs apart."""
        return ()

    def preparation_seconds(self, metrics: Sequence[str]) -> float:
        """What had to be trained for all answers together, as shared weights are; a ledger charges it once.

        Args:
            metrics: What is asked for.

        Returns:
            Seconds of the benchmark's own machine; 0 where every answer is paid for by itself.
        """
        return 0.0

    def fidelities(self, metric: str | None = None) -> tuple[int, ...]:
        """Which fidelities a metric can be asked at, the last being the full training; empty where there is one.

        They are what :attr:`fidelity` says: epochs of the longest run, or runs.

        Raises:
            UnknownMetric: No metric has this name.
        """
        epochs = self.metric(metric).epochs
        return epochs if len(epochs) > 1 else ()

    def as_measured(self) -> Benchmark:
        """The same benchmark, which answers only from what it holds already: a trainer then trains nothing."""
        return self

    def metric(self, name: str | None = None, *, run: int | None = None) -> Metric:
        """The metric of this name; None for :attr:`objective`.

        Args:
            name: Its name.
            run: The run that it is of; None for the longest.

        Raises:
            UnknownMetric: No metric has this name.
            RunNotMeasured: It has no run of this length.
        """
        if run is not None:
            raise RunNotMeasured(f"{self.name!r} does not tell runs apart, so there is none of {run} epochs")
        try:
            return self.metrics[self.objective if name is None else name]
        except KeyError:
            raise unknown_name(f"metric of {self.name!r}", name, self.metrics, UnknownMetric) from None

    def __repr__(self) -> str:
        return f"<Benchmark {self.name} ({self.kind} of {self.space.name}): {', '.join(self.metrics)}>"
