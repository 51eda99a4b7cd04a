"""Graphs in parts: columns between which no edge runs, each encoded once for all graphs that have it in common."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

__all__ = ["column_ranges", "distinct_graphs"]

_MULTIPLIER = 6_364_136_223_846_793_005


def column_ranges(edges: Tensor) -> list[tuple[int, int]]:
    """Split the columns of a batch where no edge of any graph runs from one side to the other.

    Every range but the only one has an edge in some graph, so that padding and nodes without edges make none.

    Args:
        edges: 1 at ``[b, source, target]``, sources before targets, (batch, nodes, nodes).

    Returns:
        First column and one past the last of each range, in order, all columns together.

    >>> edges = torch.zeros(1, 5, 5)
    >>> edges[0, 0, 1] = edges[0, 2, 4] = 1
    >>> column_ranges(edges)
    [(0, 2), (2, 5)]
    """
    nodes = edges.shape[1]
    pairs = edges.amax(dim=0).nonzero().tolist()
    starts = [0]
    reached = 0
    # Sources increase, and what starts beyond all that was reached starts a range.
    for source, target in pairs:
        if source > reached > 0:
            starts.append(reached + 1)
        reached = max(reached, target)
    return list(pairwise([*starts, nodes]))


def distinct_graphs(labels: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    """Find equal graphs in a batch.

    Args:
        labels: (batch, nodes) int64.
        edges: 1 or 0 at ``[b, source, target]``, (batch, nodes, nodes).

    Returns:
        Numbers of graphs of which no two are equal, (distinct,), and for each graph the place among them of the one
        that is equal to it, (batch,).
    """
    content = torch.cat([labels, edges.flatten(1).to(torch.int64)], dim=1)
    # Powers of an odd number, sums wrapping around: different graphs hardly ever share a code, and it is noticed.
    multipliers = torch.full((content.shape[1],), _MULTIPLIER, device=content.device).cumprod(dim=0)
    codes = (content * multipliers).sum(dim=1)
    _, which = codes.unique(return_inverse=True)
    numbers = torch.arange(len(codes), device=codes.device)
    first = torch.full((int(which.max()) + 1,), len(codes), device=codes.device).scatter_reduce(
        0, which, numbers, "amin"
    )
    if not torch.equal(content[first[which]], content):
        return numbers, numbers
    return first, which
