r"""NAS-Bench-201 with a penalty for size: tables whose optimum lies inside the space.

On the embedded tables of NAS-Bench-201 the best cells are nearly the largest ones, so a strategy that learns nothing
and goes by size (``largest-first``) does well there. Each table made here is an embedded one with

    9 * (9 * n_3x3 + n_1x1) / 54

percentage points taken off every trial's validation accuracy, where n_3x3 and n_1x1 count the convolutions on live
edges (those on a path from input to output without ``none``). The cell of six 3x3 convolutions loses 9 points, one of
pooling and skips nothing. The numbers are measured ones minus a made-up penalty: they tell strategies apart, and say
nothing about a network.

From the root of a checkout the tables have places as their names::

    ganas compare --benchmarks examples/penalised_tables.py:cifar100,examples/penalised_tables.py:imagenet16 \
        --strategies local-search,largest-first --seeds 10 --budget 400 --stop-at-optimum --jobs 2 --out runs/penalised

``python examples/penalised_tables.py`` prints what the penalty does to the optimum.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas
from numpy.typing import NDArray

import ganas
from ganas.data.catalog import card
from ganas.spaces.architecture import Architecture
from ganas.spaces.encodings import live_operation_counts
from ganas.spaces.space import Space

__all__ = ["cifar10", "cifar100", "imagenet16", "penalised", "size_penalty"]

DATASETS = ("cifar10", "cifar100", "imagenet16")


def cifar10() -> ganas.TabularBenchmark:
    """The penalised table of CIFAR-10."""
    return penalised("cifar10")


def cifar100() -> ganas.TabularBenchmark:
    """The penalised table of CIFAR-100."""
    return penalised("cifar100")


def imagenet16() -> ganas.TabularBenchmark:
    """The penalised table of ImageNet16-120."""
    return penalised("imagenet16")


def penalised(dataset: str) -> ganas.TabularBenchmark:
    """Take the penalty off an embedded table.

    Args:
        dataset: ``cifar10``, ``cifar100`` or ``imagenet16``.

    Returns:
        The table ``nasbench201-<dataset>-penalised``: ``penalised_accuracy`` (each trial penalised alike, so that the
        mean over trials is the penalised mean), ``train_seconds`` as its cost, and ``parameters``.
    """
    original = _embedded(dataset)
    cells = list(original.space.enumerate())
    trials = _trials(original, cells) - size_penalty(original.space, cells)[:, None]
    columns = tuple(f"trial_{number}" for number in range(trials.shape[1]))
    kept = ["train_seconds", "parameters"]
    numbers = np.hstack([trials, original.query_many(cells, kept)])
    frame = pandas.DataFrame({"cell": cells, **dict(zip([*columns, *kept], numbers.T, strict=True))})
    metric = replace(
        original.metric(),
        name="penalised_accuracy",
        description="validation accuracy minus 9 * (9 n_3x3 + n_1x1) / 54 over live edges",
    )
    return ganas.TabularBenchmark.from_frame(
        name=f"{original.name}-penalised",
        space=original.space,
        frame=frame,
        architecture="cell",
        metrics={columns: metric, **{name: original.metric(name) for name in kept}},
        cost="train_seconds",
    )


def size_penalty(space: Space, cells: list[Architecture]) -> NDArray[np.float64]:
    """What each cell loses, in percentage points, (len(cells),)."""
    live = live_operation_counts(space, cells).astype(np.float64)
    large, small = (live[:, space.operations.index(name)] for name in ("nor_conv_3x3", "nor_conv_1x1"))
    loss: NDArray[np.float64] = 9 * (9 * large + small) / 54
    return loss


def _embedded(dataset: str) -> ganas.TabularBenchmark:
    return ganas.TabularBenchmark.from_card(card(f"nasbench201-{dataset}"))


def _trials(table: ganas.TabularBenchmark, cells: list[Architecture]) -> NDArray[np.float64]:
    """Every trial of the objective at its position, NaN where there is none, (len(cells), most trials)."""
    positions = [table.query(cell).trials for cell in cells]
    trials = np.full((len(cells), 1 + max(map(max, positions))), np.nan)
    for row, cell in enumerate(cells):
        trials[row, list(positions[row])] = table.trial_values(cell)
    return trials


def main() -> None:
    """Print the best value and the best cell of each table, with the penalty and without."""
    print(f"{'table':<34} {'best':>7}  live 3x3  cell")
    for dataset in DATASETS:
        for table in (_embedded(dataset), penalised(dataset)):
            best = table.optimum()
            (live,) = live_operation_counts(table.space, [best.architecture])
            convolutions = int(live[table.space.operations.index("nor_conv_3x3")])
            print(f"{table.name:<34} {best.value:7.3f}  {convolutions:8}  {table.space.format(best.architecture)}")


if __name__ == "__main__":
    main()
