"""A documented toy benchmark on any space: for conformance kits and first tries, never for results."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Architectures, Benchmark
from ganas.bench.metric import Metric, Optimum, Reduction, Result
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import EpochNotMeasured, NotSupported, TrialNotMeasured
from ganas.spaces.space import Space

if TYPE_CHECKING:
    from ganas.bench.training.training_task import TrainingTask

__all__ = ["ToyBenchmark"]


class ToyBenchmark(Benchmark):
    """A made-up value for every architecture of any space, the same for isomorphic ones.

    Each operation has a weight drawn from its name, each edge costs a little, and a small part depends on the
    identity key as if it were noise. Nothing about it is measured; its numbers say nothing about any network.

    Args:
        space: The space to make values for.
        higher_is_better: Direction of the objective; False negates the values.
    """

    kind: ClassVar[Literal["table", "surrogate", "trainer"]] = "surrogate"

    def __init__(self, space: Space, *, higher_is_better: bool = True) -> None:
        self.name = f"toy-{space.name}"
        self.space = space
        self.objective = "toy_value"
        self.metrics = MappingProxyType(
            {
                "toy_value": Metric("toy_value", "points", "valid", higher_is_better, (), "made up"),
                "toy_size": Metric("toy_size", "count", None, False, (), "nodes of the graph"),
            }
        )
        self.source = "surrogate:toy"
        self._sign = 1.0 if higher_is_better else -1.0
        self._weights = {name: zlib.crc32(name.encode()) % 1000 / 100 for name in space.operations}

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
        """Compute one made-up answer; a training costs 100 seconds."""
        described = self.metric(metric, run=run)
        if epoch is not None:
            raise EpochNotMeasured(f"{self.name!r} has no epochs, epoch {epoch} was asked")
        if trial is not None or seed is not None:
            raise TrialNotMeasured(f"{self.name!r} has no trials, {trial if seed is None else seed} was asked")
        self.space.check(architecture)
        if described.name == "toy_size":
            value = float(architecture.num_nodes)
        else:
            noise = self.space.identity_key(architecture) * 2_654_435_761 % 1000 / 1000
            weights = sum(self._weights[operation] for operation in architecture.operations)
            value = self._sign * (50.0 + weights - 0.5 * len(architecture.edges) + noise)
        return Result(value, described.name, described.unit, described.split, None, (), "none", 100.0, self.source)

    def query_many(
        self,
        architectures: Architectures,
        metrics: Sequence[str] | None = None,
        *,
        epoch: int | None = None,
        run: int | None = None,
    ) -> NDArray[np.float64]:
        """Made-up answers for many architectures or genotypes."""
        names = [self.objective] if metrics is None else list(metrics)
        return self._query_each(architectures, names, epoch=epoch, run=run)

    def training_task(self) -> TrainingTask:
        """Made-up text for a recurrent space, documents for a text space, images for generators; others have none."""
        from ganas.spaces.alphagan.space import AlphaGAN
        from ganas.spaces.rnn.space import RecurrentSpace
        from ganas.spaces.textnas.space import TextSpace

        if isinstance(self.space, TextSpace):
            from ganas.bench.training.classification.toy import toy_shared_task

            return toy_shared_task(self.space)
        if isinstance(self.space, AlphaGAN):
            from ganas.bench.training.generation.searching import toy_training_task as toy_images_task

            return toy_images_task(self.space)
        if not isinstance(self.space, RecurrentSpace):
            return super().training_task()
        from ganas.bench.training.language.searching import toy_training_task

        return toy_training_task(self.space)

    def num_trials(self, architecture: Architecture, metric: str | None = None) -> int:
        """Always 0: nothing was tried."""
        self.metric(metric)
        return 0

    def optimum(self, metric: str | None = None) -> Optimum:
        """Not known."""
        raise NotSupported(f"{self.name!r} knows no best value")
