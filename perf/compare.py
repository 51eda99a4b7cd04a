"""How long a large comparison takes, store included.

Runs three strategies x three data sets of NAS-Bench-201 x 500 seeds x 300 queries in two processes::

    python perf/compare.py [--seeds 500] [--budget 300] [--jobs 2]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from ganas.experiment import Experiment
from ganas.report.run import report_run
from ganas.running import run_experiment

BENCHMARKS = ("nasbench201-cifar10", "nasbench201-cifar100", "nasbench201-imagenet16")
STRATEGIES = ("random-search", "regularized-evolution", "local-search")
BAR_SECONDS = 180.0


def main() -> None:
    """Run the comparison in a temporary folder and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--budget", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    experiment = Experiment(BENCHMARKS, STRATEGIES, tuple(range(arguments.seeds)), arguments.budget)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run_experiment(experiment, folder, jobs=arguments.jobs)
        searched = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 2**20
        began = time.perf_counter()
        report_run(folder)
        reported = time.perf_counter() - began
    queries = len(BENCHMARKS) * len(STRATEGIES) * arguments.seeds * arguments.budget
    print(f"{queries:,} counted queries in {searched:.1f} s with {arguments.jobs} processes (bar: {BAR_SECONDS:.0f} s)")
    print(f"store: {size:.0f} MiB; report of it: {reported:.1f} s")


if __name__ == "__main__":
    main()
