"""How fast official files of benchmarks are read: NAS-Bench-101, from a generated file in the official layout.

Run it as ``python perf/benchmarks.py``; it exits with 1 when a figure is outside its bar. One core, seconds of the
processor, the best of several repeats. The file has 40,008 rows: 3,334 cells, four budgets, three repeats.
"""

from __future__ import annotations

import base64
import itertools
import json
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import crc32c
import numpy as np

from ganas.data.convert.nasbench101_records import BUDGETS, read_records
from ganas.data.tfrecord import read_tfrecords
from ganas.spaces.nasbench101.official_hash import official_hash
from ganas.spaces.nasbench101.space import NASBench101

CELLS = 3334
REPEATS = 3
WANTED_ROWS_PER_SECOND = 15_000


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


def main() -> int:
    """Print the table of figures; return 1 if one is outside its bar."""
    payloads = list(rows(np.random.default_rng(0)))
    shuffled = [payloads[place] for place in np.random.default_rng(1).permutation(len(payloads))]
    with tempfile.TemporaryDirectory() as folder:
        together, apart = Path(folder, "together.tfrecord"), Path(folder, "apart.tfrecord")
        write(together, payloads)
        write(apart, shuffled)
        wanted = WANTED_ROWS_PER_SECOND
        figures = [
            ("TFRecord, both CRCs", rows_per_second(lambda: read_tfrecords(together)), wanted),
            ("records, both CRCs", rows_per_second(lambda: read_records(together, check_hash=False)), wanted),
            ("records, both CRCs and the hashes", rows_per_second(lambda: read_records(together)), wanted),
            ("the same, rows in random order", rows_per_second(lambda: read_records(apart)), wanted),
        ]
        size = together.stat().st_size / len(payloads)
    print(f"NAS-Bench-101, {len(payloads):,} rows of {size:.0f} bytes: Python {sys.version.split()[0]}")
    print(f"{'rows a second':40} {'bar':>10} {'measured':>10}")
    failed = 0
    for what, rate, bar in figures:
        failed += rate < bar
        print(f"{what:40} {f'>= {bar:,}':>10} {rate:>10,.0f}{'' if rate >= bar else '  outside the bar'}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
