"""Measurements to learn from: architectures, what was measured of each, and what that cost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Benchmark
from ganas.bench.ledger import Signal
from ganas.bench.measured_table import MeasuredTable
from ganas.bench.metric import Metric
from ganas.bench.table_metrics import choose_objective
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting, NotMeasured, unknown_name
from ganas.spaces.space import Space

__all__ = ["Labels", "sample_labels"]

# Draws for each architecture that is wanted, before a space is taken to hold no more of them.
_DRAWS = 100
_BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Measurements, one a row.

    Attributes:
        space: The space of the architectures.
        architectures: What was trained, (count,); twice where two trainings of it were measured.
        metrics: What was measured.
        values: (count, metrics), in the units of the metrics.
        cost_seconds: What each training took, (count,).
        objective: Name of the metric that a search improves unless told otherwise.
        benchmark: Name of the benchmark that measured.
        source: The numbers of that benchmark.
        signal: Whether a value is a mean over trials or one trial.
        run: Whether a search or a collection chose the architectures.
    """

    space: Space
    architectures: tuple[Architecture, ...]
    metrics: tuple[Metric, ...]
    values: NDArray[np.float64]
    cost_seconds: NDArray[np.float64]
    objective: str
    benchmark: str
    source: str
    signal: Signal
    run: bool

    @property
    def digest(self) -> str:
        """Hexadecimal SHA-256 over architectures and values, in their order."""
        content = hashlib.sha256(self.space.encode_many(self.architectures).astype("<i8").tobytes())
        content.update(" ".join(metric.name for metric in self.metrics).encode())
        content.update(self.values.astype("<f8").tobytes())
        return content.hexdigest()


def sample_labels(
    benchmark: Benchmark,
    count: int,
    *,
    metrics: Sequence[str] | None = None,
    signal: Signal = "mean",
    rng: np.random.Generator,
) -> Labels:
    """Measure different architectures drawn at random: rows of a table, or as the space draws them.

    Args:
        benchmark: Where to ask.
        count: How many.
        metrics: What to ask for; None for the objective.
        signal: ``"mean"`` over trials, or one trial drawn at ``"random"``, the same for every metric.
        rng: Draws architectures and trials.

    Raises:
        UnknownMetric: The benchmark has no such metric.
        InvalidSetting: The count is below 1, or more than the benchmark has measured; a metric is named twice, or all
            are of the test split.
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise InvalidSetting(f"the number of architectures must be at least 1, not {count!r}")
    if signal not in ("mean", "random"):
        raise unknown_name("signal", signal, ["mean", "random"])
    asked = [benchmark.metric(name) for name in (metrics or [benchmark.objective])]
    if len(set(metrics or ())) < len(metrics or ()):
        raise InvalidSetting(f"a metric is named twice: {', '.join(metric.name for metric in asked)}")
    names = {metric.name: metric for metric in asked}
    objective = choose_objective(benchmark.name, names, benchmark.objective if benchmark.objective in names else None)
    architectures: list[Architecture] = []
    rows: list[list[float]] = []
    for architecture in _different(benchmark, count, rng):
        try:
            row = _measure(benchmark, architecture, asked, signal, rng)
        except NotMeasured:
            continue
        architectures.append(architecture)
        rows.append(row)
        if len(rows) == count:
            break
    if len(rows) < count:
        raise InvalidSetting(f"{benchmark.name!r} has no more than {len(rows):,} architectures of the {count:,} wanted")
    table = np.array(rows, dtype=np.float64)
    return Labels(
        benchmark.space,
        tuple(architectures),
        tuple(asked),
        table[:, 1:],
        table[:, 0],
        objective,
        benchmark.name,
        benchmark.source,
        signal,
        run=False,
    )


def _different(benchmark: Benchmark, count: int, rng: np.random.Generator) -> Iterator[Architecture]:
    if isinstance(benchmark, MeasuredTable):
        # A table may hold a small part of its space, where hardly a draw from the space would be in it.
        for row in rng.permutation(benchmark.num_rows).tolist():
            yield benchmark.architecture_at(row)
        return
    seen: set[int] = set()
    for _ in range(max(1, _DRAWS * count // _BATCH)):
        for architecture in benchmark.space.sample(_BATCH, rng=rng):
            key = benchmark.space.identity_key(architecture)
            if key not in seen:
                seen.add(key)
                yield architecture


def _measure(
    benchmark: Benchmark,
    architecture: Architecture,
    metrics: Sequence[Metric],
    signal: Signal,
    rng: np.random.Generator,
) -> list[float]:
    """Cost in seconds, then the value of each metric."""
    trial = None
    if signal == "random":
        trials = benchmark.query(architecture, metrics[0].name).trials
        trial = int(rng.choice(trials)) if trials else None
    found = []
    for metric in metrics:
        held = trial if trial is not None and benchmark.num_trials(architecture, metric.name) else None
        found.append(benchmark.query(architecture, metric.name, trial=held))
    return [max(result.cost_seconds for result in found), *(result.value for result in found)]
