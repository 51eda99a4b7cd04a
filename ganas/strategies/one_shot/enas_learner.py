"""The controller of ``enas`` with what it learns by: REINFORCE, a baseline, and Adam.

With the accuracy R of what was drawn, from 0 to 1, and its log-probability log p, a step is::

    R' = R + entropy_weight * sum(-p log p)
    b <- b - (1 - baseline_decay) (b - R')
    loss = -log p (R' - b) + skip_weight * divergence of skip connections from their target

as in ``controller/rl_controller.py`` of https://github.com/microsoft/TextNAS.

This module imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ganas.adversarial.saved_state import load_state_arrays, state_arrays
from ganas.bench.shared_weights.task import SharedTraining
from ganas.spaces.architecture import Architecture
from ganas.spaces.textnas.space import TextSpace
from ganas.strategies.one_shot.enas_controller import Drawn, TextController
from ganas.strategies.one_shot.enas_settings import ENASSettings

__all__ = ["ControllerLearner"]


class ControllerLearner:
    """A controller in training; it is small, and always on the CPU.

    Args:
        space: Of the architectures.
        settings: Of ``enas``.
        seed: Of the first weights.

    Attributes:
        controller: The controller.
        baseline: What rewards are compared with; 0 at first.
    """

    def __init__(self, space: TextSpace, settings: ENASSettings, *, seed: int) -> None:
        self._space, self._settings = space, settings
        self.controller = TextController(
            space.layout,
            settings.controller_hidden,
            tanh_constant=settings.tanh_constant,
            skip_target=settings.skip_target,
            generator=torch.Generator().manual_seed(seed),
        )
        self._optimiser = torch.optim.Adam(
            self.controller.parameters(),
            settings.controller_learning_rate,
            eps=settings.controller_epsilon,
            weight_decay=settings.controller_weight_decay,
        )
        self.baseline = 0.0

    @torch.no_grad()
    def draw(self, *, rng: np.random.Generator) -> Architecture:
        """Draw an architecture."""
        return self._space.decode(self.controller.draw(rng=rng).code)

    def score(self, weights: SharedTraining, architecture: Architecture) -> float:
        """The accuracy of an architecture by shared weights, in percent; 0 where the output is no finite number."""
        value = weights.measure(architecture)["shared_accuracy"]
        return value if math.isfinite(value) else 0.0

    def learn(self, weights: SharedTraining, *, rng: np.random.Generator) -> dict[str, float]:
        """Take the steps of an epoch.

        Returns:
            Means over them of ``reward`` (accuracy, percent), ``entropy`` (of choices, 1 when undecided) and
            ``skip_rate``.
        """
        said = []
        for _ in range(self._settings.controller_steps):
            drawn = self.controller.draw(rng=rng)
            value = self.score(weights, self._space.decode(drawn.code))
            self.step(drawn, value / 100)
            said.append((value, drawn.undecided, drawn.skip_rate))
        return dict(zip(("reward", "entropy", "skip_rate"), np.mean(said, axis=0).tolist(), strict=True))

    def step(self, drawn: Drawn, accuracy: float) -> None:
        """Learn from one architecture.

        Args:
            drawn: What was drawn, with its gradient.
            accuracy: From 0 to 1.
        """
        settings = self._settings
        reward = accuracy + settings.entropy_weight * drawn.action_entropy
        self.baseline -= (1 - settings.baseline_decay) * (self.baseline - reward)
        loss = -drawn.log_probability * (reward - self.baseline) + settings.skip_weight * drawn.divergence
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()

    # --- state -------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Weights, what Adam remembers and the baseline, as JSON values and numpy arrays."""
        return {
            "controller": state_arrays(self.controller),
            "optimiser": state_arrays(self._optimiser),
            "baseline": self.baseline,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state` returned."""
        load_state_arrays(self.controller, state["controller"])
        load_state_arrays(self._optimiser, state["optimiser"])
        self.baseline = float(state["baseline"])
