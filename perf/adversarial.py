"""How fast GA-NAS searches, and how fast its generator draws NAS-Bench-101 cells, on one core with one torch thread.

Run it as ``python perf/adversarial.py [--quick]``; it needs the extra ``torch`` and exits with 1 when a figure is
outside its bar. (A file named like the package would hide it from every script of this folder.) On Linux the process
keeps to one core. Seconds of searches are of the processor: what a clock on the wall shows on a machine that does
nothing else. ``--quick`` leaves out the searches of 1,000 queries.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

import numpy as np
import torch

from ganas.adversarial.generator import Generator
from ganas.adversarial.policy_gradient import MaximumLikelihood
from ganas.bench.registry import load_benchmark
from ganas.spaces.nasbench101.space import NASBench101
from ganas.study import Study

SPACE = NASBench101()
TABLES = ("nasbench201-cifar10", "nasbench201-cifar100", "nasbench201-imagenet16")
LEAST_CELLS_PER_SECOND = 2_000
MOST_SEARCH_SECONDS = 6.0
# Time of a query past the 400th in that of one between the 150th and the 400th. Where it grew with the number of
# queries it would be about 2.5. (Up to 200 evaluations it does grow: the Gaussian process takes in that many.)
MOST_GROWTH = 1.5
MARKS = (50, 150, 400, 1000)


def search_seconds(strategy: str, table: str, repeat: int = 3) -> tuple[float, float]:
    """Seconds of a search of 150 queries, over that many seeds: the best, and the mean."""
    taken = []
    for seed in range(repeat):
        begun = time.process_time()
        Study(load_benchmark(table), strategy, budget=150, seed=seed).run()
        taken.append(time.process_time() - begun)
    return min(taken), float(np.mean(taken))


def seconds_per_query(strategy: str, table: str) -> list[float]:
    """Seconds of one query, averaged from each of the marks (the first from the start) to the next."""
    moments = [time.process_time()]
    study = Study(load_benchmark(table), strategy, budget=MARKS[-1], seed=0)
    study.run(progress=lambda _: moments.append(time.process_time()))
    return [(moments[stop] - moments[start]) / (stop - start) for start, stop in zip((0, *MARKS), MARKS, strict=False)]


def sampling_rate(generator: Generator, batch_size: int, repeat: int = 7) -> tuple[float, float]:
    """Cells a second, the best of ``repeat`` batches, and the mean number of vertices of these cells."""
    draws = torch.Generator().manual_seed(0)
    best, vertices = np.inf, []
    for _ in range(repeat):
        begun = time.perf_counter()
        samples = generator.sample(batch_size, generator=draws, epsilon=0.02)
        best = min(best, time.perf_counter() - begun)
        vertices += [cell.num_nodes for cell in samples.architectures]
    return float(batch_size / best), float(np.mean(vertices))


def fitted_generator() -> Generator:
    """A generator of the default size, fitted to 1,000 cells of the uniform distribution: nearly all have 7 vertices.

    A new one ends a cell with one step in four, and its cells are cheap.
    """
    generator = Generator(SPACE, generator=torch.Generator().manual_seed(1))
    truth = SPACE.building_sequences(SPACE.sample(1000, rng=np.random.default_rng(0)))
    draws = torch.Generator().manual_seed(2)
    method = MaximumLikelihood(generator, steps=30, learning_rate=3e-3)
    method.update(generator, generator.sample(8, generator=draws), np.zeros(8), truth, rng=draws)
    return generator


def measure_sampling() -> bool:
    """Print cells a second; whether all are fast enough."""
    new, fitted = Generator(SPACE, generator=torch.Generator().manual_seed(1)), fitted_generator()
    print(f"{'sampling NAS-Bench-101 cells (hidden 64)':<42} {'batch':>6} {'vertices':>9} {'cells/s':>10} {'bar':>9}")
    rates = []
    for name, generator in (("new generator", new), ("fitted to the uniform distribution", fitted)):
        for batch_size in (64, 256, 1024):
            rate, vertices = sampling_rate(generator, batch_size)
            bar = f">= {LEAST_CELLS_PER_SECOND:,}" if batch_size >= 256 else ""
            print(f"{name:<42} {batch_size:>6} {vertices:>9.2f} {rate:>10,.0f} {bar:>9}")
            if batch_size >= 256:
                rates.append(rate)
    return min(rates) >= LEAST_CELLS_PER_SECOND


def measure_searches() -> bool:
    """Print seconds of searches; whether all are fast enough."""
    print(f"\n{'search of 150 queries':<42} {'strategy':>11} {'best, s':>9} {'mean, s':>9} {'bar':>9}")
    best = []
    for strategy in ("ganas", "ganas-basic"):
        for table in TABLES:
            fastest, mean = search_seconds(strategy, table)
            print(f"{table:<42} {strategy:>11} {fastest:>9.2f} {mean:>9.2f} {f'<= {MOST_SEARCH_SECONDS:g}':>9}")
            best.append(fastest)
    return max(best) <= MOST_SEARCH_SECONDS


def measure_growth() -> bool:
    """Print how the time of a query grows with their number; whether it hardly does."""
    print(f"\n{'milliseconds of a query, queries':<42}" + "".join(f" {f'to {mark}':>9}" for mark in MARKS) + "  bar")
    grown = []
    for strategy in ("ganas", "ganas-basic"):
        seconds = seconds_per_query(strategy, TABLES[-1])
        values = "".join(f" {1e3 * value:>9.2f}" for value in seconds)
        print(f"{strategy + ' on ' + TABLES[-1]:<42}{values}  last <= {MOST_GROWTH:g} x third")
        grown.append(seconds[-1] / seconds[-2])
    return max(grown) <= MOST_GROWTH


def main() -> int:
    """Print the tables of figures; return 1 if one is outside its bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out the search of 1,000 queries")
    quick = parser.parse_args().quick
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    SPACE.from_key(0)  # makes the table of keys, once in a process
    Study(load_benchmark(TABLES[0]), "ganas", budget=15, seed=0).run()
    print(f"Python {sys.version.split()[0]}, torch {torch.__version__}, numpy {np.__version__}, one core and thread\n")
    passed = [measure_sampling(), measure_searches()]
    if not quick:
        passed.append(measure_growth())
    return 0 if all(passed) else 1


if __name__ == "__main__":
    raise SystemExit(main())
