"""What the checks of the strategy kit judge on: two opposite spaces, and studies on toy benchmarks of them.

A one-shot search is judged on spaces whose toy benchmarks have training data.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ganas.bench.benchmark import Benchmark
from ganas.bench.toy import ToyBenchmark
from ganas.spaces.checks import require
from ganas.spaces.errors import NotSupported
from ganas.spaces.registry import load_space
from ganas.strategy import Strategy
from ganas.study import Study

__all__ = [
    "QUERIES",
    "StrategyClass",
    "ended_well",
    "judged_spaces",
    "spaces_left_out",
    "study_of",
    "toys",
    "trace_of",
]

_KIT_SPACES = ("nasbench201", "nasbench101")
_ONE_SHOT_SPACES = ("rnn-mini", "textnas-mini", "alphagan")

QUERIES = 60
"""Counted queries of a study of the kit."""

StrategyClass = type[Strategy]


@lru_cache(maxsize=16)
def _left_out(strategy: StrategyClass) -> tuple[tuple[str, str], ...]:
    reasons = []
    for name in _kit_spaces(strategy):
        try:
            study_of(strategy, ToyBenchmark(load_space(name)))
        except NotSupported as error:
            reasons.append((name, " ".join(str(error).split())))
        except Exception:
            continue  # whatever else goes wrong, the checks on this space find and name it
    return tuple(reasons)


def _kit_spaces(strategy: StrategyClass) -> tuple[str, ...]:
    return _ONE_SHOT_SPACES if strategy.needs_training_task else _KIT_SPACES


def spaces_left_out(strategy: StrategyClass) -> dict[str, str]:
    """The spaces of the kit on which a strategy is not judged, each with what it says of why it does not run there."""
    return dict(_left_out(strategy))


def judged_spaces(strategy: StrategyClass) -> list[str]:
    """The spaces of the kit that the strategy runs on; CheckFailed where there is none."""
    left_out = spaces_left_out(strategy)
    judged = [name for name in _kit_spaces(strategy) if name not in left_out]
    reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
    require(judged, f"it supports no space of the kit ({reasons})")
    return judged


def toys(strategy: StrategyClass) -> Iterator[ToyBenchmark]:
    """A toy benchmark on each of these spaces."""
    for name in judged_spaces(strategy):
        yield ToyBenchmark(load_space(name))


def study_of(strategy: StrategyClass, benchmark: Benchmark, seed: int = 1, budget: int = QUERIES, **more: Any) -> Study:
    """A study of the kit, ready to run; further keywords are those of :class:`~ganas.study.Study`."""
    return Study(benchmark, strategy, budget=budget, seed=seed, **more)


def trace_of(study: Study) -> list[tuple[int, float | None]]:
    """Identity key and value of every counted query in order; the value is None where the query failed."""
    objective = study.ledger.metrics[0]
    space = study.benchmark.space
    return [(space.identity_key(e.evaluation.architecture), e.evaluation.values.get(objective)) for e in study.entries]


def ended_well(study: Study) -> bool:
    """Whether a study used up its budget; a one-shot search may also have come to the end of its training."""
    one_shot = study.strategy.needs_training_task
    return study.stop == "budget" or (one_shot and study.stop == "exhausted" and bool(study.entries))
