"""Learning curves: the whole curve from the architecture, and the rest of it from its beginning.

The curves of the architectures that were trained are written as a mean curve and a few principal components (as in Yan,
White, Savani and Hutter, "NAS-Bench-x11 and the Power of Learning Curves", NeurIPS 2021,
https://arxiv.org/abs/2111.03602), whose weights a model predicts from the architecture. What is ours: the weights keep
their uncertainty, and a beginning that was measured is put in by conditioning the normal distribution of the weights
on it, so that one model answers both questions and the answer goes over from one to the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.bench.surrogate.features import Features
from ganas.bench.surrogate.models import make_model
from ganas.bench.surrogate.regressor import Regressor
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import DataError, InvalidSetting
from ganas.spaces.space import Space

__all__ = ["CurvePrediction", "CurveSurrogate"]

Matrix = NDArray[np.float64]

_MOST_COMPONENTS = 8
_EXPLAINED = 0.995
_FEWEST = 10
_LEAST_NOISE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class CurvePrediction:
    """Curves as they are expected, in the unit of the measurements.

    Attributes:
        epochs: Completed epochs, (points,).
        mean: (architectures, points).
        standard_deviation: Of a measured curve around it, (architectures, points).
    """

    epochs: NDArray[np.int64]
    mean: Matrix
    standard_deviation: Matrix


class CurveSurrogate:
    """Predicts learning curves.

    Args:
        space: The space of the architectures.
        epochs: At which epochs curves are given, in increasing order.
        model: The model of the weights, of :data:`ganas.bench.surrogate.models.MODELS`; one that reads features.
        seed: Of everything random.

    Raises:
        InvalidSetting: There are fewer than two epochs, or they do not increase.
    """

    def __init__(self, space: Space, epochs: Sequence[int], *, model: str = "gaussian-process", seed: int = 0) -> None:
        self.space, self.model, self.seed = space, model, seed
        self.epochs = np.asarray(epochs, dtype=np.int64)
        if len(self.epochs) < 2 or (np.diff(self.epochs) <= 0).any():
            raise InvalidSetting("a curve needs two epochs or more, in increasing order")
        names = ["structure", *(["size"] if space.has_parameter_count else [])]
        self.features = Features(space, names, rng=np.random.default_rng(0))
        self._regressors: list[Regressor] = []
        self._centre: Matrix = np.zeros(0)
        self._components: Matrix = np.zeros((0, 0))
        self._scales: Matrix = np.zeros(0)
        self._noise: Matrix = np.zeros(0)

    def fit(self, architectures: Sequence[Architecture], curves: NDArray[np.floating]) -> CurveSurrogate:
        """Learn from whole curves; returns itself.

        Args:
            architectures: At least ten.
            curves: (architectures, epochs), finite.

        Raises:
            DataError: There are too few curves, one has a gap, or all are the same.
        """
        given = np.asarray(curves, dtype=np.float64)
        if given.shape != (len(architectures), len(self.epochs)):
            raise DataError(
                f"{len(architectures)} architectures and {len(self.epochs)} epochs want an array of that shape, not "
                f"{given.shape}"
            )
        if len(given) < _FEWEST:
            raise DataError(f"learning curves want at least {_FEWEST} architectures, and {len(given)} were given")
        if not np.isfinite(given).all():
            row, place = np.argwhere(~np.isfinite(given))[0]
            raise DataError(f"curve {row} has {given[row, place]} at epoch {self.epochs[place]}: wanted are numbers")
        self._centre = given.mean(axis=0)
        around = given - self._centre
        left, singular, right = np.linalg.svd(around, full_matrices=False)
        power = np.square(singular)
        if power.sum() <= 0:
            raise DataError("all curves are the same: there is nothing to learn")
        explained = np.cumsum(power) / power.sum()
        count = min(_MOST_COMPONENTS, int(np.searchsorted(explained, _EXPLAINED)) + 1, len(given) - 1)
        self._components = right[:count]
        weights = left[:, :count] * singular[:count]
        self._scales = np.maximum(weights.std(axis=0), 1e-12)
        rest = around - weights @ self._components
        self._noise = np.maximum(np.square(rest).mean(axis=0), _LEAST_NOISE)
        rows = self.features.rows(architectures)
        rng = np.random.default_rng(self.seed)
        self._regressors = []
        for weight, scale in zip(weights.T, self._scales, strict=True):
            regressor = make_model(self.model, self.space, self.features.blocks, None)
            self._regressors.append(regressor.fit(rows, weight / scale, rng=rng))
        return self

    def predict(
        self, architectures: Sequence[Architecture], beginning: NDArray[np.floating] | None = None
    ) -> CurvePrediction:
        """Whole curves, from the architectures alone or with the beginning of each.

        Args:
            architectures: Of the space.
            beginning: What was measured at the first epochs, (architectures, measured); None for nothing.

        Raises:
            InvalidSetting: Nothing was fitted yet.
            DataError: The beginnings do not fit or have a gap.
        """
        if not self._regressors:
            raise InvalidSetting("the surrogate is not fitted yet: call fit(architectures, curves) first")
        rows = self.features.rows(architectures)
        said = [regressor.predict(rows) for regressor in self._regressors]
        means = np.stack([mean * scale for (mean, _), scale in zip(said, self._scales, strict=True)], axis=1)
        spreads = np.stack(
            [
                (np.square(deviation) + regressor.noise_variance) * scale**2
                for (_, deviation), regressor, scale in zip(said, self._regressors, self._scales, strict=True)
            ],
            axis=1,
        )
        covariances = spreads[:, :, None] * np.eye(len(self._scales))
        known = self._checked(beginning, len(architectures))
        if known.shape[1]:
            means, covariances = self._conditioned(means, covariances, known)
        mean = self._centre + means @ self._components
        spread = np.einsum("ke,nkl,le->ne", self._components, covariances, self._components) + self._noise
        measured = known.shape[1]
        mean[:, :measured] = known
        spread[:, :measured] = 0.0
        return CurvePrediction(self.epochs, mean, np.sqrt(np.maximum(spread, 0.0)))

    def _conditioned(self, means: Matrix, covariances: Matrix, known: Matrix) -> tuple[Matrix, Matrix]:
        """The weights once the beginning is known: Bayes' rule for normal distributions."""
        first = known.shape[1]
        seen = self._components[:, :first]
        precision = np.linalg.inv(covariances)
        evidence = (seen / self._noise[:first]) @ seen.T
        after = np.asarray(np.linalg.inv(precision + evidence), dtype=np.float64)
        pull = ((known - self._centre[:first]) / self._noise[:first]) @ seen.T
        told = np.einsum("nkl,nl->nk", precision, means) + pull
        return np.asarray(np.einsum("nkl,nl->nk", after, told)), after

    def _checked(self, beginning: NDArray[np.floating] | None, count: int) -> Matrix:
        known = np.zeros((count, 0)) if beginning is None else np.asarray(beginning, dtype=np.float64)
        if known.ndim != 2 or len(known) != count or known.shape[1] > len(self.epochs) or not np.isfinite(known).all():
            raise DataError(
                f"beginnings must be finite numbers, one row for each of {count} architectures and at most "
                f"{len(self.epochs)} epochs, not an array {known.shape}"
            )
        return known

    def state(self) -> dict[str, Any]:
        """Everything that :meth:`predict` needs, as JSON values, text and numpy arrays."""
        return {
            "model": self.model,
            "seed": self.seed,
            "epochs": self.epochs,
            "features": self.features.state(),
            "centre": self._centre,
            "components": self._components,
            "scales": self._scales,
            "noise": self._noise,
            "regressors": [regressor.state() for regressor in self._regressors],
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state of a surrogate of the same space, epochs and model."""
        self.features.load_state(state["features"])
        self._centre, self._components, self._scales, self._noise = (
            np.asarray(state[name], dtype=np.float64) for name in ("centre", "components", "scales", "noise")
        )
        self._regressors = []
        for saved in state["regressors"]:
            regressor = make_model(self.model, self.space, self.features.blocks, None)
            regressor.load_state(saved)
            self._regressors.append(regressor)
