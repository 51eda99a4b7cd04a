"""The inner loop of GA-NAS: generator and discriminator trained against each other, at no query.

Rezaei et al., "Generative Adversarial Neural Architecture Search", IJCAI 2021, https://arxiv.org/abs/2105.09356: in
each round the discriminator learns to tell the truth set from what the generator draws, and the generator learns from
the discriminator's output. How much each learns, and whether either starts anew, are proposals of this project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganas.adversarial.actor import Actor
from ganas.adversarial.basic_settings import GANASBasicSettings
from ganas.adversarial.discriminator import Discriminator, reward, train_discriminator
from ganas.adversarial.saved_state import load_state_arrays, state_arrays
from ganas.adversarial.truth import VIOLATION_REWARD
from ganas.bench.graph_encoder.batch import GraphTensors
from ganas.spaces.architecture import Architecture
from ganas.spaces.space import Space

__all__ = ["AdversarialTraining", "mean_reward_of_members", "rewards_of"]


class AdversarialTraining:
    """A generator and a discriminator, and the rounds that train them against each other.

    Args:
        space: The space.
        settings: Sizes, methods, and how much each learns.
        random: The only source of randomness. It belongs to the caller, who saves its state.
    """

    def __init__(self, space: Space, settings: GANASBasicSettings, *, random: torch.Generator) -> None:
        self.space = space
        self.settings = settings
        self.random = random
        self.actor = self._new_actor()
        self._discriminator, self._optimizer = self._new_discriminator()

    def _new_actor(self) -> Actor:
        settings = self.settings
        return Actor(
            self.space,
            method=settings.method,
            encoder=settings.encoder,
            hidden=settings.hidden,
            layers=settings.layers,
            learning_rate=settings.generator_learning_rate,
            entropy_coefficient=settings.entropy_coefficient,
            ppo_epochs=settings.ppo_epochs,
            ppo_batch_size=settings.ppo_batch_size,
            generator=self.random,
        )

    def _new_discriminator(self) -> tuple[Discriminator, torch.optim.Optimizer]:
        settings = self.settings
        discriminator = Discriminator(
            self.space,
            hidden=settings.hidden,
            layers=settings.layers,
            encoder=settings.encoder,
            kind=settings.discriminator,
            generator=self.random,
        )
        return discriminator, torch.optim.Adam(discriminator.parameters(), lr=settings.discriminator_learning_rate)

    def train(
        self, truth: Sequence[Architecture], *, epsilon: float, allows: Callable[[Architecture], bool]
    ) -> dict[str, float]:
        """Run the rounds of one outer iteration.

        Args:
            truth: The truth set; at least 2 architectures, all different.
            epsilon: The generator's share of uniform choices.
            allows: The cheap predicates: a sample that violates them is paid -1.

        Returns:
            ``discriminator_accuracy``, ``reward_truth``, ``reward_generated``, ``entropy`` and ``divergence``, as in
            :data:`ganas.adversarial.diagnostics.DIAGNOSTIC_TITLES`.
        """
        settings = self.settings
        if not settings.keep_generator:
            self.actor = self._new_actor()
        if not settings.keep_discriminator:
            self._discriminator, self._optimizer = self._new_discriminator()
        members = GraphTensors.from_architectures(self.space, truth)
        sequences = self.space.building_sequences(truth)
        accuracy, learned = 0.0, {}
        for _ in range(settings.adversarial_rounds):
            samples = self.actor.sample(settings.fakes, epsilon=epsilon)
            fakes = GraphTensors.from_architectures(self.space, samples.architectures)
            fit = train_discriminator(
                self._discriminator,
                members,
                fakes,
                epochs=settings.discriminator_epochs,
                batch_size=settings.discriminator_batch_size,
                optimizer=self._optimizer,
                generator=self.random,
            )
            paid = rewards_of(self._discriminator, members, fakes, [allows(a) for a in samples.architectures])
            accuracy, learned = fit.accuracy, self.actor.learn(samples, paid, sequences)
        return {
            "discriminator_accuracy": accuracy,
            "reward_truth": mean_reward_of_members(self._discriminator, members),
            "reward_generated": learned["mean_reward"],
            "entropy": learned["entropy"],
            "divergence": self.actor.divergence(sequences, epsilon=epsilon),
        }

    def state(self) -> dict[str, Any]:
        """What :meth:`load_state` needs, as JSON values and numpy arrays; not the caller's generator."""
        state = {}
        if self.settings.keep_generator:
            state["actor"] = self.actor.state()
        if self.settings.keep_discriminator:
            state["discriminator"] = state_arrays(self._discriminator)
            state["optimizer"] = state_arrays(self._optimizer)
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that another object of the same space and settings saved."""
        if self.settings.keep_generator:
            self.actor.load_state(state["actor"])
        if self.settings.keep_discriminator:
            load_state_arrays(self._discriminator, state["discriminator"])
            load_state_arrays(self._optimizer, state["optimizer"])


def rewards_of(
    discriminator: Discriminator, truth: GraphTensors, samples: GraphTensors, allowed: Sequence[bool]
) -> NDArray[np.float32]:
    """What samples are paid: the discriminator's mean output over the truth set, -1 where not allowed, (samples,)."""
    paid: Tensor = reward(discriminator, truth, samples)
    return np.where(allowed, paid.numpy(), np.float32(VIOLATION_REWARD))


@torch.no_grad()
def mean_reward_of_members(discriminator: Discriminator, truth: GraphTensors) -> float:
    """The mean output of the discriminator over all pairs of two different members; at least 2 members."""
    embedded = discriminator.embed(truth)
    outputs = torch.sigmoid(discriminator.compare(embedded[:, None], embedded[None]))
    count = len(truth)
    return float((outputs.sum() - outputs.diagonal().sum()) / (count * (count - 1)))
