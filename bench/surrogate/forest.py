"""A random forest, its uncertainty from the trees."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.bench.surrogate.cross_fitted import CrossFitted
from ganas.spaces.errors import MissingDependency

try:
    from sklearn.ensemble import RandomForestRegressor
except ImportError as error:
    raise MissingDependency("random forests need scikit-learn: pip install 'ganas[surrogates]'") from error

__all__ = ["RandomForest"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_TREES = 40
_FEATURES_SHARE = 1 / 3
_LEAST_LEAF = 2
# Row and tree pairs that are walked at once.
_WALKED = 2**20


class RandomForest(CrossFitted):
    """Five forests of 40 trees, each without a fifth of the groups.

    Breiman, "Random Forests", Machine Learning, 2001, https://doi.org/10.1023/A:1010933404324, as scikit-learn grows
    them: a bootstrap sample for each tree, a third of the features tried at each split, leaves of at least two rows.
    The variance among the trees tells how uncertain a prediction is, at the rate found on groups left out.
    """

    name: ClassVar[str] = "random-forest"
    title: ClassVar[str] = "Random forest on structural features (Breiman, 2001)"

    def _learn(
        self,
        rows: NDArray[np.float32],
        residuals: Vector,
        weights: Vector,
        folds: NDArray[np.int64],
        *,
        rng: np.random.Generator,
    ) -> None:
        trees: list[Any] = []
        rows = rows[:, self._columns()]
        for fold in range(int(folds.max()) + 1):
            kept = folds != fold
            forest = RandomForestRegressor(
                _TREES,
                min_samples_leaf=_LEAST_LEAF,
                max_features=_FEATURES_SHARE,
                random_state=int(rng.integers(2**31)),
                n_jobs=1,
            )
            forest.fit(rows[kept], residuals[kept], sample_weight=weights[kept])
            trees += [estimator.tree_ for estimator in forest.estimators_]
        # All trees in one table of nodes; a leaf is its own child, so that shorter paths may go on.
        starts = np.cumsum([0, *(tree.node_count for tree in trees)])
        self._roots = starts[:-1].astype(np.int64)
        self._feature = np.concatenate([np.maximum(tree.feature, 0) for tree in trees]).astype(np.int64)
        self._threshold = np.concatenate([tree.threshold for tree in trees])
        self._left, self._right = (
            np.concatenate(
                [
                    np.where(tree.children_left < 0, np.arange(tree.node_count), getattr(tree, side)) + start
                    for tree, start in zip(trees, starts[:-1], strict=True)
                ]
            ).astype(np.int64)
            for side in ("children_left", "children_right")
        )
        self._value = np.concatenate([tree.value[:, 0, 0] for tree in trees])
        self._depth = max(tree.max_depth for tree in trees)

    def _say(self, rows: NDArray[np.float32]) -> tuple[Matrix, Matrix]:
        trees = len(self._roots)
        rows = rows[:, self._columns()]
        means = np.empty((trees // _TREES, len(rows)))
        spreads = np.empty_like(means)
        step = max(1, _WALKED // trees)
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            number = np.arange(len(part))[:, None]
            node = np.repeat(self._roots[None], len(part), axis=0)
            for _ in range(self._depth):
                lower = part[number, self._feature[node]] <= self._threshold[node]
                node = np.where(lower, self._left[node], self._right[node])
            said = self._value[node].reshape(len(part), -1, _TREES)
            means[:, start : start + step] = said.mean(axis=2).T
            spreads[:, start : start + step] = said.var(axis=2).T
        return means, spreads

    def _parts_state(self) -> dict[str, Any]:
        return {
            "roots": self._roots,
            "feature": self._feature,
            "threshold": self._threshold,
            "left": self._left,
            "right": self._right,
            "value": self._value,
            "depth": int(self._depth),
        }

    def _load_parts(self, state: Any) -> None:
        self._roots, self._feature, self._left, self._right = (
            np.asarray(state[name], dtype=np.int64) for name in ("roots", "feature", "left", "right")
        )
        self._threshold, self._value = (np.asarray(state[name], dtype=np.float64) for name in ("threshold", "value"))
        self._depth = int(state["depth"])
