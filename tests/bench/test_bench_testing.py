"""The conformance kit of benchmarks: a sound benchmark passes, and each way to break one fails its check."""

from dataclasses import replace

import numpy as np
import pandas
import pytest

from ganas.bench.benchmark import Benchmark
from ganas.bench.metric import Metric, Optimum
from ganas.bench.tabular import TabularBenchmark
from ganas.bench.testing import BENCHMARK_CHECKS, check_benchmark, parametrize_with_checks
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import CheckFailed, GanasError, InvalidSetting, NotSupported, UnknownName
from ganas.spaces.registry import load_space
from tests.bench.benchmarks_of_runs import BROKEN_RUNS, Runs


def small_table():
    """A quarter of NAS-Bench-201 with made-up values, two epochs and up to two trials."""
    space = load_space("nasbench201")
    rng = np.random.default_rng(8)
    ranks = np.flatnonzero(rng.random(space.size) < 0.25)
    accuracy = rng.uniform(50, 90, (len(ranks), 2, 2))
    accuracy[:, 1, 1] = np.where(rng.random(len(ranks)) < 0.5, np.nan, accuracy[:, 1, 1])
    return TabularBenchmark(
        name="small",
        space=space,
        identities=ranks,
        metrics=[
            Metric("acc", "percent", "valid", epochs=(1, 2)),
            Metric("loss", "nats", "test", higher_is_better=False),
            Metric("seconds", "seconds", higher_is_better=False, epochs=(1, 2)),
        ],
        values={
            "acc": accuracy,
            "loss": np.where(rng.random(len(ranks)) < 0.2, np.nan, rng.uniform(0, 1, len(ranks))),
            "seconds": np.cumsum(rng.uniform(1, 9, (len(ranks), 2, 1)), axis=1),
        },
        cost="seconds",
    )


TABLE = small_table()


class Delegate(Benchmark):
    """Hands every question on to a table; a broken benchmark overrides one of them."""

    kind = "table"
    inner = TABLE

    def __init__(self):
        self.name, self.space, self.metrics = "delegate", self.inner.space, dict(self.inner.metrics)
        self.objective, self.source = self.inner.objective, self.inner.source

    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        return self.inner.query(architecture, metric, epoch=epoch, trial=trial, **others)

    def query_many(self, architectures, metrics=None, *, epoch=None, **others):
        return self.inner.query_many(architectures, metrics, epoch=epoch, **others)

    def num_trials(self, architecture, metric=None):
        return self.inner.num_trials(architecture, metric)

    def optimum(self, metric=None):
        return self.inner.optimum(metric)

    def frame(self):
        return self.inner.frame()


class UnnamedSource(Delegate):
    def __init__(self):
        super().__init__()
        self.source = "somewhere"


class TestObjective(Delegate):
    __test__ = False

    def __init__(self):
        super().__init__()
        self.objective = "loss"


class WrongKey(Delegate):
    def __init__(self):
        super().__init__()
        self.metrics["accuracy"] = self.metrics.pop("acc")
        self.objective = "accuracy"


class ImputesZero(Delegate):
    """Answers NaN for what was not measured."""

    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        try:
            return super().query(architecture, metric, epoch=epoch, trial=trial, **others)
        except GanasError:
            held = self.inner.query(self.inner.architecture_at(0), "acc")
            return replace(held, value=float("nan"), metric=metric or self.objective)


class WrongUnit(Delegate):
    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        return replace(super().query(architecture, metric, epoch=epoch, trial=trial, **others), unit="fraction")


class NumpyValue(Delegate):
    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        result = super().query(architecture, metric, epoch=epoch, trial=trial, **others)
        return replace(result, value=np.float64(result.value))


class NegativeCost(Delegate):
    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        return replace(super().query(architecture, metric, epoch=epoch, trial=trial, **others), cost_seconds=-1.0)


class OtherDefault(Delegate):
    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        return super().query(architecture, metric or "seconds", epoch=epoch, trial=trial, **others)


class OneTrialInMany(Delegate):
    """query_many answers with one trial, query with the mean."""

    def query_many(self, architectures, metrics=None, *, epoch=None, **others):
        found = super().query_many(architectures, metrics, epoch=epoch, **others)
        return found + 1e-3 * (found > 1)


class RelativeInMany(Delegate):
    """query_many depends on the whole batch."""

    def query_many(self, architectures, metrics=None, *, epoch=None, **others):
        found = super().query_many(architectures, metrics, epoch=epoch, **others)
        return found + np.arange(len(found))[:, None]


class Drifts(Delegate):
    """The answer depends on how many questions came before."""

    asked = 0

    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        self.asked += 1
        result = super().query(architecture, metric, epoch=epoch, trial=trial, **others)
        return replace(result, value=result.value + 1e-4 * self.asked)


class TrialsCostMore(Delegate):
    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        result = super().query(architecture, metric, epoch=epoch, trial=trial, **others)
        return replace(result, cost_seconds=result.cost_seconds * (1 + (trial is not None)))


class ShortTrainingCostsMore(Delegate):
    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        result = super().query(architecture, metric, epoch=epoch, trial=trial, **others)
        return replace(result, cost_seconds=1 / (1 + result.epoch) if result.epoch else 1.0)


class WrapsTrials(Delegate):
    """A trial that does not exist is another one."""

    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        if trial is not None and trial > 1:
            trial = 0
        return super().query(architecture, metric, epoch=epoch, trial=trial, **others)


class CountsAllTrials(Delegate):
    def num_trials(self, architecture, metric=None):
        super().num_trials(architecture, metric)
        return 2


class FirstTrialForMean(Delegate):
    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        result = super().query(architecture, metric, epoch=epoch, trial=trial, **others)
        if result.reduction == "mean":
            first = super().query(architecture, metric, epoch=epoch, trial=result.trials[0])
            return replace(result, value=first.value)
        return result


class ClosestEpoch(Delegate):
    """Falls back to the last epoch."""

    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        return super().query(architecture, metric, epoch=None if epoch not in (1, 2) else epoch, trial=trial, **others)


class ClosestMetric(Delegate):
    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        known = metric if metric in self.metrics else None
        return super().query(architecture, known, epoch=epoch, trial=trial, **others)


class TakesText(Delegate):
    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        if isinstance(architecture, str):
            architecture = self.space.parse(architecture)
        return super().query(architecture, metric, epoch=epoch, trial=trial, **others)


class SecondBest(Delegate):
    def optimum(self, metric=None):
        return self.inner.top(2, metric)[1]


class WrongWay(Delegate):
    """Takes the largest value of every metric for the best."""

    def optimum(self, metric=None):
        chosen = metric or self.objective
        row = int(self.frame()[chosen].argmax())
        return Optimum(float(self.frame()[chosen][row]), self.inner.architecture_at(row), chosen)


class NoOptimum(Delegate):
    def optimum(self, metric=None):
        raise NotSupported("open-ended")


class NoFrame(Delegate):
    def frame(self):
        return Benchmark.frame(self)


class FillsFrame(Delegate):
    def frame(self):
        return super().frame().fillna(0.0)


class ShiftedFrame(Delegate):
    def frame(self):
        frame = super().frame()
        return frame.assign(acc=np.roll(frame["acc"], 1))


class RenamedColumns(Delegate):
    def frame(self):
        return super().frame().rename(columns={"architecture": "arch"})


BROKEN = [
    (UnnamedSource, "check_declaration", "source is 'somewhere'"),
    (TestObjective, "check_declaration", "is a test metric"),
    (WrongKey, "check_declaration", "the metric under 'accuracy' is named 'acc'"),
    (ImputesZero, "check_results_say_what_they_are", "is nan"),
    (WrongUnit, "check_results_say_what_they_are", "says"),
    (NumpyValue, "check_results_say_what_they_are", "is a float64, not a float"),
    (NegativeCost, "check_results_say_what_they_are", "is negative"),
    (OtherDefault, "check_objective_is_the_default", "answers with 'seconds'"),
    (OneTrialInMany, "check_query_many_equals_query", "query_many and query differ on 'acc'"),
    (RelativeInMany, "check_order_does_not_matter", "depends on the order"),
    (Drifts, "check_same_answer_twice", "and then"),
    (TrialsCostMore, "check_costs", "and the mean"),
    (ShortTrainingCostsMore, "check_costs", "falls with the epochs"),
    (WrapsTrials, "check_trials", "must raise TrialNotMeasured, and returned"),
    (CountsAllTrials, "check_trials", "num_trials of .* is 2"),
    (FirstTrialForMean, "check_trials", "'acc' is not the mean over its trials"),
    (ClosestEpoch, "check_epochs", "must raise EpochNotMeasured, and returned"),
    (ClosestMetric, "check_unknown_metric", "must raise UnknownMetric, and returned"),
    (TakesText, "check_foreign_architectures", "text in place of an architecture must raise InvalidArchitecture"),
    (SecondBest, "check_optimum", "and the table holds"),
    (WrongWay, "check_optimum", "the optimum of 'loss'"),
    (NoOptimum, "check_optimum", "a table knows its best entry"),
    (NoFrame, "check_frame", "a table lists its entries"),
    (FillsFrame, "check_frame", "the frame holds 0.0 for 'loss', and query says that it was not measured"),
    (ShiftedFrame, "check_frame", "the frame holds"),
    (RenamedColumns, "check_frame", "the frame has columns"),
    *BROKEN_RUNS,
]


@parametrize_with_checks([TABLE, Delegate(), Runs.inner, Runs()])
def test_a_sound_benchmark_passes(subject, check):
    check(subject)


@pytest.mark.parametrize(("broken", "check", "message"), BROKEN, ids=[entry[0].__name__ for entry in BROKEN])
def test_a_broken_benchmark_fails_the_check_meant_for_it(broken, check, message):
    kit = {one.__name__: one for one in BENCHMARK_CHECKS}
    with pytest.raises(CheckFailed, match=message):
        kit[check](broken(), rng=np.random.default_rng(3))


def test_every_check_is_failed_by_some_broken_benchmark():
    assert {entry[1] for entry in BROKEN} == {check.__name__ for check in BENCHMARK_CHECKS}


def test_the_whole_kit_reports_in_one_line():
    with pytest.raises(CheckFailed, match="delegate: 1 of 18 checks failed: check_optimum: a table knows") as caught:
        check_benchmark(NoOptimum())
    assert "\n" not in str(caught.value)
    check_benchmark(NoOptimum(), {"check_optimum": "a table of an endless stream"})
    with pytest.raises(CheckFailed, match="check_optimum: passes, though it is expected to fail"):
        check_benchmark(TABLE, {"check_optimum": "no reason that holds"})
    with pytest.raises(InvalidSetting, match="did you mean 'check_optimum'"):
        check_benchmark(TABLE, {"check_optima": "misspelt"})


def test_benchmarks_are_found_by_name():
    check_benchmark("nasbench201-cifar100")
    with pytest.raises(UnknownName):
        check_benchmark("nasbench201-cifar1000")


def test_a_table_of_a_handful_of_architectures_passes():
    # Samples of the space find none of them: the kit asks the frame.
    space = load_space("nasbench201")
    held = space.sample(3, rng=np.random.default_rng(0))
    frame = pandas.DataFrame({"arch": held, "acc": [1.0, 2.0, 2.0]})
    metrics = {"acc": Metric("acc", "percent", "valid")}
    check_benchmark(TabularBenchmark.from_frame(name="few", space=space, frame=frame, metrics=metrics))


class Formula(Delegate):
    """A benchmark without entries: no frame, no optimum, no trials, any architecture."""

    kind = "surrogate"
    trained = 0

    def __init__(self):
        self.name, self.space, self.objective, self.source = "formula", load_space("nasbench101"), "size", "surrogate:1"
        self.metrics = {"size": Metric("size", "count")}

    def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
        type(self).trained += 1
        described = self.metric(metric, run=others.get("run"))
        self._column(described, epoch)
        self.space.check(architecture)
        result = TABLE.query(TABLE.architecture_at(0), "loss")
        if trial is not None or others.get("seed") is not None:
            return TABLE.query(TABLE.architecture_at(0), "loss", trial=trial, seed=others.get("seed"))
        return replace(
            result, value=float(architecture.num_nodes), metric="size", unit="count", split=None, source=self.source
        )

    def _column(self, described, epoch):
        if epoch is not None:
            TABLE.query(TABLE.architecture_at(0), "loss", epoch=epoch)

    def query_many(self, architectures, metrics=None, *, epoch=None, **others):
        names = [self.objective] if metrics is None else metrics
        given = architectures
        if isinstance(given, np.ndarray):
            given = [self.space.decode(genotype) for genotype in given.tolist()]
        values = [[self.query(one, name, epoch=epoch, **others).value for name in names] for one in given]
        return np.array(values, dtype=float).reshape(len(given), len(names))

    def num_trials(self, architecture, metric=None):
        self.metric(metric)
        return 0

    def optimum(self, metric=None):
        raise NotSupported("open-ended")

    def frame(self):
        raise NotSupported("open-ended")


def test_a_benchmark_without_entries_passes():
    check_benchmark(Formula())


def test_a_trainer_is_asked_about_few_architectures():
    class Trainer(Formula):
        kind = "trainer"
        seen = set()

        def __init__(self):
            super().__init__()
            self.source = "trainer:mini"

        def query(self, architecture, metric=None, *, epoch=None, trial=None, **others):
            if isinstance(architecture, Architecture):
                self.seen.add(architecture)
            return super().query(architecture, metric, epoch=epoch, trial=trial, **others)

    check_benchmark(Trainer())
    in_space = {one for one in Trainer.seen if one.space == "nasbench101"}
    assert 1 <= len(in_space) <= 2 * len(BENCHMARK_CHECKS)
