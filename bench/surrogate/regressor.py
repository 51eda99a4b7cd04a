"""What the models behind a surrogate have in common: numbers in, a mean and a standard deviation out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["DEFAULT_BLOCKS", "Regressor"]

Vector = NDArray[np.float64]

DEFAULT_BLOCKS = ("counts", "paths", "pairs", "weisfeiler-lehman", "size")
"""The blocks of :class:`ganas.bench.surrogate.functional_features.FunctionalFeatures` that most models read."""


class Regressor(ABC):
    """Regression on the scale of :class:`ganas.bench.surrogate.label_scale.LabelScale`, where targets are normal.

    Everything random comes from the ``rng`` of :meth:`fit`; the same rows, targets and generator give the same model.

    Args:
        blocks: Where the columns of each block of features are.
        trusted: Number of the block whose columns are values measured on another data set; None for no such block.
        learnt: Numbers of the blocks that a network learnt on other data sets, their columns with the most variance
            first.
    """

    name: ClassVar[str]
    """Registered name."""
    title: ClassVar[str]
    """One line."""
    reads: ClassVar[tuple[str, ...]] = DEFAULT_BLOCKS
    """Which blocks of features a surrogate gives it first, in this order; further ones may follow."""

    def __init__(self, blocks: Sequence[slice], trusted: int | None = None, learnt: Sequence[int] = ()) -> None:
        self.blocks = tuple(blocks)
        self.trusted = trusted
        self.learnt = tuple(learnt)

    @abstractmethod
    def fit(
        self,
        rows: NDArray[np.floating],
        targets: Vector,
        noise: Vector | None = None,
        *,
        groups: NDArray[np.int64] | None = None,
        rng: np.random.Generator,
    ) -> Regressor:
        """Learn; returns itself.

        Args:
            rows: Features, (count, width).
            targets: (count,), about standard normal.
            noise: Known standard deviation of each target beside what is learnt, (count,); None for none.
            groups: Rows of one group (functional twins) are left out together, (count,); None where each row is alone.
            rng: The only source of randomness.
        """

    @abstractmethod
    def predict(self, rows: NDArray[np.floating]) -> tuple[Vector, Vector]:
        """Mean and standard deviation of what an architecture is worth, noise of a measurement not included.

        (rows, width) -> (rows,) each.
        """

    @abstractmethod
    def left_out(self) -> tuple[Vector, Vector]:
        """Prediction of each target from those of other groups, with noise: mean and standard deviation, (count,).

        Only right after :meth:`fit`. NaN for rows that the model does not use. A model that cannot leave out each group
        in closed form leaves out a fifth of them at a time.
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
