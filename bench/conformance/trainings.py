"""Checks of what belongs to a training: its cost, its epochs, and the run that it is of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.conformance.asking import answers, close, measured, some_epochs
from ganas.bench.metric import Curve
from ganas.spaces.architecture import Architecture
from ganas.spaces.checks import Check, raises, require
from ganas.spaces.errors import EpochNotMeasured, RunNotMeasured

__all__ = ["TRAINING_CHECKS"]


def check_costs(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """One query costs one training, whatever the reduction, and a longer training costs no less."""
    for name, metric in benchmark.metrics.items():
        for architecture in measured(benchmark, name, rng)[:3]:
            full = benchmark.query(architecture, name)
            for trial in full.trials:
                single = benchmark.query(architecture, name, trial=trial)
                require(
                    single.cost_seconds == full.cost_seconds,
                    f"one trial of {name!r} costs {single.cost_seconds} s, and the mean {full.cost_seconds} s",
                )
            costs = [
                benchmark.query(architecture, name, epoch=epoch).cost_seconds
                for epoch in some_epochs(metric)
                if answers(benchmark, architecture, name, epoch)
            ]
            require(costs == sorted(costs), f"the cost of {name!r} falls with the epochs: {costs}")


def check_epochs(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """Every epoch that a metric declares is answered and says so; another one is refused."""
    for name, metric in benchmark.metrics.items():
        architecture = measured(benchmark, name, rng)[0]
        for epoch in some_epochs(metric):
            if answers(benchmark, architecture, name, epoch):
                said = benchmark.query(architecture, name, epoch=epoch).epoch
                require(said == epoch, f"{name!r} at epoch {epoch} says it is of {said}")
        beyond = max(metric.epochs, default=0) + 1
        situation = f"epoch {beyond} of {name!r}, which it does not declare,"
        raises(EpochNotMeasured, partial(benchmark.query, architecture, name, epoch=beyond), situation)
        raises(EpochNotMeasured, partial(benchmark.query_many, [architecture], [name], epoch=beyond), situation)


def check_runs(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """Every run that is declared answers for itself, the longest without being asked for, and another is refused."""
    runs = benchmark.runs
    increasing = isinstance(runs, tuple) and list(runs) == sorted(set(runs)) and all(run > 0 for run in runs)
    require(increasing, f"the runs are not numbers of epochs in increasing order: {runs}")
    for name, longest in benchmark.metrics.items():
        architecture = measured(benchmark, name, rng)[0]
        held = [run for run in runs if _has_run(benchmark, name, run)]
        last = held[-1] if held else None
        require(longest.run == last, f"{name!r} says it is of the run {longest.run}, and its runs are {held}")
        for run in held:
            _check_run(benchmark, architecture, name, run)
        absent = max(runs, default=0) + 1
        situation = f"the run {absent} of {name!r}, which is not declared,"
        raises(RunNotMeasured, partial(benchmark.metric, name, run=absent), situation)
        raises(RunNotMeasured, partial(benchmark.query, architecture, name, run=absent), situation)
        raises(RunNotMeasured, partial(benchmark.query_many, [architecture], [name], run=absent), situation)


def _check_run(benchmark: Benchmark, architecture: Architecture, name: str, run: int) -> None:
    metric = benchmark.metric(name, run=run)
    require((metric.name, metric.run) == (name, run), f"metric({name!r}, run={run}) is of the run {metric.run}")
    last = metric.epochs[-1] if metric.epochs else None
    for epoch in (None, *some_epochs(metric)):
        if answers(benchmark, architecture, name, epoch, run):
            result = benchmark.query(architecture, name, epoch=epoch, run=run)
            said, wanted = (result.run, result.epoch), (run, last if epoch is None else epoch)
            require(said == wanted, f"run and epoch {wanted} of {name!r} say they are {said}")
            many = benchmark.query_many([architecture], [name], epoch=epoch, run=run)
            require(close(many[0, 0], result.value), f"query_many and query differ on {name!r} of the run {run}")
    for other in benchmark.runs:
        if other != run and other not in metric.epochs:
            question = partial(benchmark.query, architecture, name, epoch=other, run=run)
            raises(EpochNotMeasured, question, f"epoch {other} of {name!r} in the run {run}: a run of its own")


def check_fidelities(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """What a strategy may ask for less of is answered: epochs of the longest run, or runs; the last is all of it."""
    require(benchmark.fidelity in ("epoch", "run"), f"fidelity is {benchmark.fidelity!r}")
    for name, metric in benchmark.metrics.items():
        fidelities = benchmark.fidelities(name)
        increasing = isinstance(fidelities, tuple) and list(fidelities) == sorted(set(fidelities))
        require(increasing and len(fidelities) != 1, f"the fidelities of {name!r} are {fidelities}")
        if not fidelities:
            continue
        full = metric.run if benchmark.fidelity == "run" else max(metric.epochs, default=None)
        require(fidelities[-1] == full, f"the last fidelity of {name!r} is {fidelities[-1]}, not the full {full}")
        architecture = measured(benchmark, name, rng)[0]
        for fidelity in fidelities:
            epoch, run = (None, fidelity) if benchmark.fidelity == "run" else (fidelity, None)
            declared = benchmark.metric(name).epochs if run is None else benchmark.runs
            require(fidelity in declared, f"the fidelity {fidelity} of {name!r} is not among {declared!s:.60}")
            if answers(benchmark, architecture, name, epoch, run):
                result = benchmark.query(architecture, name, epoch=epoch, run=run)
                said = result.epoch if run is None else result.run
                require(said == fidelity, f"the fidelity {fidelity} of {name!r} says it is {said}")


def check_curves(benchmark: Benchmark, *, rng: np.random.Generator) -> None:
    """Where there are curves, each point is what ``query`` gives, and a metric without epochs has none."""
    read: Callable[..., Any] | None = getattr(benchmark, "curve", None)
    if read is None:
        return
    for name, metric in benchmark.metrics.items():
        architecture = measured(benchmark, name, rng)[0]
        if not metric.epochs:
            raises(EpochNotMeasured, partial(read, architecture, name), f"a curve of {name!r}, which has no epochs,")
            continue
        shortest = next((run for run in benchmark.runs if _has_run(benchmark, name, run)), None)
        for run in {None, shortest}:
            if answers(benchmark, architecture, name, run=run):
                curve = read(architecture, name, run=run)
                require(isinstance(curve, Curve), f"a curve of {name!r} is a {type(curve).__name__}")
                _check_curve(benchmark, curve, architecture, name, run)


def _check_curve(benchmark: Benchmark, curve: Curve, architecture: Architecture, name: str, run: int | None) -> None:
    epochs = curve.epochs.tolist()
    declared = benchmark.metric(name, run=run).epochs
    held = [epoch for epoch in declared if answers(benchmark, architecture, name, epoch, run)]
    require(epochs == held, f"the curve of {name!r} has the epochs {epochs!s:.60}, and query {held!s:.60}")
    shapes = (curve.values.shape, curve.cost_seconds.shape)
    require(shapes == ((len(held),), (len(held),)), f"the curve of {name!r} has shapes {shapes}")
    last = benchmark.query(architecture, name, run=run)
    for field in ("metric", "unit", "split", "trials", "reduction", "source", "run", "seeds"):
        said, wanted = getattr(curve, field), getattr(last, field)
        require(said == wanted, f"the curve of {name!r} says {field} {said!r}, and query {wanted!r}")
    for place in sorted({0, len(held) // 2, len(held) - 1}):
        point = benchmark.query(architecture, name, epoch=held[place], run=run)
        pair = (curve.values[place], curve.cost_seconds[place])
        require(
            close(pair, (point.value, point.cost_seconds)),
            f"value and cost of {name!r} at epoch {held[place]} are {pair} in its curve, and query differs",
        )


def _has_run(benchmark: Benchmark, name: str, run: int) -> bool:
    try:
        benchmark.metric(name, run=run)
    except RunNotMeasured:
        return False
    return True


TRAINING_CHECKS: tuple[Check, ...] = (check_costs, check_epochs, check_runs, check_fidelities, check_curves)
