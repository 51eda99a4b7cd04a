"""Paths of an architecture as features: what a path kernel compares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.encodings import graph_arrays, live_nodes
from ganas.spaces.space import Space

__all__ = ["PathFeatures", "live_paths"]

Path = tuple[int | str, ...]

# Random architectures whose paths become columns. They cost no query.
_PRIOR_SAMPLES = 2000
# A path that fewer of them have, or fewer lack, says next to nothing.
_LEAST_SHARE = 0.0025
_MOST_COLUMNS = 1000
# The parts of a path have at most so many labels.
_PART_LENGTH = 3
# Whole paths that are followed at a node at most, the shortest first: a deep graph with many skips has exponentially
# many, and what they have in common is then in their parts.
_MOST_PATHS = 64


def live_paths(space: Space, architectures: Sequence[Architecture]) -> list[tuple[set[Path], set[Path]]]:
    """The label sequences on live paths from an input to an output, and the parts of these sequences.

    A path is live where no node on it is dead (see :mod:`ganas.spaces.live_encodings`). Skips are left out of the
    sequences, inputs and outputs are in them, and each sequence begins with the number of its cell, so that the same
    path of two cells is two. Parts are runs of at most three labels.

    This is the path encoding of BANANAS (White, Neiswanger and Savani, AAAI 2021, https://arxiv.org/abs/1910.11858,
    section 4), of what a network computes in place of what is written; the parts are ours.

    Returns:
        For each architecture its whole paths, of which at most 64 are followed at a node, and the parts.

    >>> from ganas.spaces.nasbench201.space import NASBench201
    >>> space = NASBench201()
    >>> cell = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|skip_connect~2|"
    >>> [(whole, parts)] = live_paths(space, [space.parse(cell)])
    >>> whole
    {(0, 'input', 'nor_conv_3x3', 'nor_conv_1x1', 'output')}
    >>> len(parts)
    9
    """
    batch = graph_arrays(space, architectures)
    live = live_nodes(space, batch)
    found = []
    for architecture, alive in zip(architectures, live, strict=True):
        sources: list[list[int]] = [[] for _ in architecture.operations]
        has_out = [False] * len(sources)
        for source, target in architecture.edges:
            sources[target].append(source)
            has_out[source] = True
        wholes: list[set[Path]] = []
        runs: list[set[Path]] = []
        whole: set[Path] = set()
        parts: set[Path] = set()
        for node, label in enumerate(architecture.operations):
            wholes.append(set())
            runs.append(set())
            if not alive[node]:
                continue
            # Dead sources have no sequence, so they add none.
            before: set[Path] = set().union(*(wholes[source] for source in sources[node]))
            last: set[Path] = set().union(*(runs[source] for source in sources[node]))
            if not sources[node]:
                cell = architecture.cells[node] if architecture.cells else 0
                before, last = {(cell,)}, {(cell,)}
            if label not in space.skip_operations:
                before = {(*path, label) for path in before}
                last = {(run[0], *run[1:][1 - _PART_LENGTH :], label) for run in last}
                parts.update((run[0], *run[start:]) for run in last for start in range(1, len(run)))
            if len(before) > _MOST_PATHS:
                before = set(sorted(before, key=_by_length)[:_MOST_PATHS])
            wholes[node], runs[node] = before, last
            if not has_out[node]:
                whole |= before
        found.append((whole, parts))
    return found


class PathFeatures:
    """Turns architectures into rows that say which paths they have.

    One block of columns is of whole paths and one of their parts, see :func:`live_paths`: 1 for what is there and 0
    for what is not, so that the squared distance of two rows counts paths that only one of the two has. Columns are
    those that at least 0.25 % of 2,000 random architectures have and 0.25 % lack, at most the 1,000 most frequent ones.
    A block is divided by one number that makes the mean squared difference of a column 1 between random architectures.

    Args:
        space: The space.
        rng: Draws the random architectures.

    Attributes:
        blocks: Where the columns of each block are. Blocks without a column are left out (where every architecture is
            one path of its own there are parts only), and all may be.
    """

    def __init__(self, space: Space, *, rng: np.random.Generator) -> None:
        self.space = space
        prior = live_paths(space, space.sample(_PRIOR_SAMPLES, rng=rng))
        self._columns: tuple[dict[Path, int], ...] = tuple(
            _frequent([sets[kind] for sets in prior]) for kind in range(2)
        )
        self._scales = [1.0, 1.0]
        raw = self._raw(prior)
        self._scales = [float(np.sqrt(2 * part.var(axis=0).mean())) if part.size else 1.0 for part in raw]
        ends = np.cumsum([0, *map(len, self._columns)]).tolist()
        self.blocks = tuple(slice(ends[kind], ends[kind + 1]) for kind in range(2) if self._columns[kind])

    def rows(self, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
        """Rows of numbers, (len(architectures), width)."""
        if not architectures:
            return np.zeros((0, sum(map(len, self._columns))), dtype=np.float32)
        return np.concatenate(self._raw(live_paths(self.space, architectures)), axis=1, dtype=np.float32)

    def _raw(self, found: list[tuple[set[Path], set[Path]]]) -> list[NDArray[np.float64]]:
        rows = [np.zeros((len(found), len(columns))) for columns in self._columns]
        for row, sets in enumerate(found):
            for kind, columns in enumerate(self._columns):
                rows[kind][row, [columns[path] for path in sets[kind] if path in columns]] = 1 / self._scales[kind]
        return rows


def _frequent(sets: list[set[Path]]) -> dict[Path, int]:
    """The column of each path that is neither rare nor nearly always there, the most frequent ones."""
    counted = Counter(path for found in sets for path in found)
    least = _LEAST_SHARE * len(sets)
    kept = [(path, count) for path, count in counted.items() if least <= count <= len(sets) - least]
    kept.sort(key=lambda item: (-item[1], _by_length(item[0])))
    return {path: column for column, (path, _) in enumerate(kept[:_MOST_COLUMNS])}


def _by_length(path: Path) -> tuple[int, Path]:
    return len(path), path
