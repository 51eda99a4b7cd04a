"""Fitted surrogates as benchmarks: the kit, saving and opening, noise, cost, what is known, and bad input."""

import json
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest

import ganas
from ganas.bench.registry import BENCHMARKS, is_benchmark
from ganas.bench.surrogate.artefact import pack, read_artefact, surrogates_folder, write_files
from ganas.bench.surrogate.benchmark import SurrogateBenchmark
from ganas.bench.surrogate.fitting import fit_benchmark
from ganas.bench.surrogate.labels import Labels, sample_labels
from ganas.bench.surrogate.models import MODELS
from ganas.bench.toy import ToyBenchmark
from ganas.spaces.errors import (
    DataError,
    DuplicateName,
    EpochNotMeasured,
    InvalidSetting,
    NotMeasured,
    NotSupported,
    RunNotMeasured,
    SplitNotMeasured,
    TrialNotMeasured,
    UnknownMetric,
    UnknownName,
    WrongSpace,
)

TABLE, OTHER = "nasbench201-cifar100", "nasbench201-cifar10"
MODEL = "gaussian-process"
SPACE = ganas.load_space("nasbench201")
TESTED = SPACE.sample(300, rng=np.random.default_rng(99))


def labels(count=60, benchmark=TABLE, metrics=None, seed=0, **others):
    opened = ganas.load_benchmark(benchmark) if isinstance(benchmark, str) else benchmark
    return sample_labels(opened, count, metrics=metrics, rng=np.random.default_rng(seed), **others)


def made_up(values, cost=None):
    """Labels of a made-up metric with given values."""
    architectures = tuple(SPACE.sample(len(values), rng=np.random.default_rng(5)))
    metric = ganas.Metric("points", "points", "valid")
    costs = np.zeros(len(values)) if cost is None else np.asarray(cost, dtype=float)
    table = np.asarray(values, dtype=float)[:, None]
    return Labels(SPACE, architectures, (metric,), table, costs, "points", "mine", "table:0", "mean", run=False)


@pytest.fixture(scope="module")
def plain():
    return fit_benchmark("plain", labels(), model=MODEL)


@pytest.fixture(scope="module")
def several():
    return fit_benchmark("several", labels(metrics=["valid_accuracy", "latency_seconds"]), model=MODEL)


@pytest.fixture(scope="module")
def knowing():
    return fit_benchmark("knowing", labels(), model=MODEL, known=[ganas.load_benchmark(OTHER)])


@pytest.fixture(scope="module")
def folder(plain, tmp_path_factory):
    """A folder of a saved surrogate; to be copied, not changed."""
    return plain.save(tmp_path_factory.mktemp("saved") / "plain")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    return surrogates_folder()


# --- the interface ---------------------------------------------------------------------------------------------------


def of_kind(kind):
    if kind == "toy":
        return fit_benchmark("toy", labels(40, ToyBenchmark(ganas.load_space("nasbench101"))), model=MODEL)
    if kind == "several":
        return fit_benchmark("several", labels(40, metrics=["latency_seconds", "valid_accuracy"]), model=MODEL)
    benchmark = fit_benchmark("plain", labels(40), model=MODEL)
    return benchmark.with_noise(3) if kind == "noisy" else benchmark


@pytest.mark.parametrize("kind", ["plain", "noisy", "several", "toy"])
def test_kit(kind):
    ganas.testing.check_benchmark(of_kind(kind))


@pytest.mark.slow
def test_kit_where_a_table_is_known(knowing):
    ganas.testing.check_benchmark(knowing)


def test_it_says_what_it_is(plain, several):
    assert (plain.name, plain.kind, plain.objective) == ("plain", "surrogate", "valid_accuracy")
    assert plain.source == f"surrogate:{plain.hash[:12]}"
    result = plain.query(TESTED[0])
    assert (result.source, result.unit, result.split) == (plain.source, "percent", "valid")
    assert (result.trials, result.reduction, result.epoch) == ((), "none", None)
    assert list(several.metrics) == ["valid_accuracy", "latency_seconds"]
    assert not several.metrics["latency_seconds"].higher_is_better
    assert plain.card.training.labels == plain.card.training.architectures == 60
    assert plain.card.training.source == ganas.load_benchmark(TABLE).source


def test_it_predicts(plain, several):
    truth = ganas.load_benchmark(TABLE).query_many(TESTED)[:, 0]
    good = truth > 30
    assert np.abs(plain.query_many(TESTED)[good, 0] - truth[good]).mean() < 6
    assert np.corrcoef(plain.query_many(TESTED)[:, 0], truth)[0, 1] > 0.6
    columns = several.query_many(TESTED, ["latency_seconds", "valid_accuracy", "latency_seconds"])
    assert np.array_equal(columns[:, 0], columns[:, 2])
    latency = ganas.load_benchmark(TABLE).query_many(TESTED, ["latency_seconds"])[:, 0]
    assert np.corrcoef(columns[:, 0], latency)[0, 1] > 0.6


def test_scores_are_those_of_left_out_labels():
    """Noise cannot be predicted once it is left out, however well it is remembered."""
    noise = np.random.default_rng(0).standard_normal(80)
    scores = fit_benchmark("noise", made_up(noise), model=MODEL).about["scores"]["points"]
    assert scores["r2"] < 0.2 and scores["kendall_tau"] < 0.3
    assert (scores["labels"], round(scores["rmse"])) == (80, 1)
    learnable = fit_benchmark("table", labels(), model=MODEL).about["scores"]["valid_accuracy"]
    assert learnable["kendall_tau"] > 0.5 and learnable["spearman"] > learnable["kendall_tau"]


def test_an_answer_does_not_depend_on_how_much_is_asked(plain):
    """Models are quicker and less exact for many rows at once; a benchmark is not."""
    many = SPACE.sample(6000, rng=np.random.default_rng(1))
    answers = plain.query_many(many)[:, 0]
    assert answers[::600] == pytest.approx([plain.query(one).value for one in many[::600]], rel=1e-9)


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({"metric": "valid_acc"}, UnknownMetric),
        ({"metric": "test_accuracy"}, SplitNotMeasured),
        ({"epoch": 200}, EpochNotMeasured),
        ({"trial": 0}, TrialNotMeasured),
        ({"seed": 777}, TrialNotMeasured),
        ({"run": 200}, RunNotMeasured),
        ({"reduction": "best"}, InvalidSetting),
    ],
)
def test_questions_without_an_answer(plain, question, error):
    with pytest.raises(error):
        plain.query(TESTED[0], **question)


def test_there_are_no_rows_and_no_optimum(plain):
    with pytest.raises(NotSupported, match="no rows"):
        plain.query_many(np.arange(3))
    with pytest.raises(NotSupported, match="knows no best value"):
        plain.optimum()
    with pytest.raises(NotSupported):
        plain.frame()
    with pytest.raises(NotSupported):
        ganas.search(plain, "random-search", budget=3, stop_at_optimum=True)


# --- saving and opening ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "several", "knowing"])
def test_what_is_saved_answers_as_before(name, request, tmp_path):
    benchmark = request.getfixturevalue(name)
    opened = SurrogateBenchmark.open(benchmark.save(tmp_path / "first"))
    assert (opened.name, opened.source, opened.card) == (benchmark.name, benchmark.source, benchmark.card)
    assert opened.about == benchmark.about
    names = list(benchmark.metrics)
    assert np.array_equal(opened.query_many(TESTED, names), benchmark.query_many(TESTED, names))
    assert opened.query(TESTED[0]) == benchmark.query(TESTED[0])
    assert opened.fitted.trained == benchmark.fitted.trained
    opened.save(tmp_path / "second")
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


@pytest.mark.parametrize(
    "model", [pytest.param(name, marks=[pytest.mark.slow] * ("ensemble" in name)) for name in MODELS]
)
def test_every_model_can_be_saved(model, tmp_path):
    benchmark = fit_benchmark("mine", labels(40), model=model)
    opened = SurrogateBenchmark.open(benchmark.save(tmp_path / "mine"))
    np.testing.assert_allclose(opened.query_many(TESTED), benchmark.query_many(TESTED), rtol=1e-12)
    single = [opened.query(architecture).value for architecture in TESTED[:5]]
    np.testing.assert_allclose(single, benchmark.query_many(TESTED[:5])[:, 0], rtol=1e-6)


def test_the_same_fit_has_the_same_hash(plain):
    assert fit_benchmark("plain", labels(), model=MODEL).source == plain.source
    assert fit_benchmark("renamed", labels(), model=MODEL).source == plain.source
    assert fit_benchmark("plain", labels(seed=1), model=MODEL).source != plain.source
    assert fit_benchmark("plain", labels(), model=MODEL, seed=1).source != plain.source


def test_another_process_answers_the_same(plain, folder):
    program = (
        "import sys, numpy, ganas\n"
        "bench = ganas.load_benchmark(sys.argv[1])\n"
        "archs = bench.space.sample(5, rng=numpy.random.default_rng(99))\n"
        "print(bench.source, *map(float.hex, bench.query_many(archs)[:, 0].tolist()))\n"
    )
    ran = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True)
    source, *values = ran.stdout.split()
    assert source == plain.source
    assert [float.fromhex(value) for value in values] == pytest.approx(plain.query_many(TESTED[:5])[:, 0], rel=1e-12)


def test_opening_makes_no_model(folder, monkeypatch):
    monkeypatch.setattr("ganas.bench.surrogate.fitted.Surrogate", None)
    opened = SurrogateBenchmark.open(folder)
    assert opened.card.title == f"Surrogate of {TABLE}: valid_accuracy from 60 labels by gaussian-process"
    with pytest.raises(DataError, match="cannot be read by this version"):
        opened.query(TESTED[0])


def changed(folder, target, change):
    """A copy whose card is changed, with a hash that fits."""
    artefact = read_artefact(folder)
    about = json.loads(json.dumps(artefact.about))
    change(about["card"])
    content, _ = pack("plain", about, artefact.state())
    write_files(target, content)
    return target


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda card: card.update(space="nasbench202"), UnknownName),
        (lambda card: card.update(space="nasbench101"), DataError),
        (lambda card: card.update(model="oracle"), UnknownName),
        (lambda card: card.update(objective="nothing"), UnknownMetric),
        (lambda card: card.update(more=1), DataError),
        (lambda card: card.update(seed="0"), DataError),
        (lambda card: card.pop("training"), DataError),
        (lambda card: card["metrics"][0].update(split="all"), DataError),
        (lambda card: card["metrics"][0].update(name="other"), UnknownMetric),
        (lambda card: card["training"].update(labels=None), DataError),
    ],
)
def test_cards_that_do_not_fit(folder, tmp_path, change, error):
    with pytest.raises(error) as caught:
        assert SurrogateBenchmark.open(changed(folder, tmp_path / "changed", change)).fitted is None
    assert "\n" not in str(caught.value)


def test_a_tampered_file_is_refused_by_name(folder, home):
    shutil.copytree(folder, home / "plain")
    assert ganas.load_benchmark("plain").query(TESTED[0]).value
    content = bytearray((home / "plain" / "arrays.safetensors").read_bytes())
    content[-1] ^= 1
    (home / "plain" / "arrays.safetensors").write_bytes(content)
    with pytest.raises(DataError, match="changed after it was written"):
        SurrogateBenchmark.open(home / "plain")


def test_it_goes_to_worker_processes(several):
    for benchmark in (several, several.with_noise(4)):
        sent = pickle.loads(pickle.dumps(benchmark))
        assert (sent.name, sent.source) == (benchmark.name, benchmark.source)
        assert np.array_equal(sent.query_many(TESTED), benchmark.query_many(TESTED))


# --- by name ---------------------------------------------------------------------------------------------------------


def test_a_saved_surrogate_is_registered(folder, home, plain):
    assert "plain" not in BENCHMARKS.entries() and not is_benchmark("plain")
    shutil.copytree(folder, home / "plain")
    assert "plain" in BENCHMARKS.entries() and is_benchmark("plain")
    opened = ganas.load_benchmark("plain")
    assert opened is ganas.load_benchmark("plain")
    assert np.array_equal(opened.query_many(TESTED), plain.query_many(TESTED))
    study = ganas.search("plain", "local-search", budget=20, seed=0)
    assert study.best.values["valid_accuracy"] == pytest.approx(plain.query(study.best.architecture).value)
    shutil.rmtree(home / "plain")
    with pytest.raises(UnknownName, match="'plain'"):
        ganas.load_benchmark("plain")


def test_a_folder_is_a_benchmark(folder, plain, monkeypatch):
    assert ganas.load_benchmark(str(folder)).source == plain.source
    monkeypatch.chdir(folder.parent)
    assert ganas.load_benchmark("plain") is ganas.load_benchmark("plain")
    assert is_benchmark("plain") and not is_benchmark("nothing") and not is_benchmark("")


def test_one_that_was_fitted_again_is_opened_again(folder, home):
    shutil.copytree(folder, home / "plain")
    before = ganas.load_benchmark("plain")
    fit_benchmark("plain", labels(seed=1), model=MODEL).save(home / "plain", overwrite=True)
    assert ganas.load_benchmark("plain").source != before.source


def test_names_that_do_not_fit(folder, home):
    shutil.copytree(folder, home / "copy")
    with pytest.raises(DataError, match="holds a surrogate named 'plain'"):
        ganas.load_benchmark("copy")
    shutil.copytree(folder, home / TABLE)
    with pytest.raises(DuplicateName, match="has the name of a table"):
        BENCHMARKS.entries()


def test_a_plug_in_of_the_same_name_is_that_plug_in(folder, home, monkeypatch):
    """What is registered in this process comes first, as with tables."""
    monkeypatch.setattr(BENCHMARKS, "_at_run_time", {})
    shutil.copytree(folder, home / "plain")
    with pytest.raises(DuplicateName):
        ganas.register_benchmark("plain")(lambda: ToyBenchmark(SPACE))
    shutil.rmtree(home / "plain")
    ganas.register_benchmark("plain")(lambda: ToyBenchmark(SPACE))
    shutil.copytree(folder, home / "plain")
    assert ganas.load_benchmark("plain").name == "toy-nasbench201"


# --- noise -----------------------------------------------------------------------------------------------------------


def test_noise_is_that_of_an_architecture_and_a_seed(several):
    names = list(several.metrics)
    noisy = several.with_noise(7)
    many = noisy.query_many(TESTED, names)
    order = np.random.default_rng(0).permutation(len(TESTED))
    shuffled = several.with_noise(7).query_many([TESTED[place] for place in order], names)
    np.testing.assert_allclose(shuffled, many[order], rtol=1e-9)
    assert noisy.query(TESTED[3]).value == pytest.approx(many[3, 0])
    other = several.with_noise(8)
    assert (other.source, other.name) == (f"{several.source}+noise-8", "several+noise-8")
    assert np.mean(other.query_many(TESTED)[:, 0] == many[:, 0]) < 0.1
    assert np.array_equal(noisy.with_noise(None).query_many(TESTED), several.query_many(TESTED))
    # The metrics of one architecture have noise of their own.
    free = several.query_many(TESTED, names)
    signs = np.sign(many - free)
    assert 0.3 < np.mean(signs[:, 0] == signs[:, 1]) < 0.7


def test_noise_is_as_strong_as_it_was_learnt_and_around_the_answer(plain):
    architecture = TESTED[0]
    surrogate = plain.surrogate()
    drawn = np.array([plain.with_noise(seed).query_many([architecture])[0, 0] for seed in range(400)])
    scores = surrogate.scale.to_scale(drawn) - surrogate.scale.to_scale(plain.query_many([architecture])[:, 0])
    strength = surrogate.width * np.sqrt(surrogate.regressor.noise_variance)
    assert scores.std() == pytest.approx(strength, rel=0.15)
    assert abs(scores.mean()) < 4 * strength / np.sqrt(400)
    assert 0.4 < np.mean(drawn > plain.query_many([architecture])[0, 0]) < 0.6


def test_noise_is_asked_for_by_name(folder, home, plain):
    shutil.copytree(folder, home / "plain")
    noisy = ganas.load_benchmark("plain+noise-7")
    assert (noisy.name, noisy.source) == ("plain+noise-7", f"{plain.source}+noise-7")
    assert np.array_equal(noisy.query_many(TESTED), plain.with_noise(7).query_many(TESTED))
    assert ganas.load_benchmark(f"{folder}+noise-7").source == noisy.source
    assert is_benchmark("plain+noise-7") and ganas.load_benchmark("plain").noise_seed is None
    for name in ("plain+noise-", "plain+noise-x", "plain+noise--1", "plane+noise-7", f"{TABLE}+noise-7"):
        assert not is_benchmark(name)
        with pytest.raises(UnknownName):
            ganas.load_benchmark(name)
    study = ganas.search("plain+noise-7", "random-search", budget=4, seed=0)
    told = [entry.evaluation.values["valid_accuracy"] for entry in study.entries]
    asked = [entry.evaluation.architecture for entry in study.entries]
    assert told == pytest.approx(noisy.query_many(asked)[:, 0])


@pytest.mark.parametrize("seed", [-1, 1.5, "3", True])
def test_seeds_of_noise_are_whole_numbers(plain, folder, seed):
    with pytest.raises(InvalidSetting, match="seed of the noise"):
        plain.with_noise(seed)
    with pytest.raises(InvalidSetting, match="seed of the noise"):
        SurrogateBenchmark.open(folder, noise_seed=seed)


# --- cost ------------------------------------------------------------------------------------------------------------


def test_a_query_costs_the_predicted_training(plain):
    assert plain.card.cost == "predicted"
    table = ganas.load_benchmark(TABLE)
    said = np.array([plain.query(one).cost_seconds for one in TESTED[:60]])
    true = np.array([table.query(one).cost_seconds for one in TESTED[:60]])
    assert (said >= 0).all()
    assert np.median(np.abs(said / true - 1)) < 0.2
    study = ganas.search(plain, "random-search", budget=5, seed=0)
    assert study.ledger.simulated_seconds > 5 * true.min()


@pytest.mark.parametrize(("cost", "kind", "seconds"), [(0.0, "unknown", 0.0), (12.5, "constant", 12.5)])
def test_costs_that_do_not_differ(cost, kind, seconds):
    values = np.random.default_rng(0).standard_normal(20)
    benchmark = fit_benchmark("mine", made_up(values, cost=np.full(20, cost)), model=MODEL)
    assert (benchmark.card.cost, benchmark.query(TESTED[0]).cost_seconds) == (kind, seconds)


# --- what is known ---------------------------------------------------------------------------------------------------


def test_what_is_known_helps(plain, knowing):
    truth = ganas.load_benchmark(TABLE).query_many(TESTED)[:, 0]
    errors = [np.abs(one.query_many(TESTED)[:, 0] - truth).mean() for one in (knowing, plain)]
    assert errors[0] < errors[1]
    assert knowing.card.known[0].source == ganas.load_benchmark(OTHER).source


def test_a_known_table_is_taken_in(knowing, tmp_path, monkeypatch):
    folder = knowing.save(tmp_path / "knowing")

    def nothing(name):
        raise UnknownName("no")

    monkeypatch.setattr("ganas.bench.registry.load_benchmark", nothing)
    opened = SurrogateBenchmark.open(folder)
    assert opened.card.known[0].table
    assert np.array_equal(opened.query_many(TESTED), knowing.query_many(TESTED))


def test_what_is_no_table_is_asked_at_every_query(home, tmp_path):
    fit_benchmark("other", labels(100, OTHER), model=MODEL).save(home / "other")
    asking = fit_benchmark("asking", labels(), model=MODEL, known=[ganas.load_benchmark("other")])
    folder = asking.save(tmp_path / "asking")
    assert not asking.card.known[0].table
    assert np.array_equal(SurrogateBenchmark.open(folder).query_many(TESTED), asking.query_many(TESTED))
    assert np.array_equal(pickle.loads(pickle.dumps(asking)).query_many(TESTED), asking.query_many(TESTED))
    fit_benchmark("other", labels(90, OTHER), model=MODEL).save(home / "other", overwrite=True)
    with pytest.raises(DataError, match="was fitted with 'other' of surrogate:"):
        SurrogateBenchmark.open(folder).query(TESTED[0])
    shutil.rmtree(home / "other")
    with pytest.raises(DataError, match="which is not there"):
        SurrogateBenchmark.open(folder).query(TESTED[0])


def test_known_benchmarks_that_do_not_fit():
    with pytest.raises(WrongSpace):
        fit_benchmark("mine", labels(), model=MODEL, known=[ganas.load_benchmark("nasbenchgraph-cora")])
    with pytest.raises(InvalidSetting, match="from itself"):
        fit_benchmark("mine", labels(), model=MODEL, known=[ganas.load_benchmark(TABLE)])
    with pytest.raises(InvalidSetting, match="twice"):
        fit_benchmark("mine", labels(), model=MODEL, known=[ganas.load_benchmark(OTHER)] * 2)
    with pytest.raises(UnknownName, match="toy-nasbench201"):
        fit_benchmark("mine", labels(), model=MODEL, known=[ToyBenchmark(SPACE)])


# --- labels ----------------------------------------------------------------------------------------------------------


def test_labels_are_drawn_once_each_and_follow_the_seed():
    drawn = labels(200, signal="random")
    assert len(set(map(SPACE.identity_key, drawn.architectures))) == 200
    assert labels(200, signal="random").digest == drawn.digest
    assert labels(200, signal="random", seed=1).digest != drawn.digest
    table = ganas.load_benchmark(TABLE)
    means = table.query_many(drawn.architectures)[:, 0]
    assert 0.05 < np.abs(drawn.values[:, 0] - means).mean() < 1
    for architecture, value in zip(drawn.architectures[:20], drawn.values[:20, 0], strict=True):
        singles = [table.query(architecture, trial=trial).value for trial in range(table.num_trials(architecture))]
        assert value in singles
    assert np.array_equal(labels(50).values, table.query_many(labels(50).architectures))


def test_labels_of_a_table_of_a_small_part_of_its_space():
    table = ganas.load_benchmark("nasbenchgraph-proteins")
    assert len(labels(100, table).values) == 100
    with pytest.raises(InvalidSetting, match="no more than 2,021 architectures of the 3,000"):
        labels(3000, table)


@pytest.mark.parametrize("count", [0, -5, 2.5, True])
def test_counts_of_labels(count):
    with pytest.raises(InvalidSetting, match="at least 1"):
        labels(count)


def test_labels_that_cannot_be_asked_for():
    with pytest.raises(UnknownName):
        labels(5, metrics=["nothing"])
    with pytest.raises(InvalidSetting, match="twice"):
        labels(5, metrics=["valid_accuracy", "valid_accuracy"])
    with pytest.raises(UnknownName):
        labels(5, signal="median")
    with pytest.raises(InvalidSetting, match="only test metrics"):
        labels(5, "nasbenchgraph-cora", metrics=["test_performance"])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1.0, 2.0, np.nan, 3.0, 4.0, 5.0], "nan"),
        ([1.0, 2.0, np.inf, 3.0, 4.0, 5.0], "inf"),
        ([1.0, 2.0, 3.0, 4.0], "at least 5 architectures, and 4"),
        ([7.0] * 10, "all 10 values are 7.0"),
    ],
)
def test_labels_that_cannot_be_learnt(values, words):
    with pytest.raises(DataError, match=words):
        fit_benchmark("mine", made_up(values), model=MODEL)


@pytest.mark.slow
def test_architectures_that_a_known_table_lacks():
    small = ganas.load_benchmark("nasbenchgraph-cora").where("valid_performance", low=0.7)
    with pytest.raises(NotMeasured):
        fit_benchmark("mine", labels(100, "nasbenchgraph-pubmed"), model=MODEL, known=[small])
