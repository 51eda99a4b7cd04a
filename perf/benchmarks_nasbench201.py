"""How NAS-Bench-201 is converted, opened and asked, beside the official package on the same file.

Run it as ``python perf/benchmarks_nasbench201.py [--architectures 1000]``; it exits with 1 when a figure is outside its
bar. No official file is at hand: one in the official layout is generated, every architecture with three trials of 200
epochs on each data set, which is more than the official file has (its authors count 7,961 such architectures). Each
figure is of a fresh process; the peak is what Linux says about that process alone. The official package is given the
dictionary of the file, which it copies: its own way to open the file fails with a torch of today.

Figures of all 15,625 architectures are extrapolated: seconds by the number of architectures, the peak with its slope
between a file of a fifth of the architectures and the file. What is opened and asked has the full size: a table of
random values, made in a temporary folder. Opening is the time from ``import ganas`` to the benchmark, the best of five;
then 1,000 queries of random cells, metrics and epochs, and 1,000 whole curves.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ganas.data.convert.natsbench_cards import FAMILIES, cards_of
from ganas.data.table_writer import TableWriter
from ganas.spaces.nasbench201.space import NASBench201

ROOT = Path(__file__).resolve().parent.parent
FAMILY = "nasbench201-v1.1"
TABLE = f"{FAMILY}-cifar100"

PEAK = """
import json, re, sys, time
from pathlib import Path

def memory(what):
    return int(re.search(what + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3

begun = time.perf_counter()
"""

GENERATE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tests.data.natsbench_files import nasbench201, save_torch
save_torch(nasbench201(int(sys.argv[2])), Path(sys.argv[3]))
"""

CONVERT = (
    PEAK
    + """
from ganas.data.convert.natsbench import convert
cards = convert(Path(sys.argv[1]), "nasbench201-v1.1", folder=Path(sys.argv[2]))
print(json.dumps([time.perf_counter() - begun, memory("VmHWM"), sum(card.bytes for card in cards) / 1e6]))
"""
)

OFFICIAL = (
    PEAK
    + """
import torch
from nas_201_api import NASBench201API
begun = time.perf_counter()
api = NASBench201API(torch.load(sys.argv[1], weights_only=False), verbose=False)
print(json.dumps([time.perf_counter() - begun, memory("VmHWM")]))
"""
)

OPEN = (
    PEAK
    + """
import ganas
begun = time.perf_counter()
bench = ganas.load_benchmark(sys.argv[1])
print(json.dumps([(time.perf_counter() - begun) * 1e3, memory("VmRSS")]))
"""
)

ASK = (
    PEAK
    + """
import ganas, numpy as np
bench, rng = ganas.load_benchmark(sys.argv[1]), np.random.default_rng(0)
cells = bench.space.sample(1000, rng=rng)
names = ["train_accuracy", "valtest_accuracy", "train_loss", "train_seconds"]
asked = [(cell, names[int(rng.integers(4))], int(rng.integers(1, 201))) for cell in cells]
begun = time.perf_counter()
for cell in cells:
    bench.query(cell)
for cell, name, epoch in asked:
    bench.query(cell, name, epoch=epoch)
queries = time.perf_counter() - begun
for cell in cells:
    bench.curve(cell, "valtest_accuracy")
curves = time.perf_counter() - begun - queries
print(json.dumps([queries * 500, curves * 1e3, memory("VmRSS"), memory("VmHWM")]))
"""
)


def fresh(program: str, *arguments: object, home: Path | None = None) -> list[float]:
    """What a program prints in a process of its own."""
    environment = {**os.environ, **({} if home is None else {"GANAS_HOME": str(home)})}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return list(json.loads(done.stdout.splitlines()[-1])) if done.stdout else []


def write_full_table(folder: Path) -> None:
    """A table of all architectures with random values, of the metrics that the official file has."""
    rng = np.random.default_rng(0)
    (card,) = (card for card in cards_of(FAMILIES[FAMILY]) if card.name == TABLE)
    with TableWriter(card.name, folder=folder) as writer:
        writer.set_rows(np.arange(NASBench201.size, dtype=np.int64))
        for metric in card.metrics:
            if not metric.seeds:
                writer.add(metric, rng.uniform(0.1, 1.5, NASBench201.size))
                continue
            values = rng.uniform(0.0, 100.0, (NASBench201.size, max(1, len(metric.epochs)), len(metric.seeds)))
            writer.add(metric, np.cumsum(values, axis=1) if metric.name == card.cost else values)
        writer.finish(card)


def extrapolated(small: float, large: float, counts: tuple[int, int]) -> float:
    """What grows with the number of architectures, for all of them."""
    slope = max(0.0, (large - small) / (counts[1] - counts[0]))
    return large + slope * (NASBench201.size - counts[1])


def main() -> int:
    """Print the table of figures; return 1 if one is outside its bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", type=int, default=1000, help="how many the generated file has")
    count = max(10, parser.parse_args().architectures)
    counts = (count // 5, count)
    figures: list[tuple[str, float, float | None]] = []
    with tempfile.TemporaryDirectory() as folder:
        converted, official = [], []
        for number in counts:
            file, tables = Path(folder) / f"{number}.pth", Path(folder) / f"tables-{number}"
            fresh(GENERATE, ROOT, number, file)
            megabytes = file.stat().st_size / 1e6
            converted.append(fresh(CONVERT, file, tables))
            official.append(fresh(OFFICIAL, file))
            file.unlink()
        scale = NASBench201.size / count
        seconds, peak, size = converted[1]
        figures += [
            ("conversion of the file (s)", seconds, None),
            ("peak of the conversion (MB)", peak, None),
            ("  of all architectures (s)", seconds * scale, None),
            ("  of all architectures (MB)", extrapolated(converted[0][1], peak, counts), 2000),
            ("tables of all architectures (MB)", size * scale, None),
            ("official API, opening the file (s)", official[1][0], None),
            ("official API, peak (MB)", official[1][1], None),
            ("  of all architectures (s)", official[1][0] * scale, None),
            ("  of all architectures (MB)", extrapolated(official[0][1], official[1][1], counts), None),
        ]
        home = Path(folder) / "home"
        write_full_table(home / "tables")
        opened = min(fresh(OPEN, TABLE, home=home) for _ in range(5))
        query, curve, resident, most = fresh(ASK, TABLE, home=home)
        figures += [
            ("opening (ms)", opened[0], 100),
            ("resident after opening (MB)", opened[1], 100),
            ("one query (us)", query, None),
            ("one curve of 200 epochs (us)", curve, None),
            ("resident after queries and curves (MB)", resident, 100),
            ("the most that was resident (MB)", most, 100),
        ]
    day = time.strftime("%Y-%m-%d")
    print(f"{count:,} architectures in {megabytes:,.0f} MB: Python {sys.version.split()[0]}, {day}")
    print(f"{'':42} {'bar':>10} {'measured':>12}")
    failed = 0
    for what, measured, bar in figures:
        holds = bar is None or measured <= bar
        failed += not holds
        said = "" if bar is None else f"<= {bar:,.0f}"
        print(f"{what:42} {said:>10} {measured:>12,.1f}{'' if holds else '  outside the bar'}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
