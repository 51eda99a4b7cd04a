"""Training the generator with proximal policy optimization (PPO), with a critic.

Which reinforcement learning GA-NAS uses was not found: this is a choice of this project, and so are all settings. See
:mod:`ganas.adversarial.policy_gradient` for what an episode is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganas.adversarial.generator import Generator
from ganas.adversarial.policy_gradient import PolicyGradient, action_of_decision, require_positive
from ganas.adversarial.replay import Replay, replay
from ganas.adversarial.samples import Samples
from ganas.adversarial.saved_state import load_state_arrays, state_arrays
from ganas.bench.graph_encoder.encoder import EncoderKind, make_encoder
from ganas.bench.graph_encoder.weights import draw_weights, without_weights
from ganas.spaces.errors import InvalidSetting
from ganas.spaces.space import Space

__all__ = ["Critic", "ProximalPolicy", "advantages_and_returns"]


class Critic(nn.Module):
    """Expects the reward from a partial graph: an encoder of its own and a linear head.

    Args:
        space: The space.
        hidden: Length of every embedding.
        layers: How many graph convolutions the encoder has.
        encoder: ``"kgnn"`` or ``"lstm"``.
        generator: Where the weights are drawn from, and on whose device they lie.
    """

    def __init__(
        self, space: Space, *, hidden: int, layers: int, encoder: EncoderKind, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.encoder = make_encoder(encoder, space, hidden=hidden, layers=layers, generator=generator)
        with without_weights():
            self.node = nn.Embedding(space.max_nodes, hidden)
            self.head = nn.Linear(2 * hidden, 1)
        draw_weights(self, generator)

    def forward(self, known: Replay) -> Tensor:
        """The value of each state, (states,)."""
        graphs = self.encoder.encode(known.states)[1]
        values: Tensor = self.head(torch.cat([graphs, self.node(known.state_nodes)], dim=1))[:, 0]
        return values


class ProximalPolicy(PolicyGradient):
    """Clipped policy gradient steps over several passes, with a critic and generalised advantage estimates.

    Schulman et al., "Proximal Policy Optimization Algorithms", 2017, https://arxiv.org/abs/1707.06347, and
    "High-Dimensional Continuous Control Using Generalized Advantage Estimation", ICLR 2016,
    https://arxiv.org/abs/1506.02438. The ratio is of a whole action, a node with all its edges. Advantages are scaled
    to mean 0 and standard deviation 1 over the batch.

    Args:
        generator: What is trained.
        clip: The ratio counts up to this far from 1.
        epochs: Passes over the samples.
        batch_size: Samples in a minibatch.
        gae_lambda: How much of later differences an advantage keeps at each step.
        learning_rate: Of Adam, for generator and critic.
        value_coefficient: Weight of the critic's squared error.
        entropy_coefficient: Weight of the entropy bonus.
        max_gradient_norm: The gradients of generator and critic are each scaled down to at most this Euclidean norm.
        critic_hidden: Length of the critic's embeddings.
        critic_layers: How many graph convolutions the critic has.
        encoder: The critic's: ``"kgnn"`` or ``"lstm"``.
        rng: Where the critic's weights are drawn from.
    """

    def __init__(
        self,
        generator: Generator,
        *,
        clip: float = 0.2,
        epochs: int = 4,
        batch_size: int = 32,
        gae_lambda: float = 0.95,
        learning_rate: float = 7e-4,
        value_coefficient: float = 0.5,
        entropy_coefficient: float = 0.02,
        max_gradient_norm: float = 1.0,
        critic_hidden: int = 64,
        critic_layers: int = 4,
        encoder: EncoderKind = "kgnn",
        rng: torch.Generator,
    ) -> None:
        self.critic = Critic(
            generator.space, hidden=critic_hidden, layers=critic_layers, encoder=encoder, generator=rng
        )
        super().__init__(
            generator,
            learning_rate=learning_rate,
            entropy_coefficient=entropy_coefficient,
            max_gradient_norm=max_gradient_norm,
        )
        if not clip > 0:
            raise InvalidSetting(f"clip must be above 0, not {clip}")
        if not 0 <= gae_lambda <= 1:
            raise InvalidSetting(f"gae_lambda must be from 0 to 1, not {gae_lambda}")
        self.clip = clip
        self.epochs = require_positive("epochs", epochs)
        self.batch_size = require_positive("batch_size", batch_size)
        self.gae_lambda = gae_lambda
        self.value_coefficient = value_coefficient

    def _networks(self) -> list[nn.Module]:
        return [self.generator, self.critic]

    def _update(
        self, samples: Samples, rewards: Tensor, truth_sequences: NDArray[np.integer], rng: torch.Generator
    ) -> dict[str, float]:
        device = self.generator.device
        known = replay(self.generator.space, samples.sequences, device=device)
        action_of = action_of_decision(known).to(device)
        old = torch.from_numpy(samples.decision_log_probabilities).to(device, torch.float32) @ action_of
        with torch.no_grad():
            values = _by_step(self.critic(known), known)
        advantages, returns = advantages_and_returns(values, rewards, known.open_steps, self.gae_lambda)
        is_open = torch.from_numpy(known.open_steps).to(device)
        taken = advantages[is_open]
        advantages = (advantages - taken.mean()) / taken.std(correction=0).clamp(min=1e-6)
        records = []
        for _ in range(self.epochs):
            order = torch.randperm(len(samples), generator=rng, device=rng.device).cpu().numpy()
            for start in range(0, len(order), self.batch_size):
                rows = order[start : start + self.batch_size]
                if is_open[rows].any():
                    part = known.select(rows)
                    batch = (old[rows], advantages[rows], returns[rows], is_open[rows])
                    records.append(self._train(part, samples, action_of, *batch))
        means = np.mean(records, axis=0).tolist() if records else [0.0] * 3
        names = ("loss", "value_loss", "clipped_share")
        return {**dict(zip(names, means, strict=True)), **self._after(known, samples)}

    def _train(
        self,
        part: Replay,
        samples: Samples,
        action_of: Tensor,
        old: Tensor,
        advantages: Tensor,
        returns: Tensor,
        is_open: Tensor,
    ) -> tuple[float, float, float]:
        """One step on a minibatch; the loss of the policy, that of the critic, and the share of clipped ratios."""
        policy = self._evaluate(part, samples)
        ratio = (policy.decision_log_probability @ action_of - old)[is_open].exp()
        gain = advantages[is_open]
        clipped = ratio.clamp(1 - self.clip, 1 + self.clip)
        policy_loss = -torch.minimum(ratio * gain, clipped * gain).mean()
        policy_loss = policy_loss - self.entropy_coefficient * policy.entropy.sum() / is_open.sum()
        errors = (_by_step(self.critic(part), part) - returns)[is_open]
        value_loss = errors.square().mean()
        self._step(policy_loss + self.value_coefficient * value_loss)
        return float(policy_loss.detach()), float(value_loss.detach()), float((ratio != clipped).float().mean())

    def state(self) -> dict[str, Any]:
        """The optimizer and the critic."""
        return {**super().state(), "critic": state_arrays(self.critic)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        super().load_state(state)
        load_state_arrays(self.critic, state["critic"])


def _by_step(values: Tensor, known: Replay) -> Tensor:
    """Values of states to those of the steps of each sequence, (count, steps); 0 where nothing was open."""
    places = torch.from_numpy(known.state_of).to(values.device)
    return torch.cat([values, values.new_zeros(1)])[places]


def advantages_and_returns(
    values: Tensor, rewards: Tensor, is_open: NDArray[np.bool_], gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimates without discount, and the returns that the critic should give.

    Args:
        values: Of the state before each step, (count, steps).
        rewards: At the end of each episode, (count,).
        is_open: Which steps are part of the episode, (count, steps).
        gae_lambda: The decay.

    Returns:
        Advantages and returns, (count, steps) each; meaningless where ``is_open`` is false.
    """
    advantages = torch.zeros_like(values)
    later = torch.zeros_like(rewards)
    following = rewards
    for step in reversed(range(values.shape[1])):
        here = torch.from_numpy(is_open[:, step]).to(values.device)
        # What comes after the last open step is the reward itself, whose expectation the values are.
        advantage = following - values[:, step] + gae_lambda * later
        advantages[:, step] = advantage
        later = torch.where(here, advantage, later)
        following = torch.where(here, values[:, step], following)
    return advantages, advantages + values
