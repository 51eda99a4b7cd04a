"""Look-ups in a benchmark after the searches are over: references, means over trials, the best architecture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Benchmark
from ganas.bench.metric import Metric
from ganas.spaces.errors import NotMeasured, NotSupported

__all__ = ["lookup_means", "reference_value"]


def lookup_means(benchmark: Benchmark, metric: str, notations: Sequence[str]) -> dict[str, float]:
    """Mean over trials of each architecture; NaN where the benchmark did not measure it."""
    texts = list(dict.fromkeys(notations))
    if not texts:
        return {}
    architectures = [benchmark.space.parse(text) for text in texts]
    try:
        return dict(zip(texts, benchmark.query_many(architectures, [metric])[:, 0].tolist(), strict=True))
    except NotMeasured:
        pass  # some of them are missing: ask one by one to learn which
    means = {}
    for text, architecture in zip(texts, architectures, strict=True):
        try:
            means[text] = float(benchmark.query(architecture, metric).value)
        except NotMeasured:
            means[text] = float("nan")
    return means


def reference_value(
    benchmark: Benchmark | None, metric: Metric, best: NDArray[np.float64], notes: list[str]
) -> tuple[float, str]:
    """What regret is measured against, with its name: the optimum, or the best value seen where none is known.

    Args:
        benchmark: Where to ask for the optimum; None if it could not be loaded.
        metric: The objective.
        best: Best values so far, any shape, NaN where there is none.
        notes: Sentences for the reader; one is added where the reference is not the benchmark's optimum.
    """
    known = best[~np.isnan(best)]
    seen = float(known.max() if metric.higher_is_better else known.min()) if known.size else float("nan")
    if benchmark is None:
        return seen, "best value seen"
    try:
        optimum = float(benchmark.optimum(metric.name).value)
    except NotSupported:
        notes.append("No optimum of this benchmark is known: regret is against the best value seen in this experiment.")
        return seen, "best value seen"
    if known.size and metric.score(seen) > metric.score(optimum) + 1e-9 * max(1.0, abs(optimum)):
        notes.append("A study found a better value than the best known one: regret is against the value it found.")
        return seen, "best value seen"
    return optimum, "optimum"
