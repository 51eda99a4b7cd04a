"""Surrogates of the real accuracies of small NAS-Bench-101 cells, judged as ``ganas surrogate evaluate`` does.

``python examples/judge_small_cells.py FOLDER RUN [MODELS [SEEDS]]``: FOLDER holds the file that
``examples/nasbench101_small_cells.py`` reads, RUN is where judgements and report are kept (the same command goes on
where it stopped), MODELS are names with commas between them or ``all``, SEEDS as for the command.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

from ganas.bench.surrogate.models import DEFAULT_MODEL, MODELS
from ganas.experiment import parse_seeds
from ganas.judging import SurrogateGrid, judge_surrogates
from ganas.report.surrogates import report_surrogates
from ganas.spaces.errors import GanasError
from ganas.spaces.registry import load_place

SMALL_CELLS = f"{Path(__file__).with_name('nasbench101_small_cells.py')}:small_cells"


def main() -> None:
    """Judge, write the report and print where it is."""
    if not 3 <= len(sys.argv) <= 5:
        sys.exit(f"usage: python {sys.argv[0]} FOLDER RUN [MODELS [SEEDS]]")
    folder, run, models, seeds = (*sys.argv[1:], *(DEFAULT_MODEL, "20")[len(sys.argv) - 3 :])
    try:
        grid = SurrogateGrid(
            models=tuple(MODELS) if models == "all" else tuple(models.split(",")),
            seeds=parse_seeds(seeds),
            splits=("random",),
        )
        table: Any = load_place("example", SMALL_CELLS)(folder)
        judge_surrogates(table, grid, run, command=shlex.join(["python", *sys.argv]))
        print(f"report: {report_surrogates(run).html}")
    except GanasError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
