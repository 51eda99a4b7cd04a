"""Local search by first improvement, with restarts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ganas.bench.metric import Evaluation
from ganas.spaces.architecture import Architecture
from ganas.strategies.drawing import draw_allowed
from ganas.strategy import Problem, Settings, Strategy

__all__ = ["LocalSearch"]


class LocalSearch(Strategy):
    """Moves to the first neighbour that is better, in a random order, and starts anew at a local optimum.

    Local search on these benchmarks: White, Nolen and Savani, "Exploring the Loss Landscape in Neural Architecture
    Search", UAI 2021, https://arxiv.org/abs/2005.02960 (there every neighbour is evaluated before a move).
    """

    name: ClassVar[str] = "local-search"
    title: ClassVar[str] = "Local search: first improvement, random order, restarts (after White et al., 2021)"

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        super().__init__(problem, rng=rng, settings=settings)
        self._scores: dict[int, float] = {}
        self._current: Architecture | None = None
        self._current_score = -np.inf
        self._queue: list[Architecture] = []  # neighbours not yet looked at; the next one is the last

    def ask(self, count: int = 1) -> Sequence[Architecture]:
        """The next neighbours whose value is not known yet, or a random start."""
        space, problem = self.problem.space, self.problem
        proposals: list[Architecture] = []
        while len(proposals) < count:
            if self._current is None:
                start = draw_allowed(problem, rng=self.rng, seen=self._scores)
                if start is not None:
                    proposals.append(start)
                break
            if not self._queue:
                if proposals:
                    break  # one of them may still be better
                self._current = None
                continue
            neighbour = self._queue.pop()
            known = self._scores.get(space.identity_key(neighbour))
            if known is None:
                if problem.allows(neighbour):
                    proposals.append(neighbour)
            elif known > self._current_score:
                if proposals:
                    self._queue.append(neighbour)  # looked at again after those before it are told
                    break
                self._move(neighbour, known)
        return proposals

    def _move(self, architecture: Architecture, score: float) -> None:
        self._current, self._current_score = architecture, score
        neighbours = self.problem.space.neighbours(architecture)
        self._queue = [neighbours[index] for index in self.rng.permutation(len(neighbours)).tolist()]

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Move to the first that is better than the current one."""
        for evaluation in evaluations:
            score = self.problem.score(evaluation)
            self._scores[self.problem.space.identity_key(evaluation.architecture)] = score
            if score > self._current_score or (self._current is None and score > -np.inf):
                self._move(evaluation.architecture, score)

    def state(self) -> dict[str, Any]:
        """Known scores, where the search stands and the neighbours still to be looked at."""
        space = self.problem.space
        return {
            **super().state(),
            "keys": list(self._scores),
            "scores": np.array(list(self._scores.values()), dtype=np.float64),
            "current": None if self._current is None else list(space.encode(self._current)),
            "current_score": None if self._current is None else self._current_score,
            "queue": space.encode_many(self._queue),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over known scores, position and queue."""
        super().load_state(state)
        decode = self.problem.space.decode
        self._scores = dict(zip(state["keys"], np.asarray(state["scores"]).tolist(), strict=True))
        self._current = None if state["current"] is None else decode(state["current"])
        self._current_score = -np.inf if state["current"] is None else float(state["current_score"])
        self._queue = [decode(genotype) for genotype in np.asarray(state["queue"]).tolist()]
