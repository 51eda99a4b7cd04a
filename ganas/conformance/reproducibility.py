"""Checks of same seed, same trace: in this process, in a fresh one and after a resume, diagnostics included."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from numbers import Real
from pathlib import Path

import numpy as np

from ganas.conformance.subjects import QUERIES, StrategyClass, study_of, toys, trace_of
from ganas.spaces.checks import Check, require
from ganas.spaces.registry import place_of

__all__ = ["REPRODUCIBILITY_CHECKS"]


def check_same_seed_same_trace(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """The same seed gives the same trace, whatever the state of the global generators; another seed another."""
    for benchmark in toys(strategy):
        first = trace_of(study_of(strategy, benchmark).run())
        before = (random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]  # noqa: NPY002
        again = trace_of(study_of(strategy, benchmark).run())
        after = (random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]  # noqa: NPY002
        require(first == again, f"two runs with one seed differ on {benchmark.space.name}")
        require(before == after, "it draws from a global generator")
        other = trace_of(study_of(strategy, benchmark, seed=2).run())
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
        "from ganas.conformance.subjects import study_of, toys, trace_of\n"
        "from ganas.plugins import load_strategy\n"
        "strategy = load_strategy(sys.argv[1])\n"
        "print([trace_of(study_of(strategy, toy).run()) for toy in toys(strategy)])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, place_of(strategy), *filter(None, sys.path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        check=False,
    )
    require(ran.returncode == 0, f"it does not run in a fresh process: {ran.stderr.strip().splitlines()[-1:]}")
    here = [trace_of(study_of(strategy, toy).run()) for toy in toys(strategy)]
    require(ran.stdout.strip() == str(here), "a fresh process gives another trace for the same seed")


def check_resume_equals_uninterrupted(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """Saved at any query and loaded into a new object it goes on as if nothing had happened."""
    for benchmark in toys(strategy):
        whole = trace_of(study_of(strategy, benchmark).run())
        for stop in sorted({1, *rng.integers(1, QUERIES, size=4).tolist()}):
            interrupted = study_of(strategy, benchmark).run(stop)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "study.npz"
                interrupted.save(path)
                # The one that was saved goes on and must not disturb what it saved.
                interrupted.run()
                resumed = study_of(strategy, benchmark).load(path).run()
            where = f"on {benchmark.space.name}, saved after {stop} queries"
            require(trace_of(interrupted) == whole, f"saving changes what follows ({where})")
            require(trace_of(resumed) == whole, f"the resumed study differs from the uninterrupted one ({where})")


def check_state_belongs_to_its_settings(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """A state names its settings, so that it is not loaded into an object with others."""
    benchmark = next(toys(strategy))
    state = study_of(strategy, benchmark).run(10).strategy.state()
    require({"rng", "settings"} <= set(state), "state() does not extend what Strategy.state() returns")


def check_diagnostics(strategy: StrategyClass, *, rng: np.random.Generator) -> None:
    """After every ask ``diagnostics`` gives finite or missing numbers, read twice the same; a resume keeps them."""
    titles = strategy.diagnostic_titles
    require(
        isinstance(titles, Mapping) and all(isinstance(text, str) and text.strip() for text in titles.values()),
        "diagnostic_titles is not a mapping of names to texts",
    )
    for benchmark in toys(strategy):
        study = study_of(strategy, benchmark)
        study.strategy.diagnostics = partial(_read_twice, study.strategy.diagnostics)  # type: ignore[method-assign]
        whole = repr(study.run().diagnostics.state())  # as text, in which NaN equals NaN
        if not study.diagnostics.by_query:
            continue
        stop = int(rng.integers(1, QUERIES))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "study.npz"
            study_of(strategy, benchmark).run(stop).save(path)
            resumed = study_of(strategy, benchmark).load(path).run()
        where = f"on {benchmark.space.name}, saved after {stop} queries"
        require(repr(resumed.diagnostics.state()) == whole, f"the resumed study says other diagnostics ({where})")


def _read_twice(diagnostics: Callable[[], Mapping[str, float]]) -> Mapping[str, float]:
    said, again = diagnostics(), diagnostics()
    require(isinstance(said, Mapping), f"diagnostics() gave a {type(said).__name__}, not a mapping")
    require(repr(dict(said)) == repr(dict(again)), "diagnostics() read twice after one ask says two things")
    for name, value in said.items():
        require(isinstance(name, str) and name.isidentifier(), f"the diagnostic {name!r} is not named as an identifier")
        require(
            isinstance(value, Real) and not isinstance(value, bool) and not np.isinf(float(value)),
            f"the diagnostic {name!r} is {value!r:.80}, neither a finite number nor NaN",
        )
    return said


REPRODUCIBILITY_CHECKS: tuple[Check, ...] = (
    check_same_seed_same_trace,
    check_same_seed_in_a_fresh_process,
    check_resume_equals_uninterrupted,
    check_state_belongs_to_its_settings,
    check_diagnostics,
)
