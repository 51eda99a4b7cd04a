"""A random forest, its uncertainty from the trees."""

from __future__ import annotations

from dataclasses import dataclass
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
# Pairs of a row and a tree that are walked at once: what is in the cache of a processor.
_WALKED = 2**16
# From which level of the trees on, and how often, paths that have come to a leaf are put aside.
_LEAVES_FROM, _LEAVES_EVERY = 6, 3
_TYPES = {
    "roots": np.int32,
    "feature": np.int32,
    "threshold": np.float32,
    "left": np.int32,
    "value": np.float64,
    "depth": np.int32,
}


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
        self._trees = _Trees.of(trees)

    def _say(self, rows: NDArray[np.float32]) -> tuple[Matrix, Matrix]:
        trees = len(self._trees.roots)
        rows = rows[:, self._columns()]
        means = np.empty((trees // _TREES, len(rows)))
        spreads = np.empty_like(means)
        step = max(1, _WALKED // trees)
        for start in range(0, len(rows), step):
            part = np.ascontiguousarray(rows[start : start + step])
            said = self._trees.leaves(part).reshape(len(part), -1, _TREES)
            means[:, start : start + step] = said.mean(axis=2).T
            spreads[:, start : start + step] = said.var(axis=2).T
        return means, spreads

    def _parts_state(self) -> dict[str, Any]:
        return {name: getattr(self._trees, name) for name in _TYPES}

    def _load_parts(self, state: Any) -> None:
        self._trees = _Trees(**{name: np.asarray(state[name], dtype) for name, dtype in _TYPES.items()})


@dataclass(frozen=True, slots=True, eq=False)
class _Trees:
    """All trees in one table of nodes, where the right child follows the left one.

    Attributes:
        roots: (trees,).
        feature: Which column is compared, (nodes,).
        threshold: Rows that are not above it go left, (nodes,); infinite in a leaf.
        left: The left child, (nodes,); a leaf is its own, so that shorter paths may go on.
        value: What the leaf says, (nodes,).
        depth: Of the deepest tree, ().
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    value: NDArray[np.float64]
    depth: NDArray[np.int32]

    @classmethod
    def of(cls, trees: list[Any]) -> _Trees:
        """Take over fitted trees of scikit-learn."""
        parts: list[tuple[NDArray[Any], ...]] = []
        start = 0
        for tree in trees:
            inner = np.flatnonzero(tree.children_left >= 0)
            place = np.zeros(tree.node_count, dtype=np.int64)
            place[tree.children_left[inner]] = 1 + 2 * np.arange(len(inner))
            place[tree.children_right[inner]] = 2 + 2 * np.arange(len(inner))
            feature, threshold = np.zeros(tree.node_count), np.full(tree.node_count, np.inf)
            left, value = np.arange(tree.node_count) + start, np.empty(tree.node_count)
            feature[place[inner]] = tree.feature[inner]
            threshold[place[inner]] = tree.threshold[inner]
            left[place[inner]] = place[tree.children_left[inner]] + start
            value[place] = tree.value[:, 0, 0]
            parts.append((feature, threshold, left, value))
            start += tree.node_count
        feature, threshold, left, value = (np.concatenate(part) for part in zip(*parts, strict=True))
        sizes = [tree.node_count for tree in trees]
        # Rounded down: a row in float32 is above one if and only if it is above the other.
        narrow = threshold.astype(np.float32)
        narrow = np.where(narrow > threshold, np.nextafter(narrow, np.float32(-np.inf)), narrow)
        return cls(
            roots=np.cumsum([0, *sizes[:-1]]).astype(np.int32),
            feature=feature.astype(np.int32),
            threshold=narrow,
            left=left.astype(np.int32),
            value=value,
            depth=np.array(max(tree.max_depth for tree in trees), dtype=np.int32),
        )

    def leaves(self, rows: NDArray[np.float32]) -> Matrix:
        """What each tree says of each row, (rows, trees)."""
        flat, trees = rows.reshape(-1), len(self.roots)
        first = np.repeat(np.arange(len(rows), dtype=np.int32) * rows.shape[1], trees)
        node = np.tile(self.roots, len(rows))
        reached, walking = node, np.arange(len(node))
        for level in range(1, int(self.depth) + 1):
            above = flat.take(self.feature.take(node) + first) > self.threshold.take(node)
            node = self.left.take(node) + above
            if level >= _LEAVES_FROM and level % _LEAVES_EVERY == 0:
                # Half of all paths end at a third of the depth; only the others go on.
                reached[walking] = node
                going = np.flatnonzero(self.left.take(node) != node)
                node, first, walking = node.take(going), first.take(going), walking.take(going)
        reached[walking] = node
        return self.value.take(reached).reshape(len(rows), trees)
