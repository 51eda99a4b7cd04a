"""The best architecture that an experiment found on a benchmark, and what the benchmark says about it afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.report.results import Panel
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import NotMeasured

if TYPE_CHECKING:
    import pandas

__all__ = ["BestArchitecture", "find_best"]


@dataclass(frozen=True, slots=True)
class BestArchitecture:
    """The architecture with the best value that any strategy was told.

    Attributes:
        notation: In the text notation of its space.
        architecture: The graph; None where the benchmark, and so the space, could not be loaded.
        told: The value that the strategy was told, in the unit shown.
        mean: Mean over all trials, looked up afterwards; None where it could not be.
        trials: How many trials ``mean`` is over; 0 where the metric is not of trials or was not looked up.
        parameters: Number of trainable parameters, where the benchmark has them as a metric.
        test: Mean value on the test split, where the benchmark holds it.
        found_by: Strategy to (seeds whose final choice it is, seeds).
    """

    notation: str
    architecture: Architecture | None
    told: float
    mean: float | None
    trials: int
    parameters: float | None
    test: float | None
    found_by: Mapping[str, tuple[int, int]]


def find_best(
    panel: Panel, evaluations: pandas.DataFrame, benchmarks: Mapping[str, Benchmark]
) -> BestArchitecture | None:
    """Return the best of all final choices by the value told, the first of equals; None if nothing succeeded."""
    values = evaluations["value"]
    candidates = [
        (panel.metric.score(float(values.iloc[row])), -position, int(row))
        for position, row in enumerate(row for result in panel.results for row in result.rows if row >= 0)
    ]
    if not candidates:
        return None
    texts = evaluations["architecture"]
    row = max(candidates)[2]
    notation = str(texts.iloc[row])
    found_by = {
        result.variant: (
            int(sum(str(text) == notation for text in texts.iloc[result.rows[result.rows >= 0]])),
            len(result.seeds),
        )
        for result in panel.results
    }
    told = panel.scale * float(values.iloc[row])
    benchmark = benchmarks.get(panel.benchmark)
    if benchmark is None:
        return BestArchitecture(notation, None, told, None, 0, None, None, found_by)
    architecture = benchmark.space.parse(notation)
    mean = _ask(benchmark, architecture, panel.metric.name)
    test = _ask(benchmark, architecture, panel.test_metric) if panel.test_metric else None
    return BestArchitecture(
        notation=notation,
        architecture=architecture,
        told=told,
        mean=None if mean is None else panel.scale * mean,
        trials=benchmark.num_trials(architecture, panel.metric.name) if mean is not None else 0,
        parameters=_ask(benchmark, architecture, "parameters") if "parameters" in benchmark.metrics else None,
        test=None if test is None else panel.scale * test,
        found_by=found_by,
    )


def _ask(benchmark: Benchmark, architecture: Architecture, metric: str) -> float | None:
    try:
        value = float(benchmark.query(architecture, metric).value)
    except NotMeasured:
        return None
    return value if np.isfinite(value) else None
