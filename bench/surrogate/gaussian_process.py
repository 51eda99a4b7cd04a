"""A Gaussian process on blocks of features, its kernel chosen by the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.bench.single_thread import one_thread
from ganas.bench.surrogate.regressor import Regressor

__all__ = ["GaussianProcess"]

Matrix = NDArray[np.float64]

_MOST_ROWS = 2000
"""Rows that a process is conditioned on at most: time grows with the third power."""

_MOST_FOR_KERNEL = 600
"""Rows that the kernel is chosen on at most: its few numbers need no more."""

_CHUNK = 1024
# Up to so many rows are answered in double precision.
_EXACT = 4096
_STEPS = 40
# Beyond so many rows the deviation is computed from the directions that explain this share of the variance.
_FEW_ROWS = 400
_EXPLAINED = 0.9999
# Where the search for the kernel starts, and the log-normal prior that holds it there when there are few values: a
# share of the variance to each block, a length of one root mean square difference, a tenth of noise.
_START = {"share": 0.3, "length": 1.0, "noise": 0.1, "linear": 0.3}
# Beside a trusted block, the variance that each other block adds.
_LITTLE = 0.01
_SPREAD = {"share": 1.0, "length": 0.7, "noise": 1.0, "linear": 1.0}
# Logarithms of the kernel are tried up to this far from 0. A line search may step further, where exp overflows.
_FARTHEST = 12.0


class GaussianProcess(Regressor):
    """Regression with a sum of kernels on blocks of columns.

    To each block belong a squared exponential and a linear kernel, each with a variance of its own, the former with a
    length scale. Variances, lengths and noise maximise the marginal likelihood (Rasmussen and Williams, "Gaussian
    Processes for Machine Learning", MIT Press, 2006, section 5.4.1) together with log-normal priors, by L-BFGS with
    exact gradients, on a random 600 rows at most. Beyond 2,000 rows it uses a random 2,000 of them.

    Args:
        blocks: Where the columns of each block are.
        trusted: Number of a block whose columns are values of the same kind as the targets, measured on another data
            set: the prior expects the targets to follow them, and the other blocks to add little. None for no such
            block.
        learnt: Numbers of the blocks that were learnt on other data sets; they are blocks like the others.
    """

    name: ClassVar[str] = "gaussian-process"
    title: ClassVar[str] = "Gaussian process on structural features, its kernel chosen by the evidence"

    def __init__(self, blocks: Sequence[slice], trusted: int | None = None, learnt: Sequence[int] = ()) -> None:
        super().__init__(blocks, trusted, learnt)
        self._log: Matrix = np.zeros(0)
        self._rows: Matrix = np.zeros((0, 0))
        self._targets: Matrix = np.zeros(0)
        self._extra: Matrix = np.zeros(0)
        self._used: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._groups: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._directions: Matrix | None = None

    def fit(
        self,
        rows: NDArray[np.floating],
        targets: Matrix,
        noise: Matrix | None = None,
        *,
        groups: NDArray[np.int64] | None = None,
        rng: np.random.Generator,
    ) -> GaussianProcess:
        """Choose the kernel and condition on values; returns itself.

        Args:
            rows: (count, width).
            targets: (count,), about standard normal.
            noise: Known standard deviation of each target beside what is learnt, (count,); None for none.
            groups: Rows of one group are left out together, (count,); None where each row is alone.
            rng: Draws the rows that are used where there are more than 2,000, and those for the kernel.
        """
        from scipy.optimize import minimize

        known = np.zeros(len(targets)) if noise is None else np.square(noise)
        self._groups = np.arange(len(targets)) if groups is None else groups
        self._used = np.arange(len(targets))
        if len(targets) > _MOST_ROWS:
            self._used = np.sort(rng.choice(len(targets), _MOST_ROWS, replace=False))
        self._rows = rows[self._used].astype(np.float64)
        self._targets, self._extra = targets[self._used], known[self._used]
        few = np.arange(len(self._used))
        if len(self._used) > _MOST_FOR_KERNEL:
            few = np.sort(rng.choice(len(self._used), _MOST_FOR_KERNEL, replace=False))
        some, goal, extra = self._rows[few], self._targets[few], self._extra[few]
        distances = [_distances(some[:, block], some[:, block]) for block in self.blocks]
        products = [_products(some[:, block], some[:, block]) for block in self.blocks]
        start, spread = self._prior()

        def objective(log: Matrix) -> tuple[float, Matrix]:
            value, gradient = self._misfit(np.clip(log, -_FARTHEST, _FARTHEST), goal, extra, distances, products)
            away = (log - start) / spread
            return value + 0.5 * float(away @ away), gradient + away / spread

        with one_thread():
            self._log = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
            self._condition()
        return self

    def condition(self, rows: NDArray[np.floating], targets: Matrix) -> GaussianProcess:
        """Take these values in place of those that :meth:`fit` was given, with the kernel that it chose.

        Args:
            rows: (count, width), at most 2,000 of them.
            targets: (count,).
        """
        self._used = self._groups = np.arange(len(targets))
        self._rows, self._targets = rows.astype(np.float64), targets
        self._extra = np.zeros(len(targets))
        with one_thread():
            self._condition()
        return self

    def _prior(self) -> tuple[Matrix, Matrix]:
        names = [name for name in ("share", "length", "linear") for _ in self.blocks] + ["noise"]
        start = np.log([_START[name] for name in names])
        spread = np.array([_SPREAD[name] for name in names])
        if self.trusted is not None:
            count = len(self.blocks)
            start[:count], start[2 * count : 3 * count], start[-1] = np.log([_LITTLE, _LITTLE / 2, 0.05])
            start[2 * count + self.trusted] = 0.0
            spread[:count] = spread[2 * count : 3 * count] = 0.5
        return start, spread

    def _misfit(
        self, log: Matrix, targets: Matrix, extra: Matrix, distances: list[Matrix], products: list[Matrix]
    ) -> tuple[float, Matrix]:
        """Minus the logarithm of the evidence, without its constant, and its gradient in the logarithms."""
        from scipy.linalg import LinAlgError, cho_solve, cholesky

        count = len(self.blocks)
        share, length, noise, slope = self._kernel(log)
        parts = [
            scale * np.exp(distance / (-2.0 * scale_length**2))
            for scale, scale_length, distance in zip(share, length, distances, strict=True)
        ]
        covariance = sum(parts, np.zeros_like(distances[0]))
        for scale, product in zip(slope, products, strict=True):
            covariance += scale * product
        covariance[np.diag_indices_from(covariance)] += noise + extra
        try:
            factor = cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            return 1e12, np.zeros_like(log)
        inverse = cho_solve((factor, True), np.eye(len(targets)), overwrite_b=True, check_finite=False)
        weights = inverse @ targets
        value = 0.5 * float(targets @ weights) + float(np.log(np.diag(factor)).sum())
        pull = np.outer(weights, weights) - inverse
        gradient = np.empty_like(log)
        for block, (part, distance) in enumerate(zip(parts, distances, strict=True)):
            pulled = pull * part
            gradient[block] = -0.5 * pulled.sum()
            gradient[count + block] = -0.5 * float(np.vdot(pulled, distance)) / length[block] ** 2
            gradient[2 * count + block] = -0.5 * slope[block] * float(np.vdot(pull, products[block]))
        gradient[-1] = -0.5 * noise * np.trace(pull)
        return value, gradient

    def _kernel(self, log: Matrix) -> tuple[Matrix, Matrix, float, Matrix]:
        """Variances and lengths of the squared exponentials, variance of the noise, variances of the linear kernels."""
        count = len(self.blocks)
        values = np.exp(log)
        return values[:count], values[count : 2 * count], float(values[-1]), values[2 * count : 3 * count]

    def _condition(self) -> None:
        from scipy.linalg import cho_solve, cholesky

        covariance = self._covariance(self._rows, self._rows)
        covariance[np.diag_indices_from(covariance)] += self.noise_variance + self._extra
        self._factor = cholesky(covariance, lower=True)
        self._inverse = cho_solve((self._factor, True), np.eye(len(covariance)))
        self._weights = self._inverse @ self._targets
        self._directions = None

    def _explaining(self) -> Matrix:
        """Directions whose squared products with a row of covariances add up to the variance that it explains.

        (rows, directions). All of them for few rows; beyond, those that matter most for the rows learnt from, which
        are a fraction of them as the spectrum of the covariances falls fast.
        """
        if self._directions is None:
            from scipy.linalg import eigh, solve_triangular

            if len(self._inverse) <= _FEW_ROWS:
                scaled = solve_triangular(self._factor, np.eye(len(self._factor)), lower=True).T
            else:
                values, vectors = eigh(self._inverse)
                scaled = vectors * np.sqrt(np.maximum(values, 0.0))
                power = np.square(self._covariance(self._rows, self._rows) @ scaled).sum(axis=0)
                order = np.argsort(-power, kind="stable")
                share = np.cumsum(power[order]) / power.sum()
                scaled = scaled[:, order[: int(np.searchsorted(share, _EXPLAINED)) + 1]]
            self._directions = scaled
        return self._directions

    def _covariance(self, first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[Any]:
        share, length, _, slope = self._kernel(self._log)
        # In the precision of the rows.
        share, length, slope = (part.astype(first.dtype) for part in (share, length, slope))
        values = np.zeros((len(first), len(second)), dtype=first.dtype)
        for block, scale, scale_length, linear in zip(self.blocks, share, length, slope, strict=True):
            one, other = first[:, block], second[:, block]
            part = _products(one, other)
            values += linear * part
            # Minus half the mean square difference; in place, as memory is what takes time.
            part -= _mean_squares(one)[:, None] / 2
            part -= _mean_squares(other)[None, :] / 2
            np.minimum(part, 0, out=part)
            part /= scale_length**2
            np.exp(part, out=part)
            part *= scale
            values += part
        return values

    @property
    def noise_variance(self) -> float:
        """Learnt variance of one target around what the architecture is worth."""
        return self._kernel(self._log)[2]

    def predict(self, rows: NDArray[np.floating]) -> tuple[Matrix, Matrix]:
        """Mean and standard deviation of the target without noise, (rows,) each.

        Up to 4,096 rows the answer about a row does not depend on the others; for more it is quicker and less exact.
        """
        means, deviations = [np.zeros(0)], [np.zeros(0)]
        share, _, _, slope = self._kernel(self._log)
        # Float32 is several times as fast, but rounds so much that a row by itself would say something else than among
        # others, in the fifth digit of its mean.
        kind: np.dtype[np.floating[Any]] = np.dtype(np.float32 if len(rows) > _EXACT else np.float64)
        directions, learnt = self._explaining().astype(kind, copy=False), self._rows.astype(kind, copy=False)
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK].astype(kind)
            between = self._covariance(part, learnt)
            prior = np.full(len(part), share.sum())
            for block, linear in zip(self.blocks, slope, strict=True):
                prior += linear * np.square(part[:, block], dtype=np.float64).mean(axis=1)
            projected = between @ directions
            explained = np.einsum("ij,ij->i", projected, projected, dtype=np.float64)
            means.append(between @ self._weights)
            deviations.append(np.sqrt(np.maximum(prior - explained, 1e-9)))
        return np.concatenate(means), np.concatenate(deviations)

    def left_out(self) -> tuple[Matrix, Matrix]:
        """Prediction of each target from those of all other groups, with noise: mean and standard deviation, (count,).

        In closed form (Rasmussen and Williams, equations 5.10 to 5.12, for more than one row at a time). NaN for rows
        that the process does not use.
        """
        count = len(self._groups)
        means, deviations = np.full(count, np.nan), np.full(count, np.nan)
        of_used = self._groups[self._used]
        order = np.argsort(of_used, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(of_used[order])) + 1):
            covariance = np.linalg.inv(self._inverse[np.ix_(rows, rows)])
            means[self._used[rows]] = self._targets[rows] - covariance @ self._weights[rows]
            deviations[self._used[rows]] = np.sqrt(np.diag(covariance))
        return means, deviations

    def state(self) -> dict[str, Any]:
        """Kernel, rows and targets; what follows from them is computed again."""
        return {"log": self._log, "rows": self._rows, "targets": self._targets, "extra": self._extra}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        self._log, self._rows, self._targets, self._extra = (
            np.asarray(state[name], dtype=np.float64) for name in ("log", "rows", "targets", "extra")
        )
        self._condition()


def _distances(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Mean square difference of the columns of each two rows, (rows, rows)."""
    squares = _mean_squares(first)[:, None] + _mean_squares(second)[None, :] - 2.0 * _products(first, second)
    return np.asarray(np.maximum(squares, 0.0))


def _products(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Mean product of the columns of each two rows, (rows, rows)."""
    return np.asarray((first / first.shape[1]) @ second.T)


def _mean_squares(rows: NDArray[Any]) -> NDArray[Any]:
    """Mean square of the columns of each row, (rows,)."""
    return np.asarray(np.einsum("ij,ij->i", rows, rows) / rows.shape[1])
