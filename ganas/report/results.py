"""What the two frames of an experiment say, as arrays: one panel a benchmark, one result a strategy in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Benchmark
from ganas.bench.metric import Metric
from ganas.report.frames import EvaluationColumns, check_frames
from ganas.report.lookups import reference_value
from ganas.report.statistics import Means, PairedTest, bootstrap_means, first_reached, incumbents, paired_tests
from ganas.report.wording import NO_VALUE, training_notes
from ganas.spaces.errors import InvalidSetting

if TYPE_CHECKING:
    import pandas

__all__ = ["CHECKPOINTS", "Panel", "StrategyResult", "query_grid", "read_panels"]

CHECKPOINTS = (50, 100, 150, 300)
"""Numbers of queries at which the report states the regret, besides the budget."""

# Points of a curve: enough for a smooth line, few enough for a small file.
_CURVE_POINTS = 240

# Makes the bootstrap of a report reproducible; each strategy starts from it, so adding one changes no other.
_BOOTSTRAP_SEED = 20_001


@dataclass(frozen=True, slots=True, eq=False)
class StrategyResult:
    """The finished studies of one strategy on one benchmark; rows are seeds in increasing order.

    Attributes:
        variant: Label of the strategy, with the settings that are not its defaults.
        settings: All its settings, as JSON text.
        seeds: (seeds,).
        best: Best value so far in the unit shown, (seeds, queries); NaN before the first success.
        regret: Distance of ``best`` from the reference, (seeds, queries); 0 at the reference.
        reached: Queries until the reference was found, (seeds,); infinity where it was not.
        rows: Row in the evaluations of the best evaluation at the budget, (seeds,); -1 where all failed.
        hours_to_best: Simulated hours until that evaluation, (seeds,).
        queries: Counted queries of each study, (seeds,).
        stops: Why each study ended.
        failures: Failed evaluations over all seeds.
        grid: Query numbers of ``curve``, (points,).
        curve: Mean regret with its bootstrap interval on ``grid``.
        test_values: Value of the chosen architecture on the test split, (seeds,); None where none is held.
    """

    variant: str
    settings: str
    seeds: NDArray[np.int64]
    best: NDArray[np.float64]
    regret: NDArray[np.float64]
    reached: NDArray[np.float64]
    rows: NDArray[np.int64]
    hours_to_best: NDArray[np.float64]
    queries: NDArray[np.int64]
    stops: tuple[str, ...]
    failures: int
    grid: NDArray[np.int64]
    curve: Means
    test_values: NDArray[np.float64] | None

    def regret_at(self, query: int) -> tuple[float, float, float]:
        """Mean regret after ``query`` queries and the ends of its interval; ``query`` must be on the grid."""
        point = int(np.searchsorted(self.grid, query))
        return float(self.curve.mean[point]), float(self.curve.low[point]), float(self.curve.high[point])

    def scores(self, metric: Metric) -> dict[int, float]:
        """Seed to best value at the budget, turned so that higher is better, in the unit shown."""
        pairs = zip(self.seeds.tolist(), self.best[:, -1].tolist(), strict=True)
        return {seed: metric.score(value) for seed, value in pairs}

    def reached_by(self, query: int) -> float:
        """Share of the seeds that found the reference within ``query`` queries."""
        return float(np.mean(self.reached <= query))


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One benchmark under one budget, metric and signal.

    Attributes:
        label: The benchmark's name, with budget, metric or signal where these tell two panels apart.
        benchmark: Its name.
        space: Name of its space.
        source: Which numbers these are (``table:<hash>``); several where the studies differ.
        metric: The objective; its unit is the one of the source.
        unit: Unit shown for values.
        regret_unit: Unit shown for differences.
        scale: Factor from the source's unit to the one shown.
        signal: ``"mean"`` or ``"random"``.
        budget: Queries that each study may count.
        reference: What regret is measured against, in the unit shown.
        reference_name: ``"optimum"`` or ``"best value seen"``.
        test_metric: Name of the metric of the test split, None where none is held.
        results: One a strategy with a finished study.
        unfinished: Strategy to number of unfinished studies.
        tests: Paired tests of every two strategies.
        notes: What a reader must know about these numbers, one sentence each.
    """

    label: str
    benchmark: str
    space: str
    source: str
    metric: Metric
    unit: str
    regret_unit: str
    scale: float
    signal: str
    budget: int
    reference: float
    reference_name: str
    test_metric: str | None
    results: tuple[StrategyResult, ...]
    unfinished: Mapping[str, int]
    tests: tuple[PairedTest, ...]
    notes: tuple[str, ...]

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """Query numbers at which the regret is stated."""
        return checkpoints(self.budget)

    def format(self, value: float) -> str:
        """``value`` in the unit shown: three decimals for percent, else as many as the reference asks for."""
        if np.isnan(value):
            return NO_VALUE
        size = abs(self.reference) if np.isfinite(self.reference) else 0.0
        decimals = 3 if self.unit == "percent" or not size else int(np.clip(3 - np.floor(np.log10(size)), 0, 6))
        return f"{value:,.{decimals}f}"


def checkpoints(budget: int) -> tuple[int, ...]:
    """The query numbers of :data:`CHECKPOINTS` below the budget, and the budget.

    >>> checkpoints(150), checkpoints(400)
    ((50, 100, 150), (50, 100, 150, 300, 400))
    """
    return (*(query for query in CHECKPOINTS if query < budget), budget)


def query_grid(budget: int) -> NDArray[np.int64]:
    """Query numbers at which curves are computed, increasing up to the budget: all of them where it is small."""
    points = np.linspace(1, budget, min(budget, _CURVE_POINTS)).round()
    return np.unique(np.r_[points, checkpoints(budget)]).astype(np.int64)


def read_panels(
    studies: pandas.DataFrame, evaluations: pandas.DataFrame, benchmarks: Mapping[str, Benchmark]
) -> tuple[Panel, ...]:
    """Group the studies by benchmark, metric, signal and budget, in the order in which they first appear.

    Raises:
        InvalidSetting: A column is missing, there is no study, or two studies of one strategy share a seed.
    """
    check_frames(studies, evaluations)
    keys = list(
        zip(studies["benchmark"], studies["metric"], studies["signal"], studies["budget"].astype(int), strict=True)
    )
    labels = _labels(list(dict.fromkeys(keys)))
    groups: dict[tuple[str, str, str, int], list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    columns = EvaluationColumns(evaluations)
    return tuple(
        _read_panel(labels[key], studies.iloc[rows], columns, benchmarks.get(key[0])) for key, rows in groups.items()
    )


def _labels(keys: Sequence[tuple[str, str, str, int]]) -> dict[tuple[str, str, str, int], str]:
    """The benchmark's name, and what else tells its panels apart."""
    labels = {}
    for key in keys:
        rivals = [other for other in keys if other[0] == key[0] and other != key]
        parts = [
            text
            for text, position in ((key[1], 1), (f"signal {key[2]}", 2), (f"{key[3]} queries", 3))
            if any(other[position] != key[position] for other in rivals)
        ]
        labels[key] = f"{key[0]} ({', '.join(parts)})" if parts else key[0]
    return labels


def _read_panel(
    label: str, studies: pandas.DataFrame, columns: EvaluationColumns, benchmark: Benchmark | None
) -> Panel:
    first = studies.iloc[0]
    budget, signal, name = int(first["budget"]), str(first["signal"]), str(first["metric"])
    notes: list[str] = []
    metric = _metric(studies, benchmark, name, notes)
    notes += training_notes(benchmark)
    finished = studies[studies["state"] == "finished"]
    running = studies[studies["state"] != "finished"]
    percent = metric.unit == "fraction"
    scale = 100.0 if percent else 1.0
    unit = "percent" if percent else metric.unit
    test_name = name.replace("valid", "test", 1) if name.startswith("valid") else None
    if benchmark is None or test_name not in benchmark.metrics:
        test_name = None

    # Everything of the panel at once: (studies, queries) matrices of rows, values and incumbents.
    rows = columns.matrix(finished["study"].to_numpy(dtype=np.int64), budget)
    told = np.where(rows >= 0, columns.value[rows], np.nan) if len(columns.value) else np.full(rows.shape, np.nan)
    chosen = incumbents(told if metric.higher_is_better else -told)
    chosen_rows = np.where(chosen >= 0, np.take_along_axis(rows, np.maximum(chosen, 0), axis=1), -1)
    best = np.where(chosen >= 0, np.take_along_axis(told, np.maximum(chosen, 0), axis=1), np.nan)
    if signal != "mean" and benchmark is not None:
        best = columns.means(benchmark, name, chosen_rows)
        notes.append(
            "Strategies were told one trial a query; the values shown are the means over trials of the architecture "
            "that was best by what they were told."
        )
    elif signal != "mean":
        notes.append(
            "Strategies were told one trial a query, and the values shown are these: no table to look means up."
        )
    reference, reference_name = reference_value(benchmark, metric, best, notes)
    regret = reference - best if metric.higher_is_better else best - reference
    tolerance = 1e-9 * max(1.0, abs(reference)) if np.isfinite(reference) else 0.0
    regret[np.abs(regret) <= tolerance] = 0.0
    test_values = None
    if test_name is not None and benchmark is not None:
        test_values = scale * columns.means(benchmark, test_name, chosen_rows[:, -1:])[:, 0]

    ids = finished.reset_index(drop=True)
    results = []
    for variant in dict.fromkeys(studies["variant"].astype(str)):
        picked = np.flatnonzero((ids["variant"].astype(str) == variant).to_numpy(dtype=bool))
        picked = picked[np.argsort(ids["seed"].to_numpy(dtype=np.int64)[picked], kind="stable")]
        if not len(picked):
            continue
        seeds = ids["seed"].to_numpy(dtype=np.int64)[picked]
        if len(np.unique(seeds)) < len(seeds):
            raise InvalidSetting(f"two studies of {variant!r} on {label!r} have the same seed: pairs need one each")
        final = chosen_rows[picked, -1]
        hours = np.where(final >= 0, columns.seconds[final] / 3600.0, np.nan) if len(columns.seconds) else np.nan
        grid = query_grid(budget)
        # A study that ended early carries its best forward: the last column stands for every later query.
        on_grid = scale * regret[picked][:, np.minimum(grid, regret.shape[1]) - 1]
        results.append(
            StrategyResult(
                variant=variant,
                settings=str(ids["settings"].iloc[picked[0]]),
                seeds=seeds,
                best=scale * best[picked],
                regret=scale * regret[picked],
                reached=first_reached(regret[picked] <= 0.0),
                rows=final,
                hours_to_best=np.broadcast_to(hours, final.shape).astype(np.float64),
                queries=ids["queries"].to_numpy(dtype=np.int64)[picked],
                stops=tuple(ids["stop"].astype(str).iloc[picked]),
                failures=int((np.isnan(told[picked]) & (rows[picked] >= 0)).sum()),
                grid=grid,
                curve=bootstrap_means(on_grid, rng=np.random.default_rng(_BOOTSTRAP_SEED)),
                test_values=None if test_values is None else test_values[picked],
            )
        )
    return Panel(
        label=label,
        benchmark=str(first["benchmark"]),
        space=str(first["space"]),
        source=", ".join(dict.fromkeys(studies["source"].astype(str))),
        metric=metric,
        unit=unit,
        regret_unit="percentage points" if unit == "percent" else unit,
        scale=scale,
        signal=signal,
        budget=budget,
        reference=scale * reference,
        reference_name=reference_name,
        test_metric=test_name,
        results=tuple(results),
        unfinished={str(variant): int(count) for variant, count in running["variant"].value_counts().items()},
        tests=paired_tests({result.variant: result.scores(metric) for result in results}),
        notes=tuple(notes),
    )


def _metric(studies: pandas.DataFrame, benchmark: Benchmark | None, name: str, notes: list[str]) -> Metric:
    if benchmark is not None:
        return benchmark.metric(name)
    if {"unit", "higher_is_better"} <= set(studies.columns):
        first = studies.iloc[0]
        notes.append("The benchmark could not be loaded: regret is against the best value seen in this experiment.")
        return Metric(name, unit=str(first["unit"]), higher_is_better=bool(first["higher_is_better"]))
    notes.append(
        "The benchmark could not be loaded: regret is against the best value seen in this experiment, the unit is "
        "not known, and higher values are taken to be better."
    )
    return Metric(name, unit="")
