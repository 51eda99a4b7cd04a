"""Checks of what a strategy declares, what it proposes and what it can see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.toy import ToyBenchmark
from ganas.conformance.subjects import QUERIES, StrategyClass, ended_well, judged_spaces, study_of, toys, trace_of
from ganas.spaces.architecture import Architecture
from ganas.spaces.checks import Check, require
from ganas.spaces.errors import NotSupported
from ganas.spaces.registry import load_space
from ganas.strategy import Problem, Proposal, Settings, Strategy

__all__ = ["PROPOSAL_CHECKS"]


def check_is_described(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """Name, title and settings are there; settings are a frozen dataclass whose fields all have defaults."""
    require(isinstance(strategy, type) and issubclass(strategy, Strategy), "it is not a subclass of ganas.Strategy")
    for attribute in ("name", "title"):
        text = getattr(strategy, attribute, None)
        require(isinstance(text, str) and text.strip(), f"the class attribute {attribute} is not a text")
    require(not set(strategy.name) & set(" \t\n,=.[]"), f"the name {strategy.name!r} has a space or one of ,=.[]")
    settings = strategy.settings_class
    require(
        isinstance(settings, type) and issubclass(settings, Settings) and is_dataclass(settings),
        "settings_class is not a dataclass derived from ganas.Settings",
    )
    require(settings.__dataclass_params__.frozen, "settings_class is not frozen")  # type: ignore[attr-defined]
    settings()
    documented = settings.__doc__ or ""
    for item in fields(settings):
        require(item.name in documented, f"the docstring of Settings does not say what {item.name} is")


def check_supports_a_space(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """It can be made for a space of the kit; those for which it raises NotSupported are left out of the kit."""
    judged_spaces(strategy)


def check_proposes_members(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """Everything proposed is in the space, and never more than was asked for."""
    for benchmark in toys(strategy):
        study = study_of(strategy, benchmark)
        asked: list[int] = []
        original = study.strategy.ask

        def ask(count: int = 1, original: Any = original, asked: list[int] = asked) -> Any:
            proposals = original(count)
            asked.append(len(proposals) - count)
            return proposals

        study.strategy.ask = ask  # type: ignore[method-assign]
        study.run()
        require(max(asked) <= 0, "ask(count) gave more than count proposals")
        for entry in study.entries:
            benchmark.space.check(entry.evaluation.architecture)


def check_keeps_to_the_budget(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """A study ends with its budget used up, each query a new architecture; a one-shot search may end before."""
    for benchmark in toys(strategy):
        study = study_of(strategy, benchmark).run()
        require(ended_well(study), f"with {QUERIES} queries it ended as {study.stop!r} on {benchmark.space.name}")
        keys = [key for key, _ in trace_of(study)]
        wanted = len(keys) if study.stop == "exhausted" else QUERIES
        require(len(keys) == len(set(keys)) == wanted, f"{len(set(keys))} architectures in {wanted} queries")


def check_batches(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """Asked for several at once it proposes members and learns from being told them together."""
    for benchmark in toys(strategy):
        study = study_of(strategy, benchmark)
        told = 0
        for _ in range(12):
            proposals = study.strategy.ask(5)
            if not proposals and strategy.needs_training_task:
                break
            require(0 < len(proposals) <= 5, f"ask(5) gave {len(proposals)} proposals on {benchmark.space.name}")
            evaluations = [
                study.ledger.evaluate(_architecture(item)) for item in proposals if not study.ledger.exhausted
            ]
            study.strategy.tell(evaluations)
            told += len(evaluations)
        require(told >= (1 if strategy.needs_training_task else 12), "hardly anything was proposed")


def check_refuses_without_training_data(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """A one-shot search is refused where there are no training data, and charged for what it trains where there are."""
    if not strategy.needs_training_task:
        return
    try:
        study_of(strategy, ToyBenchmark(load_space("nasbench201")))
    except NotSupported:
        pass
    else:
        require(False, "it needs a training task, and runs on a benchmark that has none")
    for benchmark in toys(strategy):
        study = study_of(strategy, benchmark).run(1)
        require(study.problem.training_task is not None, "its problem has no training task")
        require(study.ledger.search_seconds > 0, "no second of its training was charged")


def _architecture(item: Architecture | Proposal) -> Architecture:
    return item.architecture if isinstance(item, Proposal) else item


def check_sees_only_the_problem(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """Nothing that a strategy holds leads to the benchmark or the ledger."""
    study = study_of(strategy, next(toys(strategy))).run(20)
    require(isinstance(study.strategy.problem, Problem), "it replaced its problem")
    for name, value in vars(study.strategy).items():
        members: Sequence[Any] = list(value.values()) if isinstance(value, dict) else [value]
        require(not any(isinstance(item, Benchmark) for item in members), f"its attribute {name} holds a benchmark")


PROPOSAL_CHECKS: tuple[Check, ...] = (
    check_is_described,
    check_supports_a_space,
    check_proposes_members,
    check_keeps_to_the_budget,
    check_batches,
    check_refuses_without_training_data,
    check_sees_only_the_problem,
)
