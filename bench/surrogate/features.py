"""What predictors see of an architecture: numbers in blocks, standardised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.encodings import (
    live_one_hot,
    live_operation_counts,
    live_operation_pairs,
    live_path_summary,
    one_hot,
)
from ganas.spaces.errors import InvalidSetting, NotSupported, unknown_name
from ganas.spaces.space import Space

__all__ = ["BLOCKS", "Features"]

BLOCKS = ("structure", "counts", "paths", "pairs", "live", "genotype", "size")
"""The names of the blocks; see :class:`Features`."""

# Random architectures whose mean and standard deviation are taken for those of the space. They cost no query.
_PRIOR_SAMPLES = 500
# A column that varies less is as good as constant, and would be blown up by dividing.
_LEAST_DEVIATION = 0.05


class Features:
    """Turns architectures into rows of numbers.

    The blocks of columns are

    - ``counts``, ``paths`` and ``pairs``, which do not depend on how nodes are numbered: live operation counts, and
      the logarithms of the live path summary and of the live operation pairs (see
      :mod:`ganas.spaces.live_encodings`). Logarithms, because numbers of paths grow exponentially with depth;
    - ``structure``: these three in one;
    - ``live``: which operation is live at which node;
    - ``genotype``: the genotype one-hot;
    - ``size``: the logarithm of the number of parameters, in spaces that have a formula for it.

    Each column is shifted and scaled by mean and standard deviation over 500 random architectures, which cost no
    query; columns that are constant there are left out.

    Args:
        space: The space.
        names: Which blocks there are, of :data:`BLOCKS`.
        rng: Draws the random architectures.

    Attributes:
        blocks: Where the columns of each block are; blocks without a column are left out.

    Raises:
        UnknownName: There is no such block.
        NotSupported: The space has no formula for the number of parameters.
        InvalidSetting: No column varies in this space.
    """

    def __init__(self, space: Space, names: Sequence[str], *, rng: np.random.Generator) -> None:
        for name in names:
            if name not in BLOCKS:
                raise unknown_name("block of features", name, BLOCKS)
        if "size" in names and not space.has_parameter_count:
            raise NotSupported(f"{space.name!r} has no closed formula for its parameters, so no block 'size'")
        self.space = space
        self._names = tuple(names)
        prior = space.sample(_PRIOR_SAMPLES, rng=rng)
        self._columns: list[NDArray[np.int64]] = []
        self._mean: list[NDArray[np.float32]] = []
        self._deviation: list[NDArray[np.float32]] = []
        for name in self._names:
            raw = _raw(space, prior, name)
            deviation = raw.std(axis=0)
            columns = np.flatnonzero(deviation > _LEAST_DEVIATION)
            self._columns.append(columns)
            self._mean.append(raw.mean(axis=0)[columns])
            self._deviation.append(deviation[columns])
        self.blocks = self._slices()
        if not self.blocks:
            raise InvalidSetting(
                f"features {', '.join(map(repr, names))} are the same for all architectures of {space.name!r}"
            )

    def _slices(self) -> tuple[slice, ...]:
        ends = np.cumsum([0, *(len(columns) for columns in self._columns)]).tolist()
        return tuple(slice(start, stop) for start, stop in pairwise(ends) if stop > start)

    @property
    def width(self) -> int:
        """How many columns there are."""
        return sum(len(columns) for columns in self._columns)

    def rows(self, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
        """Standardised numbers, (len(architectures), width)."""
        if not architectures:
            return np.zeros((0, self.width), dtype=np.float32)
        parts = [
            (_raw(self.space, architectures, name)[:, columns] - mean) / deviation
            for name, columns, mean, deviation in zip(
                self._names, self._columns, self._mean, self._deviation, strict=True
            )
        ]
        # In one layout, whatever that of the parts: products of matrices round differently in another.
        return np.ascontiguousarray(np.concatenate(parts, axis=1, dtype=np.float32))

    def state(self) -> dict[str, Any]:
        """Columns, means and standard deviations."""
        return {"columns": self._columns, "mean": self._mean, "deviation": self._deviation}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        self._columns = [np.asarray(part, dtype=np.int64) for part in state["columns"]]
        self._mean = [np.asarray(part, dtype=np.float32) for part in state["mean"]]
        self._deviation = [np.asarray(part, dtype=np.float32) for part in state["deviation"]]
        self.blocks = self._slices()


def _raw(space: Space, architectures: Sequence[Architecture], block: str) -> NDArray[np.float32]:
    if block == "genotype":
        return one_hot(space, architectures)
    if block == "live":
        return live_one_hot(space, architectures)
    if block == "size":
        sizes = [space.parameter_count(architecture) for architecture in architectures]
        return np.log(np.array(sizes, dtype=np.float64))[:, None].astype(np.float32)
    makers = {"counts": live_operation_counts, "paths": live_path_summary, "pairs": live_operation_pairs}
    wanted = tuple(makers) if block == "structure" else (block,)
    parts = [makers[name](space, architectures) for name in wanted]
    return np.concatenate(
        [part if name == "counts" else np.log1p(part) for name, part in zip(wanted, parts, strict=True)], axis=1
    )
