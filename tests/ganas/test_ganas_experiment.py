"""Experiments: grids, the store, worker processes, and what is left after kill -9."""

from __future__ import annotations

import operator
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import ganas
from ganas.executors import run_jobs
from ganas.experiment import Experiment, parse_seeds
from ganas.running import run_experiment
from ganas.spaces.errors import GanasError, InvalidSetting, StoreError, UnknownName
from ganas.store import FILE_NAME, Store

# Says something of itself, so that the store has diagnostics to lose.
TALKING = f"{Path(__file__).with_name('talking_strategy.py')}:Talking"

STUDY_TIMES = ["wall_seconds", "started_at", "finished_at", "process_id"]


def contents(folder):
    """The tables of a store, without wall seconds, timestamps and process ids."""
    with Store(folder, create=False) as store:
        studies, evaluations = store.studies(), store.evaluations()
        return studies.drop(columns=STUDY_TIMES), evaluations.drop(columns=["wall_seconds"]), store.diagnostics()


def same(first, second):
    return all(a.equals(b) for a, b in zip(contents(first), contents(second), strict=True))


def small(**changes):
    fields = {
        "benchmarks": ("nasbench201-cifar10", "nasbench201-cifar100"),
        "strategies": ("random-search", "regularized-evolution"),
        "seeds": (0, 1, 2),
        "budget": 25,
        **changes,
    }
    return Experiment(**fields)


def test_any_number_of_workers_gives_the_same_store(tmp_path):
    one = run_experiment(small(), tmp_path / "one", jobs=1)
    two = run_experiment(small(), tmp_path / "two", jobs=2)
    studies, evaluations, _ = contents(one)
    assert len(studies) == 12 and len(evaluations) == 12 * 25
    assert (studies["state"] == "finished").all() and (studies["stop"] == "budget").all()
    assert same(one, two)


def test_one_at_a_time_is_the_defaults_and_each_value_by_itself():
    given = {"regularized-evolution": {"population_size": [10, 20, 50], "tournament_size": [2]}}
    benchmarks = {name: ganas.load_benchmark(name) for name in small().benchmarks}

    def variants(**changes):
        grid = small(strategies=("regularized-evolution",), seeds=(0,), settings=given, **changes)
        return [config.variant.removeprefix("regularized-evolution") for config in grid.studies(benchmarks)]

    alone = ["", "[population_size=10]", "[population_size=50]", "[tournament_size=2]"]
    assert variants(one_at_a_time=True) == alone * 2
    assert (
        variants()
        == [
            "[population_size=10,tournament_size=2]",
            "[tournament_size=2]",
            "[population_size=50,tournament_size=2]",
        ]
        * 2
    )


def test_a_study_in_the_store_is_the_study_in_memory(tmp_path):
    run_experiment(small(signal="random"), tmp_path)
    studies, evaluations, _ = contents(tmp_path)
    row = studies[
        (studies["benchmark"] == "nasbench201-cifar100")
        & (studies["strategy"] == "regularized-evolution")
        & (studies["seed"] == 2)
    ].iloc[0]
    stored = evaluations[evaluations["study"] == row["study"]]
    trace = ganas.search("nasbench201-cifar100", "regularized-evolution", budget=25, seed=2, signal="random").trace
    for column in ("query", "architecture", "value", "simulated_seconds", "trial"):
        assert stored[column].tolist() == trace[column].tolist()


def test_running_again_changes_nothing_and_extending_adds(tmp_path):
    run_experiment(small(), tmp_path)
    before = contents(tmp_path)
    seen = []
    run_experiment(small(), tmp_path, progress=lambda done, total, newest: seen.append((done, total, newest)))
    assert seen == [(12, 12, None)]
    assert all(a.equals(b) for a, b in zip(before, contents(tmp_path), strict=True))
    run_experiment(small(seeds=(0, 1, 2, 3)), tmp_path)
    assert len(contents(tmp_path)[0]) == 16


@pytest.mark.parametrize("change", [{"budget": 30}, {"signal": "random"}, {"metric": "latency_seconds"}])
def test_a_store_of_another_experiment_is_refused(change, tmp_path):
    run_experiment(small(), tmp_path)
    before = contents(tmp_path)
    with pytest.raises(StoreError, match=f"was made with {next(iter(change))}"):
        run_experiment(small(**change), tmp_path)
    assert all(a.equals(b) for a, b in zip(before, contents(tmp_path), strict=True))


def test_other_data_under_the_same_name_is_refused(tmp_path):
    frame = ganas.load_benchmark("nasbench201-cifar10").frame()
    metrics = {"valid_accuracy": ganas.Metric("valid_accuracy", "percent", "valid")}

    def table(shift):
        changed = frame.assign(valid_accuracy=frame["valid_accuracy"] - shift)
        return ganas.TabularBenchmark.from_frame(
            name="mine", space="nasbench201", frame=changed, architecture="architecture", metrics=metrics
        )

    ganas.compare([table(0)], ["random-search"], seeds=2, budget=10, out=tmp_path, jobs=2)
    with pytest.raises(StoreError, match="mine"):
        ganas.compare([table(1)], ["random-search"], seeds=3, budget=10, out=tmp_path)


def test_a_partly_stored_study_is_checked_against_its_replay(tmp_path):
    run_experiment(small(), tmp_path / "whole")
    run_experiment(small(), tmp_path / "cut")
    with Store(tmp_path / "cut") as store:
        study = int(store.studies()["study"].iloc[0])
        with store._writing():
            run = store._connection.exec_driver_sql
            run(f"DELETE FROM evaluations WHERE study = {study} AND query > 10")
            run(f"UPDATE studies SET state = 'running', queries = 10 WHERE study = {study}")
    run_experiment(small(), tmp_path / "cut")
    assert same(tmp_path / "whole", tmp_path / "cut")
    with Store(tmp_path / "cut") as store, store._writing():
        run = store._connection.exec_driver_sql
        run(f"UPDATE studies SET state = 'running' WHERE study = {study}")
        run(f"UPDATE evaluations SET value = value + 1 WHERE study = {study} AND query = 3")
    with pytest.raises(StoreError, match="differs from its replay at query 3: value"):
        run_experiment(small(), tmp_path / "cut")


def test_settings_span_a_grid_of_variants(tmp_path):
    grid = small(
        strategies=("regularized-evolution",),
        settings={"regularized-evolution": {"population_size": ["20", "10"], "tournament_size": [5, 3]}},
    )
    opened = {name: ganas.load_benchmark(name) for name in grid.benchmarks}
    variants = list(dict.fromkeys(config.variant for config in grid.studies(opened)))
    assert variants == [
        "regularized-evolution",
        "regularized-evolution[tournament_size=3]",
        "regularized-evolution[population_size=10]",
        "regularized-evolution[population_size=10,tournament_size=3]",
    ]
    assert len({config.key for config in grid.studies(opened)}) == 4 * 2 * 3


def test_from_toml(tmp_path):
    path = tmp_path / "experiment.toml"
    path.write_text(
        'benchmarks = ["nasbench201-cifar10"]\nstrategies = ["regularized-evolution"]\nseeds = "5-7"\nbudget = 40\n'
        "[settings.regularized-evolution]\npopulation_size = [10, 20]\n"
    )
    read = Experiment.from_toml(path)
    assert read.seeds == (5, 6, 7) and read.budget == 40
    assert read.settings == {"regularized-evolution": {"population_size": [10, 20]}}
    for text, message in [
        ("benchmark = []", "unknown field 'benchmark'.*did you mean 'benchmarks'"),
        ("benchmarks = 1", "field"),
        ("benchmarks = [", "cannot be read"),
    ]:
        path.write_text(text)
        with pytest.raises(InvalidSetting, match=message):
            Experiment.from_toml(path)
    with pytest.raises(InvalidSetting, match="cannot be read"):
        Experiment.from_toml(tmp_path / "none.toml")


@pytest.mark.parametrize("text", ["", "0", "-3", "a", "5-2", "1,b", "1-2-3", "1.5"])
def test_bad_seeds(text):
    with pytest.raises(InvalidSetting, match="seeds must be"):
        parse_seeds(text)


@pytest.mark.parametrize(
    "change,error",
    [
        ({"benchmarks": ()}, InvalidSetting),
        ({"seeds": (1, 1)}, InvalidSetting),
        ({"seeds": (-1,)}, InvalidSetting),
        ({"budget": 0}, InvalidSetting),
        ({"signal": "both"}, InvalidSetting),
        ({"settings": {"local-search": {}}}, InvalidSetting),
        ({"strategies": ("local-serch",)}, UnknownName),
        ({"benchmarks": ("nasbench201-cifar1",)}, UnknownName),
        ({"settings": {"random-search": {"size": 1}}}, InvalidSetting),
    ],
)
def test_bad_experiments_leave_nothing_behind(change, error, tmp_path):
    with pytest.raises(error):
        run_experiment(small(**change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_stores_that_are_none(tmp_path):
    with pytest.raises(StoreError, match="no store"):
        Store(tmp_path / "nowhere", create=False)
    (tmp_path / FILE_NAME).write_text("this is not a database, whatever its name says" * 100)
    with pytest.raises(StoreError, match="does not hold a store"):
        Store(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is a file"):
        Store(tmp_path / "file")


def test_run_jobs():
    assert list(run_jobs(operator.neg, range(5), workers=1)) == [0, -1, -2, -3, -4]
    assert sorted(run_jobs(operator.neg, range(50), workers=2)) == list(range(-49, 1))
    with pytest.raises(InvalidSetting, match="at least 1"):
        list(run_jobs(operator.neg, range(5), workers=0))
    with pytest.raises(GanasError, match="worker process was killed"):
        list(run_jobs(signal.raise_signal, [signal.SIGKILL] * 5, workers=2))


# --- kill -9 ---------------------------------------------------------------------------------------------------------

COMMAND = [
    *("compare", "--benchmarks", "nasbench201-cifar10,nasbench201-imagenet16"),
    *("--strategies", f"random-search,regularized-evolution,local-search,{TALKING}"),
    *("--budget", "150", "--jobs", "2", "--no-report"),
]


def start(folder, seeds):
    return subprocess.Popen(
        [sys.executable, "-m", "ganas.cli.main", *COMMAND, "--seeds", str(seeds), "--out", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def workers_of(folder):
    """Processes that have the store of this folder open."""
    found = []
    for process in (entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        try:
            links = [str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir()]
        except OSError:
            continue  # it ended meanwhile
        if any(link.startswith(str(folder)) for link in links):
            found.append(int(process))
    return found


def kill_and_finish(folder, kills, rng, duration, seeds):
    """Kill the command at random moments, then let it finish; returns at how many of them it was really running."""
    caught = 0
    for _ in range(kills):
        process = start(folder, seeds)
        time.sleep(rng.uniform(0.4, 1) * duration)  # before that it is still importing
        caught += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        # Its workers must not go on writing behind the next run's back.
        deadline = time.monotonic() + 20
        while sys.platform == "linux" and workers_of(folder) and time.monotonic() < deadline:
            time.sleep(0.05)
        if sys.platform == "linux":
            assert not workers_of(folder), "workers outlive their parent"
    process = start(folder, seeds)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()
    return caught


def check_kills(tmp_path, kills, seeds):
    began = time.monotonic()
    whole = start(tmp_path / "whole", seeds)
    _, errors = whole.communicate(timeout=300)
    assert whole.returncode == 0, errors.decode()
    duration = time.monotonic() - began
    longest = 0.7 * duration / np.sqrt(kills)
    caught = kill_and_finish(tmp_path / "killed", kills, np.random.default_rng(kills), longest, seeds)
    assert caught >= 1, "no kill came in time"
    assert same(tmp_path / "whole", tmp_path / "killed")


def test_killed_twice(tmp_path):
    check_kills(tmp_path, 2, seeds=8)


@pytest.mark.slow
def test_killed_twenty_times(tmp_path):
    check_kills(tmp_path, 20, seeds=60)


def test_an_interrupt_in_the_middle_of_a_statement_is_not_damage(tmp_path):
    with Store(tmp_path) as store:
        store._refuse(SimpleNamespace(original_exception=KeyboardInterrupt()))
        with pytest.raises(StoreError, match="cannot be read"):
            store._refuse(SimpleNamespace(original_exception=OSError("disk")))
        with pytest.raises(KeyboardInterrupt), store._writing():
            store._connection.close()
            raise KeyboardInterrupt
