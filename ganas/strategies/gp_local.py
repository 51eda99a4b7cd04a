"""A Gaussian process on paths, and the neighbours of the best: a strong baseline without neural networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.bench.surrogate.gaussian_process import GaussianProcess
from ganas.bench.surrogate.label_scale import LabelScale
from ganas.spaces.errors import NotSupported
from ganas.spaces.space import Space
from ganas.strategies.model_based import ModelBasedSearch, best_and_spread
from ganas.strategies.path_features import PathFeatures
from ganas.strategies.setting_checks import require_at_least
from ganas.strategy import Problem, Settings

__all__ = ["GPLocal", "GPLocalSettings"]


@dataclass(frozen=True)
class GPLocalSettings(Settings):
    """Settings of ``gp-local``; every default is a choice of this project, made on seeds that no figure is given for.

    Attributes:
        initial_samples: How many architectures are drawn from the space's own distribution first; at most a third of
            the budget where there is one.
        parents: How many of the best evaluated architectures lend their neighbours.
        optimism: How many standard deviations are added to what is expected (UCB).
        pool_size: How many neighbours stay for the next ranking at most: those that ranked first.
        kernel_share: The kernel is chosen again once this share more is evaluated; in between the process only takes
            in new values.
        training_size: How many values the process sees at most: the best half of so many, and others evenly by rank.
    """

    initial_samples: int = 6
    parents: int = 10
    optimism: float = 2.0
    pool_size: int = 800
    kernel_share: float = 0.1
    training_size: int = 300

    def __post_init__(self) -> None:
        require_at_least(
            self,
            {
                "initial_samples": 1,
                "parents": 1,
                "optimism": 0,
                "pool_size": 1,
                "kernel_share": 0,
                "training_size": 5,
            },
        )


class GPLocal(ModelBasedSearch):
    """Evaluates the neighbour of the best architectures that a Gaussian process expects most of.

    The process has a path kernel: it compares which live paths two architectures have, and which parts of paths, and
    learns values by their rank. A neighbour is wanted by mean plus ``optimism`` standard deviations, the upper
    confidence bound of Srinivas, Krause, Kakade and Seeger, "Gaussian Process Optimization in the Bandit Setting",
    ICML 2010, https://arxiv.org/abs/0912.3995. An architecture lends all its neighbours once, when it comes among the
    best. Asked for several at once it gives those wanted most; it learns when they are told.

    It needs numpy and scipy only. Bayesian optimisation with a kernel on paths and mutations of the best as candidates
    is that of White, Neiswanger and Savani, "BANANAS", AAAI 2021, https://arxiv.org/abs/1910.11858, section 5, where
    the model is an ensemble of networks.
    """

    name: ClassVar[str] = "gp-local"
    title: ClassVar[str] = "Gaussian process with a path kernel, UCB, neighbours of the best (after White et al., 2021)"
    settings_class: ClassVar[type[Settings]] = GPLocalSettings
    settings: GPLocalSettings

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        given = settings if isinstance(settings, GPLocalSettings) else GPLocalSettings()
        self._features = _features_of(problem.space)
        if not self._features.blocks:
            raise NotSupported(f"{self.name!r} compares paths, and all architectures of {problem.space.name!r} agree")
        super().__init__(
            problem,
            rng=rng,
            settings=settings,
            initial_samples=given.initial_samples,
            pool_size=given.pool_size,
            features=self._features,
        )
        self._rows = self._features.rows([])
        self._process = GaussianProcess(self._features.blocks)
        self._kernel_of = 0  # how much was evaluated when the kernel was chosen
        self._lent: set[int] = set()  # identity keys of architectures whose neighbours are in the pool

    def _learn(self, labels: NDArray[np.float64]) -> None:
        fresh = self._features.rows(self._evaluated[len(self._rows) :])
        self._rows = np.concatenate([self._rows, fresh])
        used = best_and_spread(labels, self.settings.training_size)
        targets = LabelScale().fit(labels[used]).to_scale(labels[used])
        if not self._kernel_of or len(labels) - self._kernel_of >= self.settings.kernel_share * self._kernel_of:
            self._kernel_of = len(labels)
            self._process.fit(self._rows[used], targets, rng=self.rng)
        else:
            self._process.condition(self._rows[used], targets)

    def _extend_pool(self, best: Sequence[int]) -> None:
        space = self.problem.space
        for number in best[: self.settings.parents]:
            parent = self._evaluated[number]
            key = space.identity_key(parent)
            if key not in self._lent:
                self._lent.add(key)
                self._pool.add(space.neighbours(parent), self._seen)

    def _acquisition(self) -> NDArray[np.float64]:
        mean, deviation = self._process.predict(self._pool.rows)
        return np.asarray(mean + self.settings.optimism * deviation)

    def state(self) -> dict[str, Any]:
        """Beside what was evaluated: the kernel, and whose neighbours were proposed."""
        process = self._process.state()["log"] if self._kernel_of else np.zeros(0)
        return {**super().state(), "kernel": process, "kernel_of": self._kernel_of, "lent": sorted(self._lent)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over the kernel; the process takes in the values again when it is next asked."""
        super().load_state(state)
        self._rows = self._features.rows(self._evaluated)
        self._kernel_of = int(state["kernel_of"])
        self._lent = set(state["lent"])
        if self._kernel_of:
            nothing = {"rows": self._rows[:1], "targets": np.zeros(1), "extra": np.zeros(1)}
            self._process.load_state({"log": state["kernel"], **nothing})


@lru_cache(maxsize=4)
def _features_of(space: Space) -> PathFeatures:
    """The features of a space, once a process: which paths are columns does not depend on the study."""
    return PathFeatures(space, rng=np.random.default_rng(0))
