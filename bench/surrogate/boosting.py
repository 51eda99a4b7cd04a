"""Boosted trees of LightGBM: their mean, and quantiles for the uncertainty."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.bench.surrogate.cross_fitted import CrossFitted
from ganas.spaces.errors import MissingDependency

try:
    import lightgbm
except ImportError as error:
    raise MissingDependency("boosted trees need LightGBM: pip install 'ganas[surrogates]'") from error

__all__ = ["BoostedMeans", "BoostedTrees"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_TREES = 400
_QUANTILE_TREES = 150
_SETTINGS: dict[str, Any] = {
    "num_leaves": 8,
    "min_data_in_leaf": 8,
    "min_data_in_bin": 1,
    "feature_fraction": 0.3,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
# One standard deviation below and above the mean of a normal distribution.
_QUANTILES = (0.15865525393145707, 0.8413447460685429)
# The narrowest twentieth of the intervals is taken to be noise alone.
_NOISE_SHARE = 0.05


class BoostedMeans(CrossFitted):
    """Five sequences of 400 small trees, each without a fifth of the groups; the part of boosted trees in a stack.

    Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics, 2001,
    https://doi.org/10.1214/aos/1013203451, by LightGBM. How uncertain it is, only the disagreement of the five says.
    """

    name: ClassVar[str] = "boosted-means"
    title: ClassVar[str] = "Boosted trees without quantiles"

    def _learn(
        self,
        rows: NDArray[np.float32],
        residuals: Vector,
        weights: Vector,
        folds: NDArray[np.int64],
        *,
        rng: np.random.Generator,
    ) -> None:
        rows = rows[:, self._columns()]
        self._boosters = [
            _boosted(rows[kept], residuals[kept], weights[kept], {"objective": "regression"}, rng=rng)
            for kept in (folds != fold for fold in range(int(folds.max()) + 1))
        ]

    def _say(self, rows: NDArray[np.float32]) -> tuple[Matrix, Matrix]:
        means = _predictions(self._boosters, rows[:, self._columns()])
        return means, np.zeros_like(means)

    def _parts_state(self) -> list[str]:
        return [booster.model_to_string() for booster in self._boosters]

    def _load_parts(self, state: Any) -> None:
        self._boosters = [lightgbm.Booster(model_str=text) for text in state]


class BoostedTrees(BoostedMeans):
    """Boosted trees, and for the uncertainty as many for the quantiles one standard deviation below and above."""

    name: ClassVar[str] = "lightgbm"
    title: ClassVar[str] = "Boosted trees of LightGBM on structural features, with quantiles"

    def _learn(
        self,
        rows: NDArray[np.float32],
        residuals: Vector,
        weights: Vector,
        folds: NDArray[np.int64],
        *,
        rng: np.random.Generator,
    ) -> None:
        super()._learn(rows, residuals, weights, folds, rng=rng)
        seen = rows[:, self._columns()]
        self._quantiles = [
            _boosted(
                seen[folds != fold],
                residuals[folds != fold],
                weights[folds != fold],
                {"objective": "quantile", "alpha": quantile},
                _QUANTILE_TREES,
                rng=rng,
            )
            for quantile in _QUANTILES
            for fold in range(int(folds.max()) + 1)
        ]
        self._floor = 0.0
        _, spreads = self._say(rows)
        self._floor = float(np.quantile(spreads.mean(axis=0), _NOISE_SHARE))

    def _say(self, rows: NDArray[np.float32]) -> tuple[Matrix, Matrix]:
        means, _ = super()._say(rows)
        lower, upper = np.split(_predictions(self._quantiles, rows[:, self._columns()]), 2)
        # Quantiles that are learnt by themselves may cross.
        widths = np.square(np.maximum(upper - lower, 0.0) / 2)
        return means, np.maximum(widths - self._floor, 0.0)

    def _parts_state(self) -> Any:
        quantiles = [booster.model_to_string() for booster in self._quantiles]
        return {"means": super()._parts_state(), "quantiles": quantiles, "floor": self._floor}

    def _load_parts(self, state: Any) -> None:
        super()._load_parts(state["means"])
        self._quantiles = [lightgbm.Booster(model_str=text) for text in state["quantiles"]]
        self._floor = float(state["floor"])


def _boosted(
    rows: NDArray[np.float32],
    targets: Vector,
    weights: Vector,
    objective: dict[str, Any],
    trees: int = _TREES,
    *,
    rng: np.random.Generator,
) -> lightgbm.Booster:
    # With the few rows of a small study, leaves of eight would leave no tree to grow.
    leaf = min(int(_SETTINGS["min_data_in_leaf"]), max(1, len(rows) // 6))
    rate = 0.02 if trees == _TREES else 0.05
    settings = {
        **_SETTINGS,
        **objective,
        "learning_rate": rate,
        "min_data_in_leaf": leaf,
        "seed": int(rng.integers(2**31)),
    }
    data = lightgbm.Dataset(rows, label=targets, weight=weights, params={"verbosity": -1, "min_data_in_bin": 1})
    return lightgbm.train(settings, data, num_boost_round=trees)


def _predictions(boosters: list[lightgbm.Booster], rows: NDArray[np.float32]) -> Matrix:
    if not len(rows):
        return np.zeros((len(boosters), 0))
    return np.stack([np.asarray(booster.predict(rows, num_threads=1)) for booster in boosters]).astype(np.float64)
