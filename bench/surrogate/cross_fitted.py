"""Ensembles whose members each leave out a part of the functional groups, for predictions of what was left out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.bench.single_thread import one_thread
from ganas.bench.surrogate.regressor import Regressor
from ganas.bench.surrogate.trusted import TrustedLine

__all__ = ["FOLDS", "CrossFitted", "fold_numbers", "group_shares", "split_variance"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

FOLDS = 5

# Variance that is taken for granted where the noise of each label is given: that of the best tables, about a tenth.
_COMMON_NOISE = 0.1
_LEAST_NOISE_SHARE = 0.1
_FACTORS = (0.05, 4.0)
_MEDIAN_OF_NORMAL = 0.6744897501960817
_CHUNK = 8192
# Columns of a block that was learnt elsewhere which trees see: the others would only be in the way.
_FIRST = 8


def fold_numbers(groups: NDArray[np.int64], *, rng: np.random.Generator) -> NDArray[np.int64]:
    """A fold for each row, the same for rows of one group, (count,); each fold gets as many groups, or one fewer.

    There are five folds, or as many as groups. If all rows are of one group each counts as a group of its own.
    """
    distinct, numbers = np.unique(groups, return_inverse=True)
    if len(distinct) < 2:
        distinct, numbers = np.arange(len(groups)), np.arange(len(groups))
    folds = rng.permutation(np.arange(len(distinct)) % min(FOLDS, len(distinct)))
    return np.asarray(folds[numbers], dtype=np.int64)


def group_shares(groups: NDArray[np.int64]) -> Vector:
    """A weight for each row such that all groups weigh the same, (count,), 1 in the mean.

    In some spaces one architecture in thirty computes nothing, and all these are twins: by rows they would decide.
    """
    _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shares = 1.0 / sizes[numbers]
    return np.asarray(shares / shares.mean())


def split_variance(errors: Vector, spread: Vector, shares: Vector) -> tuple[float, float]:
    """Noise, and the factor by which a spread among members is a variance of their mean.

    Least squares of the squared errors on the spread, held to plausible values. Errors of more than three times the
    usual size count as of that size: they tell of architectures unlike all others.

    Args:
        errors: Errors of predictions of left-out targets, (count,).
        spread: How much the members differed there, as a variance, (count,).
        shares: How much each row counts, (count,), 1 in the mean.
    """
    usual = float(np.median(np.abs(errors))) / _MEDIAN_OF_NORMAL
    squares = np.square(np.clip(errors, -3 * usual, 3 * usual))
    mean, centre = float((shares * squares).mean()), float((shares * spread).mean())
    around = spread - centre
    power = float((shares * around) @ around)
    factor = float((shares * around) @ squares) / power if power > 1e-12 else 1.0
    factor = min(max(factor, _FACTORS[0]), _FACTORS[1])
    return max(mean - factor * centre, _LEAST_NOISE_SHARE * mean, 1e-9), factor


class CrossFitted(Regressor):
    """An ensemble of one part for each of five folds of the groups, which learns from the other four fifths.

    The ensemble's mean is that of the parts. What a part says of its own fold is a prediction of what was left out,
    so an ensemble that is as good as one model on everything gives these at no further cost. Parts learn what is left
    of the targets once the line of the trusted columns (:class:`ganas.bench.surrogate.trusted.TrustedLine`) is taken
    off.
    """

    def __init__(self, blocks: Sequence[slice], trusted: int | None = None, learnt: Sequence[int] = ()) -> None:
        super().__init__(blocks, trusted, learnt)
        self._line = TrustedLine(blocks, trusted)
        self._noise, self._factor = 1.0, 1.0
        self._left_out: tuple[Vector, Vector] = (np.zeros(0), np.zeros(0))

    def fit(
        self,
        rows: NDArray[np.floating],
        targets: Vector,
        noise: Vector | None = None,
        *,
        groups: NDArray[np.int64] | None = None,
        rng: np.random.Generator,
    ) -> CrossFitted:
        """Learn; returns itself. See :meth:`Regressor.fit`; a label counts the less the noisier it is."""
        count = len(targets)
        of_row = np.arange(count) if groups is None else groups
        folds = fold_numbers(of_row, rng=rng)
        narrow = np.ascontiguousarray(rows, dtype=np.float32)
        weights = np.ones(count) if noise is None else _COMMON_NOISE / (_COMMON_NOISE + np.square(noise))
        self._line.fit(narrow, targets)
        with one_thread():
            self._learn(narrow, targets - self._line.predict(narrow), weights, folds, rng=rng)
            means, spreads = self._say(narrow)
        chosen = folds, np.arange(count)
        mean, spread = means[chosen] + self._line.predict(narrow), spreads[chosen]
        self._noise, self._factor = split_variance(targets - mean, spread, group_shares(of_row))
        self._left_out = mean, np.sqrt(self._noise + self._factor * spread)
        return self

    def _columns(self) -> NDArray[np.int64]:
        """The columns that a model should choose among: of what was learnt elsewhere only the first of each block."""
        kept = [
            np.arange(block.start, min(block.stop, block.start + (_FIRST if number in self.learnt else block.stop)))
            for number, block in enumerate(self.blocks)
        ]
        return np.concatenate(kept)

    @abstractmethod
    def _learn(
        self,
        rows: NDArray[np.float32],
        residuals: Vector,
        weights: Vector,
        folds: NDArray[np.int64],
        *,
        rng: np.random.Generator,
    ) -> None:
        """Learn the parts: the part of number f from the rows of all folds but f, its weights between 0 and 1."""

    @abstractmethod
    def _say(self, rows: NDArray[np.float32]) -> tuple[Matrix, Matrix]:
        """What each part says, and how uncertain it is as a variance, (folds, rows) each."""

    def predict(self, rows: NDArray[np.floating]) -> tuple[Vector, Vector]:
        """Mean and standard deviation without noise, (rows,) each; members that differ make it uncertain."""
        narrow = np.ascontiguousarray(rows, dtype=np.float32)
        means, deviations = [np.zeros(0)], [np.zeros(0)]
        for start in range(0, len(narrow), _CHUNK):
            part = narrow[start : start + _CHUNK]
            said, spread = self._say(part)
            means.append(said.mean(axis=0) + self._line.predict(part))
            deviations.append(np.sqrt(self._factor * (spread.mean(axis=0) + said.var(axis=0))))
        return np.concatenate(means), np.concatenate(deviations)

    def left_out(self) -> tuple[Vector, Vector]:
        """What the part without it says of each target, with noise: mean and standard deviation, (count,) each."""
        return self._left_out

    @property
    def noise_variance(self) -> float:
        """Variance of a target that no disagreement among the members tells of."""
        return self._noise

    def state(self) -> dict[str, Any]:
        """The line, the variances and, as ``parts``, what the subclass adds."""
        return {"line": self._line.state(), "noise": self._noise, "factor": self._factor, "parts": self._parts_state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        self._line.load_state(state["line"])
        self._noise, self._factor = float(state["noise"]), float(state["factor"])
        self._load_parts(state["parts"])

    @abstractmethod
    def _parts_state(self) -> Any:
        """What :meth:`_say` needs, as JSON values, text and numpy arrays."""

    @abstractmethod
    def _load_parts(self, state: Any) -> None:
        """Undo :meth:`_parts_state`."""
