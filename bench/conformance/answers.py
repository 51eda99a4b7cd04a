"""Checks of what a benchmark declares and of what every answer says."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from ganas.bench.benchmark import Benchmark, Kind
from ganas.bench.conformance.asking import close, measured, require_finite
from ganas.bench.metric import Metric, Result
from ganas.spaces.architecture import Architecture
from ganas.spaces.checks import Check, raises, require
from ganas.spaces.errors import InvalidArchitecture, UnknownMetric, WrongSpace
from ganas.spaces.space import Space

__all__ = ["ANSWER_CHECKS"]


def check_declaration(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """Name, kind, space, metrics, objective and source are what the interface says."""
    require(isinstance(benchmark, Benchmark), f"{benchmark!r:.80} is not a Benchmark")
    name = benchmark.name
    require(isinstance(name, str) and name and name == "".join(name.split()), f"name is {name!r}: no spaces, not empty")
    require(benchmark.kind in get_args(Kind), f"kind is {benchmark.kind!r}")
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
        for architecture in measured(benchmark, name, rng):
            result = benchmark.query(architecture, name)
            require(isinstance(result, Result), f"query returns a {type(result).__name__}, not a Result")
            require_finite(result.value, f"the value of {name!r}")
            require_finite(result.cost_seconds, f"the cost of {name!r}")
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
    given = measured(benchmark, objective, rng)
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
        given = measured(benchmark, name, rng)
        one_by_one = np.array([benchmark.query(architecture, name).value for architecture in given])
        many = benchmark.query_many(given, [name])
        require(isinstance(many, np.ndarray) and many.dtype == np.float64, "query_many must return a float64 array")
        require(many.shape == (len(given), 1), f"query_many returns shape {many.shape}, not {(len(given), 1)}")
        require(close(many[:, 0], one_by_one), f"query_many and query differ on {name!r}")
        genotypes = benchmark.space.encode_many(given)
        require(close(benchmark.query_many(genotypes, [name])[:, 0], one_by_one), f"genotypes differ on {name!r}")
    names = [benchmark.objective, *benchmark.metrics]
    shape = benchmark.query_many([], names).shape
    require(shape == (0, len(names)), f"query_many of nothing has shape {shape}, not {(0, len(names))}")


def check_order_does_not_matter(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """The answer about an architecture does not depend on what is asked with it or before it."""
    name = benchmark.objective
    given = measured(benchmark, name, rng)
    many = benchmark.query_many(given, [name])
    order = rng.permutation(len(given))
    shuffled = benchmark.query_many([given[place] for place in order], [name])
    require(close(shuffled, many[order]), "query_many depends on the order of the architectures")
    for place in order[::-1].tolist():
        require(close(benchmark.query(given[place], name).value, many[place, 0]), "query depends on earlier queries")


def check_same_answer_twice(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """Asking again gives the same result."""
    for name in benchmark.metrics:
        for architecture in measured(benchmark, name, rng)[:3]:
            first, second = benchmark.query(architecture, name), benchmark.query(architecture, name)
            require(first == second, f"{name!r} answers {first} and then {second}")


def check_unknown_metric(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """A metric that does not exist raises UnknownMetric everywhere."""
    architecture = measured(benchmark, benchmark.objective, rng)[0]
    name = "no_such_metric"
    raises(UnknownMetric, lambda: benchmark.metric(name), "metric() of an unknown name")
    raises(UnknownMetric, lambda: benchmark.query(architecture, name), "query of an unknown metric")
    raises(UnknownMetric, lambda: benchmark.query_many([architecture], [name]), "query_many of an unknown metric")
    raises(UnknownMetric, lambda: benchmark.num_trials(architecture, name), "num_trials of an unknown metric")


def check_foreign_architectures(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """An architecture of another space raises WrongSpace; text is not an architecture."""
    known = measured(benchmark, benchmark.objective, rng)[0]
    foreign = Architecture("a-space-of-the-conformance-kit", ["input", "output"], [(0, 1)])
    raises(WrongSpace, lambda: benchmark.query(foreign), "an architecture of another space")
    raises(WrongSpace, lambda: benchmark.query_many([known, foreign]), "one architecture of another space among many")
    text: Any = benchmark.space.format(known)
    raises(InvalidArchitecture, lambda: benchmark.query(text), "text in place of an architecture")
    raises(InvalidArchitecture, lambda: benchmark.query_many([text]), "text in place of architectures")


ANSWER_CHECKS: tuple[Check, ...] = (
    check_declaration,
    check_results_say_what_they_are,
    check_objective_is_the_default,
    check_query_many_equals_query,
    check_order_does_not_matter,
    check_same_answer_twice,
    check_unknown_metric,
    check_foreign_architectures,
)
