"""How fast NAS-Bench-101 cells get their exact key, beside the official md5 and pynauty on the same cells.

Run it as ``python perf/spaces.py``; it needs ``nasbench-pytorch`` (the extra ``test``), takes in ``pynauty`` where it
is installed, and exits with 1 when a figure is outside its bar. One core. Times are the best of several repeats.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from nasbench_pytorch.model import graph_util

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import build_at_random
from ganas.spaces.canonical import canonical_certificate
from ganas.spaces.nasbench101.notation import OPERATIONS
from ganas.spaces.nasbench101.official_hash import official_hash
from ganas.spaces.nasbench101.space import NASBench101

SPACE = NASBench101()
LABELS = {"input": -1, "output": -2} | {operation: number for number, operation in enumerate(OPERATIONS[1:-1])}

ENUMERATE = """
import time
begun = time.perf_counter()
from ganas.spaces.nasbench101.space import NASBench101
imported = time.perf_counter()
space = NASBench101()
space.from_key(0)
ready = time.perf_counter()
keys = {cell.identity for cell in space.enumerate()}
done = time.perf_counter()
assert len(keys) == space.size == 423_624
print(ready - imported, done - imported)
"""


def rate(call: Callable[[], object], count: int, repeat: int = 5) -> float:
    """Cells a second, the best of ``repeat`` runs over ``count`` cells."""
    best = np.inf
    for _ in range(repeat):
        begun = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begun)
    return float(count / best)


def fresh_process_seconds() -> tuple[float, float]:
    """Seconds until the first key is known, and until all 423,624 cells are enumerated; imports not counted."""
    runs = []
    for _ in range(3):
        output = subprocess.run([sys.executable, "-c", ENUMERATE], check=True, capture_output=True, text=True).stdout
        runs.append([float(value) for value in output.split()])
    ready, done = np.min(runs, axis=0).tolist()
    return ready, done


def pynauty_rate(cells: list[Architecture]) -> float | None:
    """Cells a second with pynauty's certificate of the coloured digraph; None where it is not installed."""
    try:
        pynauty = importlib.import_module("pynauty")
    except ImportError:
        return None

    def certificates() -> None:
        for cell in cells:
            successors: dict[int, list[int]] = {}
            classes: dict[str, set[int]] = {operation: set() for operation in OPERATIONS}
            for source, target in cell.edges:
                successors.setdefault(source, []).append(target)
            for vertex, operation in enumerate(cell.operations):
                classes[operation].add(vertex)
            colouring = [members for members in classes.values() if members]
            pynauty.certificate(pynauty.Graph(cell.num_nodes, True, successors, colouring))

    return rate(certificates, len(cells))


def main() -> int:
    """Print the table of figures; return 1 if one is outside its bar."""
    rng = np.random.default_rng(0)
    bits = (rng.random((400_000, 21)) < 0.4).astype(np.int64)
    genotypes = np.concatenate([bits, rng.integers(3, size=(len(bits), 5))], axis=1)
    genotypes = genotypes[[SPACE.is_valid(genotype) for genotype in genotypes.tolist()]]
    sample = SPACE.sample(20_000, rng=rng)
    # Without the memo of the key that cells made by the space carry.
    cells = [Architecture(cell.space, cell.operations, cell.edges) for cell in sample]
    few = cells[:1000]
    matrices = [(matrix.astype(int), [LABELS[o] for o in labels]) for matrix, labels in map(SPACE.to_matrix, few)]

    batch = rate(lambda: SPACE.identity_keys(genotypes), len(genotypes))
    single = rate(lambda: [SPACE.identity_key(cell) for cell in cells], len(cells))
    certificate = rate(lambda: [canonical_certificate(cell) for cell in few], len(few))
    our_md5 = rate(lambda: [official_hash(cell) for cell in few], len(few))
    md5 = rate(lambda: [graph_util.hash_module(*pair) for pair in matrices], len(few))
    nauty = pynauty_rate(few)
    build = rate(lambda: build_at_random(SPACE, 10_000, rng=rng), 10_000)
    ready, done = fresh_process_seconds()

    def per_cell(value: float | None) -> str:
        return "not installed" if value is None else f"{1e6 / value:,.2f}"

    print(f"Python {sys.version.split()[0]}, numpy {np.__version__}; {len(genotypes):,} random genotypes")
    print(f"{'key of one cell':<48} {'cells/s':>14} {'us/cell':>14} {'x official md5':>15}")
    for name, value in (
        ("identity_keys, batch of genotypes", batch),
        ("identity_key, one Architecture", single),
        ("canonical_certificate (any space)", certificate),
        ("official_hash", our_md5),
        ("nasbench_pytorch graph_util.hash_module (peer)", md5),
        ("pynauty.certificate (peer)", nauty),
    ):
        figure = "" if value is None else f"{value:,.0f}"
        ratio = "" if value is None else f"{value / md5:,.1f}"
        print(f"{name:<48} {figure:>14} {per_cell(value):>14} {ratio:>15}")
    print()
    figures: list[tuple[str, float, str, bool]] = [
        ("exact keys, batch (cells/s)", batch, ">= 200,000", batch >= 200_000),
        ("exact key, one cell, warm (us)", 1e6 / single, "<= 50", 1e6 / single <= 50),
        ("first key in a process (s)", ready, "<= 1", ready <= 1),
        ("enumeration of 423,624 cells, cold (s)", done, "<= 10", done <= 10),
        ("random builds through the masks (cells/s)", build, ">= 2,000", build >= 2_000),
    ]
    print(f"{'figure':<48} {'measured':>14} {'bar':>14}")
    for name, value, bar, holds in figures:
        print(f"{name:<48} {value:>14,.2f} {bar:>14}{'' if holds else '  outside the bar'}")
    return 0 if all(holds for *_, holds in figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
