"""Running a grid of judgements of surrogates in worker processes; called again, it goes on where it stopped."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.registry import load_benchmark
from ganas.bench.surrogate.judging.evaluate import REFERENCES, Judgement, judge, references
from ganas.bench.surrogate.judging.population import (
    MOST_ARCHITECTURES,
    Label,
    Population,
    read_population,
    with_known_tables,
)
from ganas.bench.surrogate.judging.splits import (
    EXTRAPOLATION,
    RANDOM,
    TABLE_SPLITS,
    make_split,
    split_rng,
    strategy_split,
)
from ganas.bench.surrogate.known_table import KnownTable
from ganas.bench.surrogate.models import DEFAULT_MODEL, model_class, require_model
from ganas.executors import run_jobs
from ganas.judging.journal import Journal, judgement_of
from ganas.judging.visited import visited_architectures
from ganas.spaces.errors import InvalidSetting, quote_list

if TYPE_CHECKING:
    import pandas

__all__ = ["SurrogateGrid", "judge_surrogates"]

# Architectures that a surrogate needs at least.
_FEWEST = 5
# What the scores may depend on.
_PACKAGES = ("ganas", "numpy", "scipy", "scikit-learn", "lightgbm", "torch")


@dataclass(frozen=True, slots=True)
class SurrogateGrid:
    """Which surrogates are judged, and how.

    Attributes:
        models: Surrogate models.
        sizes: How many architectures they learn from.
        seeds: One draw each.
        label: Whether they learn from one trial of each architecture, drawn at ``"random"``, or from the ``"mean"``.
        metric: What they predict; None for the objective.
        splits: Of :data:`ganas.bench.surrogate.judging.splits.TABLE_SPLITS`.
        most: How many architectures of a larger table are drawn, for everything.

    Raises:
        InvalidSetting: A value is out of range, or something is given twice.
        UnknownName: There is no such model.
    """

    models: tuple[str, ...] = (DEFAULT_MODEL,)
    sizes: tuple[int, ...] = (50, 200, 1000)
    seeds: tuple[int, ...] = tuple(range(20))
    label: Label = "random"
    metric: str | None = None
    splits: tuple[str, ...] = (RANDOM, EXTRAPOLATION)
    most: int = MOST_ARCHITECTURES

    def __post_init__(self) -> None:
        for name in ("models", "sizes", "seeds", "splits"):
            values = getattr(self, name)
            if not values:
                raise InvalidSetting(f"{name}: at least one is needed")
            if len(set(values)) < len(values):
                raise InvalidSetting(f"{name}: {', '.join(map(str, values))} holds something twice")
        for model in self.models:
            require_model(model)
        for name, least in (("sizes", _FEWEST), ("seeds", 0)):
            for value in getattr(self, name):
                if isinstance(value, bool) or not isinstance(value, int) or value < least:
                    raise InvalidSetting(f"{name} are whole numbers from {least}, not {value!r}")
        if self.label not in get_args(Label):
            raise InvalidSetting(f"a surrogate learns from {quote_list(get_args(Label))}, not {self.label!r}")
        for split in self.splits:
            if split not in TABLE_SPLITS:
                raise InvalidSetting(f"splits are {quote_list(TABLE_SPLITS)}, not {split!r}")


def judge_surrogates(
    benchmark: Benchmark | str,
    grid: SurrogateGrid,
    out: str | Path,
    *,
    known: Sequence[Benchmark | str] = (),
    visited: str | Path | None = None,
    jobs: int = 1,
    progress: Callable[[int, int, dict[str, Any] | None], None] | None = None,
    command: str | None = None,
) -> pandas.DataFrame:
    """Judge surrogates on a table; what the folder holds already is not computed again.

    Splits, labels and test sets of a seed are the same for every model. A folder may be extended by further models,
    sizes, seeds and splits, and by judgements with something known; the table, the metric and the label stay. Beside
    the models it holds rankings without training: by parameter count, and by what is known.

    Args:
        benchmark: A table, or its name.
        grid: What is judged.
        out: The folder.
        known: Tables of the same space that surrogates learn from first, and whose values they are given.
        visited: A run of ``ganas compare`` on the benchmark. Each strategy of it is left out once: surrogates learn
            from what the others visited and are judged on what it did.
        jobs: Worker processes.
        progress: Called with (done, all, the newest or None), first for what was there before.
        command: What the user typed, for the report.

    Returns:
        A row a judgement, also of earlier commands; the columns are those of
        :func:`ganas.bench.surrogate.judging.evaluate.judge`.

    Raises:
        StoreError: The folder is of another evaluation, or another command is writing to it.
        MissingDependency: A model needs a package that is not installed.
        GanasError: Something does not fit; nothing is computed then.
    """
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise InvalidSetting(f"the number of jobs at a time must be at least 1, not {jobs!r}")
    name = benchmark if isinstance(benchmark, str) else benchmark.name
    opened = load_benchmark(benchmark) if isinstance(benchmark, str) else benchmark
    others = [load_benchmark(other) if isinstance(other, str) else other for other in known]
    for model in grid.models:
        model_class(model)
    by_strategy = None if visited is None else visited_architectures(visited, name, opened)
    # One fixed part of a large table, and one order: the seeds of the grid draw from it.
    population = read_population(
        opened, grid.metric, known=others, most=grid.most, visited=by_strategy, rng=np.random.default_rng(0)
    )
    splits = (*grid.splits, *map(strategy_split, population.visited))
    wanted = _judgements(population, grid, splits)
    for split in splits:
        for size in grid.sizes:
            make_split(population, split, size, rng=split_rng(split, size, grid.seeds[0]))
    journal = Journal(out)
    with journal.claimed():
        journal.describe(
            {
                "benchmark": name,
                "source": opened.source,
                "space": opened.space.name,
                "metric": population.metric.name,
                "unit": population.metric.unit,
                "label": grid.label,
                "most": grid.most,
                "visited": {strategy: len(rows) for strategy, rows in population.visited.items()},
                "architectures": population.drawn,
                "known": [{"benchmark": other.name, "source": other.source} for other in others],
            },
            command=command,
            versions=_versions(),
        )
        held = set(map(judgement_of, journal.rows()))
        waiting = [judgement for judgement in wanted if judgement not in held]
        done = len(wanted) - len(waiting)
        if progress is not None:
            progress(done, len(wanted), None)
        if any(judgement.known and judgement.model not in REFERENCES for judgement in waiting):
            population = with_known_tables(population)
        answers = run_jobs(
            _judge_in_worker,
            waiting,
            workers=min(jobs, max(1, len(waiting))),
            initializer=_start_worker,
            # Networks do not travel between processes; what they are made of does.
            initargs=(replace(population, tables=()), [table.state() for table in population.tables], grid.label),
        )
        for row in answers:
            journal.append(row)
            done += 1
            if progress is not None:
                progress(done, len(wanted), row)
        journal.sort()
    return journal.frame()


def _judgements(population: Population, grid: SurrogateGrid, splits: Sequence[str]) -> list[Judgement]:
    """Seed by seed, small learning sets first, so that an interrupted command has something of everything."""
    known = population.known.shape[1] > 0
    models = [*references(population), *((model, known) for model in grid.models)]
    return [
        Judgement(model, with_known, split, size, seed)
        for seed in grid.seeds
        for size in sorted(grid.sizes)
        for split in splits
        for model, with_known in models
    ]


_worker: tuple[Population, Label] | None = None


def _start_worker(population: Population, tables: Sequence[Mapping[str, Any]], label: Label) -> None:
    global _worker
    opened = tuple(KnownTable.from_state(population.space, state) for state in tables)
    _worker = (replace(population, tables=opened), label)


def _judge_in_worker(judgement: Judgement) -> dict[str, Any]:
    if _worker is None:
        raise InvalidSetting("the worker has no population")
    population, label = _worker
    return judge(population, judgement, label)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
