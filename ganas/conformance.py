"""The checks that every strategy must pass, on two opposite spaces and a toy benchmark."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.metric import Evaluation, Result
from ganas.bench.toy import ToyBenchmark
from ganas.spaces.architecture import Architecture
from ganas.spaces.checks import Check, require
from ganas.spaces.errors import ArchitectureNotMeasured
from ganas.spaces.registry import load_space, place_of
from ganas.strategies.random_search import RandomSearch
from ganas.strategy import MeasuredConstraint, PredicateConstraint, Problem, Proposal, Settings, Strategy
from ganas.study import Study

__all__ = ["STRATEGY_CHECKS"]

_SPACES = ("nasbench201", "nasbench101")
_QUERIES = 60

StrategyClass = type[Strategy]


class _Holes(ToyBenchmark):
    """Every third identity was never measured."""

    kind: ClassVar[Literal["table", "surrogate", "trainer"]] = "surrogate"

    def query(self, architecture: Architecture, *args: Any, **named: Any) -> Result:
        if self.space.identity_key(architecture) % 3 == 0:
            raise ArchitectureNotMeasured("not measured, to see what the strategy does")
        return super().query(architecture, *args, **named)


def _toys() -> Iterator[ToyBenchmark]:
    for name in _SPACES:
        yield ToyBenchmark(load_space(name))


def _study(strategy: StrategyClass, benchmark: Benchmark, seed: int = 1, budget: int = _QUERIES, **more: Any) -> Study:
    return Study(benchmark, strategy, budget=budget, seed=seed, **more)


def _keys(study: Study) -> list[tuple[int, float | None]]:
    objective = study.ledger.metrics[0]
    space = study.benchmark.space
    return [(space.identity_key(e.evaluation.architecture), e.evaluation.values.get(objective)) for e in study.entries]


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


def check_proposes_members(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """Everything proposed is in the space, and never more than was asked for."""
    for benchmark in _toys():
        study = _study(strategy, benchmark)
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
    """A study ends with its budget used up, each query a new architecture."""
    for benchmark in _toys():
        study = _study(strategy, benchmark).run()
        require(study.stop == "budget", f"with {_QUERIES} queries it ended as {study.stop!r} on {benchmark.space.name}")
        keys = [key for key, _ in _keys(study)]
        require(len(keys) == len(set(keys)) == _QUERIES, f"{len(set(keys))} architectures in {_QUERIES} queries")


def check_same_seed_same_trace(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """The same seed gives the same trace, whatever the state of the global generators; another seed another."""
    for benchmark in _toys():
        first = _keys(_study(strategy, benchmark).run())
        before = (random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]  # noqa: NPY002
        again = _keys(_study(strategy, benchmark).run())
        after = (random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]  # noqa: NPY002
        require(first == again, f"two runs with one seed differ on {benchmark.space.name}")
        require(before == after, "it draws from a global generator")
        other = _keys(_study(strategy, benchmark, seed=2).run())
        require(first != other, f"two seeds give the same trace on {benchmark.space.name}")


def check_same_seed_in_a_fresh_process(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """The same seed gives the same trace in a new process with another hash seed.

    The class must be importable there: one defined in a script or a notebook cell is not, and is left out.
    """
    module = sys.modules.get(strategy.__module__)
    if strategy.__module__ == "__main__" or getattr(module, strategy.__qualname__, None) is not strategy:
        return
    program = (
        "import sys\n"
        "sys.path[:0] = sys.argv[2:]\n"
        "from ganas.conformance import _keys, _study, _toys\n"
        "from ganas.plugins import load_strategy\n"
        "strategy = load_strategy(sys.argv[1])\n"
        "print([_keys(_study(strategy, toy).run()) for toy in _toys()])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, place_of(strategy), *filter(None, sys.path)],
        capture_output=True,
        text=True,
        env={**_environment(), "PYTHONHASHSEED": "12345"},
        check=False,
    )
    require(ran.returncode == 0, f"it does not run in a fresh process: {ran.stderr.strip().splitlines()[-1:]}")
    here = [_keys(_study(strategy, toy).run()) for toy in _toys()]
    require(ran.stdout.strip() == str(here), "a fresh process gives another trace for the same seed")


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)


def check_resume_equals_uninterrupted(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """Saved at any query and loaded into a new object it goes on as if nothing had happened."""
    for benchmark in _toys():
        whole = _keys(_study(strategy, benchmark).run())
        for stop in sorted({1, *rng.integers(1, _QUERIES, size=4).tolist()}):
            interrupted = _study(strategy, benchmark).run(stop)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "study.npz"
                interrupted.save(path)
                # The one that was saved goes on and must not disturb what it saved.
                interrupted.run()
                resumed = _study(strategy, benchmark).load(path).run()
            where = f"on {benchmark.space.name}, saved after {stop} queries"
            require(_keys(interrupted) == whole, f"saving changes what follows ({where})")
            require(_keys(resumed) == whole, f"the resumed study differs from the uninterrupted one ({where})")


def check_state_belongs_to_its_settings(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """A state names its settings, so that it is not loaded into an object with others."""
    benchmark = next(_toys())
    state = _study(strategy, benchmark).run(10).strategy.state()
    require({"rng", "settings"} <= set(state), "state() does not extend what Strategy.state() returns")


def check_batches(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """Asked for several at once it proposes members and learns from being told them together."""
    for benchmark in _toys():
        study = _study(strategy, benchmark)
        told = 0
        for _ in range(12):
            proposals = study.strategy.ask(5)
            require(0 < len(proposals) <= 5, f"ask(5) gave {len(proposals)} proposals on {benchmark.space.name}")
            evaluations = [
                study.ledger.evaluate(_architecture(item)) for item in proposals if not study.ledger.exhausted
            ]
            study.strategy.tell(evaluations)
            told += len(evaluations)
        require(told >= 12, "hardly anything was proposed")


def _architecture(item: Architecture | Proposal) -> Architecture:
    return item.architecture if isinstance(item, Proposal) else item


def check_survives_failures(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """A third of all evaluations fails; the study goes on to its end."""
    for name in _SPACES:
        study = _study(strategy, _Holes(load_space(name))).run()
        failed = sum(entry.evaluation.failure is not None for entry in study.entries)
        require(study.stop == "budget", f"with failing evaluations it ended as {study.stop!r}")
        require(failed < _QUERIES, "every evaluation failed")


def check_minimises(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """A metric to be minimised leads to the same trace as its negation to be maximised."""
    for name in _SPACES:
        up = _study(strategy, ToyBenchmark(load_space(name))).run()
        down = _study(strategy, ToyBenchmark(load_space(name), higher_is_better=False)).run()
        require([k for k, _ in _keys(up)] == [k for k, _ in _keys(down)], f"the direction is ignored on {name}")


def check_heeds_constraints(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """A cheap predicate costs no query and does not end the study; a measured bound does not either."""
    for benchmark in _toys():
        excluded = benchmark.space.operations[2]
        predicate = PredicateConstraint(f"no {excluded}", partial(_lacks, excluded))
        study = _study(strategy, benchmark, constraints=[predicate]).run()
        require(study.stop == "budget", f"with a predicate it ended as {study.stop!r} on {benchmark.space.name}")
        violating = sum(excluded in entry.evaluation.architecture.operations for entry in study.entries)
        require(violating == 0, f"{violating} evaluated architectures violate the predicate")
        bound = MeasuredConstraint(benchmark.metrics["toy_size"], high=float(benchmark.space.max_nodes))
        require(
            _study(strategy, benchmark, constraints=[bound]).run().stop == "budget", "a measured bound ends it early"
        )


def _lacks(operation: str, architecture: Architecture) -> bool:
    return operation not in architecture.operations


def check_beats_random_search(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """Over ten seeds its best toy value after 150 queries is on average no worse than random search's."""
    for benchmark in _toys():
        ours, theirs = (
            np.mean([_best(_study(entrant, benchmark, seed=seed, budget=150).run()) for seed in range(10)])
            for entrant in (strategy, RandomSearch)
        )
        require(ours >= theirs, f"{ours:.2f} on average on {benchmark.space.name}, random search {theirs:.2f}")


def _best(study: Study) -> float:
    best: Evaluation = study.best
    return study.problem.score(best)


def check_sees_only_the_problem(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """Nothing that a strategy holds leads to the benchmark or the ledger."""
    study = _study(strategy, next(_toys())).run(20)
    require(isinstance(study.strategy.problem, Problem), "it replaced its problem")
    for name, value in vars(study.strategy).items():
        members: Sequence[Any] = list(value.values()) if isinstance(value, dict) else [value]
        require(not any(isinstance(item, Benchmark) for item in members), f"its attribute {name} holds a benchmark")


STRATEGY_CHECKS: tuple[Check, ...] = (
    check_is_described,
    check_proposes_members,
    check_keeps_to_the_budget,
    check_same_seed_same_trace,
    check_same_seed_in_a_fresh_process,
    check_resume_equals_uninterrupted,
    check_state_belongs_to_its_settings,
    check_batches,
    check_survives_failures,
    check_minimises,
    check_heeds_constraints,
    check_beats_random_search,
    check_sees_only_the_problem,
)
"""In the order in which they run."""
