"""Graphs in parts: ranges of columns between which no edge runs, and the graphs that have a part in common.

Architectures of several cells are graphs of several components, and the partial graphs that a generator meets on its
way share the cells that are finished. So each part is encoded once, however many graphs of a batch have it.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

__all__ = ["column_ranges", "distinct_graphs"]

_MULTIPLIER = 6_364_136_223_846_793_005
# The edges into a node are read as one number, which is exact in float64.
_MOST_COLUMNS = 52


def column_ranges(edges: Tensor) -> list[tuple[int, int]]:
    """Split the columns of a batch where no edge of any graph runs from one side to the other.

    Every range has an edge in some graph, but for the only one of graphs without edges: padding makes no range.

    Args:
        edges: 1 at ``[b, source, target]``, sources before targets, (batch, nodes, nodes).

    Returns:
        First column and one past the last of each range, in order, all columns together.

    >>> edges = torch.zeros(1, 6, 6)
    >>> edges[0, 0, 1] = edges[0, 2, 4] = 1
    >>> column_ranges(edges)
    [(0, 2), (2, 6)]
    """
    starts = [0]
    reached = 0
    # By source: one beyond everything that was reached starts a range.
    for source, target in edges.amax(dim=0).nonzero().tolist():
        if source > reached > 0:
            starts.append(reached + 1)
        reached = max(reached, target)
    return list(pairwise([*starts, edges.shape[1]]))


def distinct_graphs(operation_ids: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    """Find equal graphs in a batch.

    Args:
        operation_ids: -1 where no node is, (batch, nodes) int64.
        edges: 1 or 0 at ``[b, source, target]``, (batch, nodes, nodes).

    Returns:
        Numbers of graphs of which no two are equal, (distinct,), and for each graph the place among them of the one
        that is equal to it, (batch,). Of more than 52 columns every graph counts as distinct.
    """
    batch, nodes = operation_ids.shape
    numbers = torch.arange(batch, device=edges.device)
    if nodes > _MOST_COLUMNS:
        return numbers, numbers
    bits = 2.0 ** torch.arange(nodes, device=edges.device, dtype=torch.float64)
    content = torch.cat([operation_ids, (bits @ edges.to(torch.float64)).to(torch.int64)], dim=1)
    # Powers of an odd number, sums wrapping around: different graphs hardly ever share a code, and it is noticed.
    codes = content @ torch.full((2 * nodes,), _MULTIPLIER, device=edges.device).cumprod(dim=0)
    _, which = torch.unique(codes, return_inverse=True)
    first = numbers.new_full((int(which.max()) + 1,), batch).scatter_reduce(0, which, numbers, "amin")
    if not torch.equal(content[first[which]], content):
        return numbers, numbers
    return first, which
