"""Running an experiment: every study of its grid, in worker processes, into one resumable store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganas.bench.benchmark import Benchmark
from ganas.bench.ledger import Signal
from ganas.bench.registry import load_benchmark
from ganas.executors import run_jobs
from ganas.experiment import Experiment, StudyConfig
from ganas.spaces.errors import InvalidSetting, StoreError
from ganas.support import require_supported
from ganas.worker import StudySummary, close_worker, initialize_worker, run_study

if TYPE_CHECKING:
    from ganas.store import Store

__all__ = ["StudySummary", "claim", "compare", "run_experiment", "run_studies"]


def run_experiment(
    experiment: Experiment,
    out: str | Path,
    *,
    jobs: int = 1,
    benchmarks: Mapping[str, Benchmark] | None = None,
    progress: Callable[[int, int, StudySummary | None], None] | None = None,
    command: str | None = None,
) -> Path:
    """Run every study that the store does not hold yet; call it again after any interruption.

    Args:
        experiment: The grid.
        out: Folder of the run; its store is made or gone on with. A store may be extended by further benchmarks,
            strategies and seeds; budget, metric, signal and stopping must stay the same.
        jobs: Worker processes.
        benchmarks: Benchmarks that are not registered, by the name that the experiment uses.
        progress: Called with (finished studies, all studies, the newest or None), first for what was stored before.
        command: What the user typed, for the report.

    Returns:
        The folder.

    Raises:
        StoreError: The store is of another experiment, of other data, or cannot be read.
        GanasError: Something that the experiment names is unknown or out of range; nothing is run then.
    """
    from ganas.store import Store

    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise InvalidSetting(f"the number of jobs at a time must be at least 1, not {jobs!r}")
    given = dict(benchmarks or {})
    opened = {name: given[name] if name in given else load_benchmark(name) for name in experiment.benchmarks}
    configs = experiment.studies(opened)
    require_supported(configs, opened)
    folder = Path(out)
    fixed = {name: getattr(experiment, name) for name in ("budget", "metric", "signal", "stop_at_optimum")}
    with Store(folder) as store:
        claim(store, fixed, opened)
        if command is not None:
            store.write_meta("command", command)
    run_studies(configs, folder, jobs=jobs, benchmarks=given, progress=progress)
    return folder


def run_studies(
    configs: Sequence[StudyConfig],
    folder: Path,
    *,
    jobs: int = 1,
    benchmarks: Mapping[str, Benchmark] | None = None,
    progress: Callable[[int, int, StudySummary | None], None] | None = None,
) -> None:
    """Run every study that a store which was claimed for them does not hold yet.

    Args:
        configs: The studies.
        folder: Folder of the run.
        jobs: Worker processes.
        benchmarks: Benchmarks that are not registered, by the name that the studies use.
        progress: As for :func:`run_experiment`.

    Raises:
        StoreError: The store cannot be read, or what it holds of a study differs from its replay.
    """
    from ganas.store import Store

    with Store(folder) as store:
        _keep_order(store, configs)
        finished = store.finished()
    # Seed by seed: quick strategies report while slow ones run, and what an interrupted run has is paired by seed.
    place = {seed: number for number, seed in enumerate(dict.fromkeys(config.seed for config in configs))}
    waiting = sorted((c for c in configs if c.key not in finished), key=lambda config: place[config.seed])
    done, total = len(configs) - len(waiting), len(configs)
    if progress is not None:
        progress(done, total, None)
    if waiting:
        answers = run_jobs(
            run_study,
            waiting,
            workers=min(jobs, len(waiting)),
            initializer=initialize_worker,
            initargs=(str(folder), dict(benchmarks or {})),
        )
        try:
            for summary in answers:
                done += 1
                if progress is not None:
                    progress(done, total, summary)
        finally:
            close_worker()
        # The last connection to close folds SQLite's write-ahead log into the store.
        Store(folder).close()


def claim(store: Store, fixed: Mapping[str, Any], benchmarks: Mapping[str, Benchmark]) -> None:
    """Check that a store was made with these values and on these benchmarks, or make it so.

    Args:
        store: The store of a run.
        fixed: What must stay the same whenever the run is gone on with, as JSON values.
        benchmarks: The benchmarks of its studies, by the name that they use.

    Raises:
        StoreError: A value or the numbers of a benchmark are not the same.
    """
    stored = store.read_meta("experiment")
    if stored is None:
        store.write_meta("experiment", dict(fixed))
    elif stored != fixed:
        name = next(name for name in (*fixed, *stored) if stored.get(name) != fixed.get(name))
        raise StoreError(
            f"the store in {store.name} was made with {name} {stored.get(name)!r}, not {fixed.get(name)!r}: "
            "give the same value or another folder"
        )
    sources = store.read_meta("sources") or {}
    for name, benchmark in benchmarks.items():
        if sources.get(name, benchmark.source) != benchmark.source:
            raise StoreError(
                f"the store in {store.name} was made on {name} with {sources[name]}, it is {benchmark.source} now: "
                "use another folder"
            )
    if any(name not in sources for name in benchmarks):
        store.write_meta("sources", {**sources, **{name: bench.source for name, bench in benchmarks.items()}})


def _keep_order(store: Store, configs: Sequence[StudyConfig]) -> None:
    """Keep the order in which the experiment names benchmarks and variants; what only earlier ones named comes last."""
    stored = store.read_meta("order") or {}
    order = {
        name: list(dict.fromkeys([*(getattr(config, name) for config in configs), *stored.get(name, [])]))
        for name in ("benchmark", "variant")
    }
    if order != stored:
        store.write_meta("order", order)


def compare(
    benchmarks: Sequence[Benchmark | str],
    strategies: Sequence[str],
    *,
    seeds: int | Sequence[int],
    budget: int,
    out: str | Path,
    jobs: int = 1,
    metric: str | None = None,
    signal: Signal = "mean",
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    stop_at_optimum: bool = False,
) -> Path:
    """Run strategies x benchmarks x seeds into the folder ``out``, which :func:`ganas.report.report_run` reads.

    The arguments are those of :class:`~ganas.experiment.Experiment` and :func:`run_experiment`; ``seeds`` may be a
    count (0 up to it), and a benchmark may be an object, such as a table made by ``TabularBenchmark.from_frame``.
    """
    objects = {benchmark.name: benchmark for benchmark in benchmarks if isinstance(benchmark, Benchmark)}
    experiment = Experiment(
        benchmarks=tuple(item.name if isinstance(item, Benchmark) else item for item in benchmarks),
        strategies=tuple(strategies),
        seeds=tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds),
        budget=budget,
        metric=metric,
        signal=signal,
        settings=settings or {},
        stop_at_optimum=stop_at_optimum,
    )
    return run_experiment(experiment, out, jobs=jobs, benchmarks=objects)
