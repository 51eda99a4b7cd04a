"""A Gaussian process on blocks of features, whose kernel the evidence chooses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["GaussianProcess", "Kernel"]

Matrix = NDArray[np.float64]

_LENGTH_SCALES = (0.5, 1.0, 2.0, 4.0)
_NOISES = (0.03, 0.1, 0.3, 1.0)
_WEIGHTS = (0.3, 1.0, 3.0)
# Nats by which the evidence for a further block must be stronger: it has many more columns than there are values.
_EXTRA_BLOCK_PENALTY = 6.0


@dataclass(frozen=True, slots=True)
class Kernel:
    """A squared exponential and a linear kernel, half and half, on the first block; and on another one, if wanted.

    Attributes:
        length_scale: In units of the root mean square difference of a feature.
        noise: Variance of a value beside that of the kernel, which is about 1.
        extra: Which block is added, 0 for none.
        weight: Of the added block, where that of the first is 1.
    """

    length_scale: float = 1.0
    noise: float = 0.1
    extra: int = 0
    weight: float = 0.0


class GaussianProcess:
    """Regression of the gains, with an uncertainty.

    Which kernel is used is chosen by the marginal likelihood (Rasmussen and Williams, "Gaussian Processes for Machine
    Learning", MIT Press, 2006, section 5.4.1), one coordinate after another from where the last choice was, so that
    what a space needs, the shape of the graph alone or also which place an operation has, comes from the data.

    Args:
        blocks: Where the columns of each block of features are; the first is always used.
        every: After how many new values the kernel is chosen again.
    """

    def __init__(self, blocks: tuple[slice, ...], *, every: int) -> None:
        self.blocks = blocks
        self.every = every
        self.kernel = Kernel()
        self._chosen_at = 0
        self._features: Matrix = np.zeros((0, 0))

    def fit(self, features: NDArray[np.float32], targets: Matrix, *, evaluated: int) -> None:
        """Condition on values.

        Args:
            features: (count, width).
            targets: (count,); they are shifted and scaled to mean 0 and standard deviation 1.
            evaluated: How many values there are in all, of which these may be a part; says when to choose again.
        """
        self._features = features.astype(np.float64)
        centred = (targets - targets.mean()) / (targets.std() + 1e-9)
        if not self._chosen_at or evaluated - self._chosen_at >= self.every:
            self._chosen_at = evaluated
            self.kernel = self._choose(centred)
        covariance = self._covariance(self._features, self._features, self.kernel)
        covariance[np.diag_indices_from(covariance)] += self.kernel.noise
        self._inverse = np.linalg.inv(covariance)
        self._weights = self._inverse @ centred
        self._variance = max(float(centred @ self._weights) / len(centred), 1e-9)

    def _choose(self, targets: Matrix) -> Kernel:
        """The best by evidence along one coordinate after another, from the present one."""
        extras = [(0, 0.0), *((block, weight) for block in range(1, len(self.blocks)) for weight in _WEIGHTS)]
        coordinates: list[list[dict[str, Any]]] = [
            [{"extra": extra, "weight": weight} for extra, weight in extras],
            [{"length_scale": value} for value in _LENGTH_SCALES],
            [{"noise": value} for value in _NOISES],
        ]
        best = self.kernel
        for values in coordinates:
            kernels = [replace(best, **value) for value in values]
            best = max(kernels, key=lambda kernel: self._evidence(kernel, targets))
        return best

    def _evidence(self, kernel: Kernel, targets: Matrix) -> float:
        """Logarithm of the marginal likelihood at the best signal variance, without the constant."""
        covariance = self._covariance(self._features, self._features, kernel)
        covariance[np.diag_indices_from(covariance)] += kernel.noise
        factor = np.linalg.cholesky(covariance)
        whitened = np.linalg.solve(factor, targets)
        count = len(targets)
        # Targets that are all alike explain themselves: every kernel fits them, and none is better than another.
        misfit = max(float(whitened @ whitened) / count, 1e-12)
        evidence = -0.5 * count * np.log(misfit) - np.log(np.diag(factor)).sum()
        return float(evidence) - _EXTRA_BLOCK_PENALTY * (kernel.extra > 0)

    def _covariance(self, first: Matrix, second: Matrix, kernel: Kernel) -> Matrix:
        values = _on_block(first[:, self.blocks[0]], second[:, self.blocks[0]], kernel.length_scale)
        if kernel.extra:
            block = self.blocks[kernel.extra]
            values += kernel.weight * _on_block(first[:, block], second[:, block], kernel.length_scale)
            values /= 1 + kernel.weight
        return values

    def predict(self, features: NDArray[np.float32]) -> tuple[Matrix, Matrix]:
        """Mean and standard deviation of the scaled target, without noise, (rows,) each."""
        rows = features.astype(np.float64)
        between = self._covariance(rows, self._features, self.kernel)
        prior = 0.5 + 0.5 * _mean_square(rows[:, self.blocks[0]])
        if self.kernel.extra:
            extra = 0.5 + 0.5 * _mean_square(rows[:, self.blocks[self.kernel.extra]])
            prior = (prior + self.kernel.weight * extra) / (1 + self.kernel.weight)
        explained = np.einsum("ij,ij->i", between @ self._inverse, between)
        return between @ self._weights, np.sqrt(np.maximum(prior - explained, 0) * self._variance)

    def state(self) -> dict[str, Any]:
        """The kernel and when it was chosen; values are given again at the next fit."""
        return {"kernel": list(astuple(self.kernel)), "chosen_at": self._chosen_at}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        length_scale, noise, extra, weight = state["kernel"]
        self.kernel = Kernel(length_scale, noise, int(extra), weight)
        self._chosen_at = state["chosen_at"]


def _on_block(first: Matrix, second: Matrix, length_scale: float) -> Matrix:
    width = max(first.shape[1], 1)
    product: Matrix = first @ second.T / width
    distance = _mean_square(first)[:, None] + _mean_square(second)[None, :] - 2 * product
    product += np.exp(np.maximum(distance, 0) / (-2 * length_scale**2))
    product *= 0.5
    return product


def _mean_square(rows: Matrix) -> Matrix:
    return np.asarray(np.einsum("ij,ij->i", rows, rows) / max(rows.shape[1], 1))
