"""Search guided by any surrogate: proposals are made, and those that it thinks most of are evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ganas.bench.surrogate.models import model_class, require_model
from ganas.bench.surrogate.regressor import DEFAULT_BLOCKS
from ganas.bench.surrogate.surrogate import Surrogate
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting, UnknownName
from ganas.spaces.space import Space
from ganas.strategies.model_based import ModelBasedSearch, best_and_spread, finite_labels
from ganas.strategies.proposals import crossovers, mutants
from ganas.strategies.setting_checks import require_at_least, require_kinds, require_shares
from ganas.strategy import Problem, Settings

__all__ = ["Acquisition", "PredictorGuided", "PredictorGuidedSettings"]

Acquisition = Literal["mean", "ucb", "expected-improvement", "thompson"]
"""How mean and standard deviation become one number."""

# Trees that all say the same would be certain, and a gain is divided by the deviation.
_LEAST_DEVIATION = 1e-9


@dataclass(frozen=True)
class PredictorGuidedSettings(Settings):
    """Settings of ``predictor-guided``; every default is a choice of this project.

    Attributes:
        model: Which surrogate, by the name of its model (``ganas list surrogates``) or the place of one of your own,
            ``module:Class`` or ``file.py:Class``; some need the extra ``surrogates`` or ``torch``. A model that takes
            long to fit wants a larger ``refit_every``.
        neighbourhoods: Whether a model of structural features also sees which neighbourhoods of nodes occur (the block
            ``weisfeiler-lehman``), which costs queries on two of three tables of NAS-Bench-201, see docs/baselines.md.
        acquisition: ``"mean"`` is what is expected, ``"ucb"`` adds standard deviations to it,
            ``"expected-improvement"`` is over the best that is expected of an evaluated one, ``"thompson"`` draws
            from the prediction of each proposal by itself.
        optimism: How many standard deviations ``"ucb"`` adds.
        initial_samples: How many architectures are drawn from the space's own distribution first; at most a third of
            the budget where there is one.
        refit_every: After how many counted queries the surrogate is fitted again. In between the proposals are ranked
            by the one that there is.
        training_size: How many values it learns from at most: the best half of so many, and others evenly by rank.
        pool_size: How many proposals stay for the next ranking at most: those that ranked first.
        new_proposals: How many proposals are added at each ranking.
        parents: How many of the best evaluated architectures proposals are made of.
        mutant_share: Share of their mutants, one change each, among the new proposals.
        crossover_share: Share of crossovers of two of them. All the rest is drawn from the space's own distribution.
        neighbours_of: How many of the best lend all their neighbours, each once.
    """

    model: str = "gaussian-process"
    neighbourhoods: bool = False
    acquisition: Acquisition = "ucb"
    optimism: float = 1.5
    initial_samples: int = 6
    refit_every: int = 3
    training_size: int = 200
    pool_size: int = 400
    new_proposals: int = 200
    parents: int = 25
    mutant_share: float = 0.7
    crossover_share: float = 0.1
    neighbours_of: int = 5

    def __post_init__(self) -> None:
        try:
            require_model(self.model)
        except UnknownName as error:
            raise InvalidSetting(f"model: {error}") from None
        require_kinds(self, {"acquisition": Acquisition})
        positive = ("initial_samples", "refit_every", "pool_size", "new_proposals", "parents")
        require_at_least(self, {"optimism": 0, "training_size": 5, "neighbours_of": 0, **dict.fromkeys(positive, 1)})
        require_shares(self, ("mutant_share", "crossover_share"))
        if self.mutant_share + self.crossover_share > 1 + 1e-9:
            raise InvalidSetting("mutant_share and crossover_share must not be above 1 together")


class PredictorGuided(ModelBasedSearch):
    """Evaluates the proposal that a surrogate of everything evaluated wants most.

    The surrogate is any that ``ganas surrogate`` fits. It learns values by their rank, so that the best differ as much
    as the middling ones do, and acquisition is reckoned on that scale. It ranks a pool of proposals, never the whole
    space, so a query costs the same in a space of any size: mutants and crossovers of the best, all neighbours of the
    very best, and random draws. Asked for several at once it gives those wanted most; it learns when they are told.

    The scheme is that of White, Neiswanger and Savani, "BANANAS", AAAI 2021, https://arxiv.org/abs/1910.11858, section
    5; ``"thompson"`` is its independent Thompson sampling. ``"expected-improvement"`` is that of Jones, Schonlau and
    Welch, "Efficient Global Optimization", Journal of Global Optimization, 1998, section 4.1, by its logarithm.
    """

    name: ClassVar[str] = "predictor-guided"
    title: ClassVar[str] = (
        "Any surrogate ranks mutants, crossovers and neighbours of the best (after White et al., 2021)"
    )
    settings_class: ClassVar[type[Settings]] = PredictorGuidedSettings
    settings: PredictorGuidedSettings

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        given = settings if isinstance(settings, PredictorGuidedSettings) else PredictorGuidedSettings()
        self._surrogate = _new_surrogate(problem.space, given, int(rng.integers(2**31)))
        super().__init__(
            problem,
            rng=rng,
            settings=settings,
            initial_samples=given.initial_samples,
            pool_size=given.pool_size,
            features=self._surrogate.features,
        )
        self._learnt = 0  # how much was evaluated when the surrogate was last fitted
        self._fitted = False  # whether it is that fit; not so after a state was loaded
        self._lent: set[int] = set()  # identity keys of architectures whose neighbours were proposed
        self._best: list[Architecture] = []

    # --- learning --------------------------------------------------------------------------------------------------

    def _learn(self, labels: NDArray[np.float64]) -> None:
        if not self._learnt or len(labels) - self._learnt >= self.settings.refit_every:
            self._learnt = len(labels)
            self._fit(labels)
        elif not self._fitted:
            # What it was fitted on before the state was saved; the same labels and seed give the same surrogate.
            before = finite_labels(np.array(self._scores[: self._learnt], dtype=np.float64))
            if before is not None:
                self._fit(before)

    def _fit(self, labels: NDArray[np.float64]) -> None:
        used = best_and_spread(labels, self.settings.training_size)
        self._surrogate.fit([self._evaluated[number] for number in used.tolist()], labels[used])
        self._fitted = True

    # --- proposing -------------------------------------------------------------------------------------------------

    def _extend_pool(self, best: Sequence[int]) -> None:
        settings, space, rng = self.settings, self.problem.space, self.rng
        parents = self._best = [self._evaluated[number] for number in best[: settings.parents]]
        for parent in parents[: settings.neighbours_of]:
            key = space.identity_key(parent)
            if key not in self._lent:
                self._lent.add(key)
                self._pool.add(space.neighbours(parent), self._seen)
        mutated = round(settings.mutant_share * settings.new_proposals)
        crossed = min(round(settings.crossover_share * settings.new_proposals), settings.new_proposals - mutated)
        self._pool.add(mutants(space, parents, mutated, rng=rng), self._seen)
        self._pool.add(crossovers(space, parents, crossed, rng=rng), self._seen)
        self._pool.add(space.sample(settings.new_proposals - mutated - crossed, rng=rng), self._seen)

    def _acquisition(self) -> NDArray[np.float64]:
        mean, deviation = self._surrogate.rows_on_scale(self._pool.rows)
        kind = self.settings.acquisition
        if kind == "ucb":
            return np.asarray(mean + self.settings.optimism * deviation)
        if kind == "expected-improvement":
            return log_expected_improvement(mean - self._surrogate.on_scale(self._best)[0].max(), deviation)
        if kind == "thompson":
            return np.asarray(mean + deviation * self.rng.standard_normal(len(mean)))
        return mean

    # --- saving ----------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Beside what was evaluated: the seed of the surrogate and how much it has learnt from.

        The surrogate itself is fitted again from what was told.
        """
        return {
            **super().state(),
            "surrogate_seed": self._surrogate.seed,
            "learnt": self._learnt,
            "lent": sorted(self._lent),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over a saved state; the surrogate is fitted when it is next asked."""
        super().load_state(state)
        self._surrogate = _new_surrogate(self.problem.space, self.settings, int(state["surrogate_seed"]))
        self._learnt, self._fitted = int(state["learnt"]), False
        self._lent = set(state["lent"])


def _new_surrogate(space: Space, settings: PredictorGuidedSettings, seed: int) -> Surrogate:
    reads = model_class(settings.model).reads
    if set(DEFAULT_BLOCKS) <= set(reads) and not settings.neighbourhoods:
        reads = tuple(block for block in reads if block != "weisfeiler-lehman")
    return Surrogate(space, settings.model, seed=seed, reads=reads)


def log_expected_improvement(gain: NDArray[np.float64], deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the mean of max(x, 0) for normal x, (count,).

    The mean itself is zero in floating point for what is far below the best, and would not rank it.

    Args:
        gain: Mean of x, (count,).
        deviation: Standard deviation of x, (count,), at least 0.

    >>> log_expected_improvement(np.array([0.0, -60.0]), np.ones(2)).round(3).tolist()
    [-0.919, -1809.109]
    """
    from scipy.special import erfcx, ndtr

    deviation = np.maximum(deviation, _LEAST_DEVIATION)
    ratio = np.maximum(gain / deviation, -1e3)
    below = np.minimum(ratio, 0.0)
    # phi(u) + u Phi(u) = phi(u) (1 + u Phi(u) / phi(u)), where the quotient is an exponentially scaled error function.
    quotient = np.sqrt(np.pi / 2) * erfcx(-below / np.sqrt(2.0))
    density = -0.5 * ratio**2 - 0.5 * np.log(2 * np.pi)
    above = np.exp(density) + ratio * ndtr(ratio)
    logarithm = np.where(ratio < 0, density + np.log1p(below * quotient), np.log(np.where(ratio < 0, 1.0, above)))
    return np.asarray(logarithm + np.log(deviation))
