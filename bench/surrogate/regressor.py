"""What the models behind a surrogate have in common: numbers in, a mean and a standard deviation out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Regressor"]

Vector = NDArray[np.float64]


class Regressor(ABC):
    """Regression on the scale of :class:`ganas.bench.surrogate.label_scale.LabelScale`, where targets are normal.

    Everything random comes from the ``rng`` of :meth:`fit`; the same rows, targets and generator give the same model.

    Args:
        blocks: Where the columns of each block of features are.
        trusted: Number of the block whose columns are values measured on another data set; None for no such block.
    """

    name: ClassVar[str]
    """Registered name."""
    title: ClassVar[str]
    """One line."""

    def __init__(self, blocks: Sequence[slice], trusted: int | None = None) -> None:
        self.blocks = tuple(blocks)
        self.trusted = trusted

    @abstractmethod
    def fit(
        self, rows: NDArray[np.floating], targets: Vector, noise: Vector | None = None, *, rng: np.random.Generator
    ) -> Regressor:
        """Learn; returns itself.

        Args:
            rows: Features, (count, width).
            targets: (count,), about standard normal.
            noise: Known standard deviation of each target beside what is learnt, (count,); None for none.
            rng: The only source of randomness.
        """

    @abstractmethod
    def predict(self, rows: NDArray[np.floating]) -> tuple[Vector, Vector]:
        """Mean and standard deviation of what an architecture is worth, noise of a measurement not included.

        (rows, width) -> (rows,) each.
        """

    @abstractmethod
    def left_out(self, groups: NDArray[np.int64]) -> tuple[Vector, Vector]:
        """Prediction of each target from those of all other groups, with noise: mean and standard deviation, (count,).

        Groups are functional twins. A model that cannot do this in closed form learns five times, without a fifth of
        the groups each. NaN for rows that it does not use.

        Args:
            groups: The group of each row that :meth:`fit` was given, (count,).
        """

    @property
    @abstractmethod
    def noise_variance(self) -> float:
        """Learnt variance of one measurement around what the architecture is worth, on the scale of the targets."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What :meth:`predict` needs, as JSON values, text and numpy arrays, never pickles."""

    @abstractmethod
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state; :meth:`predict` then answers as before."""
