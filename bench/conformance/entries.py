"""Checks of what a benchmark knows as a whole: its best entry, and the list of all."""

from __future__ import annotations

import math

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.conformance.asking import answers, close
from ganas.bench.metric import Optimum
from ganas.spaces.checks import Check, raises, require
from ganas.spaces.errors import NotMeasured, NotSupported

__all__ = ["ENTRY_CHECKS"]


def check_optimum(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """The optimum is an entry with its value; no entry of a table is better. Open-ended benchmarks may have none."""
    for name, metric in benchmark.metrics.items():
        try:
            best = benchmark.optimum(name)
        except NotSupported:
            require(benchmark.kind != "table", "a table knows its best entry")
            continue
        require(isinstance(best, Optimum) and best.metric == name, f"optimum({name!r}) is {best!r:.80}")
        found = benchmark.query(best.architecture, name).value
        require(close(found, best.value), f"the optimum of {name!r} is {best.value}, and query says {found}")
        if benchmark.kind == "table":
            scores = [metric.score(float(value)) for value in benchmark.frame()[name].dropna()]
            require(
                metric.score(best.value) >= max(scores),
                f"the optimum of {name!r} is {best.value}, and the table holds {metric.score(max(scores))}",
            )


def check_frame(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """The frame of a table has a row an entry, in notation, with the values that ``query`` gives."""
    try:
        frame = benchmark.frame()
    except NotSupported:
        require(benchmark.kind != "table", "a table lists its entries")
        return
    columns = ["architecture", *benchmark.metrics]
    require(list(frame.columns) == columns, f"the frame has columns {list(frame.columns)}, not {columns}")
    rows = rng.choice(len(frame), size=min(50, len(frame)), replace=False).tolist()
    for row in rows:
        entry = frame.iloc[row]
        architecture = benchmark.space.parse(entry["architecture"])
        for name in benchmark.metrics:
            if math.isnan(entry[name]):
                raises(
                    NotMeasured,
                    lambda a=architecture, n=name: benchmark.query(a, n),  # type: ignore[misc]
                    f"{name!r} of an entry that the frame does not hold",
                )
            else:
                held = f"the frame holds {entry[name]} for {name!r}"
                require(answers(benchmark, architecture, name), f"{held}, and query says that it was not measured")
                value = benchmark.query(architecture, name).value
                require(close(entry[name], value), f"{held}, and query says {value}")


ENTRY_CHECKS: tuple[Check, ...] = (check_optimum, check_frame)
