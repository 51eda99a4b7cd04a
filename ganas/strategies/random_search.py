"""Random search without replacement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ganas.bench.metric import Evaluation
from ganas.spaces.architecture import Architecture
from ganas.strategies.drawing import draw_allowed
from ganas.strategy import Problem, Settings, Strategy

__all__ = ["RandomSearch"]


class RandomSearch(Strategy):
    """Draws from the space's own distribution (see its ``sample``), never the same architecture twice.

    The baseline that every search must beat: Li and Talwalkar, "Random Search and Reproducibility for Neural
    Architecture Search", UAI 2019, https://arxiv.org/abs/1902.07638.
    """

    name: ClassVar[str] = "random-search"
    title: ClassVar[str] = "Random search without replacement"

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        super().__init__(problem, rng=rng, settings=settings)
        self._seen: set[int] = set()

    def ask(self, count: int = 1) -> Sequence[Architecture]:
        """Draw architectures that were not asked before; fewer than ``count`` where the space is used up."""
        proposals: list[Architecture] = []
        while len(proposals) < count:
            drawn = draw_allowed(self.problem, rng=self.rng, seen=self._seen)
            if drawn is None:
                break
            self._seen.add(self.problem.space.identity_key(drawn))
            proposals.append(drawn)
        return proposals

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Nothing to learn."""

    def state(self) -> dict[str, Any]:
        """The identity keys asked so far."""
        return {**super().state(), "seen": sorted(self._seen)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over the identity keys asked so far."""
        super().load_state(state)
        self._seen = set(state["seen"])
