"""The models of surrogates on plain numbers, as an estimator of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganas.bench.surrogate.calibration import interval_width
from ganas.bench.surrogate.cross_fitted import group_shares
from ganas.bench.surrogate.functional_features import distinct_rows
from ganas.bench.surrogate.label_scale import LabelScale
from ganas.bench.surrogate.models import DEFAULT_MODEL, model_class
from ganas.bench.surrogate.regressor import Regressor
from ganas.spaces.errors import DataError, MissingDependency

try:
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.utils.validation import check_array, check_is_fitted, validate_data
except ImportError as error:
    raise MissingDependency("estimators need scikit-learn: pip install 'ganas[surrogates]'") from error

__all__ = ["SurrogateRegressor"]

Vector = NDArray[np.float64]

_FEWEST = 5
# Columns are divided by their deviation; those beyond differ by rounding alone.
_LEAST_RATIO = 1e-9


class SurrogateRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Regression on columns of numbers with the label scale, a model and the calibration of a surrogate.

    It is what :class:`ganas.bench.surrogate.surrogate.Surrogate` does once architectures are numbers, for pipelines,
    searches of settings and cross-validation of scikit-learn. Columns are standardised and are one block; constant ones
    are left out. Rows that are equal are left out together. It keeps the conventions of
    :func:`sklearn.utils.estimator_checks.check_estimator`.

    Args:
        model: Which model, as for ``Surrogate``; ``gnn-ensemble`` reads graphs and cannot be one of these.
        seed: Of everything random.

    Attributes:
        scale_: The scale that was learnt on.
        regressor_: The fitted model.
        width_: By how much standard deviations are widened so that intervals hold as often as they should.

    >>> rng = np.random.default_rng(0)
    >>> numbers = rng.uniform(-1, 1, (80, 3))
    >>> estimator = SurrogateRegressor("gaussian-process").fit(numbers[:60], numbers[:60, 0] ** 2)
    >>> bool(estimator.score(numbers[60:], numbers[60:, 0] ** 2) > 0.9)
    True
    """

    scale_: LabelScale
    regressor_: Regressor
    width_: float

    def __init__(self, model: str | type[Regressor] = DEFAULT_MODEL, *, seed: int = 0) -> None:
        self.model = model
        self.seed = seed

    def fit(self, X: ArrayLike, y: ArrayLike, noise: ArrayLike | None = None) -> SurrogateRegressor:
        """Learn; returns itself.

        Args:
            X: (rows, columns), at least five rows.
            y: (rows,), not all equal.
            noise: Standard deviation of each label beside what is learnt, in its unit, (rows,); None for none.

        Raises:
            DataError: The labels are all equal, no column varies, or the noise does not fit. It is a ValueError, as
                scikit-learn raises for numbers that are not finite and for too few rows.
            UnknownName: No model has this name.
            MissingDependency: A package that the model needs is not installed.
            InvalidSetting: The model reads no plain numbers.
        """
        given, labels = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=_FEWEST)
        labels = np.asarray(labels, dtype=np.float64)
        if labels.min() == labels.max():
            raise DataError(f"all {len(labels)} labels are {labels[0]}: there is nothing to learn")
        # The largest number is taken out first, so that squares do not overflow.
        size = np.abs(given).max(axis=0)
        shares = given / np.where(size > 0, size, 1.0)
        deviation = shares.std(axis=0)
        self._kept = np.flatnonzero(deviation > _LEAST_RATIO)
        if not len(self._kept):
            raise DataError(f"none of the {given.shape[1]} columns varies: there is nothing to learn from")
        self._size, self._centre = size[self._kept], shares.mean(axis=0)[self._kept]
        self._deviation = deviation[self._kept]
        self.scale_ = LabelScale().fit(labels)
        targets = self.scale_.to_scale(labels)
        rows = self._rows(given)
        groups = distinct_rows(rows)[1]
        self.regressor_ = model_class(self.model)([slice(0, rows.shape[1])])
        rng = np.random.default_rng(self.seed)
        self.regressor_.fit(rows, targets, self._noise(noise, labels), groups=groups, rng=rng)
        self.width_ = interval_width(targets, *self.regressor_.left_out(), group_shares(groups))
        return self

    def _noise(self, given: ArrayLike | None, labels: Vector) -> Vector | None:
        """Known standard deviations on the scale of ranks."""
        if given is None:
            return None
        spread = np.asarray(check_array(given, ensure_2d=False, dtype=np.float64, input_name="noise"))
        if spread.shape != labels.shape or (spread < 0).any():
            raise DataError(f"the noise must be {len(labels)} standard deviations, none negative")
        return np.abs(self.scale_.to_scale(labels + spread) - self.scale_.to_scale(labels - spread)) / 2

    def _rows(self, given: Vector) -> NDArray[np.float32]:
        scaled = (given[:, self._kept] / self._size - self._centre) / self._deviation
        return np.asarray(scaled, dtype=np.float32)

    def predict(self, X: ArrayLike, return_std: bool = False) -> Vector | tuple[Vector, Vector]:
        """Expected labels, (rows,).

        Args:
            X: (rows, columns).
            return_std: Whether to return their standard deviations as well, noise of a label not included.

        Raises:
            NotFittedError: Nothing was fitted yet; scikit-learn's own.
        """
        check_is_fitted(self)
        rows = self._rows(validate_data(self, X, dtype=np.float64, reset=False))
        first, same = distinct_rows(rows)
        mean, deviation = self.regressor_.predict(rows[first])
        expected, spread = self.scale_.moments(mean, deviation * self.width_)
        return (expected[same], spread[same]) if return_std else expected[same]

    def __getstate__(self) -> dict[str, Any]:
        # Boosters and networks do not copy as objects; what they save of themselves does.
        state: dict[str, Any] = dict(super().__getstate__())
        if "regressor_" in state:
            state["regressor_"] = self.regressor_.state()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        saved = dict(state)
        fitted = saved.pop("regressor_", None)
        super().__setstate__(saved)
        if fitted is not None:
            self.regressor_ = model_class(self.model)([slice(0, len(self._kept))])
            self.regressor_.load_state(fitted)
