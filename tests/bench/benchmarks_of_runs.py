"""A benchmark with runs and seeds, and each way to break it: for the tests of the conformance kit."""

from dataclasses import replace

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.metric import Metric
from ganas.bench.tabular import TabularBenchmark
from ganas.spaces.registry import load_space


def table_of_runs():
    """Some of NAS-Bench-201 with made-up values, in runs over 2 and 6 epochs from two seeds."""
    space = load_space("nasbench201")
    rng = np.random.default_rng(9)
    ranks = np.flatnonzero(rng.random(space.size) < 0.25)
    metrics = [Metric("size", "count", higher_is_better=False)]
    values = {"size": rng.integers(9, size=len(ranks)).astype(float)}
    for run, epochs in ((2, (1, 2)), (6, (3, 6))):
        metrics.append(Metric("acc", "percent", "valid", epochs=epochs, run=run, seeds=(7, 8)))
        metrics.append(Metric("seconds", "seconds", higher_is_better=False, epochs=epochs, run=run, seeds=(7, 8)))
        values[f"acc@{run}"] = rng.uniform(50, 90, (len(ranks), 2, 2))
        values[f"seconds@{run}"] = np.cumsum(rng.uniform(1, 9, (len(ranks), 2, 2)), axis=1)
    values["acc@2"][:, :, 1] = np.where(rng.random((len(ranks), 1)) < 0.5, np.nan, values["acc@2"][:, :, 1])
    return TabularBenchmark(
        name="runs", space=space, identities=ranks, metrics=metrics, values=values, cost="seconds", fidelity="run"
    )


class Runs(Benchmark):
    """Hands every question on to a table of runs; a broken benchmark overrides one of them."""

    kind = "table"
    inner = table_of_runs()
    fidelity = "run"

    def __init__(self):
        self.name, self.space, self.metrics = "delegate-of-runs", self.inner.space, dict(self.inner.metrics)
        self.objective, self.source = self.inner.objective, self.inner.source

    @property
    def runs(self):
        return self.inner.runs

    def query(self, architecture, metric=None, **others):
        return self.inner.query(architecture, metric, **others)

    def query_many(self, architectures, metrics=None, **others):
        return self.inner.query_many(architectures, metrics, **others)

    def num_trials(self, architecture, metric=None):
        return self.inner.num_trials(architecture, metric)

    def optimum(self, metric=None):
        return self.inner.optimum(metric)

    def frame(self):
        return self.inner.frame()

    def metric(self, name=None, *, run=None):
        return self.inner.metric(name, run=run)

    def fidelities(self, metric=None):
        return self.inner.fidelities(metric)

    def curve(self, architecture, metric=None, **others):
        return self.inner.curve(architecture, metric, **others)


class OtherSeed(Runs):
    """A seed gives the value of another trial."""

    def query(self, architecture, metric=None, *, seed=None, **others):
        result = super().query(architecture, metric, seed=seed, **others)
        if seed is None:
            return result
        other = super().query(architecture, metric, trial=1 - result.trials[0], **others)
        return replace(result, value=other.value)


class SeedForPosition(Runs):
    """Takes a number that is no seed for a position."""

    def query(self, architecture, metric=None, *, seed=None, trial=None, **others):
        if seed in (0, 1, 9):
            return super().query(architecture, metric, trial=seed % 8, **others)
        return super().query(architecture, metric, seed=seed, trial=trial, **others)


class ForgetsSeeds(Runs):
    def query(self, architecture, metric=None, **others):
        return replace(super().query(architecture, metric, **others), seeds=())


class MeanForMax(Runs):
    def query(self, architecture, metric=None, *, reduction="mean", **others):
        result = super().query(architecture, metric, reduction=reduction, **others)
        mean = super().query(architecture, metric, **others)
        return replace(result, value=mean.value) if reduction == "max" else result


class AnyReduction(Runs):
    def query(self, architecture, metric=None, *, reduction="mean", **others):
        known = reduction if reduction in ("median", "min", "max") else "mean"
        return super().query(architecture, metric, reduction=known, **others)


class ClosestRun(Runs):
    """Falls back to the longest run."""

    def query(self, architecture, metric=None, *, run=None, **others):
        return super().query(architecture, metric, run=run if run in (2, 6) else None, **others)


class RunForEpoch(Runs):
    """An epoch that is the length of another run is that run."""

    def query(self, architecture, metric=None, *, epoch=None, run=None, **others):
        if epoch == 2 and run == 6:
            run = 2
        return super().query(architecture, metric, epoch=epoch, run=run, **others)


class LongestRun(Runs):
    """Answers for the longest run whatever is asked."""

    def query(self, architecture, metric=None, *, epoch=None, run=None, **others):
        if run == 2:
            epoch = run = None
        return super().query(architecture, metric, epoch=epoch, run=run, **others)


class LongestRunInMany(Runs):
    def query_many(self, architectures, metrics=None, **others):
        return super().query_many(architectures, metrics, **others) + (others.get("run") == 2)


class ShortestRun(Runs):
    def __init__(self):
        super().__init__()
        self.metrics["acc"] = self.inner.metric("acc", run=2)


class EpochsForRuns(Runs):
    def fidelities(self, metric=None):
        return (3, 6) if super().fidelities(metric) else ()


class HalfOfIt(Runs):
    def fidelities(self, metric=None):
        return (1, 2) if super().fidelities(metric) else ()


class ShiftedCurve(Runs):
    def curve(self, architecture, metric=None, **others):
        curve = super().curve(architecture, metric, **others)
        return replace(curve, values=np.roll(curve.values, 1))


class CurveOfAnotherRun(Runs):
    def curve(self, architecture, metric=None, *, run=None, **others):
        return super().curve(architecture, metric, run=None if metric == "size" else 2, **others)


BROKEN_RUNS = [
    (OtherSeed, "check_seeds", "seed 7 of 'acc' is not its trial 0"),
    (SeedForPosition, "check_seeds", "seed 9 of 'acc', which it does not declare, must raise TrialNotMeasured"),
    (ForgetsSeeds, "check_seeds", r"say the seeds \(\)"),
    (MeanForMax, "check_reductions", "the max of 'acc' is another number"),
    (AnyReduction, "check_reductions", "an unknown reduction of 'acc' must raise InvalidSetting"),
    (ClosestRun, "check_runs", "the run 7 of 'size', which is not declared, must raise RunNotMeasured, and returned"),
    (RunForEpoch, "check_runs", "epoch 2 of 'acc' in the run 6: a run of its own must raise EpochNotMeasured"),
    (LongestRun, "check_runs", r"run and epoch \(2, 2\) of 'acc' say they are \(6, 6\)"),
    (LongestRunInMany, "check_runs", "query_many and query differ on 'acc' of the run 2"),
    (ShortestRun, "check_runs", "says it is of the run 2, and its runs are"),
    (EpochsForRuns, "check_fidelities", "the fidelity 3 of 'acc' is not among"),
    (HalfOfIt, "check_fidelities", "the last fidelity of 'acc' is 2, not the full 6"),
    (ShiftedCurve, "check_curves", "in its curve, and query differs"),
    (CurveOfAnotherRun, "check_curves", "the curve of 'acc' has the epochs"),
]
