"""Models of surrogates by name and by place: listed, described, checked, judged, fitted, and never run by a file."""

import json
from pathlib import Path

import numpy as np
import pytest

import ganas
from ganas.bench.surrogate.artefact import pack, read_artefact, write_files
from ganas.bench.surrogate.benchmark import SurrogateBenchmark
from ganas.bench.surrogate.fitting import fit_benchmark
from ganas.bench.surrogate.gaussian_process import GaussianProcess
from ganas.bench.surrogate.labels import sample_labels
from ganas.bench.surrogate.models import MODELS, SURROGATES, register_surrogate
from ganas.bench.surrogate.surrogate import Surrogate
from ganas.cli.main import run
from ganas.spaces.errors import DataError, DuplicateName, InvalidSetting, UnknownName

TABLE = "nasbench201-cifar100"
PLACE = "mine.py:Mine"
SOURCE = '''"""A model of one's own."""

from pathlib import Path

from ganas.bench.surrogate.gaussian_process import GaussianProcess

Path("was_run").touch()


class Mine(GaussianProcess):
    """Counts operations.

    And nothing else.
    """

    name = "mine"
    title = "A process on how often each operation occurs"
    reads = ("counts",)
'''


@pytest.fixture
def place():
    Path("mine.py").write_text(SOURCE)
    return PLACE


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(SURROGATES, "_at_run_time", {})

    class Mine(GaussianProcess):
        name, title, reads = "mine", "Mine", ("counts", "size")

    return register_surrogate(Mine)


def labels(count=30):
    return sample_labels(ganas.load_benchmark(TABLE), count, rng=np.random.default_rng(0))


def said(words, capsys):
    assert run(words) == 0
    return capsys.readouterr().out


# --- by place --------------------------------------------------------------------------------------------------------


def test_a_model_in_a_file_is_judged_beside_others(place, capsys):
    options = ["--population", "300", "--seeds", "1", "--sizes", "20", "--splits", "random", "--out", "out", "--json"]
    found = json.loads(
        said(["surrogate", "evaluate", TABLE, "--models", f"{place},gaussian-process", *options], capsys)
    )
    tau = {row["model"]: row["mean"] for row in found["scores"] if row["number"] == "kendall_tau"}
    assert set(tau) == {place, "gaussian-process", "parameter-count"}
    assert 0.2 < tau[place] != tau["gaussian-process"]
    assert place in Path("out/report.md").read_text()


def test_a_model_in_a_file_is_checked(place, capsys):
    found = json.loads(said(["check", place, "--json"], capsys))
    assert {row["outcome"] for row in found} == {"passed"}
    assert [row["check"] for row in found] == [check.__name__ for check in ganas.testing.SURROGATE_CHECKS]


def test_a_model_in_a_file_is_described(place, capsys):
    found = json.loads(said(["info", place, "--json"], capsys))
    assert (found["kind"], found["title"]) == ("surrogates", "A process on how often each operation occurs")
    assert (found["about"], found["details"], found["reads"]) == (
        "Counts operations.",
        ["And nothing else."],
        ["counts"],
    )


def test_what_is_saved_has_a_registered_model(place, capsys):
    """Whoever opens it must know which code answers without running what the file names."""
    assert run(["surrogate", "fit", TABLE, "--name", "own", "--count", "20", "--model", place]) == 1
    assert "group 'ganas.surrogates'" in capsys.readouterr().err
    with pytest.raises(InvalidSetting, match=r"mine\.py:Mine"):
        fit_benchmark("own", labels(), model=place)


@pytest.mark.parametrize("field", ["model", "space", "known"])
def test_a_saved_surrogate_runs_no_place(field, place, tmp_path):
    fitted = fit_benchmark("own", labels(), model="gaussian-process")
    artefact = read_artefact(fitted.save(tmp_path / "own"))
    card = artefact.about["card"]
    if field == "known":
        one = {"predicted": "valid_accuracy", "benchmark": place, "metric": "m", "source": "table:0", "table": False}
        card["known"] = [one]
    else:
        card[field] = place
    write_files(tmp_path / "changed", pack("own", artefact.about, artefact.state())[0])
    with pytest.raises(DataError, match="registered under a name"):
        SurrogateBenchmark.open(tmp_path / "changed")
    assert not Path("was_run").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["surrogate", "evaluate", TABLE, "--models", "no.py:Mine", "--seeds", "1"], "there is no file"),
        (["surrogate", "evaluate", TABLE, "--models", "math:pi", "--seeds", "1"], "is not a subclass of"),
        (["surrogate", "evaluate", TABLE, "--models", "stackd", "--seeds", "1"], "did you mean 'stacked'"),
        (["surrogate", "fit", TABLE, "--name", "own", "--model", "stackd"], "did you mean 'stacked'"),
        (["check", "stackd"], "did you mean 'stacked'"),
        (["check", "math:pi"], "nor a surrogate model"),
    ],
)
def test_models_that_are_not_there(words, message, capsys):
    assert run(words) == 1
    error = capsys.readouterr().err
    assert message in error and len(error.strip().splitlines()) == 1


# --- by name ---------------------------------------------------------------------------------------------------------


def test_models_are_listed(capsys):
    rows = json.loads(said(["list", "surrogates", "--json"], capsys))
    assert [row["name"] for row in rows] == sorted(MODELS)
    assert {(row["kind"], row["distribution"]) for row in rows} == {("surrogates", "ganas")}
    assert all(row["title"] for row in rows)
    everything = json.loads(said(["list", "--json"], capsys))
    assert [row for row in everything if row["kind"] == "surrogates"] == rows


def test_a_registered_model_is_like_a_built_in_one(registered, tmp_path, capsys):
    assert "Mine" in said(["list", "surrogates"], capsys)
    fitted = fit_benchmark("own", labels(), model="mine")
    assert fitted.card.model == "mine"
    opened = SurrogateBenchmark.open(fitted.save(tmp_path / "own"))
    asked = fitted.space.sample(20, rng=np.random.default_rng(1))
    assert np.array_equal(opened.query_many(asked), fitted.query_many(asked))
    by_class = Surrogate(fitted.space, registered).fit(labels().architectures, labels().values[:, 0])
    assert by_class.model == "mine"
    by_name = fitted.fitted.surrogates["valid_accuracy"]
    assert np.array_equal(by_class.predict(asked).mean, by_name.predict(asked).mean)
    SURROGATES._at_run_time.clear()
    with pytest.raises(UnknownName, match="'mine'"):
        SurrogateBenchmark.open(tmp_path / "own").query(asked[0])


def test_a_name_is_given_once(registered):
    class Other(GaussianProcess):
        name = "stacked"

    with pytest.raises(DuplicateName, match="already given by ganas"):
        register_surrogate(Other)
