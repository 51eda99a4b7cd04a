"""Training the generator: what the methods share, REINFORCE, and maximum likelihood.

What is known of GA-NAS (Rezaei et al., IJCAI 2021, https://arxiv.org/abs/2105.09356) is that reinforcement learning
trains its generator, with a reward from the discriminator. Which algorithm it is was not found: these two and
:mod:`ganas.adversarial.proximal_policy` are choices of this project, and so are all their settings.

An episode is one architecture. Its state is the partial graph, an action adds one node with its edges, the reward
comes at the end, and nothing is discounted. Steps where every decision has one legal choice are not part of it. Losses
are means over steps, so that an entropy coefficient weighs the same in spaces of any size.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganas.adversarial.generator import Generator, PolicyValues
from ganas.adversarial.replay import Replay, replay
from ganas.adversarial.samples import Samples
from ganas.adversarial.saved_state import load_state_arrays, state_arrays
from ganas.spaces.errors import InvalidSetting

__all__ = ["MaximumLikelihood", "PolicyGradient", "Reinforce", "action_of_decision", "divergence", "require_positive"]

Rewards = Tensor | NDArray[np.floating]


class PolicyGradient(ABC):
    """One way to train a generator, with the state of its optimizer.

    Args:
        generator: What is trained.
        learning_rate: Of Adam.
        entropy_coefficient: Weight of the entropy bonus, which is the mean entropy of a step in nats.
        max_gradient_norm: The gradient is scaled down to at most this Euclidean norm.
    """

    def __init__(
        self, generator: Generator, *, learning_rate: float, entropy_coefficient: float, max_gradient_norm: float
    ) -> None:
        self.generator = generator
        self.entropy_coefficient = entropy_coefficient
        self.max_gradient_norm = max_gradient_norm
        parameters = [parameter for network in self._networks() for parameter in network.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=learning_rate)

    def update(
        self,
        generator: Generator,
        samples: Samples,
        rewards: Rewards,
        truth_sequences: NDArray[np.integer],
        *,
        rng: torch.Generator,
    ) -> dict[str, float]:
        """Train on one batch of samples.

        Args:
            generator: The generator that this object was made for.
            samples: Drawn from it as it is now; their exploration share and temperature are part of the policy.
            rewards: One for each sample, (count,).
            truth_sequences: Building sequences of the truth set, (members, decisions).
            rng: The only source of randomness.

        Returns:
            ``loss``; ``entropy``, the mean over the samples in nats; ``mean_reward``; ``approximate_kl``, of the
            policy that drew the samples from the new one, in nats a step; and what the method has to say besides.

        Raises:
            InvalidSetting: The generator is another one, or there is no reward for each sample.
        """
        if generator is not self.generator:
            raise InvalidSetting("this object trains another generator: make one for each")
        paid = torch.as_tensor(rewards, dtype=torch.float32, device=generator.device)
        if paid.shape != (len(samples),):
            raise InvalidSetting(f"one reward is needed for each of {len(samples)} samples, not {tuple(paid.shape)}")
        values = self._update(samples, paid, truth_sequences, rng)
        return {**values, "mean_reward": float(paid.mean())}

    @abstractmethod
    def _update(
        self, samples: Samples, rewards: Tensor, truth_sequences: NDArray[np.integer], rng: torch.Generator
    ) -> dict[str, float]:
        """Train; return the diagnostics without the reward."""

    def state(self) -> dict[str, Any]:
        """What :meth:`load_state` needs, as JSON values and numpy arrays; the generator's weights are not in it."""
        return {"optimizer": state_arrays(self.optimizer)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        load_state_arrays(self.optimizer, state["optimizer"])

    def _networks(self) -> list[nn.Module]:
        """What the optimizer trains."""
        return [self.generator]

    def _step(self, loss: Tensor) -> float:
        """Take one optimizer step, the gradient of each network scaled down for itself."""
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for network in self._networks():
            nn.utils.clip_grad_norm_(network.parameters(), self.max_gradient_norm)
        self.optimizer.step()
        return float(loss.detach())

    def _evaluate(self, known: Replay, samples: Samples) -> PolicyValues:
        """Score sequences under the policy of the samples: the same masks, exploration share and temperature."""
        return self.generator.evaluate(known, epsilon=samples.epsilon, temperature=samples.temperature)

    @torch.no_grad()
    def _after(self, known: Replay, samples: Samples) -> dict[str, float]:
        """Entropy and divergence of the generator as it is now."""
        values = self._evaluate(known, samples)
        change = values.decision_log_probability - torch.from_numpy(samples.decision_log_probabilities).to(
            values.entropy
        )
        of_steps = (change @ action_of_decision(known).to(change))[torch.from_numpy(known.open_steps).to(change.device)]
        kl = float(divergence(of_steps).mean()) if of_steps.numel() else 0.0
        return {"entropy": float(values.entropy.mean()), "approximate_kl": kl}


class MaximumLikelihood(PolicyGradient):
    """The step of the cross-entropy method: makes the truth set more probable, whatever was sampled.

    Rubinstein and Kroese, "The Cross-Entropy Method", Springer, 2004: the mean log-probability of the truth set,
    each member by one building sequence, is maximised.

    Args:
        generator: What is trained.
        steps: Optimizer steps of one update.
        learning_rate: Of Adam.
        entropy_coefficient: Weight of the entropy bonus along the paths of the truth set.
        max_gradient_norm: The gradient is scaled down to at most this Euclidean norm.
    """

    def __init__(
        self,
        generator: Generator,
        *,
        steps: int = 4,
        learning_rate: float = 7e-4,
        entropy_coefficient: float = 0.0,
        max_gradient_norm: float = 1.0,
    ) -> None:
        super().__init__(
            generator,
            learning_rate=learning_rate,
            entropy_coefficient=entropy_coefficient,
            max_gradient_norm=max_gradient_norm,
        )
        self.steps = require_positive("steps", steps)

    def _update(
        self, samples: Samples, rewards: Tensor, truth_sequences: NDArray[np.integer], rng: torch.Generator
    ) -> dict[str, float]:
        known = replay(self.generator.space, truth_sequences, device=self.generator.device)
        open_steps = max(int(known.open_steps.sum()), 1)
        losses = []
        for _ in range(self.steps):
            values = self._evaluate(known, samples)
            gain = values.log_probability + self.entropy_coefficient * values.entropy
            losses.append(self._step(-gain.sum() / open_steps))
        drawn = replay(self.generator.space, samples.sequences, device=self.generator.device)
        return {"loss": float(np.mean(losses)), **self._after(drawn, samples)}


class Reinforce(PolicyGradient):
    """One policy gradient step on all samples, with a moving average of the reward as baseline.

    Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", Machine
    Learning 8, 1992. Advantages are not scaled.

    Args:
        generator: What is trained.
        baseline_decay: The baseline keeps this share of itself at an update; it starts at the first mean reward.
        learning_rate: Of Adam.
        entropy_coefficient: Weight of the entropy bonus.
        max_gradient_norm: The gradient is scaled down to at most this Euclidean norm.
    """

    def __init__(
        self,
        generator: Generator,
        *,
        baseline_decay: float = 0.9,
        learning_rate: float = 3e-3,
        entropy_coefficient: float = 0.02,
        max_gradient_norm: float = 1.0,
    ) -> None:
        super().__init__(
            generator,
            learning_rate=learning_rate,
            entropy_coefficient=entropy_coefficient,
            max_gradient_norm=max_gradient_norm,
        )
        if not 0 <= baseline_decay < 1:
            raise InvalidSetting(f"baseline_decay must be from 0 to below 1, not {baseline_decay}")
        self.baseline_decay = baseline_decay
        self.baseline: float | None = None

    def _update(
        self, samples: Samples, rewards: Tensor, truth_sequences: NDArray[np.integer], rng: torch.Generator
    ) -> dict[str, float]:
        mean = float(rewards.mean())
        baseline = mean if self.baseline is None else self.baseline
        known = replay(self.generator.space, samples.sequences, device=self.generator.device)
        values = self._evaluate(known, samples)
        gain = (rewards - baseline) * values.log_probability + self.entropy_coefficient * values.entropy
        loss = self._step(-gain.sum() / max(int(known.open_steps.sum()), 1))
        self.baseline = self.baseline_decay * baseline + (1 - self.baseline_decay) * mean
        return {"loss": loss, "baseline": baseline, **self._after(known, samples)}

    def state(self) -> dict[str, Any]:
        """The optimizer and the baseline."""
        return {**super().state(), "baseline": self.baseline}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        super().load_state(state)
        self.baseline = state["baseline"]


def divergence(log_ratios: Tensor) -> Tensor:
    """Estimates of the divergence from the old to the new policy, r - 1 - log r, none of them negative.

    A ratio above exp(20) counts as that one: the estimate is for looking at, and a plot can do without infinity.
    """
    bounded = log_ratios.clamp(max=20)
    return bounded.exp() - 1 - bounded


def action_of_decision(known: Replay) -> Tensor:
    """1 where a decision is part of an action, (decisions, steps): the log-probability of an action is a product."""
    table = torch.zeros(known.sequences.shape[1], len(known.steps))
    for number, step in enumerate(known.steps):
        table[step.start : step.stop, number] = 1
    return table


def require_positive(name: str, value: int) -> int:
    """Return ``value`` if it is at least 1.

    Raises:
        InvalidSetting: It is not.
    """
    if value < 1:
        raise InvalidSetting(f"{name} must be at least 1, not {value}")
    return value
