"""Fitted surrogates of several metrics, with what they must be told and what trainings cost; and their state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Benchmark
from ganas.bench.surrogate.card import SurrogateCard
from ganas.bench.surrogate.surrogate import Surrogate
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import DataError, MissingDependency, UnknownName
from ganas.spaces.registry import load_space

__all__ = ["COST_MODEL", "FittedSurrogates", "known_values", "open_known"]

COST_MODEL = "gaussian-process"
"""The model of the seconds of a training: they follow the structure closely, so the quickest does."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedSurrogates:
    """What answers.

    Attributes:
        surrogates: Metric to its surrogate.
        cost: The surrogate of the seconds of a training; None where they are not predicted.
        known: Metric to what is asked to predict it beside the architecture: a benchmark that is no table, and its
            metric, each.
        trained: The architectures that were learnt from, each once.
    """

    surrogates: Mapping[str, Surrogate]
    cost: Surrogate | None
    known: Mapping[str, Sequence[tuple[Benchmark, str]]]
    trained: tuple[Architecture, ...]

    def known_columns(self, metric: str, architectures: Sequence[Architecture]) -> NDArray[np.float64] | None:
        """What other benchmarks say, (count, columns); None for a metric that needs none.

        Raises:
            NotMeasured: A benchmark does not hold an architecture.
        """
        return known_values(self.known.get(metric, ()), architectures)

    def state(self) -> dict[str, Any]:
        """Everything but the other benchmarks, as JSON values, text and numpy arrays."""
        space = next(iter(self.surrogates.values())).space
        return {
            "surrogates": {name: surrogate.state() for name, surrogate in self.surrogates.items()},
            "cost": None if self.cost is None else self.cost.state(),
            "trained": space.encode_many(self.trained),
        }

    @classmethod
    def from_state(cls, card: SurrogateCard, state: Any, label: str) -> FittedSurrogates:
        """Undo :meth:`state`.

        Args:
            card: What was fitted.
            state: What :meth:`state` returned, sequences as lists.
            label: What is read, for the message of an error.

        Raises:
            DataError: It is not such a state, or another benchmark that is needed is missing or has other numbers.
            UnknownName: The space or the model is not registered.
            MissingDependency: A package that a model needs is not installed.
        """
        space = load_space(card.space)
        known = open_known(card, label)
        try:
            surrogates = {}
            for part in card.metrics:
                surrogates[part.name] = Surrogate(space, card.model, seed=card.seed)
                surrogates[part.name].load_state(state["surrogates"][part.name])
            cost = None
            if state["cost"] is not None:
                cost = Surrogate(space, COST_MODEL, seed=card.seed)
                cost.load_state(state["cost"])
            genotypes = np.asarray(state["trained"])
            trained = tuple(space.decode(row) for row in space.check_genotypes(genotypes).tolist())
        except (MissingDependency, UnknownName):
            raise
        except Exception as error:  # a state of another shape fails in as many ways as there are models
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise DataError(f"{label} cannot be read by this version of Ganas: {reason:.200}") from error
        return cls(surrogates, cost, known, trained)


def known_values(
    columns: Sequence[tuple[Benchmark, str]], architectures: Sequence[Architecture]
) -> NDArray[np.float64] | None:
    """What benchmarks say of their metrics, (count, columns); None where there are no columns.

    Raises:
        NotMeasured: A benchmark does not hold an architecture.
    """
    if not columns:
        return None
    return np.concatenate([benchmark.query_many(architectures, [name]) for benchmark, name in columns], axis=1)


def open_known(card: SurrogateCard, label: str) -> dict[str, list[tuple[Benchmark, str]]]:
    """Metric to the other benchmarks that are asked to predict it; tables were taken in and are not needed.

    Raises:
        DataError: One is missing, or has other numbers than when the surrogate was fitted.
    """
    from ganas.bench.registry import load_benchmark

    found: dict[str, list[tuple[Benchmark, str]]] = {}
    for column in card.known:
        if column.table:
            continue
        try:
            benchmark = load_benchmark(column.benchmark)
        except UnknownName:
            raise DataError(
                f"{label} predicts {column.predicted!r} from {column.metric!r} of {column.benchmark!r}, "
                "which is not there"
            ) from None
        if benchmark.source != column.source:
            raise DataError(
                f"{label} was fitted with {column.benchmark!r} of {column.source}, and it is {benchmark.source} now"
            )
        found.setdefault(column.predicted, []).append((benchmark, column.metric))
    return found
