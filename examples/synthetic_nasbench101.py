r"""A made-up objective on every cell of NAS-Bench-101, for tests of search strategies without the official file.

Nothing here is measured, and the numbers say nothing about a network. What the objective has in common with measured
tables is what makes them hard to search: it depends on paths and not on single choices, its parts interact, the
largest cell is not the best one, and neighbours differ by noise that does not go away.

The score of a cell, in points, is the sum of

    50
    + 16 depth / (1 + depth)                    more on one path helps, less and less
    + 5 (1 - 1 / paths)                         so do parallel paths
    + 3 shortcut min(1, depth / 2)              an edge from input to output, in deep cells
    + 1.5 min(2, bottlenecks)                   1x1 convolutions that feed a 3x3 convolution
    + 1.2 min(2, depth - shallowest)            paths of unlike depth side by side
    - 1.5 pool_chains                           a pooling that feeds a pooling
    - 0.25 (n_3x3 + n_1x1 / 9)^2                size
    + 0.5 noise

where the depth of a path is the sum over its vertices of 1 for a 3x3 convolution, 0.35 for a 1x1 convolution and 0.2
for a pooling; ``depth`` and ``shallowest`` are the largest and the smallest over the paths from input to output;
``paths`` is how many there are; ``shortcut`` is 1 with an edge from input to output and 0 without; ``bottlenecks`` and
``pool_chains`` count edges; n_3x3 and n_1x1 count vertices. Every vertex of a cell is on such a path (cells are
pruned). The noise is a number from -1 to 1 with a triangular distribution, made from the number of the cell
(``identity_key``) and a fixed seed by the mixing function of SplitMix64. Scores are rounded to 6 decimals, so that
they are the same to the last bit on every machine.

From the root of a checkout::

    ganas compare --benchmarks examples/synthetic_nasbench101.py:table \
        --strategies random-search,local-search,regularized-evolution --seeds 10 --budget 1000 --out runs/synthetic

``python examples/synthetic_nasbench101.py`` prints the best cells. Building the table takes three to five seconds, in
every process that uses it.
"""

from __future__ import annotations

import numpy as np
import pandas
from numpy.typing import NDArray

import ganas
from ganas.spaces.encodings import GraphBatch, graph_arrays
from ganas.spaces.space import Space

__all__ = ["noise", "structure_scores", "table"]

NOISE_SEED = 101
NOISE_SIZE = 0.5
# What a vertex adds to the depth of a path.
DEPTHS = {"conv3x3-bn-relu": 1.0, "conv1x1-bn-relu": 0.35, "maxpool3x3": 0.2}
# Cells at a time: their arrays stay in the processor's cache.
_CHUNK = 8192


def table() -> ganas.TabularBenchmark:
    """The table ``nasbench101-synthetic``: ``score`` of all 423,624 cells."""
    space = ganas.load_space("nasbench101")
    cells = list(space.enumerate())
    scores = np.empty(len(cells))
    for start in range(0, len(cells), _CHUNK):
        scores[start : start + _CHUNK] = structure_scores(space, graph_arrays(space, cells[start : start + _CHUNK]))
    keys = np.array([space.identity_key(cell) for cell in cells], dtype=np.uint64)
    scores = np.round(scores + NOISE_SIZE * noise(keys), 6)
    return ganas.TabularBenchmark.from_frame(
        name="nasbench101-synthetic",
        space=space,
        frame=pandas.DataFrame({"cell": cells, "score": scores}),
        architecture="cell",
        metrics={"score": ganas.Metric("score", "points", "valid", description="made up; see the source")},
    )


def structure_scores(space: Space, batch: GraphBatch) -> NDArray[np.float64]:
    """The score without the noise, (count,)."""
    adjacency = batch.adjacency
    count, nodes = batch.node_mask.shape
    number = {operation: index for index, operation in enumerate(space.operations)}
    is_large, is_small, is_pool = (batch.operation_ids == number[name] for name in DEPTHS)
    adds = sum(depth * (batch.operation_ids == number[name]) for name, depth in DEPTHS.items())
    # Of the paths from the input to each vertex, the vertex included.
    paths = np.zeros((count, nodes))
    deepest = np.full((count, nodes), -np.inf)
    shallowest = np.full((count, nodes), np.inf)
    paths[:, 0], deepest[:, 0], shallowest[:, 0] = 1, 0, 0
    for node in range(1, nodes):
        sources = adjacency[:, :node, node]
        paths[:, node] = (paths[:, :node] * sources).sum(axis=1)
        deepest[:, node] = np.where(sources, deepest[:, :node], -np.inf).max(axis=1) + adds[:, node]
        shallowest[:, node] = np.where(sources, shallowest[:, :node], np.inf).min(axis=1) + adds[:, node]
    rows, output = np.arange(count), batch.node_mask.sum(axis=1) - 1
    depth = deepest[rows, output]
    size = is_large.sum(axis=1) + is_small.sum(axis=1) / 9
    bottlenecks = (adjacency & is_small[:, :, None] & is_large[:, None, :]).sum(axis=(1, 2))
    pool_chains = (adjacency & is_pool[:, :, None] & is_pool[:, None, :]).sum(axis=(1, 2))
    scores: NDArray[np.float64] = (
        50
        + 16 * depth / (1 + depth)
        + 5 * (1 - 1 / paths[rows, output])
        + 3 * adjacency[rows, 0, output] * np.minimum(1, depth / 2)
        + 1.5 * np.minimum(2, bottlenecks)
        + 1.2 * np.minimum(2, depth - shallowest[rows, output])
        - 1.5 * pool_chains
        - 0.25 * size**2
    )
    return scores


def noise(keys: NDArray[np.uint64]) -> NDArray[np.float64]:
    """A number from -1 to 1 for each key, always the same, with a triangular distribution, (count,).

    The mixing function is that of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators",
    OOPSLA 2014): 64 bits whose halves are two uniform numbers.
    """
    golden = 0x9E3779B97F4A7C15
    mixed = keys + np.uint64(NOISE_SEED * golden % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    halves = (mixed >> np.uint64(32)).astype(np.float64), (mixed & np.uint64(0xFFFFFFFF)).astype(np.float64)
    numbers: NDArray[np.float64] = (halves[0] - halves[1]) / 2**32
    return numbers


def main() -> None:
    """Print the ten best cells."""
    benchmark = table()
    for rank, best in enumerate(benchmark.top(10), start=1):
        print(f"{rank:2}  {best.value:9.6f}  {benchmark.space.format(best.architecture)}")


if __name__ == "__main__":
    main()
