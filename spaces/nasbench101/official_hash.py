"""The md5 hash by which the official files of NAS-Bench-101 name their cells.

Written from the description of ``graph_util.hash_module`` of the official code (Ying et al., "NAS-Bench-101: Towards
Reproducible Neural Architecture Search", ICML 2019, https://arxiv.org/abs/1902.09635, section 2.2). It is colour
refinement with md5 sums as colours; its authors found it to tell all cells of the benchmark apart. Ganas compares
cells by exact keys and needs the hash only to read and to name official records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ganas.spaces.architecture import Architecture
from ganas.spaces.nasbench101.notation import INPUT, INTERIOR_OPERATIONS, OUTPUT, matrix_of

__all__ = ["hash_matrix", "official_hash"]

_LABELS = {INPUT: -1, OUTPUT: -2} | {operation: number for number, operation in enumerate(INTERIOR_OPERATIONS)}


def official_hash(architecture: Architecture) -> str:
    """The hash of a cell, 32 hexadecimal digits.

    >>> cell = Architecture("nasbench101", ["input", "conv3x3-bn-relu", "output"], [(0, 1), (1, 2)])
    >>> official_hash(cell)
    'b49ac8c578b4561d79ac7087988f1c61'
    """
    matrix, operations = matrix_of(architecture)
    return hash_matrix(matrix, [_LABELS[operation] for operation in operations])


def hash_matrix(matrix: ArrayLike, labels: Sequence[int]) -> str:
    """The hash of a matrix, (vertices, vertices), with labels -1 (input), -2 (output) and 0 to 2; nothing is pruned."""
    # The first colours are the text of a tuple: as floats, degrees would read "1.0" and give other hashes.
    array = np.asarray(matrix).astype(np.int64)
    degrees = zip(array.sum(axis=1).tolist(), array.sum(axis=0).tolist(), labels, strict=True)
    colours = [_md5(str((out_degree, in_degree, int(label)))) for out_degree, in_degree, label in degrees]
    sources = [np.flatnonzero(column).tolist() for column in array.T]
    targets = [np.flatnonzero(row).tolist() for row in array]
    for _ in labels:
        colours = [
            _md5(
                "".join(sorted(colours[source] for source in sources[vertex]))
                + "|"
                + "".join(sorted(colours[target] for target in targets[vertex]))
                + "|"
                + colour
            )
            for vertex, colour in enumerate(colours)
        ]
    return _md5(str(sorted(colours)))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
