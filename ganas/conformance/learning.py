"""Checks of what a strategy makes of the values, failures and constraints that it is told."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np

from ganas.bench.metric import Evaluation, Result
from ganas.bench.toy import ToyBenchmark
from ganas.conformance.subjects import QUERIES, StrategyClass, ended_well, judged_spaces, study_of, toys, trace_of
from ganas.spaces.architecture import Architecture
from ganas.spaces.checks import Check, require
from ganas.spaces.errors import ArchitectureNotMeasured
from ganas.spaces.registry import load_space
from ganas.strategies.random_search import RandomSearch
from ganas.strategy import MeasuredConstraint, PredicateConstraint
from ganas.study import Study

__all__ = ["LEARNING_CHECKS"]


class _Holes(ToyBenchmark):
    """Every third identity was never measured."""

    kind: ClassVar[Literal["table", "surrogate", "trainer"]] = "surrogate"

    def query(self, architecture: Architecture, *args: Any, **named: Any) -> Result:
        if self.space.identity_key(architecture) % 3 == 0:
            raise ArchitectureNotMeasured("not measured, to see what the strategy does")
        return super().query(architecture, *args, **named)


def check_survives_failures(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """A third of all evaluations fails; the study goes on to its end."""
    for name in judged_spaces(strategy):
        study = study_of(strategy, _Holes(load_space(name))).run()
        failed = sum(entry.evaluation.failure is not None for entry in study.entries)
        require(ended_well(study), f"with failing evaluations it ended as {study.stop!r}")
        require(failed < QUERIES, "every evaluation failed")


def check_minimises(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """A metric to be minimised leads to the same trace as its negation to be maximised."""
    for name in judged_spaces(strategy):
        up = study_of(strategy, ToyBenchmark(load_space(name))).run()
        down = study_of(strategy, ToyBenchmark(load_space(name), higher_is_better=False)).run()
        require([k for k, _ in trace_of(up)] == [k for k, _ in trace_of(down)], f"the direction is ignored on {name}")


def check_heeds_constraints(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """A cheap predicate costs no query and does not end the study; a measured bound does not either."""
    for benchmark in toys(strategy):
        excluded = benchmark.space.operations[2]
        predicate = PredicateConstraint(f"no {excluded}", partial(_lacks, excluded))
        study = study_of(strategy, benchmark, constraints=[predicate]).run()
        # What a one-shot search comes to may violate it at every epoch: that is refused, and nothing is evaluated.
        ends = ("budget", "exhausted") if strategy.needs_training_task else ("budget",)
        require(study.stop in ends, f"with a predicate it ended as {study.stop!r} on {benchmark.space.name}")
        violating = sum(excluded in entry.evaluation.architecture.operations for entry in study.entries)
        require(violating == 0, f"{violating} evaluated architectures violate the predicate")
        bound = MeasuredConstraint(benchmark.metrics["toy_size"], high=float(benchmark.space.max_nodes))
        require(ended_well(study_of(strategy, benchmark, constraints=[bound]).run()), "a measured bound ends it early")


def _lacks(operation: str, architecture: Architecture) -> bool:
    return operation not in architecture.operations


def check_beats_random_search(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """Over ten seeds its best toy value after 150 queries is on average no worse than random search's.

    Not asked of a one-shot search, which does not learn from values.
    """
    if strategy.needs_training_task:
        return
    for benchmark in toys(strategy):
        ours, theirs = (
            np.mean([_best(study_of(entrant, benchmark, seed=seed, budget=150).run()) for seed in range(10)])
            for entrant in (strategy, RandomSearch)
        )
        require(ours >= theirs, f"{ours:.2f} on average on {benchmark.space.name}, random search {theirs:.2f}")


def _best(study: Study) -> float:
    best: Evaluation = study.best
    return study.problem.score(best)


LEARNING_CHECKS: tuple[Check, ...] = (
    check_survives_failures,
    check_minimises,
    check_heeds_constraints,
    check_beats_random_search,
)
