"""Real accuracies of every cell of NAS-Bench-101 with at most 5 vertices, after 4 epochs, from the files of EC-NAS.

Bakhtiarifard, Igel and Selvan, "EC-NAS: Energy Consumption Aware Tabular Benchmarks for Neural Architecture Search",
https://arxiv.org/abs/2210.06015; data at https://github.com/PedramBakh/EC-NAS-Bench (MIT). They are not in this
repository: the folder that is named must hold ``ecnas_4epochs_results.jsonl.gz``, the ``results.json`` of every
training as one JSON object a line, compressed.

The 2,532 cells were trained once on CIFAR-10, the 91 of at most 4 vertices three times more. That is a small part of
the space: what a strategy asks beyond it was not measured, counts as a query, and is told as a failed evaluation. With
:data:`FEW_VERTICES` as a constraint a strategy stays inside and pays for nothing else::

    ganas.search(small_cells(folder), "local-search", budget=150, seed=0, constraints=[FEW_VERTICES])

``python examples/nasbench101_small_cells.py FOLDER`` prints the best cells.
"""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas

import ganas
from ganas.spaces.errors import DataError
from ganas.spaces.nasbench101.space import NASBench101

__all__ = ["FEW_VERTICES", "small_cells"]

FILE_NAME = "ecnas_4epochs_results.jsonl.gz"
# How the files number the labels of the official code.
LABELS = {-1: "input", -2: "output", 0: "conv3x3-bn-relu", 1: "conv1x1-bn-relu", 2: "maxpool3x3"}
EPOCHS = 4
METRICS = {
    "validation_accuracy": ganas.Metric("valid_accuracy", "fraction", "valid", epochs=(EPOCHS,)),
    "test_accuracy": ganas.Metric("test_accuracy", "fraction", "test", epochs=(EPOCHS,)),
    "training_time": ganas.Metric("train_seconds", "seconds", None, higher_is_better=False, epochs=(EPOCHS,)),
}


def _has_few_vertices(cell: ganas.Architecture) -> bool:
    return cell.num_nodes <= 5


FEW_VERTICES = ganas.PredicateConstraint("at most 5 vertices", _has_few_vertices)
"""Keeps a search to the cells that may be in the table."""


def small_cells(folder: str | Path) -> ganas.TabularBenchmark:
    """Read the table ``nasbench101-small-cells``.

    Args:
        folder: Where the file is.

    Returns:
        ``valid_accuracy`` and ``test_accuracy`` (fractions), ``train_seconds``, the cost, each after 4 epochs and per
        trial, and ``parameters``. The first trial of a cell is the one that all cells have.

    Raises:
        DataError: The file is missing, or is not what it should be.
    """
    path = Path(folder) / FILE_NAME
    space = NASBench101()
    cells: dict[int, ganas.Architecture] = {}
    parameters: dict[int, int] = {}
    runs: dict[int, list[tuple[str, int, list[float]]]] = defaultdict(list)
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                cell = space.from_matrix(record["adjacency"], [LABELS[number] for number in record["ops"]])
                key = space.identity_key(cell)
                last = next(item for item in record["evaluation_results"] if item["epochs"] == EPOCHS)
                cells[key], parameters[key] = cell, record["trainable_params"]
                runs[key].append((record["space"], record["repeat"], [float(last[name]) for name in METRICS]))
    except FileNotFoundError:
        raise DataError(f"there is no {FILE_NAME} in {folder}") from None
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, StopIteration, ganas.GanasError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path} cannot be read as results of EC-NAS: {reason}") from error
    if not cells:
        raise DataError(f"{path} holds no results")
    trials = max(map(len, runs.values()))
    values = np.full((len(METRICS), trials, len(cells)), np.nan)
    for column, of_cell in enumerate(runs.values()):
        # The run of all cells of at most 5 vertices ("5V9E") before the repeats of the smaller ones ("4V9E").
        ordered = sorted(of_cell, key=lambda run: (run[0] != "5V9E", run[1]))
        for trial, (_, _, measured) in enumerate(ordered):
            values[:, trial, column] = measured
    names = {name: tuple(f"{name}_{trial}" for trial in range(trials)) for name in METRICS}
    columns = [column for of_metric in names.values() for column in of_metric]
    frame = pandas.DataFrame(
        {
            "cell": list(cells.values()),
            "parameters": list(parameters.values()),
            **dict(zip(columns, values.reshape(len(columns), -1), strict=True)),
        }
    )
    return ganas.TabularBenchmark.from_frame(
        name="nasbench101-small-cells",
        space=space,
        frame=frame,
        architecture="cell",
        metrics={
            **{names[name]: metric for name, metric in METRICS.items()},
            "parameters": ganas.Metric("parameters", "count", higher_is_better=False),
        },
        cost="train_seconds",
    )


def main() -> None:
    """Print the ten best cells of the folder named on the command line."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} FOLDER")
    try:
        benchmark = small_cells(sys.argv[1])
    except DataError as error:
        sys.exit(f"Error: {error}")
    print(f"{benchmark.num_rows:,} cells")
    for rank, best in enumerate(benchmark.top(10), start=1):
        print(f"{rank:2}  {best.value:.4f}  {benchmark.space.format(best.architecture)}")


if __name__ == "__main__":
    main()
