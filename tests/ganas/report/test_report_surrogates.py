"""The report on surrogates: its means, what is bold, and its files."""

import numpy as np
import pandas
import pytest

from ganas.bench.surrogate import known_table
from ganas.bench.surrogate.judging.evaluate import COLUMNS
from ganas.judging import SurrogateGrid, judge_surrogates
from ganas.report.surrogates import report_surrogates
from ganas.report.surrogates.summary import NUMBERS, Key, summarise
from ganas.report.surrogates.tables import number_text
from ganas.spaces.errors import StoreError


def judgement(model, tau, seed, *, known=False, size=50, split="random"):
    row = dict.fromkeys(COLUMNS, 0.5) | {"model": model, "known": known, "split": split, "size": size, "seed": seed}
    return row | {"tests": 200, "kendall_tau": tau, "predict_seconds": 0.01}


@pytest.fixture(scope="module")
def summary():
    rng = np.random.default_rng(0)
    rows = [
        judgement(model, mean + spread * deviation, seed)
        for model, mean in (("first", 0.70), ("second", 0.698), ("third", 0.60), ("parameter-count", 0.9))
        for seed, (spread, deviation) in enumerate(zip([0.01] * 16, rng.normal(size=16), strict=True))
    ]
    rows += [judgement("third", 0.8, seed, known=True) for seed in range(3)]
    return summarise(pandas.DataFrame(rows))


def test_means_and_standard_errors(summary):
    deviations = np.random.default_rng(0).normal(size=16)
    found = summary.estimates[Key("random", "first", False, 50)]["kendall_tau"]
    assert found.mean == pytest.approx(0.7 + 0.01 * deviations.mean())
    assert found.standard_error == pytest.approx(0.01 * deviations.std(ddof=1) / 4)
    # A percentile bootstrap of 16 near-normal values reaches about two standard errors to each side.
    assert 1.5 < (found.mean - found.low) / found.standard_error < 2.5
    assert 1.5 < (found.high - found.mean) / found.standard_error < 2.5
    assert summary.estimates[Key("random", "first", False, 50)]["predict_microseconds"].mean == pytest.approx(50)
    assert summary.seeds[Key("random", "third", True, 50)] == 3


def test_what_is_within_one_standard_error_of_the_best_is_near_it(summary):
    assert summary.near_best(Key("random", "first", False, 50))
    assert summary.near_best(Key("random", "second", False, 50))
    assert not summary.near_best(Key("random", "third", False, 50))
    # A ranking without training is no surrogate, and one that is given more is no rival.
    assert not summary.near_best(Key("random", "parameter-count", False, 50))
    assert not summary.near_best(Key("random", "third", True, 50))


def test_one_seed_has_no_error():
    found = summarise(pandas.DataFrame([judgement("first", 0.7, 0)]))
    estimate = found.estimates[Key("random", "first", False, 50)]["kendall_tau"]
    assert estimate.mean == 0.7
    assert np.isnan([estimate.standard_error, estimate.low, estimate.high]).all()


def test_rows_hold_every_number_that_there_is(summary):
    rows = summary.rows()
    assert {row["number"] for row in rows} == set(NUMBERS)
    assert len(rows) == 5 * len(NUMBERS)


def test_numbers_are_written_with_their_digits():
    assert number_text(0.12345, "kendall_tau") == "0.123"
    assert number_text(-0.5, "r2") == "\N{MINUS SIGN}0.500"
    assert number_text(1.0, "rmse") == "1.00"
    assert number_text(123.4, "rmse") == "123"
    assert number_text(12345.6, "predict_microseconds") == "12,346"
    assert number_text(7.25, "top_choice_rank") == "7.2"
    assert number_text(float("nan"), "rmse") == "\N{EN DASH}"


def test_a_report_shows_what_was_judged(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    monkeypatch.setattr(known_table, "_STEPS", 50)
    grid = SurrogateGrid(models=("gaussian-process",), sizes=(20, 40), seeds=(0, 1), most=300)
    judge_surrogates("nasbench201-cifar100", grid, tmp_path, command="ganas surrogate evaluate & so on")
    judge_surrogates("nasbench201-cifar100", grid, tmp_path, known=["nasbench201-cifar10"])
    files = report_surrogates(tmp_path)
    page, text = files.html.read_text(), files.markdown.read_text()
    for words in ("Surrogates on nasbench201-cifar100", "parameter count alone", "Extrapolation", "1970-01-01"):
        assert words in page
        assert words in text
    assert "gaussian-process, nasbench201-cifar10 known" in page
    assert "ganas surrogate evaluate &amp; so on" in page
    assert "<script" not in page
    assert {path.name for path in files.figures} == {"scores.svg", "intervals.svg", "times.svg"}
    assert all(path.read_text().startswith("<?xml") for path in files.figures)
    table = pandas.read_csv(files.summary_csv)
    tau = table[(table["number"] == "kendall_tau") & (table["split"] == "random") & (table["size"] == 40)]
    scores = pandas.read_csv(files.scores_csv)
    for row in tau.to_dict("records"):
        own = scores[(scores["model"] == row["model"]) & (scores["known"] == row["known"]) & (scores["size"] == 40)]
        assert row["mean"] == pytest.approx(own.loc[own["split"] == "random", "kendall_tau"].mean())
        assert f"{row['mean']:.3f}" in text
    first = page
    report_surrogates(tmp_path)
    assert files.html.read_text() == first


def test_a_folder_without_judgements_is_refused(tmp_path):
    with pytest.raises(StoreError, match="no evaluation of surrogates"):
        report_surrogates(tmp_path)
