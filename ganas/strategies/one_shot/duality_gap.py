"""The duality-gap search of AlphaGAN: a generator that a discriminator which learns more gains little from.

Tian, Shen, Su, Li and Liu, "AlphaGAN: Fully Differentiable Architecture Search for Generative Adversarial Networks",
TPAMI 2021, https://arxiv.org/abs/2006.09134, as its official code does it with the options of its README
(https://github.com/yuesongtian/AlphaGAN): only the generator is searched, the discriminator is fixed, and both levels
are of first order. What that code does by accident are settings, off by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ganas.bench.training.generation.search_protocol import GenerationSearchProtocol
from ganas.bench.training.generation.searching import GenerationTrainingTask
from ganas.spaces.alphagan.genotype import GENERATOR
from ganas.spaces.alphagan.space import AlphaGAN
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import NotSupported
from ganas.strategies.one_shot.duality_gap_settings import DualityGapSettings
from ganas.strategies.one_shot.one_shot_search import OneShotSearch
from ganas.strategy import Problem, Settings

if TYPE_CHECKING:
    from ganas.bench.training.devices import Compute
    from ganas.strategies.one_shot.relaxed_generator import EpochValues, RelaxedGenerator

__all__ = ["DualityGap"]


def _edge_names() -> tuple[str, ...]:
    """A name for each edge, in the order of the genotype: ``cell1_up0``, ``skip_3_1``."""
    return tuple(
        f"cell{group.key}_{group.field}{edge}" if group.key else f"{group.field}_{edge}"
        for group in GENERATOR.groups
        for edge in range(group.edges)
    )


_ENTROPIES = {f"entropy_{name}": f"Entropy of the edge {name}" for name in _edge_names()}


class DualityGap(OneShotSearch):
    """Trains one relaxed generator against a discriminator, and proposes what it discretises to.

    An epoch first trains the weights of both on one half of the images. On the other half, a copy of the discriminator
    then learns against the generator, and a copy of the generator against the discriminator; and the architecture of
    the generator takes its steps towards a smaller duality gap, the difference between what the one copy and the other
    make of the game. Every ``ask`` trains for ``epochs_per_proposal`` epochs and gives one architecture, whatever the
    count asked for; after the last epoch it gives none. Values are not learned from: what it is told changes nothing.
    All that is random comes from ``rng``, so the same seed gives the same search on one kind of processor.
    """

    name: ClassVar[str] = "duality-gap"
    title: ClassVar[str] = "AlphaGAN: differentiable search of generators by the duality gap (Tian et al., 2021)"
    settings_class: ClassVar[type[Settings]] = DualityGapSettings
    diagnostic_titles: ClassVar[Mapping[str, str]] = {
        "duality_gap": "Duality gap, minmax less maxmin",
        "minmax": "Minmax: minus the hinge loss of the worst discriminator against the generator",
        "maxmin": "Maxmin: minus the hinge loss of the discriminator against the worst generator",
        "discriminator_loss": "Hinge loss of the discriminator on the half that weights learn from",
        "generator_loss": "Loss of the generator, minus the mean score of its images",
        "entropy": "Mean entropy of the edges, 1 when undecided and 0 when decided",
        **_ENTROPIES,
    }
    diagnostic_note: ClassVar[str] = (
        "All are of the last epoch before a proposal: entropies at its end, all else means over its steps. At an "
        "equilibrium the duality gap is 0; it is above 0 where one of the worst copies gains something, and can be "
        "below while the copies learn too little. Minmax and maxmin are from minus infinity to 0; near -2 the "
        "discriminator tells nothing apart, near 0 all. An entropy near 1 at the end says that hardly anything was "
        "decided and that the derived generator says little about the relaxed one; up edges choose from three "
        "operations, normal edges from six."
    )
    diagnostic_groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "Entropy of each edge, 1 when undecided and 0 when decided": tuple(_ENTROPIES)
    }

    _task: GenerationTrainingTask
    _recipe: GenerationSearchProtocol

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        super().__init__(problem, rng=rng, settings=settings)
        self._learner: RelaxedGenerator | None = None

    def _supported(self, problem: Problem) -> GenerationTrainingTask:
        task, space = problem.training_task, problem.space
        if not isinstance(space, AlphaGAN):
            raise NotSupported(f"duality-gap searches generators of images, such as alphagan, and not {space.name!r}")
        if not isinstance(task, GenerationTrainingTask):
            raise NotSupported(
                "duality-gap learns from the training images of a trainer, such as train-alphagan-digits"
            )
        self._space = space
        return task

    # --- training ----------------------------------------------------------------------------------------------------

    def _train(self, compute: Compute) -> dict[str, float]:
        """What an epoch gave, and how undecided each edge then is."""
        if self._learner is None:
            self._learner = self._new(compute)
        learner, number = self._learner, self._done + 1
        before = learner.learned()
        values: EpochValues = self._until_finite(
            lambda: learner.epoch(number, rng=self.rng), lambda: learner.load_learned(before)
        )
        entropies = learner.player.entropies()
        return {
            "duality_gap": values.duality_gap,
            **values._asdict(),
            "entropy": float(np.mean(entropies)),
            **dict(zip(_ENTROPIES, entropies, strict=True)),
        }

    def _new(self, compute: Compute) -> RelaxedGenerator:
        """Both players; weights and the orders of images are drawn from the generator."""
        import torch

        from ganas.strategies.one_shot.relaxed_generator import RelaxedGenerator

        seed, *of_halves = self.rng.integers(2**63, size=3).tolist()
        torch.manual_seed(seed)
        return RelaxedGenerator(self._task.halves(), self._recipe, compute, seeds=(of_halves[0], of_halves[1]))

    def _proposal(self) -> Architecture:
        """What the relaxed generator discretises to."""
        assert self._learner is not None  # an epoch was trained
        return self._space.decode(self._learner.supernet.genotype())

    # --- saving ------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Both players with their optimisers, the place in the images, and how far the search is."""
        return {**super().state(), "learner": None if self._learner is None else self._learner.state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on with saved players; see :meth:`OneShotSearch.load_state`."""
        super().load_state(state)
        self._learner = None
        if state["learner"] is None:
            return
        with self._restoring() as compute:
            self._learner = self._new(compute)
        self._learner.load_state(state["learner"])
