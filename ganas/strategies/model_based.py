"""What strategies share that learn from everything evaluated and rank a pool of proposals."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.bench.metric import Evaluation
from ganas.bench.single_thread import one_thread
from ganas.spaces.architecture import Architecture
from ganas.strategies.drawing import draw_allowed
from ganas.strategies.proposals import ProposalPool, RowMaker
from ganas.strategy import Problem, Settings, Strategy

__all__ = ["ModelBasedSearch", "best_and_spread", "finite_labels"]

# Fewer labels, or labels that are all the same, teach nothing.
_FEWEST = 5
# Acquisition is compared to so many digits, so that architectures with the same features tie, whatever the last digit
# of a product of matrices.
_DIGITS = 5


class ModelBasedSearch(Strategy):
    """Random architectures first, then those proposals that a model of everything evaluated ranks first.

    Failed evaluations and those that violate a measured constraint count as the worst value of the others. Nothing is
    proposed twice, by the identity key. Where there is no proposal, or nothing to learn from yet, an architecture is
    drawn from the space's own distribution.

    A subclass makes the model and the proposals: it implements :meth:`_learn`, :meth:`_extend_pool` and
    :meth:`_acquisition`.

    Args:
        problem: What is searched.
        rng: The only source of randomness.
        settings: Of the strategy.
        initial_samples: How many random architectures come first; at most a third of the budget where there is one.
        pool_size: How many proposals stay for the next ranking at most.
        features: Gives rows of architectures where the model wants them.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        rng: np.random.Generator,
        settings: Settings | None = None,
        initial_samples: int,
        pool_size: int,
        features: RowMaker | None = None,
    ) -> None:
        super().__init__(problem, rng=rng, settings=settings)
        most = initial_samples if problem.budget is None else min(initial_samples, problem.budget // 3)
        self._missing = max(most, 1)  # how many of the initial sample were not asked for yet
        self._pool = ProposalPool(problem, features, pool_size)
        self._evaluated: list[Architecture] = []
        self._scores: list[float] = []
        self._seen: set[int] = set()  # identity keys of everything proposed or told

    @abstractmethod
    def _learn(self, labels: NDArray[np.float64]) -> None:
        """Bring the model up to date with ``self._evaluated`` and their finite labels, higher is better, (count,)."""

    @abstractmethod
    def _extend_pool(self, best: Sequence[int]) -> None:
        """Add proposals; ``best`` are numbers of evaluated architectures that succeeded, the best first."""

    @abstractmethod
    def _acquisition(self) -> NDArray[np.float64]:
        """How much each proposal of the pool is wanted, (len(pool),)."""

    def ask(self, count: int = 1) -> Sequence[Architecture]:
        """The rest of the initial sample, or the proposals wanted most; fewer than ``count`` where nothing is left."""
        if self._missing:
            drawn = self._draw(min(count, self._missing))
            # A space that is smaller than the initial sample is used up before.
            self._missing = self._missing - len(drawn) if drawn else 0
            return drawn
        labels = finite_labels(np.array(self._scores, dtype=np.float64))
        if labels is None:
            return self._draw(count)
        order = np.argsort(-np.array(self._scores), kind="stable").tolist()
        with one_thread():
            self._learn(labels)
            self._extend_pool([number for number in order if self._scores[number] > -np.inf])
            wanted = self._acquisition().round(_DIGITS) if len(self._pool) else np.zeros(0)
        chosen = self._pool.take(wanted, count)
        self._seen.update(map(self.problem.space.identity_key, chosen))
        return chosen + self._draw(count - len(chosen))

    def _draw(self, count: int) -> list[Architecture]:
        """At most ``count`` architectures of the space's own distribution that are not known yet."""
        found: list[Architecture] = []
        for _ in range(count):
            drawn = draw_allowed(self.problem, rng=self.rng, seen=self._seen)
            if drawn is None:
                break
            key = self.problem.space.identity_key(drawn)
            self._seen.add(key)
            self._pool.discard(key)
            found.append(drawn)
        return found

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Note values and failures; the model learns at the next :meth:`ask`."""
        for evaluation in evaluations:
            key = self.problem.space.identity_key(evaluation.architecture)
            self._seen.add(key)
            self._pool.discard(key)
            if evaluation.counted:
                self._evaluated.append(evaluation.architecture)
                self._scores.append(self.problem.score(evaluation))

    def state(self) -> dict[str, Any]:
        """Everything evaluated, the keys of what was proposed, and the pool."""
        return {
            **super().state(),
            "missing": self._missing,
            "pool": self._pool.state(),
            "evaluated": self.problem.space.encode_many(self._evaluated),
            "scores": np.array(self._scores, dtype=np.float64),
            "seen": sorted(self._seen),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what was evaluated and proposed, and the pool."""
        super().load_state(state)
        decode = self.problem.space.decode
        self._missing = int(state["missing"])
        self._pool.load_state(np.asarray(state["pool"]))
        self._evaluated = [decode(genotype) for genotype in np.asarray(state["evaluated"]).tolist()]
        self._scores = np.asarray(state["scores"], dtype=np.float64).tolist()
        self._seen = set(state["seen"])


def finite_labels(scores: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Scores with minus infinity replaced by the worst of the others; None where they teach nothing.

    That is where there are fewer than five of them, or all are the same.

    >>> finite_labels(np.array([3.0, -np.inf, 1.0, 2.0, 5.0]))
    array([3., 1., 1., 2., 5.])
    >>> finite_labels(np.array([3.0, -np.inf, 3.0, 3.0, 3.0])) is None
    True
    """
    succeeded = scores[scores > -np.inf]
    if len(scores) < _FEWEST or not len(succeeded) or succeeded.min() == succeeded.max():
        return None
    return np.asarray(np.maximum(scores, succeeded.min()))


def best_and_spread(labels: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Numbers of at most ``size`` labels in increasing order: the best half of them, and others evenly by rank.

    So that a model costs the same however much was evaluated, knows the best and still sees the whole range.

    >>> best_and_spread(np.arange(10.0), 6)
    array([0, 3, 6, 7, 8, 9])
    """
    if len(labels) <= size:
        return np.arange(len(labels))
    order = np.argsort(-labels, kind="stable")
    best = size - size // 2
    places = np.linspace(len(labels) - 1, best, size - best).round().astype(np.int64)
    return np.sort(np.concatenate([order[:best], order[places]]))
