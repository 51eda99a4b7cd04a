"""What the checks of the benchmark kit share: architectures to ask about, and how answers are compared.

A check asks only for what :class:`~ganas.bench.benchmark.Benchmark` declares, of what trains about two architectures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.metric import Metric
from ganas.spaces.architecture import Architecture
from ganas.spaces.checks import require
from ganas.spaces.errors import NotMeasured

__all__ = ["answers", "close", "measured", "require_finite", "some_epochs"]


def measured(benchmark: Benchmark, metric: str, rng: np.random.Generator) -> list[Architecture]:
    """Some architectures for which the metric is held, at least one."""
    if benchmark.kind in ("trainer", "shared"):
        return benchmark.space.sample(2, rng=rng)
    drawn = benchmark.space.sample(30, rng=rng)
    found = [architecture for architecture in drawn if answers(benchmark, architecture, metric)]
    if not found:
        # A table of a small part of its space.
        held: Sequence[str] = benchmark.frame().set_index("architecture")[metric].dropna().index.tolist()
        chosen = rng.choice(len(held), size=min(30, len(held)), replace=False).tolist()
        found = [benchmark.space.parse(held[place]) for place in chosen]
    require(found, f"{metric!r} is held for no architecture")
    return found


def answers(
    benchmark: Benchmark, architecture: Architecture, metric: str, epoch: int | None = None, run: int | None = None
) -> bool:
    """Whether a question has an answer."""
    try:
        benchmark.query(architecture, metric, epoch=epoch, run=run)
    except NotMeasured:
        return False
    return True


def some_epochs(metric: Metric) -> tuple[int, ...]:
    """A few of the epochs of a metric, ends included."""
    return tuple(sorted({*metric.epochs[:2], *metric.epochs[-2:]}))


def require_finite(number: object, what: str) -> None:
    """Raise unless ``number`` is a plain float and finite."""
    require(type(number) is float, f"{what} is a {type(number).__name__}, not a float")
    require(isinstance(number, float) and math.isfinite(number), f"{what} is {number}")


def close(first: Any, second: Any) -> bool:
    """Whether numbers are the same but for rounding."""
    # Not equality: a surrogate may sum in another order in a batch.
    return bool(np.allclose(first, second, rtol=1e-6, atol=1e-9))
