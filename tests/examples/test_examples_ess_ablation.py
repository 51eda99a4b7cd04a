"""The ablation of ESS: sizes, choices and the table; its searches and trainings on a text of a few words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ganas.bench.training.language import task as language
from ganas.bench.training.language.protocol import MINI
from ganas.bench.training.names import trainer_builders
from ganas.bench.training.trainers import task_for
from ganas.spaces.registry import load_place, load_space

EXAMPLE = Path(__file__).parents[2] / "examples" / "ess_ablation.py"
Ablation: Any
Trained: Any
best_of: Any
count: Any
largest: Any
main: Any
markdown: Any
Ablation, Trained, best_of, count, largest, main, markdown = (
    load_place("example", f"{EXAMPLE}:{name}")
    for name in ("Ablation", "Trained", "best_of", "count", "largest", "main", "markdown")
)

TINY = replace(
    MINI, epochs=1, hidden=12, batch=8, bptt=10, vocabulary=50, train_words=1200, valid_words=300, test_words=300
)


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(language, "protocol_for", lambda name, dataset: TINY)
    return tmp_path


def test_sizes_give_as_many_parameters_as_they_may(tiny):
    space = load_space("rnn-mini")
    task, lstm = (task_for(space, "bbcnews", baseline=name) for name in (None, "LSTM"))
    ablation = Ablation("rnn-mini", "bbcnews", tiny, None)
    assert largest(task, ablation.darts, ablation.parameters) == 12
    wide = space.parse("tanh.0,tanh.1,tanh.2/h=tanh.h2*tanh.x1/x=tanh.x1*tanh.h1")
    for base, architecture in ((task, wide), (lstm, None)):
        size = largest(base, architecture, ablation.parameters)
        assert count(base, architecture, size) <= ablation.parameters < count(base, architecture, size + 1)
    assert largest(task, wide, ablation.parameters) < 12


def test_a_run_that_is_gone_on_with_searches_and_trains_nothing_again(tiny, capsys):
    arguments = ["--space", "rnn-mini", "--modes", "joint", "--seeds", "1", "--random", "1", "--epochs", "1"]
    main([*arguments, "--out", str(tiny / "out")])
    first = capsys.readouterr().out
    (found,) = (tiny / "out").iterdir()
    seconds = json.loads(found.read_text())["seconds"]
    files = {path: path.stat().st_mtime_ns for path in (tiny / "home").rglob("*.json")}
    assert len(files) == 4
    main([*arguments, "--out", str(tiny / "out")])
    assert json.loads(found.read_text())["seconds"] == seconds
    assert {path: path.stat().st_mtime_ns for path in (tiny / "home").rglob("*.json")} == files
    table = [line for line in first.splitlines() if line.startswith("|")]
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")] == table
    assert [line.split("|")[1].strip() for line in table[2:]] == [
        *("LSTM", "DARTS_V2", "random", "joint", "random, best on validation of each seed"),
    ]


def test_the_best_random_network_of_a_seed_is_chosen_by_validation():
    networks = [
        Trained("random", seed, name, 10, 100, valid, test)
        for seed, name, valid, test in ((0, "a", 5.0, 9.0), (0, "b", 4.0, 99.0), (1, "c", 7.0, 8.0), (1, "d", 8.0, 1.0))
    ]
    assert [network.architecture for network in best_of(networks)] == ["b", "c"]
    rows = markdown(networks).splitlines()[2:]
    assert rows[0] == "| random | 4 | 100 | 10 | 6.0 ± 1.8 | 29.2 ± 46.6 | 0 |"
    assert rows[1] == "| random, best on validation of each seed | 2 | 100 | 10 | 5.5 ± 2.1 | 53.5 ± 64.3 | 0 |"


def test_its_trainers_are_registered():
    assert {"train-rnn-bbcnews", "train-rnn-mini-bbcnews"} <= set(trainer_builders())
