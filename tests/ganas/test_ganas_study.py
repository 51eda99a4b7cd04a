"""Studies: traces, resuming at any query, stopping, constraints, failures."""

from __future__ import annotations

import numpy as np
import pytest

import ganas
from ganas.bench.toy import ToyBenchmark
from ganas.spaces.errors import DataError, InvalidSetting, UnknownMetric
from ganas.state_file import read_state, write_state

EVERY_COLUMN_BUT_TIME = ["query", "architecture", "value", "best_so_far", "simulated_seconds", "trial", "fidelity"]


@pytest.fixture(scope="module")
def bench():
    return ganas.load_benchmark("nasbench201-cifar100")


def comparable(study):
    return study.trace[EVERY_COLUMN_BUT_TIME]


def test_trace(bench):
    study = ganas.search(bench, "regularized-evolution", budget=80, seed=4)
    trace = study.trace
    assert trace["query"].tolist() == list(range(1, 81))
    assert trace["best_so_far"].tolist() == trace["value"].cummax().tolist()
    values = bench.query_many([bench.space.parse(text) for text in trace["architecture"]], ["valid_accuracy"])[:, 0]
    assert trace["value"].tolist() == values.tolist()
    seconds = bench.query_many([bench.space.parse(text) for text in trace["architecture"]], ["train_seconds"])[:, 0]
    np.testing.assert_allclose(trace["simulated_seconds"], np.cumsum(seconds))
    assert study.best.values["valid_accuracy"] == trace["value"].max()
    assert trace["architecture"].is_unique


@pytest.mark.parametrize("strategy", ["random-search", "local-search", "regularized-evolution"])
@pytest.mark.parametrize("signal", ["mean", "random"])
def test_resumed_at_any_query(strategy, signal, bench, tmp_path):
    def new():
        return ganas.Study(bench, strategy, budget=60, seed=7, signal=signal)

    whole = comparable(new().run())
    for queries in range(0, 60, 7):
        new().run(queries).save(tmp_path / "study.npz")
        resumed = new().load(tmp_path / "study.npz")
        assert resumed.ledger.queries == queries
        assert comparable(resumed.run()).equals(whole)


def test_the_seed_decides(bench):
    first, again, other = (ganas.search(bench, "random-search", budget=30, seed=seed) for seed in (1, 1, 2))
    assert comparable(first).equals(comparable(again))
    assert not comparable(first).equals(comparable(other))


def test_stops_at_the_optimum(bench):
    study = ganas.search(bench, "local-search", budget=1000, seed=0, stop_at_optimum=True)
    assert study.stop == "optimum"
    assert study.trace["value"].iloc[-1] == bench.optimum().value
    assert (study.trace["value"].iloc[:-1] < bench.optimum().value).all()


def test_minimises(bench):
    study = ganas.search(bench, "regularized-evolution", budget=100, seed=0, metric="latency_seconds")
    assert study.best.values["latency_seconds"] == study.trace["value"].min() == study.trace["best_so_far"].iloc[-1]


def test_constraints(bench):
    small = ganas.MeasuredConstraint(bench.metric("parameters"), high=400_000)
    no_pool = ganas.PredicateConstraint("no pooling", lambda a: "avg_pool_3x3" not in a.operations)
    study = ganas.search(bench, "local-search", budget=150, seed=0, constraints=[small, no_pool])
    assert study.ledger.queries == 150
    assert not any("avg_pool_3x3" in text for text in study.trace["architecture"])
    assert study.best.values["parameters"] <= 400_000
    assert study.trace["parameters"].max() > 400_000, "a measured bound is known only after the query"
    feasible = study.trace[study.trace["parameters"] <= 400_000]
    assert study.trace["best_so_far"].iloc[-1] == feasible["value"].max()


def test_a_partial_table_gives_failures_not_values(bench):
    frame = bench.frame().iloc[::2].reset_index(drop=True)
    half = ganas.TabularBenchmark.from_frame(
        name="half",
        space="nasbench201",
        frame=frame,
        architecture="architecture",
        metrics={"valid_accuracy": ganas.Metric("valid_accuracy", "percent", "valid")},
    )
    study = ganas.search(half, "random-search", budget=60, seed=0)
    failed = study.trace[study.trace["failure"].notna()]
    assert 10 < len(failed) < 50 and failed["value"].isna().all()
    assert study.ledger.queries == 60


class Repeating(ganas.Strategy):
    name = "repeating"
    title = "asks for the same architecture for ever"

    def ask(self, count=1):
        return [self.problem.space.decode((3,) * 6)]

    def tell(self, evaluations):
        pass


def test_a_strategy_that_only_repeats_itself_is_ended(bench):
    study = ganas.search(bench, Repeating, budget=5, seed=0)
    assert study.stop == "stalled" and study.ledger.queries == 1


class Silent(Repeating):
    name = "silent"

    def ask(self, count=1):
        return []


def test_nothing_proposed_ends_the_study(bench):
    study = ganas.search(bench, Silent, budget=5, seed=0)
    assert study.stop == "exhausted"
    with pytest.raises(InvalidSetting, match="nothing"):
        _ = study.best
    assert study.trace.empty


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"budget": 0}, "budget must be at least 1"),
        ({"budget": 1.5}, "budget must be a number of queries"),
        ({"budget": True}, "budget must be a number of queries"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
        ({"seed": "one"}, "seed must be an integer of at least 0"),
        ({"signal": "median"}, "signal must be mean or random"),
    ],
)
def test_bad_arguments(arguments, message, bench):
    with pytest.raises(InvalidSetting, match=message):
        ganas.Study(bench, "random-search", **{"budget": 5, "seed": 0, **arguments})


def test_a_test_metric_is_not_an_objective(bench):
    frame = bench.frame()
    frame["test_accuracy"] = frame["valid_accuracy"] - 1
    both = ganas.TabularBenchmark.from_frame(
        name="both",
        space="nasbench201",
        frame=frame,
        architecture="architecture",
        metrics={
            "valid_accuracy": ganas.Metric("valid_accuracy", "percent", "valid"),
            "test_accuracy": ganas.Metric("test_accuracy", "percent", "test"),
        },
    )
    with pytest.raises(InvalidSetting, match="test metric"):
        ganas.search(both, "random-search", budget=5, seed=0, metric="test_accuracy")
    with pytest.raises(UnknownMetric):
        ganas.search(both, "random-search", budget=5, seed=0, metric="accuracy")


def test_a_state_of_another_study_is_refused(bench, tmp_path):
    ganas.Study(bench, "random-search", budget=10, seed=0).run(5).save(tmp_path / "study.npz")
    with pytest.raises(InvalidSetting, match="seed"):
        ganas.Study(bench, "random-search", budget=10, seed=1).load(tmp_path / "study.npz")


def test_damaged_and_missing_state_files(tmp_path):
    with pytest.raises(DataError, match="there is no state file"):
        read_state(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(DataError, match="not a state file"):
        read_state(tmp_path / "text.npz")
    write_state(tmp_path / "good.npz", {"a": np.arange(1000)})
    content = (tmp_path / "good.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="damaged"):
        read_state(tmp_path / "half.npz")


def test_a_state_holds_only_json_and_arrays(tmp_path):
    write_state(tmp_path / "state.npz", {"big": 2**200, "none": None, "nested": [{"x": np.float64(0.1)}, (1, 2)]})
    assert read_state(tmp_path / "state.npz") == {"big": 2**200, "none": None, "nested": [{"x": 0.1}, [1, 2]]}
    for bad in ({"x": {1, 2}}, {"x": np.array([object()])}, {1: 2}, {"x": ToyBenchmark}):
        with pytest.raises(InvalidSetting, match="state"):
            write_state(tmp_path / "bad.npz", bad)
    assert not (tmp_path / "bad.npz").exists()
