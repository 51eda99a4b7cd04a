"""What a surrogate of one data set takes from the table of another: values, and features that were learnt on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.bench.single_thread import one_thread
from ganas.bench.surrogate.functional_features import FunctionalFeatures
from ganas.bench.surrogate.groups import functional_groups
from ganas.bench.surrogate.label_scale import LabelScale
from ganas.bench.surrogate.regressor import DEFAULT_BLOCKS
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import ArchitectureNotMeasured, DataError, missing_torch
from ganas.spaces.space import Space

__all__ = ["KnownTable"]

_FEWEST = 20
_STEPS = 2500
_BATCH = 256


class KnownTable:
    """The table of another data set, as :class:`ganas.bench.surrogate.surrogate.Surrogate` uses it.

    It gives two things: of each architecture the mean value of it and its functional twins, which differ by noise
    alone; and the last hidden layer of a network (:class:`ganas.bench.surrogate.networks.FeatureNetworks`) that
    learnt to predict these means from the architecture. What is worth knowing of an architecture on one data set is
    worth knowing on another, so few labels there go further on these features.

    Args:
        space: The space.
        architectures: At least 20 of its architectures.
        values: Their values on the other data set, (count,).
        seed: Of the network.

    Raises:
        DataError: There are too few values, they are all equal, or one is not a finite number.
        MissingDependency: torch is not installed.
    """

    def __init__(
        self, space: Space, architectures: Sequence[Architecture], values: NDArray[np.floating], *, seed: int = 0
    ) -> None:
        networks = _networks()
        given = np.asarray(values, dtype=np.float64)
        if given.shape != (len(architectures),) or not np.isfinite(given).all():
            raise DataError(f"a table of {len(architectures)} architectures wants as many finite values")
        if len(given) < _FEWEST or given.min() == given.max():
            raise DataError(f"a table is at least {_FEWEST} values that are not all equal, not {len(given)} values")
        self.space = space
        self._genotypes = space.encode_many(architectures)
        groups = functional_groups(space, architectures)
        _, first = np.unique(groups, return_index=True)
        means = np.bincount(groups, weights=given) / np.bincount(groups)
        self._values = LabelScale().fit(means).to_scale(means)[groups]
        self._index()
        self._features = _features(space)
        rows = self._features.rows([architectures[place] for place in first.tolist()])
        rng = np.random.default_rng(seed)
        with one_thread():
            self._network = networks.FeatureNetworks(rows.shape[1], 1, generator=networks.seeded(rng))
            targets = self._values[first]
            every = [np.arange(len(means))]
            self._network.train(rows, targets, np.ones(len(means)), every, steps=_STEPS, batch=_BATCH)
            hidden = self._network.hidden(rows)[0].astype(np.float64)
        self._centre, deviation = hidden.mean(axis=0), hidden.std(axis=0) + 1e-6
        # Turned to its principal axes: distances stay, and the first columns tell most.
        _, _, axes = np.linalg.svd((hidden - self._centre) / deviation, full_matrices=False)
        self._turn = axes.T / deviation[:, None]

    def _index(self) -> None:
        keys = (self.space.identity_key(self.space.decode(row)) for row in self._genotypes.tolist())
        self._place = {key: place for place, key in enumerate(keys)}

    def values(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """The mean value of each architecture and its twins in the table, by rank in it, (count, 1).

        Raises:
            ArchitectureNotMeasured: The table does not hold an architecture.
        """
        key = self.space.identity_key
        try:
            places = [self._place[key(architecture)] for architecture in architectures]
        except KeyError:
            missing = next(one for one in architectures if key(one) not in self._place)
            raise ArchitectureNotMeasured(
                f"the table that is known does not hold {self.space.format(missing)}"
            ) from None
        return self._values[places][:, None]

    def features(self, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
        """The hidden layer, standardised over the table, on its principal axes, (count, 64)."""
        hidden = self._network.hidden(self._features.rows(architectures))[0]
        return np.asarray((hidden - self._centre) @ self._turn, dtype=np.float32)

    @property
    def width(self) -> int:
        """How many columns :meth:`features` has."""
        return len(self._centre)

    def state(self) -> dict[str, Any]:
        """Values and network, as JSON values and numpy arrays."""
        return {
            "genotypes": self._genotypes,
            "values": self._values,
            "features": self._features.state(),
            "network": self._network.state(),
            "centre": self._centre,
            "turn": self._turn,
        }

    @classmethod
    def from_state(cls, space: Space, state: Mapping[str, Any]) -> KnownTable:
        """The table that :meth:`state` described."""
        table = cls.__new__(cls)
        table.space = space
        table._genotypes = space.check_genotypes(np.asarray(state["genotypes"]))
        table._values = np.asarray(state["values"], dtype=np.float64)
        table._index()
        table._features = _features(space)
        table._features.load_state(state["features"])
        table._network = _networks().FeatureNetworks.from_state(state["network"])
        table._centre, table._turn = (np.asarray(state[name], dtype=np.float64) for name in ("centre", "turn"))
        return table


def _features(space: Space) -> FunctionalFeatures:
    return FunctionalFeatures(space, DEFAULT_BLOCKS, rng=np.random.default_rng(0))


def _networks() -> Any:
    try:
        from ganas.bench.surrogate import networks
    except ImportError as error:
        raise missing_torch("learning from another table") from error
    return networks
