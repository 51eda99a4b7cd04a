"""The conformance kit of benchmarks: what every table, surrogate and trainer must keep.

``check_benchmark("name")`` judges a benchmark; ``parametrize_with_checks`` makes one pytest test of each check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ganas.bench.benchmark import Benchmark
from ganas.bench.conformance.answers import ANSWER_CHECKS
from ganas.bench.conformance.entries import ENTRY_CHECKS
from ganas.bench.conformance.trainings import TRAINING_CHECKS
from ganas.bench.conformance.trials import TRIAL_CHECKS
from ganas.spaces.checks import Check, parametrize, run_checks

if TYPE_CHECKING:
    import pytest

__all__ = ["BENCHMARK_CHECKS", "check_benchmark", "parametrize_with_checks"]

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


def _load(name: str) -> Benchmark:
    from ganas.bench.registry import load_benchmark

    return load_benchmark(name)
