"""What a query of GA-NAS costs in spaces of different sizes: DARTS, of 10^18 architectures, beside NAS-Bench-201.

Run it as ``python perf/darts.py``; it needs the extra ``torch``, takes one to three minutes, and exits with 1 when a
query on DARTS costs more than five times one on NAS-Bench-201, measured in turns in the same run. On Linux the process
keeps to one core. Seconds are of the processor and of one thread. The benchmark is a made-up objective that costs next
to nothing, so what is measured is the strategy and what it asks of the space.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np
import torch

from ganas.bench.toy import ToyBenchmark
from ganas.spaces.registry import load_space
from ganas.study import Study

SPACES = ("nasbench201", "nasbench101", "darts")
STRATEGIES = ("ganas", "ganas-basic")
BUDGET = 150
SEEDS = 2
MOST_TIMES = 5.0


def search_seconds(space: str, strategy: str, budget: int, seed: int) -> float:
    """Seconds of a search."""
    benchmark = ToyBenchmark(load_space(space))
    begun = time.process_time()
    Study(benchmark, strategy, budget=budget, seed=seed).run()
    return time.process_time() - begun


def objective_seconds(space: str, count: int = BUDGET) -> float:
    """Seconds of the queries alone."""
    benchmark = ToyBenchmark(load_space(space))
    drawn = benchmark.space.sample(count, rng=np.random.default_rng(0))
    begun = time.process_time()
    for architecture in drawn:
        benchmark.query(architecture)
    return time.process_time() - begun


def main() -> int:
    """Print the table of figures; return 1 if one is outside its bar."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    print(f"Python {sys.version.split()[0]}, torch {torch.__version__}, numpy {np.__version__}, one core and thread")
    print(f"milliseconds of one of {BUDGET} queries, best of {SEEDS} seeds\n")
    print(
        f"{'space':<12} {'architectures':>14} {'objective':>10}", *(f"{name:>12} {'ratio':>6}" for name in STRATEGIES)
    )
    taken: dict[tuple[str, str], float] = {}
    for strategy in STRATEGIES:
        for space in SPACES:
            search_seconds(space, strategy, budget=12, seed=0)  # what is made once in a process
        for seed in range(SEEDS):
            for space in SPACES:
                seconds = search_seconds(space, strategy, BUDGET, seed) / BUDGET
                taken[space, strategy] = min(seconds, taken.get((space, strategy), np.inf))
    ratios = []
    for space in SPACES:
        size = load_space(space).size
        line = [
            f"{space:<12} {'-' if size is None else f'{size:.3g}':>14} {1e3 * objective_seconds(space) / BUDGET:>10.2f}"
        ]
        for strategy in STRATEGIES:
            ratio = taken[space, strategy] / taken[SPACES[0], strategy]
            line.append(f"{1e3 * taken[space, strategy]:>12.1f} {ratio:>6.2f}")
            ratios += [ratio] if space == "darts" else []
        print(*line)
    print(f"\nDARTS in times of NAS-Bench-201: {max(ratios):.2f}, bar <= {MOST_TIMES:g}")
    return 0 if max(ratios) <= MOST_TIMES else 1


if __name__ == "__main__":
    raise SystemExit(main())
