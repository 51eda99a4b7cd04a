"""From the relaxed architecture of the search to one of the space.

The cell is discretised as the official code of DARTS does it (``rnn/model_search.py``): each node keeps the predecessor
whose best operation has the largest probability, with that operation; ``none`` does not count, and of equals the first
wins. For the connections the rule is ours: each term keeps its likeliest operation and lag in the same way, and a gate
is absent if ``none`` is the likeliest on every one of its lags.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ganas.spaces.errors import InvalidSetting
from ganas.spaces.rnn.genotype import ACTIVATIONS, GROUPS, PRIMITIVES, Connections, RecurrentCell, Term

__all__ = ["discretise_cell", "discretise_connections"]


def discretise_cell(probabilities: ArrayLike, concat: tuple[int, ...] | None = None) -> RecurrentCell:
    """The cell that relaxed edges stand for.

    Args:
        probabilities: Of each operation of ``PRIMITIVES`` on each edge, (N (N + 1) / 2, 5); edges into node 1 come
            first, then those into node 2 by predecessor, and so on.
        concat: The nodes whose mean is the output; None for all.

    Raises:
        InvalidSetting: The shape is none of a cell.

    >>> edges = [[0.9, 0.1, 0, 0, 0], [0.2, 0.2, 0.2, 0.2, 0.2], [0, 0, 0.3, 0.4, 0.3]]
    >>> discretise_cell(edges).nodes
    (('tanh', 0), ('sigmoid', 1))
    """
    edges = np.asarray(probabilities, dtype=np.float64)
    nodes = round((np.sqrt(8 * len(edges) + 1) - 1) / 2) if edges.ndim == 2 else 0
    if not nodes or edges.shape != (nodes * (nodes + 1) // 2, len(PRIMITIVES)):
        raise InvalidSetting(f"edges of a cell are (N (N + 1) / 2, {len(PRIMITIVES)}), not {edges.shape}")
    chosen = []
    for node in range(1, nodes + 1):
        first = node * (node - 1) // 2
        # In order of predecessors, so that the first of equals is the earliest.
        predecessor, operation = divmod(int(edges[first : first + node, 1:].argmax()), len(ACTIVATIONS))
        chosen.append((ACTIVATIONS[operation], predecessor))
    return RecurrentCell(tuple(chosen), tuple(range(1, nodes + 1)) if concat is None else tuple(concat))


def discretise_connections(probabilities: ArrayLike) -> Connections:
    """The connections that relaxed ones stand for.

    Args:
        probabilities: Of each operation of ``PRIMITIVES`` on each lag of each group, (4, m, 5).

    Raises:
        InvalidSetting: The shape is none of connections.
    """
    lags = np.asarray(probabilities, dtype=np.float64)
    if lags.ndim != 3 or lags.shape[::2] != (len(GROUPS), len(PRIMITIVES)) or not lags.shape[1]:
        raise InvalidSetting(f"lags of connections are ({len(GROUPS)}, m, {len(PRIMITIVES)}), not {lags.shape}")
    terms: list[Term | None] = []
    for group, rows in zip(GROUPS, lags, strict=True):
        lag, operation = divmod(int(rows[:, 1:].argmax()), len(ACTIVATIONS))
        is_absent = group.optional and not rows.argmax(axis=1).any()
        terms.append(None if is_absent else Term(ACTIVATIONS[operation], group.first_lag + lag))
    h, h_gate, x, x_gate = terms
    assert h is not None and x is not None  # only gates are optional
    return Connections(h, h_gate, x, x_gate)
