"""The ledger: what is counted, what is free, what is refused, and that nothing goes around it."""

from __future__ import annotations

import json

import numpy as np
import pytest

import ganas
from ganas.bench.ledger import Ledger
from ganas.bench.toy import ToyBenchmark
from ganas.spaces.errors import BudgetExhausted, InvalidSetting
from ganas.state_file import read_state, write_state


@pytest.fixture
def bench():
    return ganas.load_benchmark("nasbench201-cifar10")


def ledger_of(bench, **more):
    arguments = {"budget": 10, "rng": np.random.default_rng(0), **more}
    return Ledger(bench, arguments.pop("metrics", ["valid_accuracy"]), **arguments)


def test_a_query_costs_one_training(bench):
    ledger = ledger_of(bench)
    first, second = bench.space.sample(2, rng=np.random.default_rng(1))
    evaluation = ledger.evaluate(first)
    assert evaluation.counted and evaluation.query == 1
    assert evaluation.values == {"valid_accuracy": bench.query(first).value}
    assert evaluation.cost_seconds == bench.query(first, "train_seconds").value
    ledger.evaluate(second)
    costs = [bench.query(architecture, "train_seconds").value for architecture in (first, second)]
    assert ledger.queries == 2
    assert ledger.simulated_seconds == pytest.approx(sum(costs))
    assert ledger.entries[-1].simulated_seconds == ledger.simulated_seconds


def test_a_repeat_is_free(bench):
    ledger = ledger_of(bench)
    (architecture,) = bench.space.sample(1, rng=np.random.default_rng(1))
    paid = ledger.evaluate(architecture)
    again = ledger.evaluate(bench.space.parse(bench.space.format(architecture)))
    assert not again.counted and again.values == paid.values and again.cost_seconds == 0
    assert ledger.queries == 1


def test_over_budget_is_refused_but_repeats_stay_free(bench):
    ledger = ledger_of(bench, budget=3)
    members = bench.space.sample(4, rng=np.random.default_rng(1))
    for architecture in members[:3]:
        ledger.evaluate(architecture)
    assert ledger.exhausted
    with pytest.raises(BudgetExhausted, match="3 queries"):
        ledger.evaluate(members[3])
    assert not ledger.evaluate(members[0]).counted
    assert ledger.queries == 3


def test_random_signal_draws_one_trial_per_query(bench):
    ledger = ledger_of(bench, signal="random", budget=200)
    for architecture in bench.space.sample(150, rng=np.random.default_rng(2)):
        evaluation = ledger.evaluate(architecture)
        expected = bench.query(architecture, trial=evaluation.trial).value
        assert evaluation.values["valid_accuracy"] == expected
        assert ledger.evaluate(architecture).values == evaluation.values, "a repeat must not draw again"
    trials = [entry.evaluation.trial for entry in ledger.entries]
    assert set(trials) == {0, 1, 2}


def test_refused_proposals_are_free_failures(bench):
    ledger = ledger_of(bench, refuse=lambda _: "too large")
    (architecture,) = bench.space.sample(1, rng=np.random.default_rng(1))
    evaluation = ledger.evaluate(architecture)
    assert evaluation.failure == "too large" and not evaluation.counted and not evaluation.values
    assert ledger.queries == 0


def test_several_metrics_are_one_query(bench):
    ledger = ledger_of(bench, metrics=["valid_accuracy", "parameters"])
    (architecture,) = bench.space.sample(1, rng=np.random.default_rng(1))
    evaluation = ledger.evaluate(architecture)
    assert set(evaluation.values) == {"valid_accuracy", "parameters"}
    assert evaluation.cost_seconds == bench.query(architecture).cost_seconds


def test_unknown_signal_names_the_closest(bench):
    with pytest.raises(InvalidSetting, match="did you mean 'random'"):
        ledger_of(bench, signal="randm")


def test_state_round_trip_through_a_file(bench, tmp_path):
    ledger = ledger_of(bench, signal="random", budget=50)
    members = bench.space.sample(40, rng=np.random.default_rng(3))
    for architecture in members[:20]:
        ledger.evaluate(architecture)
    write_state(tmp_path / "ledger.npz", ledger.state())
    other = ledger_of(bench, signal="random", budget=50, rng=np.random.default_rng(99))
    other.load_state(read_state(tmp_path / "ledger.npz"))
    for architecture in members[10:]:
        assert other.evaluate(architecture) == ledger.evaluate(architecture)
    assert [entry.evaluation for entry in other.entries] == [entry.evaluation for entry in ledger.entries]
    with pytest.raises(InvalidSetting):
        other.load_state(ledger.state())
    json.dumps(ledger.state()["values"])


class Guarded(ToyBenchmark):
    """Answers only while the ledger is asking; any access around it raises."""

    asking = False

    def query(self, *args, **named):
        if not self.asking:
            raise AssertionError("the benchmark was read around the ledger")
        return super().query(*args, **named)

    def query_many(self, *args, **named):
        raise AssertionError("the benchmark was read around the ledger")

    def optimum(self, *args, **named):
        raise AssertionError("the benchmark was read around the ledger")

    def frame(self, *args, **named):
        raise AssertionError("the benchmark was read around the ledger")


@pytest.mark.parametrize("strategy", ["random-search", "local-search", "regularized-evolution"])
@pytest.mark.parametrize("space", ["nasbench201", "nasbench101"])
def test_nothing_in_a_study_reads_the_benchmark_around_the_ledger(strategy, space, monkeypatch):
    guarded = Guarded(ganas.load_space(space))
    original = Ledger.evaluate

    def evaluate(self, *args, **named):
        guarded.asking = True
        try:
            return original(self, *args, **named)
        finally:
            guarded.asking = False

    monkeypatch.setattr(Ledger, "evaluate", evaluate)
    study = ganas.Study(guarded, strategy, budget=60, seed=0).run()
    assert study.ledger.queries == 60
    with pytest.raises(AssertionError, match="around the ledger"):
        guarded.query(study.best.architecture)


def test_random_signal_with_gaps_between_trials(bench):
    frame = bench.frame()[["architecture", "valid_accuracy"]].head(200)
    frame = frame.assign(first=frame["valid_accuracy"], second=np.nan, third=frame["valid_accuracy"] + 1)
    columns = ("first", "second", "third")
    gaps = ganas.TabularBenchmark.from_frame(
        name="gaps",
        space="nasbench201",
        frame=frame,
        architecture="architecture",
        metrics={columns: ganas.Metric("valid_accuracy", "percent", "valid")},
    )
    ledger = ledger_of(gaps, signal="random", budget=200)
    evaluations = [ledger.evaluate(bench.space.parse(text)) for text in frame["architecture"]]
    assert {evaluation.trial for evaluation in evaluations} == {0, 2}
    assert not any(evaluation.failure for evaluation in evaluations)


def test_a_fidelity_is_asked_of_metrics_that_have_epochs(bench):
    ledger = ledger_of(bench, metrics=["valid_accuracy", "parameters"])
    (architecture,) = bench.space.sample(1, rng=np.random.default_rng(1))
    full = ledger.evaluate(architecture, 200)
    assert full.failure is None and set(full.values) == {"valid_accuracy", "parameters"}
    refused = ledger.evaluate(architecture, 12)
    assert "12" in (refused.failure or "") and not refused.values
    assert ledger.queries == 2, "another fidelity is another evaluation"
