"""A strategy of one's own: mutate the best architecture so far, now and then draw a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ganas import Architecture, Evaluation, Problem, Settings, Strategy
from ganas.spaces.errors import InvalidSetting


@dataclass(frozen=True)
class GreedySettings(Settings):
    """Settings of the greedy strategy.

    Attributes:
        exploration: How often a proposal is drawn from the space instead, above 0 and at most 1.
    """

    exploration: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.exploration <= 1:
            raise InvalidSetting(f"exploration must be above 0 and at most 1, not {self.exploration}")


class Greedy(Strategy):
    """Mutates the best architecture so far; with probability ``exploration`` it draws from the space instead.

    What violates a constraint is refused by the study and costs nothing, and so is what was evaluated before: a
    strategy need not look after either.
    """

    name: ClassVar[str] = "greedy"
    title: ClassVar[str] = "Greedy: mutate the best so far"
    settings_class: ClassVar[type[Settings]] = GreedySettings
    settings: GreedySettings

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        super().__init__(problem, rng=rng, settings=settings)
        self._best: Architecture | None = None
        self._best_score = -np.inf

    def ask(self, count: int = 1) -> Sequence[Architecture]:
        """Propose mutants of the best architecture, and here and there a draw."""
        return [self._propose() for _ in range(count)]

    def _propose(self) -> Architecture:
        if self._best is None or self.rng.random() < self.settings.exploration:
            return self.problem.space.sample(1, rng=self.rng)[0]
        return self.problem.space.mutate(self._best, rng=self.rng)

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Keep the best; what failed or violates a constraint scores minus infinity."""
        for evaluation in evaluations:
            score = self.problem.score(evaluation)
            if score > self._best_score:
                self._best, self._best_score = evaluation.architecture, score

    def state(self) -> dict[str, Any]:
        """The best genotype and its score, beside what every strategy saves."""
        if self._best is None:
            return {**super().state(), "best": None}
        return {**super().state(), "best": list(self.problem.space.encode(self._best)), "best_score": self._best_score}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over the best architecture."""
        super().load_state(state)
        if state["best"] is None:
            self._best, self._best_score = None, -np.inf
        else:
            self._best, self._best_score = self.problem.space.decode(state["best"]), float(state["best_score"])
