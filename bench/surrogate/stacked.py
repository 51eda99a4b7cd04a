"""The default: unlike models side by side, weighted by what they say of groups that were left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.bench.surrogate.boosting import BoostedMeans
from ganas.bench.surrogate.cross_fitted import group_shares, split_variance
from ganas.bench.surrogate.forest import RandomForest
from ganas.bench.surrogate.gaussian_process import GaussianProcess
from ganas.bench.surrogate.graph_networks import GraphNetworkEnsemble
from ganas.bench.surrogate.networks import NetworkEnsemble
from ganas.bench.surrogate.regressor import DEFAULT_BLOCKS, Regressor
from ganas.spaces.errors import InvalidSetting

__all__ = ["Stacked"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

# The members, and the weights that they have before anything is learnt: without and with a trusted block.
_MEMBERS: dict[type[Regressor], tuple[float, float]] = {
    GaussianProcess: (0.6, 0.5),
    NetworkEnsemble: (0.2, 0.0),
    BoostedMeans: (0.2, 0.0),
    RandomForest: (0.0, 0.5),
    GraphNetworkEnsemble: (0.4, 0.0),
}
# What a member errs, as a share of what its left-out predictions do: these are of one of its parts, and the parts
# together err less. About so on other draws of NAS-Bench-201 and NAS-Bench-Graph at 500 and 1,000 targets.
_TOGETHER: dict[type[Regressor], float] = {
    GaussianProcess: 1.0,
    NetworkEnsemble: 0.93,
    BoostedMeans: 0.98,
    RandomForest: 0.97,
    GraphNetworkEnsemble: 0.9,
}
# With fewer targets nothing can be left out and still be learnt from.
_FEWEST = 20
# The prior weights count as if so many targets had asked for them.
_PRIOR_COUNT = 50.0
_LEAST_WEIGHT = 0.05
_ROUNDS = 10
# Errors beyond twice their median count by their size and no longer by its square.
_HUBER = 2.0


class Stacked(Regressor):
    """A weighted sum of a Gaussian process, small networks, boosted trees, a random forest and graph networks.

    The weights are not negative and minimise the squared error of the sum on groups that were left out (Wolpert,
    "Stacked Generalization", Neural Networks, 1992; Breiman, "Stacked Regressions", Machine Learning, 1996), drawn to
    weights that are chosen once for all: with few targets the process leads. Below 20 targets it is alone. Graph
    networks have nothing to add to values from another data set that are trusted, and are left out there. Members of
    little weight are dropped. The uncertainty is that of the members, plus their disagreement.

    The last two of the blocks that belong to the architecture are the graph, which only the graph networks read; where
    they are none, these are left out.
    """

    name: ClassVar[str] = "stacked"
    title: ClassVar[str] = "Process, networks, trees and graph networks, weighted on what was left out (the default)"
    reads: ClassVar[tuple[str, ...]] = (*DEFAULT_BLOCKS, *GraphNetworkEnsemble.reads)

    def __init__(self, blocks: Sequence[slice], trusted: int | None = None, learnt: Sequence[int] = ()) -> None:
        super().__init__(blocks, trusted, learnt)
        self.members: list[Regressor] = []
        self.weights: Vector = np.zeros(0)
        self._noise, self._factor = 1.0, 1.0
        self._left_out: tuple[Vector, Vector] = (np.zeros(0), np.zeros(0))
        beyond = len(self.learnt) + (trusted is not None)
        self._graph = len(self.blocks) - beyond - len(GraphNetworkEnsemble.reads)
        try:
            self._member(GraphNetworkEnsemble)
        except InvalidSetting:
            self._graph = len(self.blocks)

    def _member(self, kind: type[Regressor]) -> Regressor:
        """A member that has not learnt yet; it reads the columns of :meth:`_columns`."""
        graph = self._graph
        if kind is GraphNetworkEnsemble:
            kept = self.blocks[graph:] if 0 <= graph < len(self.blocks) else ()
            before = graph
        else:
            kept = (*self.blocks[:graph], *self.blocks[graph + 2 :])
            before = min(2, len(self.blocks) - graph)
        ends = np.cumsum([0, *(block.stop - block.start for block in kept)]).tolist()
        blocks = [slice(start, stop) for start, stop in pairwise(ends)]
        trusted = None if self.trusted is None else self.trusted - before
        return kind(blocks, trusted, [number - before for number in self.learnt])

    def _columns(self, member: Regressor, rows: NDArray[np.floating]) -> NDArray[np.floating]:
        """What a member reads of the rows, (rows, its width)."""
        if self._graph >= len(self.blocks):
            return rows
        start, stop = self.blocks[self._graph].start, self.blocks[self._graph + 1].stop
        if isinstance(member, GraphNetworkEnsemble):
            return rows[:, start:]
        return np.concatenate([rows[:, :start], rows[:, stop:]], axis=1)

    def fit(
        self,
        rows: NDArray[np.floating],
        targets: Vector,
        noise: Vector | None = None,
        *,
        groups: NDArray[np.int64] | None = None,
        rng: np.random.Generator,
    ) -> Stacked:
        """Learn; returns itself. See :meth:`Regressor.fit`."""
        kinds: list[type[Regressor]] = list(_MEMBERS) if len(targets) >= _FEWEST else [GaussianProcess]
        no_graphs = self.trusted is not None or self._graph >= len(self.blocks)
        if GraphNetworkEnsemble in kinds and no_graphs:
            kinds.remove(GraphNetworkEnsemble)
        members = [self._member(kind) for kind in kinds]
        for member in members:
            member.fit(self._columns(member, rows), targets, noise, groups=groups, rng=rng)
        said = [member.left_out() for member in members]
        means = np.stack([mean for mean, _ in said], axis=1)
        used = np.isfinite(means).all(axis=1)
        prior = np.array([_MEMBERS[kind][self.trusted is not None] for kind in kinds])
        shares = group_shares(np.arange(len(targets)) if groups is None else groups)
        together = np.array([_TOGETHER[kind] for kind in kinds])
        expected = targets[used, None] + together * (means[used] - targets[used, None])
        kept = np.flatnonzero(_weights(expected, targets[used], shares[used], prior) >= _LEAST_WEIGHT)
        self.members = [members[number] for number in kept]
        self.weights = _weights(expected[:, kept], targets[used], shares[used], prior[kept])
        variances = np.stack(
            [said[number][1] ** 2 - members[number].noise_variance for number in kept.tolist()], axis=1
        )
        mean, spread = self._combined(means[:, kept], np.maximum(variances, 0.0))
        self._noise, self._factor = split_variance((targets - mean)[used], spread[used], shares[used])
        self._left_out = mean, np.sqrt(self._noise + self._factor * spread)
        return self

    def _combined(self, means: Matrix, variances: Matrix) -> tuple[Vector, Vector]:
        """The sum of the members, and how uncertain it is, from what each says, (rows, members)."""
        shares = self.weights / self.weights.sum()
        mean = (means * self.weights).sum(axis=1)
        centre = (means * shares).sum(axis=1)
        around = (np.square(means - centre[:, None]) * shares).sum(axis=1)
        return mean, (variances * shares).sum(axis=1) + around

    def predict(self, rows: NDArray[np.floating]) -> tuple[Vector, Vector]:
        """Mean and standard deviation without noise, (rows,) each."""
        said = [member.predict(self._columns(member, rows)) for member in self.members]
        mean, spread = self._combined(
            np.stack([part for part, _ in said], axis=1), np.stack([part**2 for _, part in said], axis=1)
        )
        return mean, np.sqrt(self._factor * spread)

    def left_out(self) -> tuple[Vector, Vector]:
        """The sum of what the members say of each target without its group; NaN where one says nothing."""
        return self._left_out

    @property
    def noise_variance(self) -> float:
        """Variance of a target that neither the members nor their disagreement tell of."""
        return self._noise

    def state(self) -> dict[str, Any]:
        """The members by name, and their weights."""
        return {
            "members": [{"name": member.name, "state": member.state()} for member in self.members],
            "weights": self.weights,
            "noise": self._noise,
            "factor": self._factor,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        named = {kind.name: kind for kind in _MEMBERS}
        self.members = []
        for saved in state["members"]:
            member = self._member(named[saved["name"]])
            member.load_state(saved["state"])
            self.members.append(member)
        self.weights = np.asarray(state["weights"], dtype=np.float64)
        self._noise, self._factor = float(state["noise"]), float(state["factor"])


def _weights(means: Matrix, targets: Vector, shares: Vector, prior: Vector) -> Vector:
    """Weights of the columns, none negative, with a pull to the prior ones, (members,).

    They minimise Huber's loss (Huber, "Robust Estimation of a Location Parameter", 1964), by least squares that weigh
    large errors less again and again: an architecture unlike all others is mistaken by every model, and most by the
    one that follows the others best.
    """
    from scipy.optimize import nnls

    # Where the members that are left had none, each counts the same.
    prior = prior / prior.sum() if prior.any() else np.full(len(prior), 1.0 / len(prior))
    weights = prior
    for _ in range(_ROUNDS):
        errors = np.abs(targets - means @ weights)
        usual = max(float(np.median(errors)), 1e-6)
        counted = shares * np.minimum(1.0, _HUBER * usual / np.maximum(errors, 1e-12))
        root = np.sqrt(counted)
        pull = np.sqrt(_PRIOR_COUNT) * usual
        system = np.concatenate([means * root[:, None], pull * np.eye(len(prior))])
        weights = nnls(system, np.concatenate([targets * root, pull * prior]))[0]
    # Where all that was left out is predicted with the wrong sign, the prior is the better guess.
    return weights if (weights >= _LEAST_WEIGHT).any() else prior
