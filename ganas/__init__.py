"""Query neural architecture search benchmarks, and compare search strategies on them.

>>> import ganas
>>> bench = ganas.load_benchmark("nasbench201-cifar10")
>>> best = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
>>> arch = bench.space.parse(best)
>>> round(bench.query(arch, "valid_accuracy").value, 2)
91.61
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ganas.bench.benchmark import Benchmark
from ganas.bench.metric import Evaluation, Metric, Optimum, Result
from ganas.bench.registry import load_benchmark, register_benchmark
from ganas.bench.tabular import TabularBenchmark
from ganas.experiment import Experiment
from ganas.plugins import load_strategy, register_strategy
from ganas.running import compare, run_experiment
from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision
from ganas.spaces.errors import GanasError
from ganas.spaces.registry import load_space, own_version, register_space
from ganas.spaces.space import Space
from ganas.strategy import MeasuredConstraint, PredicateConstraint, Problem, Proposal, Settings, Strategy
from ganas.study import Study, search

if TYPE_CHECKING:
    from ganas import testing as testing
    from ganas.report.run import report_run as report_run

__all__ = [
    "Architecture",
    "Benchmark",
    "Builder",
    "Decision",
    "Evaluation",
    "Experiment",
    "GanasError",
    "MeasuredConstraint",
    "Metric",
    "Optimum",
    "PredicateConstraint",
    "Problem",
    "Proposal",
    "Result",
    "Settings",
    "Space",
    "Strategy",
    "Study",
    "TabularBenchmark",
    "compare",
    "load_benchmark",
    "load_space",
    "load_strategy",
    "register_benchmark",
    "register_space",
    "register_strategy",
    "report_run",
    "run_experiment",
    "search",
    "testing",
]

__version__ = own_version()


def __getattr__(name: str) -> Any:
    # Imported on first use: the kit and the report are not needed for a look-up.
    if name == "testing":
        return importlib.import_module("ganas.testing")
    if name == "report_run":
        from ganas.report.run import report_run

        return report_run
    raise AttributeError(f"module 'ganas' has no attribute {name!r}")
