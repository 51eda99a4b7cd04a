"""Conformance kits: ``check_space``, ``check_benchmark``, ``check_strategy`` and ``check_surrogate_model``.

Each kit is a list of small ``check_*`` functions. A plug-in passes when all of them do; what it cannot pass is named
with a reason in ``expected_failures``, and must then really fail. Under pytest::

    @ganas.testing.parametrize_strategy_checks(["my-strategy"])
    def test_my_strategy(subject, check):
        check(subject)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ganas.bench.registry import load_benchmark
from ganas.bench.surrogate.models import model_class
from ganas.bench.testing import (
    BENCHMARK_CHECKS,
    SURROGATE_CHECKS,
    check_benchmark,
    check_surrogate_model,
    parametrize_surrogate_checks,
)
from ganas.bench.testing import parametrize_with_checks as parametrize_benchmark_checks
from ganas.conformance import STRATEGY_CHECKS, spaces_left_out
from ganas.plugins import load_strategy
from ganas.spaces.checks import Outcome, check_outcomes, parametrize, run_checks
from ganas.spaces.registry import load_space
from ganas.spaces.testing import SPACE_CHECKS, check_space
from ganas.spaces.testing import parametrize_with_checks as parametrize_space_checks
from ganas.strategy import Strategy

if TYPE_CHECKING:
    import pytest

__all__ = [
    "BENCHMARK_CHECKS",
    "SPACE_CHECKS",
    "STRATEGY_CHECKS",
    "SURROGATE_CHECKS",
    "Outcome",
    "benchmark_outcomes",
    "check_benchmark",
    "check_space",
    "check_strategy",
    "check_surrogate_model",
    "parametrize_benchmark_checks",
    "parametrize_space_checks",
    "parametrize_strategy_checks",
    "parametrize_surrogate_checks",
    "space_outcomes",
    "strategy_outcomes",
    "surrogate_outcomes",
]


def check_strategy(strategy: type[Strategy] | str, expected_failures: Mapping[str, str] | None = None) -> None:
    """Judge a strategy by every check of the kit.

    Args:
        strategy: A subclass of Strategy, or a name.
        expected_failures: Name of a check to the reason why this strategy does not pass it.

    Raises:
        CheckFailed: One line that names every check that failed and why.
    """
    run_checks(STRATEGY_CHECKS, _strategy(strategy), expected_failures)


def parametrize_strategy_checks(
    strategies: Iterable[type[Strategy] | str], expected_failures: Mapping[str, str] | None = None
) -> pytest.MarkDecorator:
    """Decorate ``def test_...(subject, check): check(subject)``: one test per strategy and check."""
    return parametrize(STRATEGY_CHECKS, strategies, expected_failures, load=load_strategy)


def strategy_outcomes(strategy: type[Strategy] | str) -> list[Outcome]:
    """How each check of the strategy kit goes; spaces that it does not support are left out, and named with why."""
    judged = _strategy(strategy)
    outcomes = check_outcomes(STRATEGY_CHECKS, judged)
    if isinstance(judged, type):
        note = "; ".join(f"not judged on {space}: {reason}" for space, reason in spaces_left_out(judged).items())
        for place, outcome in enumerate(outcomes):
            if outcome.check == "check_supports_a_space" and outcome.outcome == "passed":
                outcomes[place] = replace(outcome, message=note)
    return outcomes


def benchmark_outcomes(name: str) -> list[Outcome]:
    """How each check of the benchmark kit goes, on a registered name or a place."""
    return check_outcomes(BENCHMARK_CHECKS, load_benchmark(name))


def space_outcomes(name: str) -> list[Outcome]:
    """How each check of the space kit goes, on a registered name or a place."""
    return check_outcomes(SPACE_CHECKS, load_space(name))


def surrogate_outcomes(model: str) -> list[Outcome]:
    """How each check of the kit of surrogate models goes, on a registered name or a place."""
    return check_outcomes(SURROGATE_CHECKS, model_class(model))


def _strategy(strategy: type[Strategy] | str) -> type[Strategy]:
    return load_strategy(strategy) if isinstance(strategy, str) else strategy
