"""The checks of the conformance kit of benchmarks; :mod:`ganas.bench.testing` runs them.

A check asks only for what :class:`~ganas.bench.benchmark.Benchmark` declares, of a trainer about two architectures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.metric import Metric, Optimum, Result
from ganas.spaces.architecture import Architecture
from ganas.spaces.checks import Check, raises, require
from ganas.spaces.errors import (
    EpochNotMeasured,
    InvalidArchitecture,
    NotMeasured,
    NotSupported,
    TrialNotMeasured,
    UnknownMetric,
    WrongSpace,
)
from ganas.spaces.space import Space

__all__ = ["BENCHMARK_CHECKS"]


def check_declaration(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """Name, kind, space, metrics, objective and source are what the interface says."""
    require(isinstance(benchmark, Benchmark), f"{benchmark!r:.80} is not a Benchmark")
    name = benchmark.name
    require(isinstance(name, str) and name and name == "".join(name.split()), f"name is {name!r}: no spaces, not empty")
    require(benchmark.kind in ("table", "surrogate", "trainer"), f"kind is {benchmark.kind!r}")
    require(isinstance(benchmark.space, Space), f"space is a {type(benchmark.space).__name__}, not a Space")
    require(len(benchmark.metrics) > 0, "there are no metrics")
    for key, metric in benchmark.metrics.items():
        require(isinstance(metric, Metric), f"metric {key!r} is a {type(metric).__name__}, not a Metric")
        require(metric.name == key, f"the metric under {key!r} is named {metric.name!r}")
        require(metric.unit, f"metric {key!r} has no unit")
        epochs = metric.epochs
        require(isinstance(epochs, tuple), f"the epochs of {key!r} are a {type(epochs).__name__}, not a tuple")
        require(all(epoch >= 0 for epoch in epochs), f"{key!r} has a negative epoch")
        require(list(epochs) == sorted(set(epochs)), f"the epochs of {key!r} are not increasing: {epochs}")
        require(benchmark.metric(key) == metric, f"metric({key!r}) is another metric")
    require(benchmark.objective in benchmark.metrics, f"the objective {benchmark.objective!r} is not a metric")
    require(benchmark.metric().name == benchmark.objective, "metric() is not the objective")
    require(benchmark.metric().split != "test", f"the objective {benchmark.objective!r} is a test metric")
    source = benchmark.source
    require(source.startswith(f"{benchmark.kind}:") and source != f"{benchmark.kind}:", f"source is {source!r}")


def check_results_say_what_they_are(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """Every answer is a finite float whose metric, unit, split, epoch, trials, cost and source fit."""
    for name, metric in benchmark.metrics.items():
        for architecture in _measured(benchmark, name, rng):
            result = benchmark.query(architecture, name)
            require(isinstance(result, Result), f"query returns a {type(result).__name__}, not a Result")
            _finite(result.value, f"the value of {name!r}")
            _finite(result.cost_seconds, f"the cost of {name!r}")
            require(result.cost_seconds >= 0, f"the cost of {name!r} is negative: {result.cost_seconds}")
            said = (result.metric, result.unit, result.split, result.source)
            wanted = (name, metric.unit, metric.split, benchmark.source)
            require(said == wanted, f"a result of {name!r} says {said}, and the benchmark {wanted}")
            last = metric.epochs[-1] if metric.epochs else None
            require(result.epoch == last, f"{name!r} without an epoch answers for {result.epoch}, not for {last}")
            require(isinstance(result.trials, tuple), f"the trials of {name!r} are no tuple")
            reductions = ("mean", "single") if result.trials else ("none",)
            require(result.reduction in reductions, f"{name!r} of trials {result.trials} says {result.reduction!r}")


def check_objective_is_the_default(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """``query``, ``query_many`` and ``num_trials`` without a metric are about the objective."""
    objective = benchmark.objective
    given = _measured(benchmark, objective, rng)
    for architecture in given[:3]:
        require(
            benchmark.query(architecture).metric == objective,
            f"query without a metric answers with {benchmark.query(architecture).metric!r}",
        )
        require(
            benchmark.num_trials(architecture) == benchmark.num_trials(architecture, objective),
            "num_trials without a metric is not that of the objective",
        )
    many = benchmark.query_many(given)
    require(np.array_equal(many, benchmark.query_many(given, [objective])), "query_many without metrics differs")


def check_query_many_equals_query(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """``query_many`` gives the values of ``query``, for objects and for genotypes, a column a metric."""
    for name in benchmark.metrics:
        given = _measured(benchmark, name, rng)
        one_by_one = np.array([benchmark.query(architecture, name).value for architecture in given])
        many = benchmark.query_many(given, [name])
        require(isinstance(many, np.ndarray) and many.dtype == np.float64, "query_many must return a float64 array")
        require(many.shape == (len(given), 1), f"query_many returns shape {many.shape}, not {(len(given), 1)}")
        require(_close(many[:, 0], one_by_one), f"query_many and query differ on {name!r}")
        genotypes = benchmark.space.encode_many(given)
        require(_close(benchmark.query_many(genotypes, [name])[:, 0], one_by_one), f"genotypes differ on {name!r}")
    names = [benchmark.objective, *benchmark.metrics]
    shape = benchmark.query_many([], names).shape
    require(shape == (0, len(names)), f"query_many of nothing has shape {shape}, not {(0, len(names))}")


def check_order_does_not_matter(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """The answer about an architecture does not depend on what is asked with it or before it."""
    name = benchmark.objective
    given = _measured(benchmark, name, rng)
    many = benchmark.query_many(given, [name])
    order = rng.permutation(len(given))
    shuffled = benchmark.query_many([given[place] for place in order], [name])
    require(_close(shuffled, many[order]), "query_many depends on the order of the architectures")
    for place in order[::-1].tolist():
        require(_close(benchmark.query(given[place], name).value, many[place, 0]), "query depends on earlier queries")


def check_same_answer_twice(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """Asking again gives the same result."""
    for name in benchmark.metrics:
        for architecture in _measured(benchmark, name, rng)[:3]:
            first, second = benchmark.query(architecture, name), benchmark.query(architecture, name)
            require(first == second, f"{name!r} answers {first} and then {second}")


def check_costs(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """One query costs one training, whatever the reduction, and a longer training costs no less."""
    for name, metric in benchmark.metrics.items():
        for architecture in _measured(benchmark, name, rng)[:3]:
            full = benchmark.query(architecture, name)
            for trial in full.trials:
                single = benchmark.query(architecture, name, trial=trial)
                require(
                    single.cost_seconds == full.cost_seconds,
                    f"one trial of {name!r} costs {single.cost_seconds} s, and the mean {full.cost_seconds} s",
                )
            costs = [
                benchmark.query(architecture, name, epoch=epoch).cost_seconds
                for epoch in _epochs(metric)
                if _answers(benchmark, architecture, name, epoch)
            ]
            require(costs == sorted(costs), f"the cost of {name!r} falls with the epochs: {costs}")


def check_trials(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """A trial is answered by its position, the mean is over all of them, and another position is refused."""
    for name in benchmark.metrics:
        for architecture in _measured(benchmark, name, rng)[:3]:
            whole = benchmark.query(architecture, name)
            count = benchmark.num_trials(architecture, name)
            require(count == len(whole.trials), f"num_trials of {name!r} is {count}, a result has {len(whole.trials)}")
            singles = []
            for trial in whole.trials:
                single = benchmark.query(architecture, name, trial=trial)
                said = (single.trials, single.reduction)
                require(said == ((trial,), "single"), f"trial {trial} of {name!r} says it is {said}")
                singles.append(single.value)
            if whole.reduction == "mean":
                require(_close(np.mean(singles), whole.value), f"{name!r} is not the mean over its trials")
            beyond = max(whole.trials, default=-1) + 1_000
            raises(
                TrialNotMeasured,
                lambda a=architecture, n=name, t=beyond: benchmark.query(a, n, trial=t),  # type: ignore[misc]
                f"trial {beyond} of {name!r}",
            )


def check_epochs(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """Every epoch that a metric declares is answered and says so; another one is refused."""
    for name, metric in benchmark.metrics.items():
        architecture = _measured(benchmark, name, rng)[0]
        for epoch in _epochs(metric):
            if _answers(benchmark, architecture, name, epoch):
                said = benchmark.query(architecture, name, epoch=epoch).epoch
                require(said == epoch, f"{name!r} at epoch {epoch} says it is of {said}")
        beyond = max(metric.epochs, default=0) + 1
        situation = f"epoch {beyond} of {name!r}, which it does not declare,"
        raises(EpochNotMeasured, lambda: benchmark.query(architecture, name, epoch=beyond), situation)  # noqa: B023
        raises(EpochNotMeasured, lambda: benchmark.query_many([architecture], [name], epoch=beyond), situation)  # noqa: B023


def check_unknown_metric(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """A metric that does not exist raises UnknownMetric everywhere."""
    architecture = _measured(benchmark, benchmark.objective, rng)[0]
    name = "no_such_metric"
    raises(UnknownMetric, lambda: benchmark.metric(name), "metric() of an unknown name")
    raises(UnknownMetric, lambda: benchmark.query(architecture, name), "query of an unknown metric")
    raises(UnknownMetric, lambda: benchmark.query_many([architecture], [name]), "query_many of an unknown metric")
    raises(UnknownMetric, lambda: benchmark.num_trials(architecture, name), "num_trials of an unknown metric")


def check_foreign_architectures(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """An architecture of another space raises WrongSpace; text is not an architecture."""
    known = _measured(benchmark, benchmark.objective, rng)[0]
    foreign = Architecture("a-space-of-the-conformance-kit", ["input", "output"], [(0, 1)])
    raises(WrongSpace, lambda: benchmark.query(foreign), "an architecture of another space")
    raises(WrongSpace, lambda: benchmark.query_many([known, foreign]), "one architecture of another space among many")
    text: Any = benchmark.space.format(known)
    raises(InvalidArchitecture, lambda: benchmark.query(text), "text in place of an architecture")
    raises(InvalidArchitecture, lambda: benchmark.query_many([text]), "text in place of architectures")


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
        require(_close(found, best.value), f"the optimum of {name!r} is {best.value}, and query says {found}")
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
                require(_answers(benchmark, architecture, name), f"{held}, and query says that it was not measured")
                value = benchmark.query(architecture, name).value
                require(_close(entry[name], value), f"{held}, and query says {value}")


def _measured(benchmark: Benchmark, metric: str, rng: np.random.Generator) -> list[Architecture]:
    """Some architectures for which the metric is held, at least one."""
    if benchmark.kind == "trainer":
        return benchmark.space.sample(2, rng=rng)
    drawn = benchmark.space.sample(30, rng=rng)
    found = [architecture for architecture in drawn if _answers(benchmark, architecture, metric)]
    if not found:
        # A table of a small part of its space.
        held: Sequence[str] = benchmark.frame().set_index("architecture")[metric].dropna().index.tolist()
        chosen = rng.choice(len(held), size=min(30, len(held)), replace=False).tolist()
        found = [benchmark.space.parse(held[place]) for place in chosen]
    require(found, f"{metric!r} is held for no architecture")
    return found


def _answers(benchmark: Benchmark, architecture: Architecture, metric: str, epoch: int | None = None) -> bool:
    try:
        benchmark.query(architecture, metric, epoch=epoch)
    except NotMeasured:
        return False
    return True


def _epochs(metric: Metric) -> tuple[int, ...]:
    """A few of the epochs of a metric, ends included."""
    return tuple(sorted({*metric.epochs[:2], *metric.epochs[-2:]}))


def _finite(number: object, what: str) -> None:
    require(type(number) is float, f"{what} is a {type(number).__name__}, not a float")
    require(isinstance(number, float) and math.isfinite(number), f"{what} is {number}")


def _close(first: Any, second: Any) -> bool:
    # Not equality: a surrogate may sum in another order in a batch.
    return bool(np.allclose(first, second, rtol=1e-6, atol=1e-9))


BENCHMARK_CHECKS: tuple[Check, ...] = (
    check_declaration,
    check_results_say_what_they_are,
    check_objective_is_the_default,
    check_query_many_equals_query,
    check_order_does_not_matter,
    check_same_answer_twice,
    check_costs,
    check_trials,
    check_epochs,
    check_unknown_metric,
    check_foreign_architectures,
    check_optimum,
    check_frame,
)
"""The checks of the kit, in the order in which they are run."""
