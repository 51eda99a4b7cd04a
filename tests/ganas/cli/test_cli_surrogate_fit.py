"""``ganas collect``, ``ganas surrogate fit`` and ``verify``: what they print, what they keep, what they refuse."""

import json
import shutil
from pathlib import Path

import pytest

import ganas
from ganas.cli.main import run
from ganas.data.catalog import home
from tests.ganas.cli.answers import answer

TABLE, OTHER = "nasbench201-cifar100", "nasbench201-cifar10"
FIT = ["surrogate", "fit", TABLE, "--count", "40", "--model", "gaussian-process"]


def refusal(arguments, capsys):
    """The one line that a command prints on stderr when it refuses; nothing is left behind."""
    before = {path: path.is_dir() or path.read_bytes() for path in sorted(Path().rglob("*"))}
    capsys.readouterr()
    assert run(arguments) in (1, 2)
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("Error: ") and printed.err.count("\n") == 1
    assert {path: path.is_dir() or path.read_bytes() for path in sorted(Path().rglob("*"))} == before
    return printed.err


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A collection, the surrogate ``mine`` of it in a home folder, and a search on that; to be copied, not changed."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("prepared")
        patch.chdir(folder)
        patch.setenv("GANAS_HOME", str(folder / "home"))
        assert run(["collect", TABLE, "--count", "60", "--signal", "random", "--out", "run"]) == 0
        assert run(["surrogate", "fit", "run", "--name", "mine", "--model", "gaussian-process"]) == 0
        assert run(["search", "mine", "--strategy", "local-search", "--budget", "60", "--out", "searches"]) == 0
    return folder


@pytest.fixture
def mine(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)


def test_collect(capsys):
    command = ["collect", TABLE, "--count", "30", "--strategies", "local-search", "--share-random", "0.2"]
    said = json.loads(answer([*command, "--out", "run", "--json"], capsys))
    assert (said["folder"], said["architectures"], said["failures"]) == ("run", 30, 0)
    assert said["by_strategy"]["random-search"] == 6 and said["by_strategy"]["local-search"] == 24
    assert sum(said["by_strategy"].values()) == said["queries"]
    lines = answer([*command, "--out", "run"], capsys).splitlines()
    assert [line.split()[0] for line in lines] == ["run", "architectures", "evaluations", "failures"]
    assert lines[1].split()[1] == "30"


def test_fit_a_run(mine, capsys):
    lines = answer(["surrogate", "fit", "run", "--name", "again", "--model", "gaussian-process"], capsys).splitlines()
    facts = {line.split("  ")[0]: line for line in lines if "  " in line}
    assert (
        "again" in facts["name"] and "(one trial each) of 60 architectures chosen by searches" in facts["learnt from"]
    )
    assert lines[-2].split("\t") == ["metric", "labels", "kendall_tau", "spearman", "r2", "rmse"]
    assert lines[-1].startswith("valid_accuracy\t")
    # The same run gives the same surrogate under any name.
    assert ganas.load_benchmark("again").source == ganas.load_benchmark("mine").source


def test_fit_a_benchmark(capsys):
    given = ["--metric", "valid_accuracy,latency_seconds", "--signal", "random", "--seed", "3"]
    said = json.loads(answer([*FIT, *given, "--name", "two", "--json"], capsys))
    assert (said["name"], said["seed"], said["space"]) == ("two", 3, "nasbench201")
    assert Path(said["folder"]) == home() / "surrogates" / "two"
    assert [metric["name"] for metric in said["metrics"]] == ["valid_accuracy", "latency_seconds"]
    assert said["training"]["labels"] == 40 and not said["training"]["run"]
    assert set(said["scores"]) == {"valid_accuracy", "latency_seconds"}
    assert said["scores"]["valid_accuracy"]["kendall_tau"] > 0.5
    opened = ganas.load_benchmark("two")
    assert opened.source == said["source"]
    assert set(opened.metrics) == {"valid_accuracy", "latency_seconds"}


def test_fit_with_another_data_set_known(mine, capsys):
    said = json.loads(
        answer(["surrogate", "fit", OTHER, "--count", "50", "--known", "mine", "--out", "x", "--json"], capsys)
    )
    assert [(column["benchmark"], column["metric"]) for column in said["known"]] == [("mine", "valid_accuracy")]
    assert "valid_accuracy of mine" in answer(["info", "x"], capsys)


def test_fit_into_a_folder(capsys):
    said = json.loads(answer([*FIT, "--out", "kept/here", "--json"], capsys))
    assert said["name"] == "here"
    assert not (home() / "surrogates").exists()
    best = ganas.load_benchmark(TABLE).space.format(ganas.load_benchmark(TABLE).optimum().architecture)
    asked = json.loads(answer(["query", "kept/here", best, "--json"], capsys))
    assert asked["source"] == said["source"] and asked["value"] > 60
    searched = answer(["search", "kept/here", "--strategy", "random-search", "--budget", "5", "--json"], capsys)
    assert len(json.loads(searched)["trace"]) == 5


def test_a_surrogate_is_listed_explained_and_checked(mine, capsys):
    listed = json.loads(answer(["list", "benchmarks", "--json"], capsys))
    (row,) = [row for row in listed if row["name"] == "mine"]
    assert row["title"].startswith(f"Surrogate of {TABLE}: valid_accuracy from 6")
    for name in ("mine", "home/surrogates/mine"):
        said = json.loads(answer(["info", name, "--json"], capsys))
        assert said["type"] == "surrogate" and said["source"].startswith("surrogate:")
        assert said["scores_on_left-out_architectures"][0]["metric"] == "valid_accuracy"
        assert "numpy" in said["versions"]
    outcomes = json.loads(answer(["check", "mine", "--json"], capsys))
    assert {outcome["outcome"] for outcome in outcomes} == {"passed"}


def test_a_damaged_surrogate_hides_no_other(mine, capsys):
    (home() / "surrogates" / "mine" / "state.json").write_text("{}")
    listed = json.loads(answer(["list", "benchmarks", "--json"], capsys))
    titles = {row["name"]: row["title"] for row in listed}
    assert "cannot be loaded" in titles["mine"] and "its digest does not fit" in titles["mine"]
    assert "cannot be loaded" not in titles[TABLE]
    assert "its digest does not fit" in refusal(["info", "mine"], capsys)


def test_verify_what_a_run_searched(mine, capsys):
    command = ["surrogate", "verify", "mine", "--benchmark", TABLE, "--top", "4", "--searches", "searches"]
    said = json.loads(answer([*command, "--out", "verified", "--json"], capsys))
    assert (said["picks"], said["failed"], said["metric"]) == (4, 0, "valid_accuracy")
    table = ganas.load_benchmark(TABLE)
    for row in said["rows"]:
        assert row["measured"] == table.query(table.space.parse(row["architecture"])).value
        assert row["gap"] == pytest.approx(row["measured"] - row["predicted"])
        assert row["low"] < row["predicted"] < row["high"]
    assert sorted(row["measured_rank"] for row in said["rows"])[0] == 1
    assert json.loads(answer([*command, "--out", "verified", "--json"], capsys)) == said
    lines = answer(command, capsys).splitlines()
    assert lines[-5].split("\t")[:3] == ["pick", "architecture", "predicted"]
    assert [line.split("\t")[0] for line in lines[-4:]] == ["1", "2", "3", "4"]


def test_verify_with_a_search_of_its_own(mine, capsys):
    command = ["surrogate", "verify", "mine", "--benchmark", OTHER, "--top", "3", "--json"]
    said = json.loads(answer([*command, "--strategy", "local-search", "--budget", "40", "--signal", "random"], capsys))
    assert len(said["rows"]) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["collect", TABLE], "--count"),
        (["collect", TABLE, "--count", "0", "--out", "new"], "at least 1, not 0"),
        (["collect", TABLE, "--count", "16000", "--out", "new"], "has 15,625 architectures, not 16,000"),
        (["collect", "nasbench", "--count", "5", "--out", "new"], "unknown benchmark 'nasbench'"),
        (["collect", TABLE, "--count", "5", "--strategies", "lokal-search", "--out", "new"], "did you mean 'local-"),
        (
            ["collect", TABLE, "--count", "5", "--strategies", "random-search", "--out", "new"],
            "the random share anyway",
        ),
        (["collect", TABLE, "--count", "5", "--share-random", "2", "--out", "new"], "between 0 and 1, not 2.0"),
        (["collect", TABLE, "--count", "5", "--jobs", "0", "--out", "new"], "at least 1, not 0"),
        (["collect", TABLE, "--count", "5", "--signal", "best", "--out", "new"], "mean or random, not 'best'"),
        (["collect", TABLE, "--count", "61", "--signal", "random", "--out", "run"], "with budget 60, not 61"),
        (["surrogate", "fit", "run"], "--name is needed, or --out FOLDER"),
        (["surrogate", "fit", "run", "--name", "a/b"], "letters, digits, '.', '-' and '_'"),
        (["surrogate", "fit", "run", "--name", "mine"], "give --overwrite or another name"),
        (["surrogate", "fit", "run", "--name", TABLE], "is the name of a benchmark of ganas already"),
        (["surrogate", "fit", "run", "--out", "searches"], "searches exists: take another folder"),
        (["surrogate", "fit", "run", "--out", "searches", "--overwrite"], "searches exists: take another folder"),
        (["surrogate", "fit", "run", "--name", "new", "--count", "50"], "--count is for a benchmark"),
        (["surrogate", "fit", "run", "--name", "new", "--signal", "mean"], "--signal is for a benchmark"),
        (["surrogate", "fit", "run", "--name", "new", "--benchmark", OTHER], "unknown benchmark of the run run"),
        (["surrogate", "fit", "run", "--name", "new", "--metric", "latency_seconds"], "holds 'valid_accuracy', not"),
        (["surrogate", "fit", "run", "--name", "new", "--model", "gausian"], "unknown surrogate model 'gausian'"),
        (["surrogate", "fit", "run", "--name", "new", "--known", "nasbenchgraph-cora"], "is of 'graphnas'"),
        (["surrogate", "fit", "run", "--name", "new", "--known", TABLE], "cannot be predicted from itself"),
        (["surrogate", "fit", "run", "--name", "new", "--seed", "-1"], "must not be negative"),
        (["surrogate", "fit", "rnu", "--name", "new"], "'rnu' is neither the folder of a run nor a benchmark"),
        ([*FIT, "--name", "new", "--metric", "test_accuracy"], "holds no test values"),
        ([*FIT, "--name", "new", "--count", "3"], "at least 5 architectures, and 3"),
        ([*FIT, "--name", "new", "--count", "20000"], "no more than 15,625 architectures of the 20,000"),
        ([*FIT, "--name", "new", "--signal", "best"], "unknown signal 'best'"),
        ([*FIT, "--name", "new", "--benchmark", OTHER], "--benchmark chooses one of a run"),
        (["surrogate", "verify", "mine"], "--benchmark"),
        (["surrogate", "verify", TABLE, "--benchmark", OTHER], "is a table, and a saved surrogate is wanted"),
        (["surrogate", "verify", "mine", "--benchmark", "nasbenchgraph-cora"], "valid_accuracy"),
        (["surrogate", "verify", "mine", "--benchmark", TABLE, "--top", "0"], "at least 1, not 0"),
        (["surrogate", "verify", "mine", "--benchmark", TABLE, "--searches", "run"], "holds no search on 'mine'"),
        (["surrogate", "verify", "mine", "--benchmark", TABLE, "--searches", "no"], "there is no store in no"),
        (
            ["surrogate", "verify", "mine", "--benchmark", TABLE, "--searches", "searches", "--budget", "9"],
            "--strategy and --budget cannot be given beside it",
        ),
    ],
    ids=lambda value: " ".join(value)[:70] if isinstance(value, list) else "",
)
def test_bad_input_gets_one_line(arguments, words, mine, capsys):
    assert words in refusal(arguments, capsys)


def test_overwrite(mine, capsys):
    before = ganas.load_benchmark("mine").source
    answer([*FIT, "--name", "mine", "--overwrite"], capsys)
    assert ganas.load_benchmark("mine").source != before
