"""What the models of surrogates see of an architecture: numbers of what it computes, the same for functional twins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.bench.surrogate.standardised import PRIOR_SAMPLES, StandardisedBlocks
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import unknown_name
from ganas.spaces.functional_encodings import (
    functional_counts,
    functional_pairs,
    functional_paths,
    weisfeiler_lehman_labels,
)
from ganas.spaces.functional_graphs import FunctionalGraphs, functional_graphs
from ganas.spaces.space import Space

__all__ = ["FUNCTIONAL_BLOCKS", "FunctionalFeatures", "distinct_rows"]

FUNCTIONAL_BLOCKS = ("counts", "paths", "pairs", "weisfeiler-lehman", "size", "operations", "adjacency")
"""The names of the blocks; see :class:`FunctionalFeatures`."""

_WEISFEILER_LEHMAN_ROUNDS = 2
# Of the labels of neighbourhoods those are columns that occur so often among the random architectures, the most
# frequent first.
_FEWEST_OCCURRENCES = 10
_MOST_NEIGHBOURHOODS = 256
_CHUNK = 4096
_AS_THEY_ARE = ("operations", "adjacency")


class FunctionalFeatures(StandardisedBlocks):
    """Turns architectures into rows of numbers.

    All blocks are of the functional graph (:mod:`ganas.spaces.functional_graphs`), in which dead nodes are pruned and
    skips contracted:

    - ``counts``: how many nodes have each label;
    - ``paths``, ``pairs``: the logarithms of the numbers of :func:`ganas.spaces.functional_encodings.functional_paths`
      and :func:`~ganas.spaces.functional_encodings.functional_pairs`;
    - ``weisfeiler-lehman``: how many nodes have each neighbourhood up to depth 2, of those neighbourhoods that are
      frequent in the space;
    - ``size``: the logarithm of the number of parameters, in spaces that have a formula for it and no operation that
      leaves dead nodes behind, for these have parameters as well;
    - ``operations``, ``adjacency``: the graph itself, labels one-hot and how often the target of an edge reads its
      source, for models that read graphs.

    Columns of the others are shifted and scaled by mean and standard deviation over 500 random architectures, which
    cost no query; columns that are constant there are left out.

    Args:
        space: The space.
        names: Which blocks there are, of :data:`FUNCTIONAL_BLOCKS`; ``size`` may be named for any space.
        rng: Draws the random architectures.

    Attributes:
        blocks: Where the columns of each block are; blocks without a column are left out.

    Raises:
        UnknownName: There is no such block.
        InvalidSetting: No column varies in this space.
    """

    def __init__(self, space: Space, names: Sequence[str], *, rng: np.random.Generator) -> None:
        for name in names:
            if name not in FUNCTIONAL_BLOCKS:
                raise unknown_name("block of features", name, FUNCTIONAL_BLOCKS)
        super().__init__()
        self.space = space
        sized = space.has_parameter_count and not space.zero_operations
        self._names = tuple(name for name in names if name != "size" or sized)
        prior = space.sample(PRIOR_SAMPLES, rng=rng)
        graphs = functional_graphs(space, prior)
        cells = 1 + max(max(architecture.cells, default=0) for architecture in prior)
        self._all_labels = np.arange(cells * len(space.operations))
        self._labels = np.flatnonzero(np.bincount(graphs.labels[graphs.present], minlength=len(self._all_labels)))
        self._neighbourhoods = _frequent(weisfeiler_lehman_labels(graphs, _WEISFEILER_LEHMAN_ROUNDS)[1:])
        for name in self._names:
            raw = self._raw(prior, graphs, name)
            if name in _AS_THEY_ARE:
                self._columns.append(np.arange(raw.shape[1]))
                self._mean.append(np.zeros(raw.shape[1]))
                self._deviation.append(np.ones(raw.shape[1]))
            else:
                self._keep_what_varies(raw)
        self._set_blocks(space, names)

    def rows(self, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
        """Numbers that depend on what each architecture computes alone, (len(architectures), width).

        Raises:
            WrongSpace: An architecture is of another space.
            InvalidArchitecture: An architecture has an operation that the space does not know, or too many nodes.
        """
        rows = np.empty((len(architectures), self.width), dtype=np.float32)
        for start in range(0, len(architectures), _CHUNK):
            part = architectures[start : start + _CHUNK]
            graphs = functional_graphs(self.space, part)
            first = 0
            for name, columns, mean, deviation in zip(
                self._names, self._columns, self._mean, self._deviation, strict=True
            ):
                raw = self._raw(part, graphs, name)[:, columns]
                rows[start : start + _CHUNK, first : first + len(columns)] = (raw - mean) / deviation
                first += len(columns)
        return rows

    def _raw(self, architectures: Sequence[Architecture], graphs: FunctionalGraphs, block: str) -> NDArray[np.float64]:
        count = len(architectures)
        if block == "counts":
            return functional_counts(graphs, self._labels)
        if block == "paths":
            return np.log1p(functional_paths(graphs, self._labels))
        if block == "pairs":
            return np.log1p(functional_pairs(graphs, self._labels))
        if block == "weisfeiler-lehman":
            found = weisfeiler_lehman_labels(graphs, _WEISFEILER_LEHMAN_ROUNDS)[1:]
            return _counted(np.concatenate(found), self._neighbourhoods)
        if block == "size":
            sizes = [self.space.parameter_count(architecture) for architecture in architectures]
            return np.log(np.array(sizes, dtype=np.float64))[:, None]
        if block == "operations":
            one_hot = graphs.labels.T[:, :, None] == self._all_labels
            return np.asarray(one_hot.reshape(count, -1), dtype=np.float64)
        return graphs.edges.transpose(2, 0, 1).reshape(count, -1)

    def state(self) -> dict[str, Any]:
        """Labels, columns, means and standard deviations."""
        return {
            "labels": self._labels,
            # Not every format of arrays knows integers of 64 bits without a sign.
            "neighbourhoods": self._neighbourhoods.view(np.int64),
            "columns": self._columns,
            "mean": self._mean,
            "deviation": self._deviation,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        self._labels = np.asarray(state["labels"], dtype=np.int64)
        self._neighbourhoods = np.ascontiguousarray(state["neighbourhoods"], dtype=np.int64).view(np.uint64)
        self._load_columns(self.space, self._names, state, np.float64)


def _frequent(rounds: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """The labels that occur most often, in increasing order."""
    occurring = np.concatenate([labels[labels != 0] for labels in rounds])
    labels, times = np.unique(occurring, return_counts=True)
    order = np.argsort(-times, kind="stable")[:_MOST_NEIGHBOURHOODS]
    return np.sort(labels[order[times[order] >= _FEWEST_OCCURRENCES]])


def _counted(labels: NDArray[np.uint64], columns: NDArray[np.uint64]) -> NDArray[np.float64]:
    """How often each label of a column occurs, (nodes, count) -> (count, columns); ``columns`` are in order."""
    _, count = labels.shape
    if not len(columns):
        return np.zeros((count, 0))
    places = np.minimum(np.searchsorted(columns, labels), len(columns) - 1)
    cells = np.arange(count) * len(columns) + places
    found = np.bincount(cells[columns[places] == labels], minlength=count * len(columns))
    return found.reshape(count, len(columns)).astype(np.float64)


def distinct_rows(rows: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One place of each distinct row, and for each row which of these is equal to it, (rows,).

    The distinct rows stand in an order that depends on their values alone: whoever predicts them one after another
    gives the same whatever the order of ``rows``.

    >>> first, same = distinct_rows(np.array([[1, 2], [0, 0], [1, 2]], dtype=np.float32))
    >>> sorted(first.tolist()), bool(same[0] == same[2])
    ([0, 1], True)
    """
    # A sum with odd 64-bit factors of well-mixed cells: rows that differ agree by a chance of about 2**-60.
    cells = np.ascontiguousarray(rows + np.float32(0.0)).view(np.uint32).astype(np.uint64)
    cells = (cells + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    cells ^= cells >> np.uint64(29)
    factors = np.random.default_rng(0).integers(0, 2**63, cells.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    _, first, same = np.unique((cells * factors).sum(axis=1), return_index=True, return_inverse=True)
    return first, same.reshape(-1)
