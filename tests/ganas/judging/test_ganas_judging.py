"""A grid of judgements: resumable, the same with any number of workers, and never of two things at once."""

import fcntl
import json
import math
import shutil

import numpy as np
import pytest

from ganas.bench.registry import load_benchmark
from ganas.bench.surrogate import known_table
from ganas.experiment import Experiment
from ganas.judging import SurrogateGrid, judge_surrogates
from ganas.judging.journal import Journal
from ganas.judging.visited import visited_architectures
from ganas.running import run_experiment
from ganas.spaces.errors import GanasError, InvalidSetting, StoreError, UnknownName

TABLE = "nasbench201-cifar100"
MODEL = ("gaussian-process",)
GRID = SurrogateGrid(models=MODEL, sizes=(20, 40), seeds=(0, 1), splits=("random",), most=300)
# Two references and one model.
KNOWN = ["nasbench201-cifar10"]


@pytest.fixture(autouse=True)
def quick_known_tables(monkeypatch):
    """What is learnt of another table need not be good here."""
    monkeypatch.setattr(known_table, "_STEPS", 50)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with everything of the grid; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("judged") / "run"
    judge_surrogates(TABLE, GRID, folder, command="the command")
    return folder


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A run of two strategies."""
    folder = tmp_path_factory.mktemp("searched") / "run"
    experiment = Experiment((TABLE,), ("random-search", "local-search"), (0, 1), 40)
    return run_experiment(experiment, folder)


def without_times(frame):
    return frame.drop(columns=["fit_seconds", "predict_seconds"])


def counted(tmp_path, grid=GRID, **options):
    """How many judgements were there before and how many there are in all."""
    calls = []
    judge_surrogates(TABLE, grid, tmp_path, progress=lambda *call: calls.append(call), **options)
    assert [call[0] for call in calls] == list(range(calls[0][0], calls[0][1] + 1))
    return calls[0][:2]


def test_every_judgement_of_the_grid_is_made_once(finished):
    frame = Journal(finished).frame()
    assert len(frame) == 2 * 2 * 2
    assert not frame.duplicated(["model", "known", "split", "size", "seed"]).any()
    assert set(frame["model"]) == {"gaussian-process", "parameter-count"}
    # All models are judged on the same architectures.
    assert (frame.groupby(["size", "seed"])["tests"].nunique() == 1).all()
    assert frame.loc[frame["model"] == "gaussian-process"].notna().all().all()


def test_the_same_command_has_nothing_to_do(run, finished):
    assert counted(run) == (8, 8)
    assert (run / "scores.csv").read_bytes() == (finished / "scores.csv").read_bytes()


def test_a_killed_command_goes_on_and_ends_the_same(run, finished):
    text = (finished / "scores.csv").read_text()
    lines = text.splitlines(keepends=True)
    # Three judgements and half of the next.
    (run / "scores.csv").write_text("".join(lines[:4]) + lines[4][:25])
    assert counted(run) == (3, 8)
    assert without_times(Journal(run).frame()).equals(without_times(Journal(finished).frame()))


def test_workers_change_nothing_but_times(tmp_path):
    grid = SurrogateGrid(models=MODEL, sizes=(20,), seeds=(0, 1), splits=("random",), most=300)
    alone, two = (judge_surrogates(TABLE, grid, tmp_path / f"{jobs}", known=KNOWN, jobs=jobs) for jobs in (1, 2))
    assert without_times(alone).equals(without_times(two))
    assert alone["known"].any()


def test_a_folder_is_extended(run):
    more = SurrogateGrid(models=MODEL, sizes=(20, 60), seeds=(1, 2), splits=("random", "extrapolation"), most=300)
    # Of what is wanted, size 20 with seed 1 is there at random.
    assert counted(run, more) == (2, 16)
    assert counted(run, GRID, known=KNOWN) == (4, 12)
    assert [entry["benchmark"] for entry in Journal(run).description()["known"]] == KNOWN
    frame = Journal(run).frame()
    assert set(frame.loc[frame["known"], "model"]) == {"gaussian-process", "known-values"}
    assert counted(run) == (8, 8)


def test_what_is_described(finished):
    said = json.loads((finished / "evaluation.json").read_text())
    assert said["benchmark"] == TABLE
    assert said["source"] == load_benchmark(TABLE).source
    assert (said["metric"], said["unit"], said["label"]) == ("valid_accuracy", "percent", "random")
    assert (said["architectures"], said["most"]) == (300, 300)
    assert said["commands"] == ["the command"]
    assert {"ganas", "numpy", "python"} <= set(said["versions"][0])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"label": "mean"}, "made with label 'random', not 'mean'"),
        ({"metric": "train_seconds"}, "made with metric 'valid_accuracy', not 'train_seconds'"),
        ({"most": 400}, "made with most 300, not 400"),
    ],
)
def test_a_folder_is_of_one_evaluation(run, changed, words):
    before = (run / "scores.csv").read_bytes()
    given = {"models": MODEL, "sizes": (20, 40), "seeds": (0, 1), "splits": ("random",), "most": 300} | changed
    with pytest.raises(StoreError, match=words):
        judge_surrogates(TABLE, SurrogateGrid(**given), run)
    with pytest.raises(StoreError, match="made with benchmark 'nasbench201-cifar100', not 'nasbench201-imagenet16'"):
        judge_surrogates("nasbench201-imagenet16", GRID, run)
    assert (run / "scores.csv").read_bytes() == before


def test_what_is_known_cannot_be_exchanged(run):
    counted(run, GRID, known=KNOWN)
    with pytest.raises(StoreError, match="another choice of what is known"):
        judge_surrogates(TABLE, GRID, run, known=["nasbench201-imagenet16"])


def test_two_commands_do_not_write_to_one_folder(run):
    with (run / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="another command is writing"):
            judge_surrogates(TABLE, GRID, run)
    assert counted(run) == (8, 8)


def test_damage_is_named(run, tmp_path):
    lines = (run / "scores.csv").read_text().splitlines(keepends=True)
    (run / "scores.csv").write_text("".join([lines[0], "gaussian-process,Perhaps,random\n"]))
    with pytest.raises(StoreError, match="is damaged"):
        judge_surrogates(TABLE, GRID, run)
    (run / "scores.csv").write_text("model,size\n")
    with pytest.raises(StoreError, match="columns of this version"):
        judge_surrogates(TABLE, GRID, run)
    (run / "evaluation.json").write_text("{}")
    with pytest.raises(StoreError, match="not an evaluation of this version"):
        judge_surrogates(TABLE, GRID, run)
    (run / "evaluation.json").write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        judge_surrogates(TABLE, GRID, run)
    with pytest.raises(StoreError, match="no evaluation of surrogates"):
        Journal(tmp_path / "nothing").description()
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="is a file"):
        judge_surrogates(TABLE, GRID, tmp_path / "file")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"models": ()}, "models: at least one"),
        ({"sizes": (20, 20)}, "sizes: 20, 20 holds something twice"),
        ({"sizes": (4,)}, "sizes are whole numbers from 5, not 4"),
        ({"sizes": (20.0,)}, "sizes are whole numbers"),
        ({"seeds": (-1,)}, "seeds are whole numbers from 0"),
        ({"label": "median"}, "learns from random, mean, not 'median'"),
        ({"splits": ("randon",)}, "splits are random, extrapolation, with-twins, not 'randon'"),
    ],
)
def test_bad_grids_are_refused(given, words):
    with pytest.raises(InvalidSetting, match=words):
        SurrogateGrid(**given)


def test_unknown_models_are_refused():
    with pytest.raises(UnknownName, match=r"unknown surrogate model 'gaussian'.*did you mean 'gaussian-process'"):
        SurrogateGrid(models=("gaussian",))


def test_nothing_is_computed_where_something_does_not_fit(tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(InvalidSetting, match="300 architectures to learn from: 301 cannot be drawn"):
        judge_surrogates(
            TABLE, SurrogateGrid(models=MODEL, sizes=(20, 301), seeds=(0,), splits=("random",), most=300), folder
        )
    for jobs in (0, -1):
        with pytest.raises(GanasError, match="jobs at a time must be at least 1"):
            judge_surrogates(TABLE, GRID, folder, jobs=jobs)
    assert not folder.exists()


def test_strategies_are_left_out(searched, tmp_path):
    grid = SurrogateGrid(models=MODEL, sizes=(30,), seeds=(0, 1), splits=("random",), most=300)
    frame = judge_surrogates(TABLE, grid, tmp_path, visited=searched)
    assert set(frame["split"]) == {"random", "without random-search", "without local-search"}
    visited = visited_architectures(searched, TABLE, load_benchmark(TABLE))
    judged = frame[frame["split"] == "without local-search"]
    assert set(judged["tests"]) == {len({a.identity for a in visited["local-search"]})}
    # The rest of the folder is what it is without.
    alone = judge_surrogates(TABLE, grid, tmp_path / "alone")
    at_random = frame[frame["split"] == "random"].reset_index(drop=True)
    assert without_times(at_random).equals(without_times(alone))


def test_visits_are_those_of_the_store(searched):
    visited = visited_architectures(searched, TABLE, load_benchmark(TABLE))
    assert list(visited) == ["random-search", "local-search"]
    assert 40 < len(visited["random-search"]) <= 80


def test_runs_that_do_not_fit_are_refused(searched, tmp_path):
    table = load_benchmark(TABLE)
    with pytest.raises(StoreError, match="there is no store"):
        visited_architectures(tmp_path, TABLE, table)
    with pytest.raises(StoreError, match="no study on 'nasbench201-cifar10'"):
        visited_architectures(searched, "nasbench201-cifar10", load_benchmark("nasbench201-cifar10"))
    with pytest.raises(StoreError, match=f"searched {TABLE} as {table.source}"):
        visited_architectures(searched, TABLE, load_benchmark("nasbench201-cifar10"))
    alone = run_experiment(Experiment((TABLE,), ("random-search",), (0,), 5), tmp_path / "alone")
    with pytest.raises(StoreError, match="to leave one out it takes two"):
        visited_architectures(alone, TABLE, table)


def test_numbers_survive_the_file(run):
    written = Journal(run).rows()[-1] | {"rmse": 0.1 + 0.2, "r2": math.nan, "seed": 99}
    Journal(run).append(written)
    read = next(row for row in Journal(run).rows() if row["seed"] == 99)
    assert read["rmse"] == 0.1 + 0.2
    assert np.isnan(read["r2"])
    assert read["known"] is False
