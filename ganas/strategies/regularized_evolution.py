"""Regularized (ageing) evolution."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ganas.bench.metric import Evaluation
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting
from ganas.strategies.drawing import draw_allowed
from ganas.strategy import Problem, Settings, Strategy

__all__ = ["RegularizedEvolution", "RegularizedEvolutionSettings"]

# Mutants that violate a cheap constraint before the next one is let through (the study refuses it for free).
_MOST_MUTANTS = 100


@dataclass(frozen=True)
class RegularizedEvolutionSettings(Settings):
    """Settings of regularized evolution.

    Attributes:
        population_size: How many architectures live; each newcomer replaces the oldest. 20 and 5 are ours: budgets
            of a few hundred queries are too small for the 100 and 25 of the paper.
        tournament_size: How many living ones, drawn without replacement, compete to be the parent.
    """

    population_size: int = 20
    tournament_size: int = 5

    def __post_init__(self) -> None:
        if not 1 <= self.tournament_size <= self.population_size:
            raise InvalidSetting(
                f"tournament_size must be from 1 to population_size ({self.population_size}), "
                f"not {self.tournament_size}"
            )


class RegularizedEvolution(Strategy):
    """Tournament, mutation, and death by age.

    Real et al., "Regularized Evolution for Image Classifier Architecture Search", AAAI 2019,
    https://arxiv.org/abs/1802.01548, Algorithm 1. A child that the study has evaluated before is not counted by the
    ledger; it joins the population with its known value and ages out the oldest like any other.
    """

    name: ClassVar[str] = "regularized-evolution"
    title: ClassVar[str] = "Regularized evolution (Real et al., 2019)"
    settings_class: ClassVar[type[Settings]] = RegularizedEvolutionSettings
    settings: RegularizedEvolutionSettings

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        super().__init__(problem, rng=rng, settings=settings)
        self._population: deque[tuple[Architecture, float]] = deque(maxlen=self.settings.population_size)

    def ask(self, count: int = 1) -> Sequence[Architecture]:
        """Random architectures until the population is full, then mutants of tournament winners."""
        space, rng = self.problem.space, self.rng
        proposals: list[Architecture] = []
        while len(proposals) < count:
            if len(self._population) + len(proposals) < self.settings.population_size:
                drawn = draw_allowed(self.problem, rng=rng)
                if drawn is None:
                    break
                proposals.append(drawn)
                continue
            if not self._population:
                break  # nobody to be the parent until the first batch is told
            parent = self._tournament()
            child = space.mutate(parent, rng=rng)
            for _ in range(_MOST_MUTANTS):
                if self.problem.allows(child):
                    break
                child = space.mutate(parent, rng=rng)
            proposals.append(child)
        return proposals

    def _tournament(self) -> Architecture:
        size = min(self.settings.tournament_size, len(self._population))
        drawn = self.rng.permutation(len(self._population))[:size].tolist()
        return max((self._population[index] for index in drawn), key=_score)[0]

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Let every child that has a value into the population, repeats included."""
        for evaluation in evaluations:
            if evaluation.failure is None:
                self._population.append((evaluation.architecture, self.problem.score(evaluation)))

    def state(self) -> dict[str, Any]:
        """The living, oldest first."""
        space = self.problem.space
        return {
            **super().state(),
            "genotypes": space.encode_many([architecture for architecture, _ in self._population]),
            "scores": np.array([score for _, score in self._population], dtype=np.float64),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over the living."""
        super().load_state(state)
        decode = self.problem.space.decode
        self._population.clear()
        for genotype, score in zip(np.asarray(state["genotypes"]).tolist(), state["scores"], strict=True):
            self._population.append((decode(genotype), float(score)))


def _score(member: tuple[Architecture, float]) -> float:
    return member[1]
