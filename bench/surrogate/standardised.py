"""Blocks of columns that are shifted and scaled as they are over random architectures of a space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.errors import InvalidSetting
from ganas.spaces.space import Space

__all__ = ["PRIOR_SAMPLES", "StandardisedBlocks"]

PRIOR_SAMPLES = 500
"""Random architectures whose mean and standard deviation are taken for those of the space. They cost no query."""

# A column that varies less is as good as constant, and would be blown up by dividing.
_LEAST_DEVIATION = 0.05


class StandardisedBlocks:
    """The columns that each block keeps, with their means and standard deviations; a base class of features.

    Attributes:
        blocks: Where the columns of each block are; blocks without a column are left out.
    """

    blocks: tuple[slice, ...]

    def __init__(self) -> None:
        self._columns: list[NDArray[np.int64]] = []
        self._mean: list[NDArray[Any]] = []
        self._deviation: list[NDArray[Any]] = []

    def _keep_what_varies(self, raw: NDArray[Any]) -> None:
        """Add a block: those of its columns that vary among random architectures, (architectures, columns)."""
        deviation = raw.std(axis=0)
        columns = np.flatnonzero(deviation > _LEAST_DEVIATION)
        self._columns.append(columns)
        self._mean.append(raw.mean(axis=0)[columns])
        self._deviation.append(deviation[columns])

    def _set_blocks(self, space: Space, names: Sequence[str]) -> None:
        """Say where the columns are.

        Raises:
            InvalidSetting: There is none.
        """
        ends = np.cumsum([0, *(len(columns) for columns in self._columns)]).tolist()
        self.blocks = tuple(slice(start, stop) for start, stop in pairwise(ends) if stop > start)
        if not self.blocks:
            raise InvalidSetting(
                f"features {', '.join(map(repr, names))} are the same for all architectures of {space.name!r}"
            )

    def _load_columns(self, space: Space, names: Sequence[str], state: Mapping[str, Any], kind: type[Any]) -> None:
        """Take columns, means and standard deviations from a saved state, the latter two in a type."""
        self._columns = [np.asarray(part, dtype=np.int64) for part in state["columns"]]
        self._mean = [np.asarray(part, dtype=kind) for part in state["mean"]]
        self._deviation = [np.asarray(part, dtype=kind) for part in state["deviation"]]
        self._set_blocks(space, names)

    @property
    def width(self) -> int:
        """How many columns there are."""
        return sum(len(columns) for columns in self._columns)
