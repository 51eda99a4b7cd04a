"""How fast official files of benchmarks are read, and the tables that they become: NAS-Bench-101, generated.

Run it as ``python perf/benchmarks.py``; it exits with 1 when a figure is outside its bar. One core.

Reading: seconds of the processor, the best of several repeats, on a file in the official layout of 40,008 rows: 3,334
cells, four budgets, three repeats. Conversion is the same with the table written, once.

Asking: a table of all 423,624 cells with random values, four runs of two epochs and three repeats, as the official file
gives it; it is made in a temporary folder, or once in ``--folder``. Opening is the time from ``import ganas`` to the
benchmark in a fresh process, the best of five. Resident memory is that of a fresh process after 100,000 queries of
random cells, runs, epochs, metrics and trials, one at a time; nine tenths of the table are mapped by then. Queries in
batch are 100,000 random cells, one metric, the best of five.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import crc32c
import numpy as np

from ganas.data.convert.nasbench101 import CARDS, convert
from ganas.data.convert.nasbench101_records import BUDGETS, read_records
from ganas.data.table_writer import TableWriter
from ganas.data.tfrecord import read_tfrecords
from ganas.spaces.nasbench101.official_hash import official_hash
from ganas.spaces.nasbench101.space import NASBench101

CELLS = 3334
REPEATS = 3
WANTED_ROWS_PER_SECOND = 15_000
WANTED_OPENING_MILLISECONDS = 200
WANTED_RESIDENT_MEGABYTES = 250
WANTED_QUERIES_PER_SECOND = 200_000

OPEN = """
import time, ganas
begun = time.perf_counter()
bench = ganas.load_benchmark("nasbench101")
print((time.perf_counter() - begun) * 1e3)
"""

ASK_ONE_BY_ONE = """
import time, numpy as np, ganas
bench, rng = ganas.load_benchmark("nasbench101"), np.random.default_rng(1)
names, spent = ["train_accuracy", "valid_accuracy", "test_accuracy", "train_seconds"], 0.0
for _ in range(100):
    cells, picks = bench.space.sample(1000, rng=rng), rng.integers(4, size=(1000, 4)).tolist()
    begun = time.perf_counter()
    for cell, (run, name, epoch, trial) in zip(cells, picks):
        run = bench.runs[run]
        bench.query(cell, names[name], run=run, epoch=run // (1 + epoch % 2), trial=None if trial == 3 else trial)
    spent += time.perf_counter() - begun
status = dict(line.split(":") for line in open("/proc/self/status"))
print(int(status["VmRSS"].split()[0]) / 1024, int(status["VmHWM"].split()[0]) / 1024, spent * 10)
"""

ASK_MANY = """
import time, numpy as np, ganas
bench, rng = ganas.load_benchmark("nasbench101"), np.random.default_rng(2)
cells = bench.space.sample(100_000, rng=rng)
for asked in (cells, bench.space.encode_many(cells), rng.integers(bench.num_rows, size=100_000)):
    best = 0.0
    for _ in range(5):
        begun = time.perf_counter()
        bench.query_many(asked, ["valid_accuracy"])
        best = max(best, len(asked) / (time.perf_counter() - begun))
    print(best)
"""


def masked_checksum(content: bytes) -> bytes:
    """The check of a TFRecord."""
    checksum = crc32c.crc32c(content)
    return struct.pack("<I", ((checksum >> 15 | checksum << 17 & 0xFFFFFFFF) + 0xA282EAD8) % 2**32)


def varint(value: int) -> bytes:
    """A number of Protocol Buffers."""
    return bytes([value & 0x7F | 0x80]) + varint(value >> 7) if value >> 7 else bytes([value])


def metrics(epochs: int, parameters: int, rng: np.random.Generator) -> bytes:
    """A message ``ModelMetrics`` with made-up measurements."""
    message = b""
    for epoch in (0.0, epochs / 2, float(epochs)):
        numbers = (epoch, epoch * rng.uniform(8, 30), *rng.random(3))
        evaluation = b"".join(
            bytes([tag << 3 | 1]) + struct.pack("<d", number) for tag, number in enumerate(numbers, 1)
        )
        message += b"\x0a" + varint(len(evaluation)) + evaluation
    return message + b"\x10" + varint(parameters) + b"\x19" + struct.pack("<d", rng.uniform(100, 5000))


def rows(rng: np.random.Generator) -> Iterable[bytes]:
    """The payload of every row: the rows of a cell are together."""
    space = NASBench101()
    keys = rng.choice(space.size, size=CELLS, replace=False)
    for key in keys.tolist():
        cell = space.from_key(key)
        module_hash, parameters = official_hash(cell), int(rng.integers(200_000, 50_000_000))
        bits, _, labels = space.format(cell).partition(":")
        for epochs, _ in itertools.product(BUDGETS, range(REPEATS)):
            text = base64.encodebytes(metrics(epochs, parameters, rng)).decode()
            yield json.dumps([module_hash, epochs, bits, labels, text]).encode()


def write(path: Path, payloads: Iterable[bytes]) -> None:
    """Write a TFRecord file."""
    with path.open("wb") as stream:
        for payload in payloads:
            length = struct.pack("<Q", len(payload))
            stream.write(length + masked_checksum(length) + payload + masked_checksum(payload))


def rows_per_second(read: Callable[[], Iterable[object]], repeat: int = 5) -> float:
    """Rows read in a second of the processor; the best of ``repeat`` readings."""
    best = 0.0
    for _ in range(repeat):
        begun = time.process_time()
        count = sum(1 for _ in read())
        best = max(best, count / (time.process_time() - begun))
    return best


def conversion_rows_per_second(path: Path, rows: int, folder: Path) -> float:
    """Rows converted to a table in a second of the processor."""
    begun = time.process_time()
    convert(path, folder=folder)
    return rows / (time.process_time() - begun)


def write_full_table(folder: Path) -> None:
    """Write a table of every cell with random values, unless there is one already."""
    card, rng = CARDS[0], np.random.default_rng(0)
    if (folder / card.name).exists():
        return
    with TableWriter(card.name, folder=folder) as writer:
        writer.set_rows(np.arange(NASBench101.size))
        for metric in card.metrics:
            shape = (NASBench101.size, len(metric.epochs), REPEATS)
            if not metric.epochs:
                values = rng.integers(200_000, 50_000_000, size=NASBench101.size).astype(np.float64)
            elif metric.unit == "fraction":
                values = rng.integers(9985, size=shape) / np.float32(9984)  # as the official ones are
            else:
                values = rng.uniform(8, 30, size=shape).astype(np.float32) * np.array(metric.epochs)[:, None]
            writer.add(metric, values.astype(np.float64 if metric.name == "total_seconds" else np.float32))
        writer.finish(card)


def numbers(program: str, home: Path) -> list[float]:
    """What a program prints, in a fresh process whose tables lie in ``home``."""
    environment = {**os.environ, "GANAS_HOME": str(home)}
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment
    ).stdout
    return [float(number) for number in output.split()]


def main() -> int:
    """Print the tables of figures; return 1 if one is outside its bar."""
    parser = argparse.ArgumentParser(description="Speed of official files and of their tables.")
    parser.add_argument("--folder", type=Path, help="where the full table is made, and found the next time")
    kept = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as folder:
        failed = reading(Path(folder))
        failed += asking(Path(folder) if kept is None else kept)
    return int(failed > 0)


def reading(folder: Path) -> int:
    """How fast a file is read and converted; returns how many figures are outside their bar."""
    payloads = list(rows(np.random.default_rng(0)))
    shuffled = [payloads[place] for place in np.random.default_rng(1).permutation(len(payloads))]
    together, apart = folder / "together.tfrecord", folder / "apart.tfrecord"
    write(together, payloads)
    write(apart, shuffled)
    figures = [
        ("TFRecord, both CRCs", rows_per_second(lambda: read_tfrecords(together))),
        ("records, both CRCs", rows_per_second(lambda: read_records(together, check_hash=False))),
        ("records, both CRCs and the hashes", rows_per_second(lambda: read_records(together))),
        ("the same, rows in random order", rows_per_second(lambda: read_records(apart))),
        ("conversion, rows in random order", conversion_rows_per_second(apart, len(payloads), folder / "converted")),
    ]
    size = together.stat().st_size / len(payloads)
    print(f"NAS-Bench-101, {len(payloads):,} rows of {size:.0f} bytes: Python {sys.version.split()[0]}")
    return show("rows a second", [(what, rate, WANTED_ROWS_PER_SECOND, False) for what, rate in figures])


def asking(home: Path) -> int:
    """How fast the full table is opened and asked; returns how many figures are outside their bar."""
    write_full_table(home / "tables")
    opening = min(numbers(OPEN, home)[0] for _ in range(5))
    resident, peak, microseconds = numbers(ASK_ONE_BY_ONE, home)
    figures = [
        ("opening (ms)", opening, WANTED_OPENING_MILLISECONDS, True),
        ("resident after 100,000 queries (MB)", resident, WANTED_RESIDENT_MEGABYTES, True),
        ("the most that was resident (MB)", peak, WANTED_RESIDENT_MEGABYTES, True),
        ("one query (us)", microseconds, None, True),
    ]
    for what, rate in zip(("architectures", "genotypes", "row indices"), numbers(ASK_MANY, home), strict=True):
        figures.append((f"query_many, {what} (a second)", rate, WANTED_QUERIES_PER_SECOND, False))
    return show(f"table of {NASBench101.size:,} cells", figures)


def show(title: str, figures: list[tuple[str, float, int | None, bool]]) -> int:
    """Print figures, each with its bar and whether it must be below; returns how many are outside."""
    print(f"{title:40} {'bar':>12} {'measured':>12}")
    failed = 0
    for what, measured, bar, below in figures:
        holds = bar is None or (measured <= bar if below else measured >= bar)
        failed += not holds
        said = "" if bar is None else f"{'<=' if below else '>='} {bar:,}"
        print(
            f"{what:40} {said:>12} {measured:>12,.{1 if measured < 1000 else 0}f}{'' if holds else '  outside the bar'}"
        )
    print()
    return failed


if __name__ == "__main__":
    sys.exit(main())
