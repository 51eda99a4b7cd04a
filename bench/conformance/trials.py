"""Checks of the trials of an architecture: by position, by seed, and how they become one number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.conformance.asking import close, measured
from ganas.bench.metric import REDUCTIONS, Reduction
from ganas.spaces.checks import Check, raises, require
from ganas.spaces.errors import InvalidSetting, TrialNotMeasured

__all__ = ["TRIAL_CHECKS"]

_REDUCE: dict[Reduction, Callable[[list[float]], Any]] = {
    "mean": np.mean,
    "median": np.median,
    "min": np.min,
    "max": np.max,
}


def check_trials(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """A trial is answered by its position, the mean is over all of them, and another position is refused."""
    for name in benchmark.metrics:
        for architecture in measured(benchmark, name, rng)[:3]:
            whole = benchmark.query(architecture, name)
            count = benchmark.num_trials(architecture, name)
            require(count == len(whole.trials), f"num_trials of {name!r} is {count}, a result has {len(whole.trials)}")
            singles = []
            for trial in whole.trials:
                single = benchmark.query(architecture, name, trial=trial)
                said = (single.trials, single.reduction)
                require(said == ((trial,), "single"), f"trial {trial} of {name!r} says it is {said}")
                singles.append(single.value)
            if whole.reduction == "mean":
                require(close(np.mean(singles), whole.value), f"{name!r} is not the mean over its trials")
            beyond = max(whole.trials, default=-1) + 1_000
            raises(
                TrialNotMeasured,
                partial(benchmark.query, architecture, name, trial=beyond),
                f"trial {beyond} of {name!r}",
            )


def check_seeds(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """A trial is found by its seed where the seeds are known, and a seed that is not known is refused."""
    for name, metric in benchmark.metrics.items():
        require(len(set(metric.seeds)) == len(metric.seeds), f"{name!r} names a seed twice: {metric.seeds}")
        for architecture in measured(benchmark, name, rng)[:3]:
            whole = benchmark.query(architecture, name)
            wanted = tuple(metric.seeds[trial] for trial in whole.trials) if metric.seeds else ()
            require(whole.seeds == wanted, f"trials {whole.trials} of {name!r} say the seeds {whole.seeds}")
            for trial, seed in zip(whole.trials, whole.seeds, strict=False):
                single = benchmark.query(architecture, name, seed=seed)
                said = (single.trials, single.seeds, single.reduction)
                require(said == ((trial,), (seed,), "single"), f"seed {seed} of {name!r} says it is {said}")
                by_position = benchmark.query(architecture, name, trial=trial).value
                require(close(single.value, by_position), f"seed {seed} of {name!r} is not its trial {trial}")
                both = partial(benchmark.query, architecture, name, trial=trial, seed=seed)
                raises(InvalidSetting, both, f"asking for {name!r} by trial and by seed")
            absent = max(metric.seeds, default=0) + 1
            raises(
                TrialNotMeasured,
                partial(benchmark.query, architecture, name, seed=absent),
                f"seed {absent} of {name!r}, which it does not declare,",
            )


def check_reductions(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """Mean, median, smallest and largest are those of the trials, and another reduction is refused."""
    for name in benchmark.metrics:
        architecture = measured(benchmark, name, rng)[0]
        whole = benchmark.query(architecture, name)
        if not whole.trials:
            continue
        singles = [benchmark.query(architecture, name, trial=trial).value for trial in whole.trials]
        for reduction in REDUCTIONS:
            result = benchmark.query(architecture, name, reduction=reduction)
            said = (result.reduction, result.trials, result.cost_seconds)
            wanted = (reduction, whole.trials, whole.cost_seconds)
            require(said == wanted, f"the {reduction} of {name!r} says {said}, not {wanted}")
            require(close(result.value, _REDUCE[reduction](singles)), f"the {reduction} of {name!r} is another number")
        unknown: Any = "best"
        refused = partial(benchmark.query, architecture, name, reduction=unknown)
        raises(InvalidSetting, refused, f"an unknown reduction of {name!r}")
        refused = partial(benchmark.query, architecture, name, trial=whole.trials[0], reduction="max")
        raises(InvalidSetting, refused, f"a reduction of one trial of {name!r}")


TRIAL_CHECKS: tuple[Check, ...] = (check_trials, check_seeds, check_reductions)
