"""``ganas surrogate evaluate`` as it is typed."""

import json
from pathlib import Path

import pandas
import pytest

from ganas.bench.surrogate import known_table
from ganas.cli.main import run

COMMAND = [
    *("surrogate", "evaluate", "nasbench201-cifar100", "--population", "300"),
    *("--models", "gaussian-process", "--seeds", "2", "--sizes", "20,40"),
]


@pytest.fixture(autouse=True)
def quick_known_tables(monkeypatch):
    """What is learnt of another table need not be good here."""
    monkeypatch.setattr(known_table, "_STEPS", 50)


def test_it_prints_scores_and_where_the_report_is(capsys):
    assert run([*COMMAND, "--splits", "random", "--out", "out"]) == 0
    printed = capsys.readouterr()
    lines = [line.split("\t") for line in printed.out.splitlines()]
    assert lines[0][:4] == ["split", "learnt from", "model", "kendall tau"]
    assert [line[:3] for line in lines[1:5]] == [
        ["random", "20", "parameter-count"],
        ["random", "20", "gaussian-process"],
        ["random", "40", "parameter-count"],
        ["random", "40", "gaussian-process"],
    ]
    assert 0.3 < float(lines[4][3]) < 1
    assert lines[-1] == ["report: out/report.html"]
    assert Path("out/report.html").is_file()
    assert "8 judgements" in printed.err
    # What was typed stands in the report.
    assert "ganas surrogate evaluate nasbench201-cifar100 --population 300" in Path("out/report.md").read_text()


def test_as_json_with_what_is_known(capsys):
    options = ["--splits", "random", "--known", "nasbench201-cifar10"]
    assert run([*COMMAND, *options, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["report"] == "runs/surrogates/report.html"
    tau = {(row["model"], row["size"]): row["mean"] for row in said["scores"] if row["number"] == "kendall_tau"}
    assert set(tau) == {(m, s) for m in ("gaussian-process", "known-values", "parameter-count") for s in (20, 40)}
    assert tau["gaussian-process", 40] > tau["parameter-count", 40]
    frame = pandas.read_csv("runs/surrogates/scores.csv")
    assert len(frame) == 12


def test_a_strategy_is_left_out(finished_run, capsys):
    assert run(["surrogate", "evaluate", "nasbench201-cifar10", "--population", "300", "--seeds", "1", "--sizes", "10",
                "--models", "gaussian-process",
                "--splits", "random", "--leave-out", str(finished_run), "--out", "out"]) == 0  # fmt: skip
    assert "without local-search" in capsys.readouterr().out
    assert "A strategy left out" in Path("out/report.md").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--models", "gaussian-proces"], "unknown surrogate model 'gaussian-proces' did you mean 'gaussian-process'?"),
        (["--models", ","], "models: at least one is needed"),
        (["--sizes", "fifty"], "--sizes takes whole numbers separated by commas, not 'fifty'"),
        (["--sizes", "3"], "sizes are whole numbers from 5, not 3"),
        (["--sizes", "20,290"], "left to judge on, and 20 are needed"),
        (["--seeds", "many"], "seeds must be a count"),
        (["--signal", "median"], "learns from random, mean, not 'median'"),
        (["--splits", "all"], "splits are random, extrapolation, with-twins, not 'all'"),
        (["--metric", "valid_acuracy"], "did you mean 'valid_accuracy'"),
        (["--known", "nasbench201-cifar1"], "did you mean 'nasbench201-cifar10'"),
        (["--known", "nasbenchgraph-arxiv"], "'nasbenchgraph-arxiv' is of 'graphnas'"),
        (["--leave-out", "nowhere"], "there is no store in nowhere"),
        (["--population", "3"], "at least 20 architectures"),
        (["--jobs", "0"], "must be at least 1"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(options, words, capsys):
    assert run([*COMMAND, "--out", "out", *options]) in (1, 2)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Error: ") and printed.err.count("\n") == 1
    for word in words.split(" did you mean "):
        assert word in printed.err
    assert not Path("out").exists()


def test_another_evaluation_in_the_folder_is_refused(capsys):
    assert run([*COMMAND, "--splits", "random", "--out", "out"]) == 0
    capsys.readouterr()
    assert run([*COMMAND, "--signal", "mean", "--out", "out"]) == 1
    assert "made with label 'random', not 'mean'" in capsys.readouterr().err
