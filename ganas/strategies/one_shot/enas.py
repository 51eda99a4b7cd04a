"""ENAS on text spaces: weights that all architectures share, and a controller that learns which of them are good.

H. Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", ICML 2018,
https://arxiv.org/abs/1802.03268, as Wang et al., "TextNAS: A Neural Architecture Search Space tailored for Text
Representation", AAAI 2020, https://arxiv.org/abs/1912.10729, use it on their space, and as their code does it
(https://github.com/microsoft/TextNAS). That code takes the accuracy on test data as the reward; here it is that on the
half of the training data that no weight learns from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from ganas.bench.shared_weights.task import SharedTraining, SharedTrainingTask
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import NotSupported
from ganas.spaces.textnas.space import TextSpace
from ganas.strategies.one_shot.enas_settings import ENASSettings
from ganas.strategies.one_shot.one_shot_search import OneShotSearch
from ganas.strategy import Problem, Settings

if TYPE_CHECKING:
    from ganas.bench.training.devices import Compute
    from ganas.strategies.one_shot.enas_learner import ControllerLearner

__all__ = ["ENAS"]


class ENAS(OneShotSearch):
    """Trains shared weights and a controller in turns, and proposes what the controller draws.

    Every ``ask`` trains for an epoch (``epochs_per_proposal``): first the shared weights, with one architecture of the
    controller a batch, then the controller, by REINFORCE with the accuracy of what it draws on the held-back half of
    the training data. Of some architectures that it then draws, the one that the shared weights score best is proposed,
    whatever the count asked for; after the last epoch there is none. Values are not learned from: what it is told
    changes nothing. All that is random comes from ``rng``, so the same seed gives the same search on one kind of
    processor.
    """

    name: ClassVar[str] = "enas"
    title: ClassVar[str] = (
        "ENAS: a controller and shared weights, on text spaces (Pham et al., 2018; Wang et al., 2020)"
    )
    settings_class: ClassVar[type[Settings]] = ENASSettings
    diagnostic_titles: ClassVar[Mapping[str, str]] = {
        "weight_loss": "Loss of the shared weights on the half that they learn from, nats a document",
        "reward": "Mean accuracy on the held-back half of what the controller drew, percent",
        "entropy": "Entropy of the controller's choices, 1 when undecided and 0 when decided",
        "skip_rate": "Share of the possible skip connections in what the controller drew",
    }
    diagnostic_note: ClassVar[str] = (
        "All are means over an epoch. A reward that rises while the entropy stays near 1 says that the shared weights "
        "improve and the controller learns nothing of them; then what is proposed is the best of a random sample."
    )

    _task: SharedTrainingTask

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        super().__init__(problem, rng=rng, settings=settings)
        self._seed = 0
        self._weights: SharedTraining | None = None
        self._learner: ControllerLearner | None = None

    def _supported(self, problem: Problem) -> SharedTrainingTask:
        task, space = problem.training_task, problem.space
        if not isinstance(space, TextSpace):
            raise NotSupported(f"enas searches text spaces, such as textnas, and not {space.name!r}")
        if not isinstance(task, SharedTrainingTask):
            raise NotSupported("enas learns from the training texts of a trainer, such as train-textnas-bbcnews")
        self._space, self._chosen = space, cast("ENASSettings", self.settings)
        return task

    # --- training ----------------------------------------------------------------------------------------------------

    def _train(self, compute: Compute) -> dict[str, float]:
        """The loss of the shared weights in an epoch, and what the controller drew."""
        from ganas.bench.training.checkpoint import snapshot

        if self._weights is None or self._learner is None:
            self._seed = int(self.rng.integers(2**62))
            self._weights, self._learner = self._new(compute)
        weights, learner = self._weights, self._learner
        before = snapshot(weights.learned())
        loss = self._until_finite(lambda: self._train_weights(weights, learner), lambda: weights.load_learned(before))
        return {"weight_loss": loss, **learner.learn(weights, rng=self.rng)}

    def _new(self, compute: Compute) -> tuple[SharedTraining, ControllerLearner]:
        """Shared weights and a controller, drawn from the seed."""
        import torch

        from ganas.strategies.one_shot.enas_learner import ControllerLearner

        torch.manual_seed(self._seed)
        weights = self._task.start(self._recipe, seed=self._seed, compute=compute)
        return weights, ControllerLearner(self._space, self._chosen, seed=self._seed)

    def _train_weights(self, weights: SharedTraining, learner: ControllerLearner) -> float | None:
        """One epoch of the shared weights; its mean loss, None once one is no finite number."""
        import torch

        # The masks of dropout come from torch's global generator.
        torch.manual_seed(int(self.rng.integers(2**63)))
        weights.start_epoch(self._done + 1)
        total, items = 0.0, 0
        while math.isfinite(total):
            step = weights.learn(learner.draw(rng=self.rng))
            if step is None:
                return total / max(1, items)
            total += float(step.loss) * step.items
            items += step.items
        return None

    def _proposal(self) -> Architecture:
        """The best of some that the controller draws."""
        assert self._weights is not None and self._learner is not None  # an epoch was trained
        return self._best(self._weights, self._learner)

    def _best(self, weights: SharedTraining, learner: ControllerLearner) -> Architecture:
        """Of some architectures that the controller draws the one with the best score, the first among equals.

        Those that a cheap constraint excludes are left out where there are others.
        """
        drawn = [learner.draw(rng=self.rng) for _ in range(self._chosen.samples)]
        allowed = [architecture for architecture in drawn if self.problem.allows(architecture)] or drawn
        return max(allowed, key=lambda architecture: learner.score(weights, architecture))

    # --- saving ------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """The shared weights and the controller with their optimisers, and how far the search is."""
        return {
            **super().state(),
            "seed": self._seed,
            "weights": None if self._weights is None else self._weights_state(self._weights),
            "controller": None if self._learner is None else self._learner.state(),
        }

    def _weights_state(self, weights: SharedTraining) -> dict[str, Any]:
        from ganas.bench.training.checkpoint import as_arrays, snapshot

        return {"learned": as_arrays(snapshot(weights.learned())), "progress": as_arrays(snapshot(weights.progress()))}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on with saved weights and a saved controller; see :meth:`OneShotSearch.load_state`."""
        super().load_state(state)
        self._seed, self._weights, self._learner = int(state["seed"]), None, None
        if state["weights"] is None:
            return
        with self._restoring() as compute:
            self._weights, self._learner = self._new(compute)
            self._weights.load_learned(state["weights"]["learned"])
            self._weights.load_progress(state["weights"]["progress"])
        self._learner.load_state(state["controller"])
