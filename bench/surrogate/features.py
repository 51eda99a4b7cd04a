"""What predictors see of an architecture: numbers in blocks, standardised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.bench.surrogate.standardised import PRIOR_SAMPLES, StandardisedBlocks
from ganas.spaces.architecture import Architecture
from ganas.spaces.encodings import (
    live_one_hot,
    live_operation_counts,
    live_operation_pairs,
    live_path_summary,
    one_hot,
)
from ganas.spaces.errors import NotSupported, unknown_name
from ganas.spaces.space import Space

__all__ = ["BLOCKS", "Features"]

BLOCKS = ("structure", "counts", "paths", "pairs", "live", "genotype", "size")
"""The names of the blocks; see :class:`Features`."""


class Features(StandardisedBlocks):
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
        super().__init__()
        self.space = space
        self._names = tuple(names)
        prior = space.sample(PRIOR_SAMPLES, rng=rng)
        for name in self._names:
            self._keep_what_varies(_raw(space, prior, name))
        self._set_blocks(space, names)

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
        self._load_columns(self.space, self._names, state, np.float32)


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
