"""The Frechet distance of two Gaussians, and their means and covariances from samples that pass by.

Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", NeurIPS 2017: with
means m, n and covariances S, T it is ``|m - n|^2 + tr(S) + tr(T) - 2 tr((S T)^(1/2))``. The last trace is the sum of
the square roots of the eigenvalues of the symmetric matrix ``S^(1/2) T S^(1/2)``, which are those of ``S T``: nothing
complex can appear, and what rounding makes negative is taken for 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.errors import DataError, InvalidSetting

__all__ = ["Gaussian", "MomentStream", "frechet_distance"]

_Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Gaussian:
    """Mean and covariance of samples.

    Attributes:
        count: How many samples there were.
        mean: (features,).
        covariance: Divided by one less than the count, (features, features).
    """

    count: int
    mean: _Vector
    covariance: _Vector

    @property
    def total_variance(self) -> float:
        """The sum of the variances of all features."""
        return float(np.trace(self.covariance))


class MomentStream:
    """Mean and covariance of samples that come batch by batch, none of which is kept.

    In double precision; batches are joined as Chan, Golub and LeVeque (1982) do, so that no large sums cancel.

    Args:
        features: Numbers of a sample.
    """

    def __init__(self, features: int) -> None:
        self.count = 0
        self._mean: _Vector = np.zeros(features)
        self._scatter: _Vector = np.zeros((features, features))

    def add(self, samples: NDArray[np.floating]) -> None:
        """Take in a batch, (samples, features).

        Raises:
            InvalidSetting: It has another number of features.
            DataError: A value is no finite number.
        """
        if samples.ndim != 2 or samples.shape[1] != len(self._mean):
            raise InvalidSetting(f"samples of {len(self._mean)} features are wanted, not of shape {samples.shape}")
        if not len(samples):
            return
        values = samples.astype(np.float64)
        if not np.isfinite(values).all():
            raise DataError("a feature of a sample is no finite number")
        mean = values.mean(axis=0)
        around = values - mean
        total = self.count + len(values)
        shift = mean - self._mean
        self._scatter += around.T @ around + np.outer(shift, shift) * (self.count * len(values) / total)
        self._mean = self._mean + shift * (len(values) / total)
        self.count = total

    def gaussian(self) -> Gaussian:
        """Mean and covariance of all samples.

        Raises:
            InvalidSetting: There are no more samples than features, so that the covariance is singular whatever the
                samples are.
        """
        features = len(self._mean)
        if self.count <= features:
            raise InvalidSetting(
                f"a covariance of {features:,} features needs more than {features:,} samples, and there are "
                f"{self.count:,}: with fewer it is singular"
            )
        return Gaussian(self.count, self._mean.copy(), self._scatter / (self.count - 1))


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """The Frechet distance, squared as it is always given.

    Args:
        first: A Gaussian.
        second: Another one, of as many features.

    Raises:
        InvalidSetting: They have different numbers of features.

    >>> wide, narrow = (Gaussian(9, np.zeros(2), scale * np.eye(2)) for scale in (4.0, 1.0))
    >>> frechet_distance(wide, narrow)
    2.0
    """
    if first.mean.shape != second.mean.shape:
        raise InvalidSetting(f"Gaussians of {len(first.mean)} and {len(second.mean)} features have no distance")
    values, vectors = np.linalg.eigh(first.covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    inner = root @ second.covariance @ root
    # eigvalsh reads one triangle only; rounding makes the two differ a little.
    shared = np.linalg.eigvalsh((inner + inner.T) / 2)
    difference = first.mean - second.mean
    variances = first.total_variance + second.total_variance
    distance = difference @ difference + variances - 2.0 * np.sqrt(np.maximum(shared, 0.0)).sum()
    return max(float(distance), 0.0)
