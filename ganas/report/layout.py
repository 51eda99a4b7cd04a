"""A layered layout of a DAG: layers by longest path, order by barycentres, long edges led around by bend points.

Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures", 1981.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Layout", "layered_layout"]

Edge = tuple[int, int]

_SWEEPS = 12
# A bend point takes less room across a layer than a node does.
_BEND_ROOM = 0.55


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the nodes stand and how the edges run, in units of one node.

    Attributes:
        layers: Layer of each node, from 0.
        positions: Place of each node across its layer; neighbours are at least one unit apart.
        routes: Edge to the (layer, position) points that it passes, both ends included.
        extent: Smallest and largest position of any node or bend point.
    """

    layers: tuple[int, ...]
    positions: tuple[float, ...]
    routes: dict[Edge, tuple[tuple[int, float], ...]]
    extent: tuple[float, float]


def layered_layout(num_nodes: int, edges: Sequence[Edge]) -> Layout:
    """Lay out a DAG whose edges go from smaller to larger numbers.

    >>> layered_layout(3, [(0, 1), (1, 2), (0, 2)]).layers
    (0, 1, 2)
    """
    layers = _longest_path_layers(num_nodes, edges)
    # Bend points get numbers after the nodes; every edge then joins two adjacent layers.
    levels = list(layers)
    chains: dict[Edge, list[int]] = {}
    short: list[Edge] = []
    for source, target in edges:
        chain = [source]
        for level in range(layers[source] + 1, layers[target]):
            levels.append(level)
            chain.append(len(levels) - 1)
        chain.append(target)
        chains[(source, target)] = chain
        short.extend(itertools.pairwise(chain))
    rows: list[list[int]] = [[] for _ in range(max(levels, default=-1) + 1)]
    for point, level in enumerate(levels):
        rows[level].append(point)
    before: list[list[int]] = [[] for _ in levels]
    after: list[list[int]] = [[] for _ in levels]
    for source, target in short:
        after[source].append(target)
        before[target].append(source)
    rows = _ordered(rows, before, after, short)
    room = [1.0 if point < num_nodes else _BEND_ROOM for point in range(len(levels))]
    place = _placed(rows, before, after, room, num_nodes)
    routes = {edge: tuple((levels[point], place[point]) for point in chain) for edge, chain in chains.items()}
    extent = (min(place, default=0.0), max(place, default=0.0))
    return Layout(tuple(layers), tuple(place[:num_nodes]), routes, extent)


def _longest_path_layers(num_nodes: int, edges: Sequence[Edge]) -> list[int]:
    layers = [0] * num_nodes
    for source, target in sorted(edges):
        layers[target] = max(layers[target], layers[source] + 1)
    # A source other than the first stands just before its first reader, not far away at the left.
    readers: dict[int, list[int]] = {}
    entered = {target for _, target in edges}
    for source, target in edges:
        readers.setdefault(source, []).append(target)
    for node, targets in readers.items():
        if node not in entered:
            layers[node] = min(layers[target] for target in targets) - 1
    # Nodes that nothing reads stand in their own layer; the last node, usually the output, closes the drawing.
    if num_nodes and (num_nodes - 1) in entered:
        layers[-1] = max(layers)
    return layers


def _ordered(
    rows: list[list[int]], before: list[list[int]], after: list[list[int]], short: Sequence[Edge]
) -> list[list[int]]:
    """Sort each row by the mean position of its neighbours, forth and back, and keep the fewest crossings."""
    best, fewest = [list(row) for row in rows], _crossings(rows, short)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        neighbours = before if forward else after
        for row in rows if forward else reversed(rows):
            index = {point: place for other in rows for place, point in enumerate(other)}
            row.sort(key=_mean_of(neighbours, index))
        count = _crossings(rows, short)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
    return best


def _mean_of(neighbours: list[list[int]], index: dict[int, int]) -> Callable[[int], float]:
    def key(point: int) -> float:
        near = neighbours[point]
        return sum(index[other] for other in near) / len(near) if near else float(index[point])

    return key


def _crossings(rows: list[list[int]], short: Sequence[Edge]) -> int:
    index = {point: place for row in rows for place, point in enumerate(row)}
    level = {point: number for number, row in enumerate(rows) for point in row}
    by_level: dict[int, list[tuple[int, int]]] = {}
    for source, target in short:
        by_level.setdefault(level[source], []).append((index[source], index[target]))
    return sum(
        (a - c) * (b - d) < 0
        for pairs in by_level.values()
        for number, (a, b) in enumerate(pairs)
        for c, d in pairs[number + 1 :]
    )


def _placed(
    rows: list[list[int]], before: list[list[int]], after: list[list[int]], room: Sequence[float], num_nodes: int
) -> list[float]:
    """Positions in the given order: pulled to the weighted mean of the neighbours, never closer than their room."""
    place = [0.0] * len(room)
    for row in rows:
        _spread(row, [0.0] * len(row), room, place)

    def wanted(point: int, near: Sequence[int]) -> float:
        # Long edges are straightened first: a piece between two bend points pulls the most.
        pulls = [(1.0, 2.0, 8.0)[(point >= num_nodes) + (other >= num_nodes)] for other in near]
        return sum(pull * place[other] for pull, other in zip(pulls, near, strict=True)) / sum(pulls)

    for sweep in range(4 * _SWEEPS):
        forward = sweep % 2 == 0
        one_sided = sweep < 2 * _SWEEPS  # first find the coarse shape, then even out towards both sides
        for row in rows if forward else reversed(rows):
            targets = []
            for point in row:
                side = before[point] if forward else after[point]
                near = side if one_sided and side else before[point] + after[point]
                targets.append(wanted(point, near) if near else place[point])
            _spread(row, targets, room, place)
    return place


def _spread(row: Sequence[int], wanted: Sequence[float], room: Sequence[float], place: list[float]) -> None:
    """Set the positions of a row nearest to ``wanted`` (least squares) that keep order and room.

    Pool adjacent violators: shift out the minimal distances, then the best non-decreasing fit is made of block means.
    """
    offsets = [0.0]
    for left, right in itertools.pairwise(row):
        offsets.append(offsets[-1] + (room[left] + room[right]) / 2.0)
    blocks: list[tuple[float, float, int]] = []
    for point, target, offset in zip(row, wanted, offsets, strict=False):
        # Bend points give way less than nodes do: a long edge with a kink is what a reader notices.
        weight = 1.0 if room[point] == 1.0 else 4.0
        total, size = weight * (target - offset), 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / weight:
            previous = blocks.pop()
            total, weight, size = total + previous[0], weight + previous[1], size + previous[2]
        blocks.append((total, weight, size))
    shifted = [total / weight for total, weight, size in blocks for _ in range(size)]
    for point, value, offset in zip(row, shifted, offsets, strict=False):
        place[point] = value + offset
