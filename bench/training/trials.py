"""Which trials a question is about, where the trials of a benchmark are trainings with seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ganas.bench.metric import REDUCTIONS, Metric, Reduction, Result, reduce_trials
from ganas.spaces.errors import InvalidSetting, TrialNotMeasured, closest_match, quote_list

__all__ = ["asked_trials", "check_seeds", "result_of_trials"]


def check_seeds(seeds: Sequence[int], what: str) -> tuple[int, ...]:
    """The seeds of the trials.

    Args:
        seeds: At least one, all different and none negative.
        what: What they are of, for the error.

    Raises:
        InvalidSetting: They are something else.
    """
    if not seeds or len(set(seeds)) != len(seeds) or any(isinstance(seed, bool) or seed < 0 for seed in seeds):
        raise InvalidSetting(f"{what} needs different seeds of at least 0, not {list(seeds)}")
    return tuple(int(seed) for seed in seeds)


def asked_trials(name: str, metric: Metric, *, trial: int | None, seed: int | None, reduction: str) -> tuple[int, ...]:
    """The positions of the trials that a question is about.

    Args:
        name: Of the benchmark.
        metric: What is asked for; its ``seeds`` are those of the trials.
        trial: Position of one trial; None for all.
        seed: The trial of this seed, in place of ``trial``.
        reduction: How the trials become one number.

    Raises:
        InvalidSetting: A trial and a seed are given, or a reduction for one of them, or there is no such reduction.
        TrialNotMeasured: There is no such trial.
    """
    if trial is not None and seed is not None:
        raise InvalidSetting(f"either a trial or a seed can be asked for, not trial {trial} and seed {seed}")
    held = metric.seeds
    chosen = tuple(range(len(held)))
    if seed is not None:
        if seed not in held:
            raise TrialNotMeasured(f"{name!r} has for {metric.name!r} the seeds {quote_list(held)}, not {seed!r}")
        chosen = (held.index(seed),)
    elif trial is not None:
        if isinstance(trial, bool) or not isinstance(trial, int | np.integer) or not 0 <= trial < len(held):
            raise TrialNotMeasured(f"{name!r} has {len(held)} trials of {metric.name!r}, from 0, not {trial!r}")
        chosen = (int(trial),)
    if reduction not in REDUCTIONS:
        allowed = f"{quote_list(REDUCTIONS)}, not {reduction!r}{closest_match(reduction, REDUCTIONS)}"
        raise InvalidSetting(f"reduction must be one of {allowed}")
    if reduction != "mean" and (trial is not None or seed is not None):
        raise InvalidSetting(f"one trial is not reduced, and the {reduction} was asked")
    return chosen


def result_of_trials(
    metric: Metric,
    values: Sequence[float],
    costs: Sequence[float],
    chosen: Sequence[int],
    *,
    epoch: int | None,
    single: bool,
    reduction: Reduction,
    source: str,
) -> Result:
    """The answer to a question about trials.

    Args:
        metric: What is asked for.
        values: Of every trial.
        costs: Seconds of every trial. One query costs one trial, whatever the reduction and whichever the trial.
        chosen: The positions that :func:`asked_trials` gave.
        epoch: What it was measured at; None for what is of no epoch.
        single: Whether one trial or seed was asked for.
        reduction: How the trials become one number.
        source: Of the benchmark.
    """
    return Result(
        reduce_trials([values[place] for place in chosen], reduction),
        metric.name,
        metric.unit,
        metric.split,
        epoch,
        tuple(chosen),
        "single" if single else reduction,
        float(np.mean(costs)),
        source,
        None,
        tuple(metric.seeds[place] for place in chosen),
    )
