"""Diagnostics: what strategies say of themselves, in the trace, the state, the store and the kit."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ganas
from ganas.bench.toy import ToyBenchmark
from ganas.conformance.reproducibility import check_diagnostics
from ganas.experiment import Experiment
from ganas.running import run_experiment
from ganas.spaces.errors import CheckFailed, InvalidSetting, StoreError
from ganas.store import FILE_NAME, Store

TALKING = f"{Path(__file__).with_name('talking_strategy.py')}:Talking"
NAN = math.nan
COLUMNS = [
    "query", "architecture", "value", "best_so_far", "simulated_seconds", "wall_seconds", "trial", "fidelity",
    "failure",
]  # fmt: skip


@pytest.fixture(scope="module")
def toy():
    return ToyBenchmark(ganas.load_space("nasbench201"))


@pytest.fixture(scope="module")
def talking():
    return ganas.load_strategy(TALKING)


def scripted(*lines):
    """A strategy that at its n-th ask proposes the n-th key (None: nothing) and says the n-th mapping."""

    class Scripted(ganas.Strategy):
        name = "scripted"
        title = "Proposes and says what the test wants"
        asked = 0

        def ask(self, count=1):
            self.asked += 1
            key = lines[self.asked - 1][0]
            return [] if key is None else [self.problem.space.decode((0, 0, 0, 0, 0, key))]

        def diagnostics(self):
            return lines[self.asked - 1][1]

        def tell(self, evaluations):
            pass

    return Scripted


def test_a_diagnostic_stands_at_the_query_of_its_proposal(toy):
    strategy = scripted(
        (0, {"x": 1}),
        (0, {"x": 2, "y": np.float32(0.5)}),  # free: what is said stays for the query that comes
        (1, {}),
        (1, {"x": 7}),
        (2, {"x": NAN}),  # said last before query 3
        (3, {"y": np.int64(3)}),
        (None, {"x": 9, "z": 9}),  # of a query that never comes
    )
    study = ganas.Study(toy, strategy, budget=100, seed=0).run()
    assert study.stop == "exhausted"
    trace = study.trace
    assert trace.columns.tolist() == [*COLUMNS, "x", "y"]
    np.testing.assert_array_equal(trace["x"], [1.0, 2.0, NAN, NAN])
    np.testing.assert_array_equal(trace["y"], [NAN, 0.5, NAN, 3.0])
    assert trace["x"].dtype == trace["y"].dtype == np.float64
    assert study.diagnostics.rows(2, 3) == [(2, "x", 2.0), (2, "y", 0.5), (3, "x", None)]


def test_the_trace_of_a_silent_strategy_has_no_further_column(toy):
    assert ganas.search(toy, "random-search", budget=5, seed=0).trace.columns.tolist() == COLUMNS


@pytest.mark.parametrize(
    "said,message",
    [
        ({"value": 1.0}, "diagnostic 'value' of 'scripted' is another column of the trace already: taken are"),
        ({"toy_size": 1.0}, "diagnostic 'toy_size' .* another column"),
        ({"two words": 1.0}, "'two words' of 'scripted' is not named as an identifier"),
        ({"": 1.0}, "not named as an identifier"),
        ({3: 1.0}, "not named as an identifier"),
        ({"x": "1.0"}, "'x' of 'scripted' is '1.0', not a number"),
        ({"x": True}, "not a number"),
        ({"x": None}, "not a number"),
        ({"x": 1j}, "not a number"),
        ({"x": np.zeros(1)}, "not a number"),
        ([("x", 1.0)], "gave a list, not a mapping"),
        (None, "gave a NoneType, not a mapping"),
    ],
)
def test_what_cannot_be_a_column_is_refused(said, message, toy):
    bound = ganas.MeasuredConstraint(toy.metric("toy_size"), high=100.0)
    study = ganas.Study(toy, scripted((0, {"x": 1}), (1, said)), budget=5, seed=0, constraints=[bound])
    with pytest.raises(InvalidSetting, match=message) as caught:
        study.run()
    assert "\n" not in str(caught.value)


def test_resumed_at_any_query_it_says_the_same(toy, talking, tmp_path):
    def new():
        return ganas.Study(toy, talking, budget=40, seed=5)

    whole = new().run().trace.drop(columns="wall_seconds")
    assert {"asked", "mean_told", "spread"} == {*whole.columns} - {*COLUMNS}
    assert 5 < whole["asked"].notna().sum() < 40
    for queries in range(0, 40, 3):
        new().run(queries).save(tmp_path / "study.npz")
        resumed = new().load(tmp_path / "study.npz").run()
        pd.testing.assert_frame_equal(resumed.trace.drop(columns="wall_seconds"), whole, check_exact=True)


# --- the store -------------------------------------------------------------------------------------------------------


def grid(**changes):
    fields = {"benchmarks": ("nasbench201-cifar10",), "strategies": (TALKING, "random-search"), "seeds": (0, 1, 2)}
    return Experiment(**{**fields, "budget": 30, **changes})


def stored(folder):
    with Store(folder, create=False) as store:
        return store.studies(), store.diagnostics()


def test_the_store_holds_what_the_study_recorded(talking, tmp_path):
    studies, diagnostics = stored(run_experiment(grid(), tmp_path / "one"))
    again = stored(run_experiment(grid(), tmp_path / "two", jobs=2))[1]
    assert diagnostics.equals(again)
    assert diagnostics.columns.tolist() == ["study", "query", "name", "value"]
    assert diagnostics["value"].dtype == np.float64 and diagnostics["value"].isna().any()
    assert not diagnostics.duplicated(["study", "query", "name"]).any()
    spoke = studies[studies["strategy"] == TALKING].set_index("study")
    assert set(diagnostics["study"]) == set(spoke.index)
    for key, row in spoke.iterrows():
        trace = ganas.search("nasbench201-cifar10", talking, budget=30, seed=int(row["seed"])).trace
        wide = diagnostics[diagnostics["study"] == key].pivot(index="query", columns="name", values="value")
        for name in ("asked", "mean_told", "spread"):
            assert wide[name].reindex(range(1, 31)).tolist() == pytest.approx(trace[name].tolist(), abs=0, nan_ok=True)


def test_a_cut_study_goes_on_to_the_same_rows(tmp_path):
    whole = stored(run_experiment(grid(), tmp_path / "whole"))[1]
    run_experiment(grid(), tmp_path / "cut")
    key = int(whole["study"].iloc[0])
    with Store(tmp_path / "cut") as store, store._writing():
        for table in ("evaluations", "diagnostics"):
            store._connection.exec_driver_sql(f"DELETE FROM {table} WHERE study = {key} AND query > 11")
        store._connection.exec_driver_sql(f"UPDATE studies SET state = 'running' WHERE study = {key}")
    assert len(stored(tmp_path / "cut")[1]) < len(whole)
    assert stored(run_experiment(grid(), tmp_path / "cut"))[1].equals(whole)


def test_last_digits_of_another_processor_are_no_objection(tmp_path):
    run_experiment(grid(), tmp_path)
    with Store(tmp_path) as store, store._writing():
        store._connection.exec_driver_sql("UPDATE diagnostics SET value = value * 1.0000001")
        store._connection.exec_driver_sql("UPDATE studies SET state = 'running'")
    before = stored(tmp_path)[1]
    assert stored(run_experiment(grid(), tmp_path))[1].equals(before)


def test_a_store_of_the_version_before_is_refused_and_left_as_it_is(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / FILE_NAME)) as old, old:
        old.execute("CREATE TABLE meta (key VARCHAR PRIMARY KEY, value TEXT NOT NULL)")
        old.execute("INSERT INTO meta VALUES ('schema', '1')")
    with pytest.raises(StoreError, match="has schema 1, this version reads 2"):
        run_experiment(grid(), tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / FILE_NAME)) as old:
        assert old.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("meta",)]


def test_studies_stand_in_the_order_of_the_experiment(tmp_path):
    names = ("random-search", "local-search")
    benchmarks = ("nasbench201-imagenet16", "nasbench201-cifar10")
    run_experiment(grid(strategies=names, benchmarks=benchmarks, budget=3), tmp_path)
    studies, _ = stored(tmp_path)
    expected = [(benchmark, name, seed) for benchmark in benchmarks for name in names for seed in (0, 1, 2)]
    assert list(zip(studies["benchmark"], studies["variant"], studies["seed"], strict=True)) == expected
    run_experiment(grid(strategies=("regularized-evolution", "local-search"), budget=3), tmp_path)
    studies, _ = stored(tmp_path)
    second = ("regularized-evolution", "local-search", "random-search")
    expected = [(benchmarks[1], name, seed) for name in second for seed in (0, 1, 2)]
    expected += [(benchmarks[0], name, seed) for name in second[1:] for seed in (0, 1, 2)]
    assert list(zip(studies["benchmark"], studies["variant"], studies["seed"], strict=True)) == expected
    with Store(tmp_path) as store:
        store.write_meta("order", {"variant": ["random-search"]})
        assert list(dict.fromkeys(store.studies()["variant"])) == [
            "random-search",
            "local-search",
            "regularized-evolution",
        ]


# --- the kit ---------------------------------------------------------------------------------------------------------


def test_the_kit_passes_what_speaks_properly(talking):
    check_diagnostics(talking, rng=np.random.default_rng(0))


def changed(strategy, **members):
    """The strategy with other methods."""
    return type("Changed", (strategy,), members)


@pytest.mark.parametrize(
    "said,message",
    [
        ({"loss": math.inf}, "'loss' is inf, neither a finite number nor NaN"),
        ({"loss": "low"}, "'loss' is 'low', neither"),
        ({"loss": True}, "'loss' is True, neither"),
        ({"the loss": 1.0}, "'the loss' is not named as an identifier"),
        ([], "gave a list, not a mapping"),
    ],
)
def test_the_kit_sees_what_is_no_diagnostic(said, message, talking):
    with pytest.raises(CheckFailed, match=message):
        check_diagnostics(changed(talking, diagnostics=lambda self: said), rng=np.random.default_rng(0))


def test_the_kit_sees_what_changes_by_being_read(talking):
    def diagnostics(self):
        self.reads = getattr(self, "reads", 0) + 1
        return {"reads": self.reads}

    with pytest.raises(CheckFailed, match="says two things"):
        check_diagnostics(changed(talking, diagnostics=diagnostics), rng=np.random.default_rng(0))


def test_the_kit_sees_what_a_state_leaves_out(talking):
    def ask(self, count=1):
        self.unsaved = getattr(self, "unsaved", 0) + 1
        return talking.ask(self, count)

    forgetful = changed(talking, ask=ask, diagnostics=lambda self: {"unsaved": self.unsaved})
    with pytest.raises(CheckFailed, match="resumed study says other diagnostics"):
        check_diagnostics(forgetful, rng=np.random.default_rng(0))


def test_the_kit_sees_titles_that_are_none(talking):
    with pytest.raises(CheckFailed, match="diagnostic_titles is not a mapping"):
        check_diagnostics(changed(talking, diagnostic_titles={"asked": ""}), rng=np.random.default_rng(0))
