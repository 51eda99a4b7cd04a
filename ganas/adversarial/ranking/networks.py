"""Linear rankers and small networks on features, many at once, with gradients by hand.

They are so small that the bookkeeping of an automatic differentiation would cost more than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FeatureNetworks"]

_FIRST_MOMENT = 0.9
_SECOND_MOMENT = 0.99

_GradientOf = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class FeatureNetworks:
    """Several rankers of one hidden layer (ReLU), or linear ones, trained side by side by Adam.

    Args:
        width: How many features there are.
        count: How many rankers.
        hidden: Units of the hidden layer; 0 for linear rankers.
        learning_rate: Of Adam.
        weight_decay: Added to the gradient, as a share of the weights.
        rng: Draws the first weights. Linear rankers begin at zero.
    """

    def __init__(
        self,
        width: int,
        *,
        count: int,
        hidden: int,
        learning_rate: float,
        weight_decay: float,
        rng: np.random.Generator,
    ) -> None:
        self.width, self.count, self.hidden = width, count, hidden
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self._weights = np.zeros((count, (width + 2) * hidden if hidden else width), dtype=np.float32)
        self._gradient = np.zeros_like(self._weights)
        self._moments = np.zeros((2, *self._weights.shape), dtype=np.float32)
        self._steps = 0
        if hidden:
            first, bias, last = self._layers(self._weights)
            first[:] = rng.standard_normal(first.shape) * np.sqrt(2 / width)
            bias[:] = rng.uniform(-0.5, 0.5, bias.shape)
            last[:] = rng.standard_normal(last.shape) / np.sqrt(hidden)

    def _layers(self, flat: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Views of the first layer, its bias and the last layer."""
        inputs = self.width * self.hidden
        return (
            flat[:, :inputs].reshape(self.count, self.width, self.hidden),
            flat[:, inputs : inputs + self.hidden].reshape(self.count, 1, self.hidden),
            flat[:, inputs + self.hidden :].reshape(self.count, self.hidden, 1),
        )

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of rows of features, (rows, width) -> (count, rows)."""
        return self._forward(features)[1]

    def _forward(self, features: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The hidden layer (of linear rankers: the features), and the scores."""
        if not self.hidden:
            linear: NDArray[np.float32] = np.matmul(self._weights, features.T)
            return features, linear
        first, bias, last = self._layers(self._weights)
        active: NDArray[np.float32] = np.matmul(features, first)
        active += bias
        np.maximum(active, 0, out=active)
        scores: NDArray[np.float32] = np.matmul(active, last)[:, :, 0]
        return active, scores

    def step(self, features: NDArray[np.float32], gradient_of: _GradientOf) -> None:
        """Take one step of Adam.

        Args:
            features: (rows, width).
            gradient_of: Gives the gradient of the loss by the scores, (count, rows) for both.
        """
        active, scores = self._forward(features)
        by_score = gradient_of(scores)
        if not self.hidden:
            np.matmul(by_score, features, out=self._gradient)
        else:
            first, bias, last = self._layers(self._gradient)
            np.matmul(active.transpose(0, 2, 1), by_score[:, :, None], out=last)
            by_active = by_score[:, :, None] * self._layers(self._weights)[2].transpose(0, 2, 1)
            by_active *= active > 0
            np.matmul(features.T, by_active, out=first)
            by_active.sum(axis=1, keepdims=True, out=bias)
        self._gradient += self.weight_decay * self._weights
        self._steps += 1
        mean, square = self._moments
        mean += (1 - _FIRST_MOMENT) * (self._gradient - mean)
        square += (1 - _SECOND_MOMENT) * (self._gradient**2 - square)
        rate = self.learning_rate * np.sqrt(1 - _SECOND_MOMENT**self._steps) / (1 - _FIRST_MOMENT**self._steps)
        self._weights -= np.float32(rate) * mean / (np.sqrt(square) + np.float32(1e-8))

    def state(self) -> dict[str, Any]:
        """Weights, moments and steps."""
        return {"weights": self._weights.copy(), "moments": self._moments.copy(), "steps": self._steps}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        self._weights[:] = state["weights"]
        self._moments[:] = state["moments"]
        self._steps = state["steps"]
