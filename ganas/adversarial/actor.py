"""The actor: a generator together with the method that trains it.

Rezaei et al., "Generative Adversarial Neural Architecture Search", IJCAI 2021, https://arxiv.org/abs/2105.09356, train
the generator by reinforcement learning; which algorithm that is was not found. Methods and settings are proposals of
this project.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from ganas.adversarial.generator import Generator
from ganas.adversarial.kinds import EncoderKind, Method
from ganas.adversarial.policy_gradient import MaximumLikelihood, PolicyGradient, Reinforce, Rewards
from ganas.adversarial.proximal_policy import ProximalPolicy
from ganas.adversarial.samples import Samples
from ganas.adversarial.saved_state import load_state_arrays, state_arrays
from ganas.spaces.errors import InvalidSetting, closest_match, quote_list
from ganas.spaces.space import Space

__all__ = ["LEARNING_RATES", "Actor"]

LEARNING_RATES: Mapping[Method, float] = {"ppo": 7e-4, "reinforce": 3e-3, "maximum-likelihood": 7e-4}
"""Of Adam, for each method where none is given. REINFORCE takes one step where the others take several."""


class Actor:
    """Draws architectures and learns from what they are paid.

    Args:
        space: The space.
        method: ``"ppo"``, ``"reinforce"`` or ``"maximum-likelihood"`` (the step of the cross-entropy method, which
            reads no reward).
        encoder: Of generator and critic: ``"kgnn"`` or ``"lstm"``.
        hidden: Length of every embedding, in generator and critic.
        layers: How many graph convolutions generator and critic have.
        learning_rate: Of Adam; None for the default of the method, see :data:`LEARNING_RATES`.
        entropy_coefficient: Weight of the entropy bonus.
        ppo_epochs: Passes of PPO over a batch of samples.
        ppo_batch_size: Samples in a minibatch of PPO.
        generator: The only source of randomness: weights, draws and minibatches. It belongs to the caller, who saves
            its state.

    Raises:
        InvalidSetting: The method or the encoder is not known, or a number is out of range.
    """

    def __init__(
        self,
        space: Space,
        *,
        method: Method = "ppo",
        encoder: EncoderKind = "kgnn",
        hidden: int = 64,
        layers: int = 4,
        learning_rate: float | None = None,
        entropy_coefficient: float = 0.02,
        ppo_epochs: int = 4,
        ppo_batch_size: int = 32,
        generator: torch.Generator,
    ) -> None:
        known = get_args(Method)
        if method not in known:
            raise InvalidSetting(
                f"method {method!r} is not known: use {quote_list(known)}{closest_match(method, known)}"
            )
        rate = LEARNING_RATES[method] if learning_rate is None else learning_rate
        if not rate > 0:
            raise InvalidSetting(f"learning_rate must be above 0, not {rate}")
        self.method = method
        self.random = generator
        self.generator = Generator(space, hidden=hidden, layers=layers, encoder=encoder, generator=generator)
        self._training: PolicyGradient
        if method == "ppo":
            self._training = ProximalPolicy(
                self.generator,
                epochs=ppo_epochs,
                batch_size=ppo_batch_size,
                learning_rate=rate,
                entropy_coefficient=entropy_coefficient,
                critic_hidden=hidden,
                critic_layers=layers,
                encoder=encoder,
                rng=generator,
            )
        else:
            plain = Reinforce if method == "reinforce" else MaximumLikelihood
            self._training = plain(self.generator, learning_rate=rate, entropy_coefficient=entropy_coefficient)

    def sample(self, count: int, *, epsilon: float = 0.0) -> Samples:
        """Draw architectures; ``epsilon`` is the share of uniform choices at every decision, from 0 to 1."""
        return self.generator.sample(count, generator=self.random, epsilon=epsilon)

    def learn(self, samples: Samples, rewards: Rewards, truth_sequences: NDArray[np.integer]) -> dict[str, float]:
        """Train on one batch that :meth:`sample` drew last.

        Args:
            samples: Drawn by the generator as it is now.
            rewards: One for each sample, (count,).
            truth_sequences: Building sequences of the truth set, (members, decisions); only maximum likelihood
                reads them.

        Returns:
            ``loss``, ``entropy`` (of the generator after training, nats a sample), ``mean_reward``,
            ``approximate_kl`` (nats a step), and what the method says besides.
        """
        return self._training.update(self.generator, samples, rewards, truth_sequences, rng=self.random)

    @torch.no_grad()
    def divergence(self, truth_sequences: NDArray[np.integer], *, epsilon: float = 0.0) -> float:
        """How far the generator is from the uniform distribution on the truth set, in nats.

        The Kullback-Leibler divergence KL(uniform on the truth set || generator): -log k minus the mean
        log-probability of the k members, each by one building sequence. It is an upper bound where an architecture
        has several of them, since its probability is then their sum.

        Args:
            truth_sequences: Building sequences of different architectures, (members, decisions), at least 1.
            epsilon: Share of uniform choices, as in :meth:`sample`.
        """
        values = self.generator.log_probability(truth_sequences, epsilon=epsilon)
        return -math.log(len(truth_sequences)) - float(values.double().mean())

    def state(self) -> dict[str, Any]:
        """Weights, optimizer, and critic or baseline, as JSON values and numpy arrays; not the caller's generator."""
        return {"generator": state_arrays(self.generator), "training": self._training.state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that an actor of the same space and settings saved."""
        load_state_arrays(self.generator, state["generator"])
        self._training.load_state(state["training"])
