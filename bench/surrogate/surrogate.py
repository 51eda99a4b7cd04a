"""The surrogate: a predictor of one metric from the architecture, on the metric's own scale, with its uncertainty."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.bench.single_thread import one_thread
from ganas.bench.surrogate.calibration import interval_width
from ganas.bench.surrogate.cross_fitted import group_shares
from ganas.bench.surrogate.functional_features import FunctionalFeatures, distinct_rows
from ganas.bench.surrogate.groups import functional_groups
from ganas.bench.surrogate.known_table import KnownTable
from ganas.bench.surrogate.label_scale import LabelScale
from ganas.bench.surrogate.models import DEFAULT_MODEL, make_model, model_class
from ganas.bench.surrogate.regressor import Regressor
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import DataError, InvalidSetting
from ganas.spaces.space import Space

__all__ = ["Prediction", "Surrogate", "functional_groups"]

Vector = NDArray[np.float64]

_FEWEST = 5
# Rows that one thread answers at least, where there are more than twice as many.
_PIECE = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a surrogate says of architectures, in the unit of its labels.

    Attributes:
        mean: The expected value, (count,).
        standard_deviation: How uncertain that is, (count,); the noise of a measurement is not included.
    """

    mean: Vector
    standard_deviation: Vector


class Surrogate:
    """Predicts a metric from the architecture.

    Features (:class:`ganas.bench.surrogate.functional_features.FunctionalFeatures`) go through a model that works on a
    scale of ranks (:class:`ganas.bench.surrogate.label_scale.LabelScale`); its intervals are widened or narrowed so
    that they hold the labels of left-out architectures, twins left out together, as often as they should. Functional
    twins are predicted alike.

    The interface follows scikit-learn: :meth:`fit` returns the object, and :meth:`predict` takes what :meth:`fit` took.
    :class:`ganas.bench.surrogate.estimator.SurrogateRegressor` is the same on plain numbers, as an estimator of it.

    Args:
        space: The space of the architectures.
        model: Which model: a name of :data:`ganas.bench.surrogate.models.SURROGATES`, ``module:Class`` or
            ``file.py:Class``; or a subclass of :class:`~ganas.bench.surrogate.regressor.Regressor`.
        seed: Of everything random.
        tables: What is known from other data sets; the metric is expected to follow their values.
        reads: Names of the blocks of features, in place of those that the model reads by itself; None for those. A
            saved state goes into an object that was made with the same.

    Raises:
        UnknownName: No model has this name, or no block of features.
        MissingDependency: A package that the model needs is not installed.

    >>> import ganas
    >>> bench = ganas.load_benchmark("nasbench201-cifar100")
    >>> known = bench.space.sample(200, rng=np.random.default_rng(0))
    >>> surrogate = Surrogate(bench.space, "gaussian-process").fit(known, bench.query_many(known)[:, 0])
    >>> other = bench.space.sample(3, rng=np.random.default_rng(1))
    >>> said = surrogate.predict(other)
    >>> bool((abs(said.mean - bench.query_many(other)[:, 0]) < 5).all())
    True
    """

    def __init__(
        self,
        space: Space,
        model: str | type[Regressor] = DEFAULT_MODEL,
        *,
        seed: int = 0,
        tables: Sequence[KnownTable] = (),
        reads: Sequence[str] | None = None,
    ) -> None:
        self.space = space
        self._kind = model_class(model)
        self.model = model if isinstance(model, str) else self._kind.name
        self.seed = seed
        self.tables = tuple(tables)
        names = self._kind.reads if reads is None else reads
        self.features = FunctionalFeatures(space, names, rng=np.random.default_rng(0))
        self.scale = LabelScale()
        self.known_scales: list[LabelScale] = []
        self.width = 1.0
        self.count = 0
        self._regressor: Regressor | None = None
        self._left_out: tuple[Vector, Vector] | None = None

    # --- learning --------------------------------------------------------------------------------------------------

    def fit(
        self,
        architectures: Sequence[Architecture],
        values: Sequence[float] | Vector,
        noise: Sequence[float] | Vector | None = None,
        *,
        known: NDArray[np.floating] | None = None,
    ) -> Surrogate:
        """Learn from measurements.

        Args:
            architectures: At least five, of the space.
            values: What was measured, (count,): finite, and not all equal.
            noise: Standard deviation of each value beside what is learnt, in its unit, (count,); None for none.
            known: Further values of each architecture on other data sets, (count, columns); :meth:`predict` then wants
                the same columns. The metric is expected to follow them. A whole table is better given as one of the
                ``tables``.

        Raises:
            DataError: There are too few values, they are all equal, or one is not a finite number.
            WrongSpace: An architecture is of another space.
            ArchitectureNotMeasured: One of the tables does not hold an architecture.
        """
        labels = self._checked(architectures, values)
        self.count = len(labels)
        self.scale = LabelScale().fit(labels)
        targets = self.scale.to_scale(labels)
        extra = None
        if noise is not None:
            spread = _finite(noise, "noise", self.count)
            if (spread < 0).any():
                raise DataError("a standard deviation of the noise is negative")
            extra = np.abs(self.scale.to_scale(labels + spread) - self.scale.to_scale(labels - spread)) / 2
        rows = self._rows(architectures, self._known_columns(architectures, known, fit=True))
        groups = functional_groups(self.space, architectures)
        self._regressor = self._new_regressor()
        with one_thread():
            self._regressor.fit(rows, targets, extra, groups=groups, rng=np.random.default_rng(self.seed))
        self._left_out = self._regressor.left_out()
        self.width = interval_width(targets, *self._left_out, group_shares(groups))
        return self

    def _new_regressor(self) -> Regressor:
        blocks, trusted = list(self.features.blocks), None
        first = len(blocks)
        for table in self.tables:
            blocks.append(slice(blocks[-1].stop, blocks[-1].stop + table.width))
        learnt = range(first, len(blocks))
        if self.tables or self.known_scales:
            trusted = len(blocks)
            width = len(self.tables) + len(self.known_scales)
            blocks.append(slice(blocks[-1].stop, blocks[-1].stop + width))
        return make_model(self._kind, self.space, blocks, trusted, learnt)

    @property
    def regressor(self) -> Regressor:
        """The fitted model.

        Raises:
            InvalidSetting: Nothing was fitted yet.
        """
        if self._regressor is None:
            raise InvalidSetting("the surrogate is not fitted yet: call fit(architectures, values) first")
        return self._regressor

    @property
    def left_out(self) -> tuple[Vector, Vector]:
        """What the other functional classes say of each label that was learnt from, noise of a measurement included.

        Mean and standard deviation on the scale of ranks, (count,) each; NaN for labels that the model does not use.
        It is found by :meth:`fit` and not saved.

        Raises:
            InvalidSetting: Nothing was fitted by this object.
        """
        if self._left_out is None:
            raise InvalidSetting("what is left out is known right after fit(architectures, values) only")
        return self._left_out

    # --- predicting ------------------------------------------------------------------------------------------------

    def predict(
        self, architectures: Sequence[Architecture], *, known: NDArray[np.floating] | None = None
    ) -> Prediction:
        """Expected values and their uncertainty.

        Args:
            architectures: Of the space.
            known: As for :meth:`fit`, if it was given there.

        Raises:
            InvalidSetting: Nothing was fitted yet, or ``known`` is not as it was.
            WrongSpace: An architecture is of another space.
        """
        mean, deviation = self.on_scale(architectures, known=known)
        return Prediction(*self.scale.moments(mean, deviation * self.width))

    def on_scale(
        self, architectures: Sequence[Architecture], *, known: NDArray[np.floating] | None = None
    ) -> tuple[Vector, Vector]:
        """Mean and standard deviation on the scale of ranks, (count,) each: for acquisition functions."""
        return self.rows_on_scale(self._rows(architectures, self._known_columns(architectures, known, fit=False)))

    def rows_on_scale(self, rows: NDArray[np.float32]) -> tuple[Vector, Vector]:
        """As :meth:`on_scale`, from the rows of ``features``: for who asks about the same architectures repeatedly.

        Args:
            rows: Where there are no tables and nothing is known, as ``features`` gives them, (count, width).
        """
        # Twins have the same row. And a row is predicted to the same last bit whatever stands beside it in the list.
        first, same = distinct_rows(rows)
        distinct, regressor = rows[first], self.regressor
        with one_thread():
            if len(distinct) < 2 * _PIECE:
                mean, deviation = regressor.predict(distinct)
            else:
                # The pieces are the same whatever the number of processors, and so are the numbers.
                with ThreadPoolExecutor(os.cpu_count()) as pool:
                    said = list(pool.map(regressor.predict, np.array_split(distinct, len(distinct) // _PIECE)))
                mean, deviation = (np.concatenate(part) for part in zip(*said, strict=True))
        return mean[same], deviation[same]

    def interval(
        self, architectures: Sequence[Architecture], level: float = 0.9, *, known: NDArray[np.floating] | None = None
    ) -> tuple[Vector, Vector]:
        """Where a fresh measurement falls with probability ``level``: lower and upper ends, (count,) each.

        Raises:
            InvalidSetting: The level is not between 0 and 1, or as :meth:`predict`.
        """
        from scipy.special import ndtri

        if not 0 < level < 1:
            raise InvalidSetting(f"level must be between 0 and 1, not {level!r}")
        mean, deviation = self.on_scale(architectures, known=known)
        reach = ndtri(0.5 + level / 2) * self.width * np.sqrt(deviation**2 + self.regressor.noise_variance)
        return self.scale.to_labels(mean - reach), self.scale.to_labels(mean + reach)

    def sample(
        self,
        architectures: Sequence[Architecture],
        count: int = 1,
        *,
        rng: np.random.Generator,
        known: NDArray[np.floating] | None = None,
    ) -> Vector:
        """Measurements as they may turn out, noise included, (count, architectures)."""
        mean, deviation = self.on_scale(architectures, known=known)
        spread = self.width * np.sqrt(deviation**2 + self.regressor.noise_variance)
        return self.scale.to_labels(mean + spread * rng.standard_normal((count, len(mean))))

    # --- saving ----------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything that :meth:`predict` needs, as JSON values, text and numpy arrays."""
        return {
            "model": self.model,
            "seed": self.seed,
            "count": self.count,
            "width": self.width,
            "scale": self.scale.state(),
            "known_scales": [scale.state() for scale in self.known_scales],
            "features": self.features.state(),
            "tables": [table.state() for table in self.tables],
            "regressor": self.regressor.state(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state of a surrogate with the same model and space."""
        self.count, self.width = int(state["count"]), float(state["width"])
        self.scale.load_state(state["scale"])
        self.known_scales = [LabelScale() for _ in state["known_scales"]]
        for scale, saved in zip(self.known_scales, state["known_scales"], strict=True):
            scale.load_state(saved)
        self.features.load_state(state["features"])
        self.tables = tuple(KnownTable.from_state(self.space, saved) for saved in state["tables"])
        self._regressor = self._new_regressor()
        self._regressor.load_state(state["regressor"])

    # --- within ----------------------------------------------------------------------------------------------------

    def _rows(self, architectures: Sequence[Architecture], columns: NDArray[np.float32]) -> NDArray[np.float32]:
        learnt = [table.features(architectures) for table in self.tables]
        return np.concatenate([self.features.rows(architectures), *learnt, columns], axis=1)

    def _known_columns(
        self, architectures: Sequence[Architecture], known: NDArray[np.floating] | None, *, fit: bool
    ) -> NDArray[np.float32]:
        """What is known of other data sets, each column on its scale of ranks, (count, columns)."""
        count = len(architectures)
        given = np.zeros((count, 0)) if known is None else np.asarray(known, dtype=np.float64)
        if given.ndim == 1:
            given = given[:, None]
        if given.shape[0] != count or not np.isfinite(given).all():
            raise DataError(f"what is known must be one row of finite numbers for each of {count} architectures")
        if fit:
            self.known_scales = [LabelScale().fit(column) for column in given.T]
        if given.shape[1] != len(self.known_scales):
            fitted = len(self.known_scales)
            raise InvalidSetting(f"the surrogate was fitted with {fitted} known column(s), not with {given.shape[1]}")
        scaled = [scale.to_scale(column)[:, None] for scale, column in zip(self.known_scales, given.T, strict=True)]
        of_tables = [table.values(architectures) for table in self.tables]
        return np.concatenate([np.zeros((count, 0)), *of_tables, *scaled], axis=1, dtype=np.float32)

    def _checked(self, architectures: Sequence[Architecture], values: Sequence[float] | Vector) -> Vector:
        labels = _finite(values, "value", len(architectures))
        if len(labels) < _FEWEST:
            raise DataError(f"a surrogate needs at least {_FEWEST} architectures, and {len(labels)} were given")
        if labels.min() == labels.max():
            raise DataError(f"all {len(labels)} values are {labels[0]}: there is nothing to learn")
        return labels


def _finite(given: Sequence[float] | Vector, what: str, count: int) -> Vector:
    try:
        numbers = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"a {what} is not a number") from None
    if numbers.shape != (count,):
        raise DataError(f"{count} architectures want {count} numbers, one {what} each, not an array {numbers.shape}")
    if not np.isfinite(numbers).all():
        place = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise DataError(f"the {what} at place {place} is {numbers[place]}: wanted are finite numbers")
    return numbers
