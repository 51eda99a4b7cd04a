"""What a surrogate promises against what is measured: its top picks, evaluated for real."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.ledger import Signal
from ganas.bench.measured_table import MeasuredTable
from ganas.bench.metric import Metric
from ganas.bench.registry import load_benchmark
from ganas.bench.surrogate.benchmark import SurrogateBenchmark
from ganas.collecting import listed_study
from ganas.experiment import Experiment
from ganas.running import StudySummary, claim, run_studies
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import DataError, InvalidSetting, StoreError, WrongSpace
from ganas.study import search

if TYPE_CHECKING:
    import pandas

__all__ = ["Verification", "search_picks", "searched_picks", "table_ranks", "top_picks", "verify"]


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """The gap between what was promised and what was measured.

    Attributes:
        picks: One row a pick, the most promising first: ``architecture``, ``predicted``, ``low`` and ``high`` (where a
            measurement was expected with probability 0.9), ``measured`` (NaN where the evaluation failed), ``gap``
            (measured minus predicted), ``measured_rank`` (1 for the best measured among the picks) and, on a table,
            ``table_rank`` (its place among all architectures of the table, by the mean over trials).
        metric: What was measured.
        seconds: What the measurements cost, in seconds of the benchmark's machine.
    """

    picks: pandas.DataFrame
    metric: Metric
    seconds: float

    @property
    def mean_gap(self) -> float:
        """Mean of measured minus predicted; NaN where every evaluation failed."""
        return float(self.picks["gap"].mean())

    @property
    def mean_absolute_gap(self) -> float:
        """Mean of its absolute value; NaN where every evaluation failed."""
        return float(self.picks["gap"].abs().mean())

    @property
    def inside(self) -> float:
        """Share of the measurements that lie in their 90 % interval; NaN where every evaluation failed."""
        measured = self.picks.dropna(subset="measured")
        held = (measured["measured"] >= measured["low"]) & (measured["measured"] <= measured["high"])
        return float(held.mean())


def verify(
    surrogate: SurrogateBenchmark,
    benchmark: Benchmark | str,
    picks: Iterable[Architecture],
    out: str | Path,
    *,
    metric: str | None = None,
    signal: Signal = "mean",
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[int, int, StudySummary | None], None] | None = None,
    command: str | None = None,
) -> Verification:
    """Evaluate some architectures through studies into a store, and compare with what the surrogate said.

    Every pick is a study of its own, so that several are evaluated at a time and a run that was interrupted goes on
    with those that are missing.

    Args:
        surrogate: What promised.
        benchmark: What measures, or its registered name.
        picks: What to measure, such as :func:`search_picks` gives.
        out: Folder of the run.
        metric: A metric that both have; None for the surrogate's objective.
        signal: ``"mean"`` over trials, or one trial drawn at ``"random"``.
        seed: Draws the trials.
        jobs: Worker processes.
        progress: Called with (finished studies, all studies, the newest or None).
        command: What the user typed, for the report.

    Raises:
        WrongSpace: The benchmark is of another space.
        UnknownMetric: One of the two lacks the metric.
        InvalidSetting: There is no pick.
        StoreError: The folder holds another run.
    """
    import pandas

    from ganas.store import Store

    opened = load_benchmark(benchmark) if isinstance(benchmark, str) else benchmark
    name = benchmark if isinstance(benchmark, str) else benchmark.name
    given = {} if isinstance(benchmark, str) else {name: opened}
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise InvalidSetting(f"the number of jobs at a time must be at least 1, not {jobs!r}")
    if opened.space != surrogate.space:
        raise WrongSpace(f"{name!r} is of {opened.space.name!r}, and {surrogate.name!r} of {surrogate.space.name!r}")
    asked = surrogate.metric(metric).name
    measured = opened.metric(asked)
    chosen = list(picks)
    if not chosen:
        raise InvalidSetting("there is no architecture to verify")
    (like,) = Experiment((name,), ("random-search",), (seed,), len(chosen), asked, signal).studies({name: opened})
    configs = [
        listed_study(like, [architecture], opened.space, seed=seed + place) for place, architecture in enumerate(chosen)
    ]
    fixed = {"budget": 1, "metric": asked, "signal": signal, "stop_at_optimum": False, "verifies": surrogate.source}
    folder = Path(out)
    with Store(folder) as store:
        claim(store, fixed, {name: opened})
        if command is not None:
            store.write_meta("command", command)
    run_studies(configs, folder, jobs=jobs, benchmarks=given, progress=progress)
    with Store(folder, create=False) as store:
        stored = store.evaluations(["study", "query", "value", "simulated_seconds"]).set_index("study")
    found = stored.reindex([config.key for config in configs])
    values = found["value"].to_numpy(dtype=np.float64, na_value=np.nan)
    predicted = surrogate.query_many(chosen, [asked])[:, 0]
    known = surrogate.fitted.known_columns(asked, chosen)
    low, high = surrogate.surrogate(asked).interval(chosen, 0.9, known=known)
    scores = np.array([measured.score(value) for value in values.tolist()])
    frame = pandas.DataFrame(
        {
            "architecture": [opened.space.format(architecture) for architecture in chosen],
            "predicted": predicted,
            "low": low,
            "high": high,
            "measured": values,
            "gap": values - predicted,
            "measured_rank": pandas.Series(-scores).rank(method="min").astype("Int64"),
        }
    )
    if isinstance(opened, MeasuredTable):
        frame["table_rank"] = pandas.array(table_ranks(opened, chosen, asked), dtype="Int64")
    frame.index = pandas.RangeIndex(1, len(frame) + 1, name="pick")
    return Verification(frame, measured, float(found["simulated_seconds"].sum()))


def search_picks(
    surrogate: SurrogateBenchmark,
    count: int,
    *,
    strategy: str = "regularized-evolution",
    budget: int = 500,
    seed: int = 0,
    metric: str | None = None,
) -> list[Architecture]:
    """The most promising architectures that a search on a surrogate comes upon; see :func:`top_picks`."""
    study = search(surrogate, strategy, budget=budget, seed=seed, metric=metric)
    return top_picks(surrogate, [entry.evaluation.architecture for entry in study.entries], count, metric=metric)


def searched_picks(
    surrogate: SurrogateBenchmark, run: str | Path, count: int, *, metric: str | None = None
) -> list[Architecture]:
    """The most promising architectures that the searches of a run on a surrogate came upon; see :func:`top_picks`.

    Raises:
        StoreError: There is no store, or none of its studies is on this surrogate.
    """
    from ganas.store import Store

    with Store(run, create=False) as store:
        studies, evaluations = store.studies(), store.evaluations(["study", "query", "architecture"])
    own = studies.loc[studies["source"] == surrogate.source, "study"]
    texts = evaluations.loc[evaluations["study"].isin(own), "architecture"].unique()
    if not len(texts):
        raise StoreError(f"the run {run} holds no search on {surrogate.name!r} of {surrogate.source}")
    return top_picks(surrogate, [surrogate.space.parse(text) for text in texts], count, metric=metric)


def top_picks(
    surrogate: SurrogateBenchmark, candidates: Iterable[Architecture], count: int, *, metric: str | None = None
) -> list[Architecture]:
    """The best candidates by prediction that the surrogate did not learn from, the most promising first.

    Args:
        surrogate: What predicts.
        candidates: What there is to choose from; the same one twice counts once.
        count: How many at most.
        metric: What to predict; None for the objective.

    Raises:
        InvalidSetting: The count is below 1.
        DataError: Every candidate was learnt from.
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise InvalidSetting(f"the number of picks must be at least 1, not {count!r}")
    key = surrogate.space.identity_key
    learnt = set(map(key, surrogate.fitted.trained))
    fresh = [one for name, one in {key(one): one for one in candidates}.items() if name not in learnt]
    if not fresh:
        raise DataError(f"{surrogate.name!r} learnt from every candidate: search with a larger budget")
    described = surrogate.metric(metric)
    values = surrogate.query_many(fresh, [described.name])[:, 0]
    order = np.argsort(-values if described.higher_is_better else values, kind="stable")
    return [fresh[place] for place in order[:count].tolist()]


def table_ranks(table: MeasuredTable, picks: Sequence[Architecture], metric: str | None = None) -> list[int | None]:
    """The place of each pick among all architectures of a table, 1 for the best; None where it holds no value.

    Args:
        table: The table; its values are means over trials.
        picks: What to look up.
        metric: What to rank by; None for the objective.
    """
    described = table.metric(metric)
    held = table.frame()
    places = held[described.name].rank(method="min", ascending=not described.higher_is_better)
    found = places.set_axis(held["architecture"]).reindex([table.space.format(pick) for pick in picks])
    return [None if place != place else int(place) for place in found]
