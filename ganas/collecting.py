"""Growing a benchmark: a designed sample of architectures, measured through studies into one resumable store.

J. Siems et al., "NAS-Bench-301 and the Case for Surrogate Benchmarks for Neural Architecture Search",
https://arxiv.org/abs/2008.09777, section 4: a surrogate is to be fitted on random architectures, so that it is good
everywhere, and on what several strategies visit, so that it is good where searches go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.ledger import Signal
from ganas.bench.registry import load_benchmark
from ganas.experiment import Experiment, StudyConfig
from ganas.running import StudySummary, claim, run_studies
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting
from ganas.spaces.space import Space
from ganas.strategies.listed import LISTED
from ganas.support import require_supported

__all__ = ["COLLECTING_STRATEGIES", "CollectedSample", "collect", "listed_study", "split_budget"]

COLLECTING_STRATEGIES = ("regularized-evolution", "local-search")
"""What visits architectures beside random search unless told otherwise: quick, on every space, without torch."""

RANDOM = "random-search"

# Up to this size a space is listed to find what is missing; of a larger one, so many are drawn for each.
_LISTED_SIZE = 50_000
_DRAWS = 200


@dataclass(frozen=True, slots=True)
class CollectedSample:
    """What a run holds now.

    Attributes:
        folder: Folder of the run.
        architectures: How many different architectures were evaluated.
        failures: How many of these evaluations failed.
        queries: How many evaluations were paid for: more where two strategies visited the same.
        by_strategy: Strategy to its evaluations; ``listed`` are random ones in place of what was visited twice.
    """

    folder: Path
    architectures: int
    failures: int
    queries: int
    by_strategy: dict[str, int]


def collect(
    benchmark: Benchmark | str,
    count: int,
    out: str | Path,
    *,
    strategies: Sequence[str] = COLLECTING_STRATEGIES,
    share_random: float = 0.5,
    seed: int = 0,
    jobs: int = 1,
    metric: str | None = None,
    signal: Signal = "mean",
    progress: Callable[[int, int, StudySummary | None], None] | None = None,
    command: str | None = None,
) -> CollectedSample:
    """Evaluate ``count`` different architectures: some at random, the others as strategies come upon them.

    Every strategy makes one study; where two visited the same architecture, random ones that none visited make up
    for it. Call it again with the same arguments after any interruption.

    Args:
        benchmark: What evaluates, or its registered name.
        count: How many different architectures.
        out: Folder of the run.
        strategies: Registered names; what is not random is shared among them evenly.
        share_random: The share that is drawn at random, between 0 and 1; all of it where no strategy is given.
        seed: Of every study.
        jobs: Worker processes; each runs one study at a time.
        metric: What the strategies improve; None for the benchmark's objective.
        signal: ``"mean"`` over trials, or one trial drawn at ``"random"`` for each evaluation.
        progress: Called with (finished studies, all studies, the newest or None).
        command: What the user typed, for the report.

    Raises:
        InvalidSetting: A value is out of range, or the space has fewer architectures.
        StoreError: The folder holds another run.
        GanasError: A strategy is unknown, or does not run on the benchmark; nothing is evaluated then.
    """
    from ganas.store import Store

    opened = load_benchmark(benchmark) if isinstance(benchmark, str) else benchmark
    name = benchmark if isinstance(benchmark, str) else benchmark.name
    given = {} if isinstance(benchmark, str) else {name: opened}
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise InvalidSetting(f"the number of jobs at a time must be at least 1, not {jobs!r}")
    budgets = split_budget(count, strategies, share_random)
    if count > opened.space.size:
        raise InvalidSetting(f"{opened.space.name!r} has {opened.space.size:,} architectures, not {count:,}")
    configs: list[StudyConfig] = []
    for strategy, budget in budgets.items():
        one = Experiment((name,), (strategy,), (seed,), budget, metric, signal)
        configs += one.studies({name: opened})
    require_supported(configs, {name: opened})
    fixed = {
        "budget": count,
        "metric": metric,
        "signal": signal,
        "stop_at_optimum": False,
        "collection": {"strategies": list(strategies), "share_random": float(share_random), "seed": seed},
    }
    folder = Path(out)
    with Store(folder) as store:
        claim(store, fixed, {name: opened})
        if command is not None:
            store.write_meta("command", command)
    run_studies(configs, folder, jobs=jobs, benchmarks=given, progress=progress)
    space = opened.space
    seen = _visited(folder, space, configs)
    # What was visited twice is known only now. It follows from what the studies found, so a resumed run asks the same.
    fresh = _unseen(space, count - len(seen), seen, rng=np.random.default_rng([seed, count]))
    if fresh:
        more = listed_study(configs[0], fresh, space, seed=seed)
        configs.append(more)
        run_studies([more], folder, jobs=1, benchmarks=given, progress=progress)
    return _sample(folder, space, configs)


def split_budget(count: int, strategies: Sequence[str], share_random: float) -> dict[str, int]:
    """Strategy to how many evaluations it gets, those without any left out.

    Raises:
        InvalidSetting: The count is below 1, the share is not between 0 and 1, or a name is given twice.

    >>> split_budget(101, ["local-search", "regularized-evolution"], 0.5)
    {'random-search': 50, 'local-search': 26, 'regularized-evolution': 25}
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise InvalidSetting(f"the number of architectures must be at least 1, not {count!r}")
    if not 0 <= share_random <= 1:
        raise InvalidSetting(f"the share that is drawn at random must be between 0 and 1, not {share_random!r}")
    if RANDOM in strategies:
        raise InvalidSetting(f"{RANDOM} draws the random share anyway: name only the other strategies")
    if len(set(strategies)) < len(strategies):
        raise InvalidSetting(f"a strategy is given twice: {', '.join(strategies)}")
    at_random = round(int(count) * share_random) if strategies else int(count)
    each, rest = divmod(int(count) - at_random, max(1, len(strategies)))
    budgets = {RANDOM: at_random, **{name: each + (place < rest) for place, name in enumerate(strategies)}}
    return {name: budget for name, budget in budgets.items() if budget}


def listed_study(like: StudyConfig, architectures: Sequence[Architecture], space: Space, *, seed: int) -> StudyConfig:
    """A study that evaluates given architectures, on the benchmark and with the metric and signal of another."""
    text = "\n".join(space.format(architecture) for architecture in architectures)
    return StudyConfig(
        like.benchmark,
        LISTED,
        {"architectures": text},
        seed,
        len(architectures),
        like.metric,
        like.signal,
        False,
        "listed",
    )


def _visited(folder: Path, space: Space, configs: Sequence[StudyConfig]) -> set[int]:
    """Identity keys of everything that some studies evaluated."""
    from ganas.store import Store

    with Store(folder, create=False) as store:
        frame = store.evaluations(["study", "query", "architecture"])
    texts = frame.loc[frame["study"].isin([config.key for config in configs]), "architecture"].unique()
    return {space.identity_key(space.parse(text)) for text in texts}


def _unseen(space: Space, count: int, seen: Collection[int], *, rng: np.random.Generator) -> list[Architecture]:
    """Random architectures that are not among ``seen``; fewer than ``count`` where draws bring no new ones."""
    if count < 1:
        return []
    if space.size <= _LISTED_SIZE:
        rest = [one for one in space.enumerate() if space.identity_key(one) not in seen]
        return [rest[place] for place in rng.choice(len(rest), min(count, len(rest)), replace=False).tolist()]
    known = set(seen)
    found: list[Architecture] = []
    for _ in range(_DRAWS):
        for architecture in space.sample(count, rng=rng):
            key = space.identity_key(architecture)
            if key not in known:
                known.add(key)
                found.append(architecture)
        if len(found) >= count:
            break
    return found[:count]


def _sample(folder: Path, space: Space, configs: Sequence[StudyConfig]) -> CollectedSample:
    from ganas.store import Store

    with Store(folder, create=False) as store:
        frame = store.evaluations(["study", "query", "architecture", "failure"])
    names = {config.key: config.variant for config in configs}
    frame = frame[frame["study"].isin(list(names))]
    counts = frame["study"].map(names).value_counts()
    by_strategy = {config.variant: int(counts.get(config.variant, 0)) for config in configs}
    different = frame.drop_duplicates("architecture")
    failed = different["failure"].notna().sum()
    return CollectedSample(folder, len(_visited(folder, space, configs)), int(failed), len(frame), by_strategy)
