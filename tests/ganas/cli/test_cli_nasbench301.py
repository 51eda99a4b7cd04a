"""NAS-Bench-301 by the common path: results, a table of them, a surrogate of the table, searches on it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

import ganas
from ganas.bench.testing import check_benchmark
from ganas.cli.main import run
from ganas.spaces.darts.space import DARTS
from tests.data.nasbench301_files import objective, pack, result, write, write_many
from tests.ganas.cli.answers import answer

TABLE, NAME = "nasbench301-records", "nasbench301"
RECORD = Path(__file__).resolve().parents[4] / "shared" / "data" / "nb301_meta" / "results_0.json"
RECORDS = 150


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A home folder with the table and the surrogate; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("GANAS_HOME", str(folder / "home"))
        write_many(folder / "nb_301_v13_lc_iclr_final" / "rs", RECORDS)
        pack(folder / "mine.zip", folder / "nb_301_v13_lc_iclr_final")
        assert run(["data", "convert", "mine.zip"]) == 0
        assert run(["surrogate", "fit", TABLE, "--name", NAME, "--model", "gaussian-process"]) == 0
    return folder / "home"


@pytest.fixture
def home(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / "home")


def test_before_anything_is_there(capsys):
    for command in (["info", NAME], ["query", NAME, "x"], ["search", NAME, "--strategy", "local-search"]):
        capsys.readouterr()
        assert run(command) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert (
            line.endswith(f"then ganas surrogate fit {TABLE} --name {NAME}") and "ganas data fetch nasbench301" in line
        )
    rows = {row["name"]: row for row in json.loads(answer(["data", "list", "--json"], capsys))}
    assert (rows[TABLE]["state"], rows[TABLE]["from"]) == ("missing", NAME)
    assert (rows[NAME]["kind"], rows[NAME]["from"]) == ("source", "by hand")


def test_the_table(home, capsys):
    rows = {(row["kind"], row["name"]): row for row in json.loads(answer(["data", "list", "--json"], capsys))}
    row = rows["table", TABLE]
    assert (row["state"], row["rows"], row["from"], row["licence"][:7]) == ("cached", RECORDS, NAME, "unknown")
    facts = json.loads(answer(["info", TABLE, "--json"], capsys))
    assert facts["architectures"] == {"held": RECORDS, "of": DARTS().size} and not facts.get("notes")
    assert "verified, 150 rows" in answer(["data", "verify", TABLE], capsys)


def test_the_surrogate_learns_from_all_that_was_measured(home, capsys):
    listed = {row["name"]: row["title"] for row in json.loads(answer(["list", "benchmarks", "--json"], capsys))}
    assert listed[NAME].startswith(f"Surrogate of {TABLE}: valid_accuracy from {RECORDS} ")
    facts = json.loads(answer(["info", NAME, "--json"], capsys))
    assert facts["type"] == "surrogate" and facts["cost"] == "seconds of a training are predicted"
    bench, space = ganas.load_benchmark(NAME), DARTS()
    unseen = space.sample(200, rng=np.random.default_rng(99))
    truth = [objective(one) for one in unseen]
    assert kendalltau(bench.query_many(unseen)[:, 0], truth).statistic > 0.6
    seconds = [bench.query(one).cost_seconds for one in unseen]
    sizes = [space.parameter_count(one, channels=32, layers=8) for one in unseen]
    assert kendalltau(seconds, sizes).statistic > 0.8


@pytest.mark.parametrize("strategy", ["ganas", "local-search"])
def test_searches(strategy, home, capsys):
    command = ["search", NAME, "--strategy", strategy, "--budget", "20", "--seed", "1", "--json"]
    found = json.loads(answer(command, capsys))
    assert found["queries"] == len(found["trace"]) == 20
    assert found["trace"][-1]["simulated_seconds"] > 20 * 1000
    best = DARTS().parse(found["best_architecture"])
    assert ganas.load_benchmark(NAME).query(best).value == pytest.approx(found["best_value"])


def test_a_count_is_still_what_is_asked_for(home, capsys):
    command = ["surrogate", "fit", TABLE, "--name", "few", "--model", "gaussian-process", "--count", "40", "--json"]
    assert json.loads(answer(command, capsys))["training"]["labels"] == 40


@pytest.mark.skipif(not RECORD.is_file(), reason="the official record is not beside the checkout")
def test_the_official_record_among_others(tmp_path, capsys):
    folder = tmp_path / "results"
    architectures = DARTS().sample(8, rng=np.random.default_rng(3))
    large = {"channels": 50, "layers": 20, "budget": 1500}
    write(folder, **{f"_{n}": result(one, 95.0 + 0.25 * n, **large) for n, one in enumerate(architectures, start=1)})
    shutil.copy(RECORD, folder)
    printed = answer(["data", "convert", "results"], capsys)
    assert f"{TABLE}\t9\t" in printed
    fit = ["surrogate", "fit", TABLE, "--name", NAME, "--model", "gaussian-process", "--json"]
    assert json.loads(answer(fit, capsys))["training"]["labels"] == 9
    assert ganas.load_benchmark(TABLE).optimum().value == 97.68


@pytest.mark.slow
def test_the_default_model(home, capsys):
    said = json.loads(answer(["surrogate", "fit", TABLE, "--name", NAME, "--overwrite", "--json"], capsys))
    assert said["training"]["labels"] == RECORDS and said["scores"]["valid_accuracy"]["kendall_tau"] > 0.6
    found = json.loads(answer(["search", NAME, "--strategy", "ganas", "--budget", "20", "--json"], capsys))
    assert found["queries"] == 20
    check_benchmark(ganas.load_benchmark(NAME))
