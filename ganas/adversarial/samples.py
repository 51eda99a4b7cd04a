"""Drawing from a generator: what was drawn, and the numpy half of the drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ganas.adversarial.replay import extend_prefixes
from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder
from ganas.spaces.errors import InvalidSetting

__all__ = ["Drawing", "Samples", "require_policy"]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Architectures drawn by a generator.

    Attributes:
        architectures: All of them valid; repeats are possible.
        sequences: The choices that built them, (count, decisions) int64.
        decision_log_probabilities: Of each choice under the policy that drew it, (count, decisions) float64.
        epsilon: The share of uniform choices in that policy.
        temperature: What its logits were divided by.
    """

    architectures: list[Architecture]
    sequences: NDArray[np.int64]
    decision_log_probabilities: NDArray[np.float64]
    epsilon: float
    temperature: float

    @property
    def log_probabilities(self) -> NDArray[np.float64]:
        """Of each sequence under the policy that drew it, (count,)."""
        return np.asarray(self.decision_log_probabilities.sum(axis=1))

    def __len__(self) -> int:
        return len(self.architectures)


class Drawing:
    """A batch that is being built: takes the decisions in order, one draw each, and notes what it did."""

    def __init__(self, builder: Builder, generator: torch.Generator, epsilon: float, temperature: float) -> None:
        self.builder = builder
        self.epsilon = epsilon
        self.temperature = temperature
        shape = (builder.batch_size, len(builder.space.decisions))
        draws = torch.rand(shape, generator=generator, device=generator.device)
        self.draws = draws.cpu().numpy().astype(np.float64)
        self.sequences = np.zeros(shape, dtype=np.int64)
        self.log_probabilities = np.zeros(shape)
        self.prefixes: NDArray[np.int64] = np.zeros(builder.batch_size, dtype=np.int64)

    def choose(self, logits: NDArray[np.floating]) -> NDArray[np.int64]:
        """Draw a legal choice for every row, (count,), given logits (count, choices)."""
        column = self.builder.step
        legal = self.builder.mask()
        scores = np.where(legal, logits.astype(np.float64) / self.temperature, -np.inf)
        probabilities = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        if self.epsilon:
            uniform = legal / legal.sum(axis=1, keepdims=True)
            probabilities = (1 - self.epsilon) * probabilities + self.epsilon * uniform
        cumulative = probabilities.cumsum(axis=1)
        choices: NDArray[np.int64] = (self.draws[:, column, None] * cumulative[:, -1:] >= cumulative).sum(axis=1)
        chosen = probabilities[np.arange(len(choices)), choices]
        self.sequences[:, column] = choices
        self.log_probabilities[:, column] = np.where(legal.sum(axis=1) > 1, np.log(chosen), 0.0)
        self.builder.apply(choices)
        self.prefixes = extend_prefixes(self.prefixes, choices)
        return choices


def require_policy(epsilon: float, temperature: float) -> None:
    """Raise unless these describe a policy.

    Raises:
        InvalidSetting: ``epsilon`` is not from 0 to 1, or ``temperature`` not above 0.
    """
    if not 0 <= epsilon <= 1:
        raise InvalidSetting(f"epsilon must be from 0 to 1, not {epsilon}")
    if not temperature > 0:
        raise InvalidSetting(f"temperature must be above 0, not {temperature}")
