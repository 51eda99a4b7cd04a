"""Growing a benchmark: collect a sample, fit a surrogate on it, search that, and measure what it promised."""

import os
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pandas
import pytest

import ganas
from ganas.bench.surrogate.fitting import fit_benchmark
from ganas.bench.toy import ToyBenchmark
from ganas.collecting import collect, split_budget
from ganas.run_labels import run_labels
from ganas.running import compare
from ganas.spaces.errors import (
    DataError,
    InvalidSetting,
    StoreError,
    UnknownMetric,
    UnknownName,
    WrongSpace,
)
from ganas.store import Store
from ganas.verifying import search_picks, searched_picks, table_ranks, top_picks, verify

TABLE = "nasbench201-cifar100"
MODEL = "gaussian-process"


def stored(folder):
    """What a run holds, without what differs from one execution to the next."""
    with Store(folder, create=False) as store:
        evaluations = store.evaluations().drop(columns="wall_seconds")
        studies = store.studies()[["study", "benchmark", "strategy", "seed", "budget", "state", "queries"]]
    return evaluations, studies.sort_values("study", ignore_index=True)


def same(first, second):
    return all(one.equals(other) for one, other in zip(stored(first), stored(second), strict=True))


def visited(folder):
    return set(stored(folder)[0]["architecture"])


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """A finished collection of 120 architectures, one trial each; to be read only."""
    folder = tmp_path_factory.mktemp("collected") / "run"
    sample = collect(TABLE, 120, folder, signal="random", strategies=["regularized-evolution", "local-search"])
    assert sample.architectures == 120
    return folder


@pytest.fixture(scope="module")
def surrogate(collected):
    return fit_benchmark("mine", run_labels(collected), model=MODEL)


# --- the loop --------------------------------------------------------------------------------------------------------


def test_the_loop_from_a_table_to_the_gap(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    sample = collect(TABLE, 200, tmp_path / "run", signal="random")
    labels = run_labels(tmp_path / "run")
    assert (sample.architectures, len({*labels.architectures})) == (200, 200)
    fitted = fit_benchmark("grown", labels, model=MODEL)
    fitted.save(tmp_path / "home" / "surrogates" / "grown")
    # By its name, with any strategy, as any benchmark.
    compare(["grown"], ["local-search", "regularized-evolution"], seeds=1, budget=150, out=tmp_path / "searches")
    grown = ganas.load_benchmark("grown")
    picks = searched_picks(grown, tmp_path / "searches", 10)
    result = verify(grown, TABLE, picks, tmp_path / "verified")
    rows = result.picks
    table = ganas.load_benchmark(TABLE)
    assert len(rows) == 10 and not {*picks} & {*labels.architectures}
    assert rows["predicted"].is_monotonic_decreasing
    assert rows["measured"].tolist() == [table.query(pick).value for pick in picks]
    assert (rows["gap"] - (rows["measured"] - rows["predicted"])).abs().max() == 0
    assert result.mean_gap == pytest.approx(rows["gap"].mean())
    assert 0 <= result.mean_absolute_gap < 3 and 0 <= result.inside <= 1
    assert result.seconds == pytest.approx(sum(table.query(pick).cost_seconds for pick in picks))
    # Of 15,625: the search on 200 labels knows where the good ones are.
    assert min(rows["table_rank"]) < 150


# --- collecting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "strategies", "share", "budgets"),
    [
        (100, ["a", "b"], 0.5, {"random-search": 50, "a": 25, "b": 25}),
        (101, ["a", "b", "c"], 0.0, {"a": 34, "b": 34, "c": 33}),
        (10, ["a"], 1.0, {"random-search": 10}),
        (10, [], 0.2, {"random-search": 10}),
        (1, ["a", "b"], 0.0, {"a": 1}),
    ],
)
def test_the_budget_is_split(count, strategies, share, budgets):
    assert split_budget(count, strategies, share) == budgets
    assert sum(budgets.values()) == count


@pytest.mark.parametrize(
    "arguments",
    [
        (0, [], 0.5),
        (2.5, [], 0.5),
        (10, ["a"], 1.5),
        (10, ["a"], -0.1),
        (10, ["a"], float("nan")),
        (10, ["random-search"], 0.5),
        (10, ["a", "a"], 0.5),
    ],
)
def test_budgets_that_cannot_be_split(arguments):
    with pytest.raises(InvalidSetting):
        split_budget(*arguments)


def test_a_sample_has_as_many_different_architectures_as_wanted(collected):
    evaluations, studies = stored(collected)
    assert evaluations["architecture"].nunique() == 120
    assert set(studies["state"]) == {"finished"}
    assert studies.set_index("strategy")["budget"].to_dict() | {"ganas.strategies.listed:Listed": 0} == {
        "random-search": 60,
        "regularized-evolution": 30,
        "local-search": 30,
        "ganas.strategies.listed:Listed": 0,
    }
    # Two strategies that start from one seed visit some twice; random ones stand in for them.
    listed = studies[studies["strategy"].str.endswith("Listed")]
    assert len(evaluations) == 120 + int(evaluations.duplicated("architecture").sum())
    assert listed["budget"].sum() == evaluations.duplicated("architecture").sum()


def test_an_interrupted_collection_goes_on(collected, tmp_path):
    class Stop(Exception):
        pass

    def interrupt(done, total, newest):
        if done == 2:
            raise Stop

    given = {"signal": "random", "strategies": ["regularized-evolution", "local-search"]}
    with pytest.raises(Stop):
        collect(TABLE, 120, tmp_path, progress=interrupt, **given)
    assert len(stored(tmp_path)[1]) == 2
    sample = collect(TABLE, 120, tmp_path, **given)
    assert same(tmp_path, collected)
    assert collect(TABLE, 120, tmp_path, **given) == sample
    assert same(tmp_path, collected)


SLOW = """
import os, time
from ganas.bench.toy import ToyBenchmark
from ganas.spaces.registry import load_space

class Slow(ToyBenchmark):
    def query(self, *arguments, **others):
        time.sleep(float(os.environ.get("PAUSE", 0)))
        return super().query(*arguments, **others)

def slow():
    return Slow(load_space("nasbench201"))
"""


def test_a_killed_collection_goes_on(tmp_path, monkeypatch):
    (tmp_path / "slow.py").write_text(SLOW)
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-m", "ganas.cli.main", "collect", "slow.py:slow", "--count", "60", "--out", "killed"]
    process = subprocess.Popen(command, env={**os.environ, "PAUSE": "0.05"}, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            # Look-ups are committed once a second, so this is in the middle of a study.
            with suppress(StoreError):
                if len(stored("killed")[0]) >= 10:
                    break
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    before, studies = stored("killed")
    assert 10 <= len(before) < 60 and "running" in set(studies["state"])
    assert collect("slow.py:slow", 60, "killed").architectures == 60
    collect("slow.py:slow", 60, "whole")
    assert same("killed", "whole")


@pytest.mark.slow
def test_a_collection_in_several_processes_is_the_same(collected, tmp_path):
    collect(TABLE, 120, tmp_path, signal="random", strategies=["regularized-evolution", "local-search"], jobs=2)
    assert same(tmp_path, collected)


@pytest.mark.parametrize(
    "changes", [{"count": 121}, {"seed": 1}, {"share_random": 0.4}, {"signal": "mean"}, {"strategies": []}]
)
def test_a_folder_belongs_to_one_collection(collected, changes):
    given = {"count": 120, "signal": "random", "strategies": ["regularized-evolution", "local-search"]} | changes
    before = stored(collected)
    with pytest.raises(StoreError, match="give the same value or another folder"):
        collect(TABLE, given.pop("count"), collected, **given)
    assert all(one.equals(other) for one, other in zip(stored(collected), before, strict=True))


def test_a_collection_and_a_comparison_do_not_mix(collected, tmp_path):
    with pytest.raises(StoreError):
        compare([TABLE], ["random-search"], seeds=1, budget=120, signal="random", out=collected)
    compare([TABLE], ["random-search"], seeds=1, budget=10, out=tmp_path)
    with pytest.raises(StoreError):
        collect(TABLE, 10, tmp_path)


def test_what_cannot_be_collected(tmp_path):
    for given, error in [
        ({"count": 20_000}, InvalidSetting),
        ({"jobs": 0}, InvalidSetting),
        ({"metric": "test_accuracy"}, ganas.GanasError),
        ({"strategies": ["lokal-search"]}, UnknownName),
        ({"signal": "median"}, InvalidSetting),
        ({"seed": -1}, InvalidSetting),
    ]:
        with pytest.raises(error):
            collect(TABLE, given.pop("count", 10), tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


def part_of_a_table():
    table = ganas.load_benchmark(TABLE)
    frame = pandas.DataFrame({"arch": [table.architecture_at(row) for row in range(0, 15_625, 2)]})
    frame["acc"] = range(len(frame))
    metric = ganas.Metric("acc", "points", "valid")
    return ganas.TabularBenchmark.from_frame(name="part", space="nasbench201", frame=frame, metrics={"acc": metric})


def test_failed_evaluations_are_counted_and_not_learnt_from(tmp_path):
    part = part_of_a_table()
    sample = collect(part, 60, tmp_path)
    assert (sample.architectures, sample.queries) == (60, len(stored(tmp_path)[0]))
    assert 10 < sample.failures < 50
    labels = run_labels(tmp_path, part)
    assert len(labels.values) == 60 - sample.failures
    assert labels.values[:, 0].tolist() == [part.query(one).value for one in labels.architectures]


# --- labels of a run -------------------------------------------------------------------------------------------------


def test_labels_are_what_the_run_measured(collected):
    labels, table = run_labels(collected), ganas.load_benchmark(TABLE)
    evaluations, _ = stored(collected)
    assert {labels.space.format(one) for one in labels.architectures} == visited(collected)
    assert len(labels.values) == len(evaluations.drop_duplicates(["architecture", "trial"])) >= 120
    for architecture, value, cost in zip(labels.architectures, labels.values, labels.cost_seconds, strict=True):
        trials = range(table.num_trials(architecture))
        assert value[0] in [table.query(architecture, trial=trial).value for trial in trials]
        assert cost == pytest.approx(table.query(architecture).cost_seconds)
    assert (labels.signal, labels.objective, labels.run) == ("random", "valid_accuracy", True)
    assert labels.source == table.source


def test_labels_of_a_comparison(tmp_path):
    compare([TABLE, "nasbench201-cifar10"], ["random-search", "local-search"], seeds=2, budget=20, out=tmp_path)
    with pytest.raises(InvalidSetting, match="is of several benchmarks, name one"):
        run_labels(tmp_path)
    labels = run_labels(tmp_path, TABLE)
    table = ganas.load_benchmark(TABLE)
    assert len(set(labels.architectures)) == len(labels.architectures) <= 80
    assert labels.values[:, 0].tolist() == table.query_many(labels.architectures)[:, 0].tolist()
    with pytest.raises(UnknownName, match="did you mean 'nasbench201-cifar10'"):
        run_labels(tmp_path, "nasbench201-cifar1")


def test_runs_without_labels(tmp_path):
    with pytest.raises(StoreError, match="there is no store"):
        run_labels(tmp_path)
    with Store(tmp_path):
        pass
    with pytest.raises(DataError, match="holds no studies"):
        run_labels(tmp_path)


def test_a_benchmark_that_changed_since(tmp_path):
    part = part_of_a_table()
    collect(part, 10, tmp_path)
    other = part.where("acc", low=100, name="part")
    with pytest.raises(StoreError, match="and it is table:"):
        run_labels(tmp_path, other)
    with pytest.raises(UnknownName, match="'part'"):
        run_labels(tmp_path)


# --- verifying -------------------------------------------------------------------------------------------------------


def test_picks_are_the_best_that_were_not_learnt(surrogate):
    candidates = [*surrogate.space.sample(300, rng=np.random.default_rng(3)), *surrogate.fitted.trained]
    picks = top_picks(surrogate, candidates * 2, 25)
    assert len({*picks}) == 25 and not {*picks} & {*surrogate.fitted.trained}
    said = surrogate.query_many(picks)[:, 0]
    rest = [one for one in candidates if one not in {*picks, *surrogate.fitted.trained}]
    assert (said[:-1] >= said[1:]).all() and said[-1] >= surrogate.query_many(rest).max()
    with pytest.raises(DataError, match="learnt from every candidate"):
        top_picks(surrogate, surrogate.fitted.trained, 3)
    for count in (0, -1, 1.5, True):
        with pytest.raises(InvalidSetting):
            top_picks(surrogate, candidates, count)


def test_picks_of_a_search(surrogate, tmp_path):
    picks = search_picks(surrogate, 5, strategy="local-search", budget=60, seed=1)
    assert picks == search_picks(surrogate, 5, strategy="local-search", budget=60, seed=1)
    study = ganas.search(surrogate, "local-search", budget=60, seed=1)
    assert {*picks} <= {entry.evaluation.architecture for entry in study.entries}
    compare([TABLE], ["random-search"], seeds=1, budget=5, out=tmp_path)
    with pytest.raises(StoreError, match="holds no search on 'mine'"):
        searched_picks(surrogate, tmp_path, 5)


def test_verifying_goes_on_and_pays_once(surrogate, tmp_path):
    picks = search_picks(surrogate, 4, strategy="local-search", budget=60)
    first = verify(surrogate, TABLE, picks[:2], tmp_path)
    again = verify(surrogate, TABLE, picks, tmp_path)
    assert again.picks["measured"].tolist()[:2] == first.picks["measured"].tolist()
    assert len(stored(tmp_path)[0]) == 4
    pandas.testing.assert_frame_equal(verify(surrogate, TABLE, picks, tmp_path).picks, again.picks)


def test_verifying_where_there_is_no_table(tmp_path):
    toy = ToyBenchmark(ganas.load_space("nasbench101"))
    collect(toy, 40, tmp_path / "run", strategies=["local-search"])
    fitted = fit_benchmark("toyish", run_labels(tmp_path / "run", toy), model=MODEL)
    assert fitted.card.cost == "constant" and fitted.card.cost_seconds == pytest.approx(100.0)
    result = verify(fitted, toy, search_picks(fitted, 5, budget=40), tmp_path / "verified")
    assert "table_rank" not in result.picks
    assert result.picks["measured"].notna().all()
    assert sorted(result.picks["measured_rank"]) == sorted(
        result.picks["measured"].rank(ascending=False, method="min").astype(int)
    )


def test_a_pick_that_cannot_be_measured(surrogate, tmp_path):
    picks = search_picks(surrogate, 12, strategy="random-search", budget=60, seed=5)
    part = part_of_a_table()
    frame = part.frame().rename(columns={"acc": "valid_accuracy"})
    metric = ganas.Metric("valid_accuracy", "percent", "valid")
    part = ganas.TabularBenchmark.from_frame(
        name="part",
        space="nasbench201",
        frame=frame,
        architecture="architecture",
        metrics={"valid_accuracy": metric},
    )
    result = verify(surrogate, part, picks, tmp_path)
    missing = result.picks["measured"].isna()
    assert 0 < missing.sum() < 12
    assert (result.picks["table_rank"].isna() == missing).all() and (result.picks["gap"].isna() == missing).all()
    assert result.mean_gap == result.mean_gap


def test_what_cannot_be_verified(surrogate, tmp_path):
    picks = [surrogate.space.sample(1, rng=np.random.default_rng(3))[0]]
    with pytest.raises(InvalidSetting, match="no architecture to verify"):
        verify(surrogate, TABLE, [], tmp_path / "a")
    with pytest.raises(WrongSpace):
        verify(surrogate, "nasbenchgraph-cora", picks, tmp_path / "a")
    with pytest.raises(UnknownMetric):
        verify(surrogate, ToyBenchmark(surrogate.space), picks, tmp_path / "a")
    with pytest.raises(InvalidSetting):
        verify(surrogate, TABLE, picks, tmp_path / "a", jobs=0)
    assert not (tmp_path / "a").exists()


def test_places_in_a_table():
    table = ganas.load_benchmark(TABLE)
    best = [one.architecture for one in table.top(3)]
    assert table_ranks(table, best) == [1, 2, 3]
    smallest = table_ranks(table, best, "parameters")
    assert all(place is not None and place > 1000 for place in smallest), (
        "fewer parameters are better, and the best have many"
    )
