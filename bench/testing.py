"""The conformance kits of benchmarks and of the models of surrogates: what each must keep.

``check_benchmark("name")`` judges a benchmark, a table, a surrogate or a trainer; ``check_surrogate_model("name")`` a
model that surrogates are fitted with. ``parametrize_with_checks`` and ``parametrize_surrogate_checks`` make one pytest
test of each check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ganas.bench.benchmark import Benchmark
from ganas.bench.conformance.answers import ANSWER_CHECKS
from ganas.bench.conformance.entries import ENTRY_CHECKS
from ganas.bench.conformance.surrogate_models import SURROGATE_CHECKS
from ganas.bench.conformance.trainings import TRAINING_CHECKS
from ganas.bench.conformance.trials import TRIAL_CHECKS
from ganas.bench.surrogate.models import model_class
from ganas.bench.surrogate.regressor import Regressor
from ganas.spaces.checks import Check, parametrize, run_checks

if TYPE_CHECKING:
    import pytest

__all__ = [
    "BENCHMARK_CHECKS",
    "SURROGATE_CHECKS",
    "check_benchmark",
    "check_surrogate_model",
    "parametrize_surrogate_checks",
    "parametrize_with_checks",
]

BENCHMARK_CHECKS: tuple[Check, ...] = (*ANSWER_CHECKS, *TRIAL_CHECKS, *TRAINING_CHECKS, *ENTRY_CHECKS)
"""The checks of the kit, in the order in which they are run."""


def check_benchmark(benchmark: Benchmark | str, expected_failures: Mapping[str, str] | None = None) -> None:
    """Run the kit on a benchmark.

    Args:
        benchmark: The benchmark, or its registered name.
        expected_failures: Name of a check to the reason why the benchmark does not pass it.

    Raises:
        CheckFailed: In one line, every check that did not pass.
        UnknownName: No benchmark has this name.
    """
    run_checks(BENCHMARK_CHECKS, _load(benchmark) if isinstance(benchmark, str) else benchmark, expected_failures)


def parametrize_with_checks(
    benchmarks: Iterable[Benchmark | str], expected_failures: Mapping[str, str] | None = None
) -> pytest.MarkDecorator:
    """Decorate ``def test_...(subject, check): check(subject)`` to run the kit as one test a check.

    Args:
        benchmarks: Benchmarks, or registered names, which are loaded when their test runs.
        expected_failures: Name of a check to the reason why the benchmarks do not pass it.
    """
    return parametrize(BENCHMARK_CHECKS, benchmarks, expected_failures, load=_load)


def check_surrogate_model(model: type[Regressor] | str, expected_failures: Mapping[str, str] | None = None) -> None:
    """Run the kit on a model of surrogates, on three unlike spaces.

    Args:
        model: A subclass of Regressor, its registered name, ``module:Class`` or ``file.py:Class``.
        expected_failures: Name of a check to the reason why the model does not pass it.

    Raises:
        CheckFailed: In one line, every check that did not pass.
        UnknownName: No model has this name.
        MissingDependency: Its package is not installed.
    """
    run_checks(SURROGATE_CHECKS, model_class(model) if isinstance(model, str) else model, expected_failures)


def parametrize_surrogate_checks(
    models: Iterable[type[Regressor] | str], expected_failures: Mapping[str, str] | None = None
) -> pytest.MarkDecorator:
    """Decorate ``def test_...(subject, check): check(subject)``: one test per model and check."""
    return parametrize(SURROGATE_CHECKS, models, expected_failures, load=model_class)


def _load(name: str) -> Benchmark:
    from ganas.bench.registry import load_benchmark

    return load_benchmark(name)
