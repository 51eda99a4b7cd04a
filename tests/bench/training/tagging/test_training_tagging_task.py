"""Taggers in training: the loop, resuming, schedules, several processes, and the task around them."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganas.bench.training.matched_size import matched_size
from ganas.bench.training.tagging.prepared import prepare
from ganas.bench.training.tagging.protocol import FULL, MINI, tagging_protocol
from ganas.bench.training.tagging.task import (
    TaggingTask,
    lstm_tagging_task,
    tagging_task,
)
from ganas.bench.training.word_vectors import vectors_folder
from ganas.data.corpora import tagged
from ganas.data.corpora.language import corpus_folder
from ganas.spaces.errors import DataError, InvalidSetting, NotSupported, UnknownName
from ganas.spaces.registry import load_space
from tests.bench.training.tagging.tagging_corpus import TINY, tiny_corpus, tiny_prepared, write_as_wnut17

torch = pytest.importorskip("torch")

from ganas.bench.training.devices import Compute  # noqa: E402
from ganas.bench.training.loop import TrainingLoop  # noqa: E402
from ganas.bench.training.tagging.model import LSTMLayer, Tagger  # noqa: E402
from ganas.bench.training.tagging.training import TaggingTraining  # noqa: E402

SHARED = Path(__file__).parents[5] / "shared" / "data" / "wnut17"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a small corpus in the files of WNUT-17, which is taken for it."""
    source = replace(tagged.TAGGED_CORPORA["wnut17"], sentences={}, words={})
    monkeypatch.setattr(tagged, "TAGGED_CORPORA", {"wnut17": source})
    write_as_wnut17(tmp_path)
    return tmp_path


def task_in(folder, lstm=False, **changes):
    make = lstm_tagging_task if lstm else tagging_task
    made = make(load_space("rnn"), "wnut17", "mini", folder)
    return TaggingTask(made.space, made.text, replace(TINY, **changes), lstm=lstm)


def loop(task, seed=0, compute=None, **options):
    architecture = None if task.describe(None) else task.space.parse("DARTS_V2")
    return TrainingLoop(task, architecture, seed=seed, compute=compute or Compute(), **options)


def training(compute=None, **changes):
    torch.manual_seed(0)
    corpus = tiny_prepared()
    recipe = replace(TINY, **changes)
    model = Tagger(corpus, recipe, lambda size: LSTMLayer(size, 6))
    return TaggingTraining(model, corpus, recipe, seed=0, compute=compute or Compute())


# --- the loop ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lstm", [False, True], ids=["cell", "lstm"])
def test_a_tagger_learns_what_can_be_learned(folder, lstm):
    history = loop(task_in(folder, lstm, epochs=8)).run()
    assert history.finished and history.failure is None
    assert history.epochs[-1].values["train_loss"] < 0.5 * history.epochs[0].values["train_loss"]
    assert history.epochs[history.best - 1].values["valid_span_f1"] > 70
    assert set(history.final) == {"test_span_f1", "test_span_precision", "test_span_recall"}
    assert history.final["test_span_f1"] > 70


def test_the_same_seed_gives_the_same_numbers_and_another_one_others(folder):
    task = task_in(folder)
    first, again, other = (loop(task, seed).run() for seed in (3, 3, 4))
    assert [epoch.values for epoch in first.epochs] == [epoch.values for epoch in again.epochs]
    assert first.final == again.final
    assert [epoch.values for epoch in first.epochs] != [epoch.values for epoch in other.epochs]


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_a_training_that_was_cut_off_ends_with_the_same_numbers(folder, tmp_path, optimiser, monkeypatch):
    monkeypatch.setattr("ganas.bench.training.loop._TOLD", 0.0)
    task = task_in(folder, optimiser=optimiser)
    whole = loop(task).run()
    checkpoint = tmp_path / "x.safetensors"

    class Cut(Exception):
        pass

    def cut(progress):
        if progress.epoch == 2:
            raise Cut

    with pytest.raises(Cut):
        loop(task, checkpoint=checkpoint, every_steps=3, progress=cut).run()
    resumed = loop(task, checkpoint=checkpoint, every_steps=3).run()
    assert [epoch.values for epoch in resumed.epochs] == [epoch.values for epoch in whole.epochs]
    assert resumed.final == whole.final


def test_a_loss_that_is_no_number_is_a_recorded_failure(folder):
    history = loop(task_in(folder, optimiser="sgd", learning_rate=1e30, clip=1e30, rollbacks=1)).run()
    assert history.finished and "the loss was no finite number" in str(history.failure)


def test_autocast_to_half_precision_runs_and_learns(folder):
    history = loop(task_in(folder), compute=Compute("cpu", "bfloat16")).run()
    assert history.epochs[-1].values["train_loss"] < history.epochs[0].values["train_loss"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_learns_like_the_cpu(folder):
    on_gpu = loop(task_in(folder), compute=Compute("cuda", "float32")).run()
    assert on_gpu.epochs[-1].values["train_loss"] < on_gpu.epochs[0].values["train_loss"]


# --- one training ------------------------------------------------------------------------------------------------


def test_an_epoch_has_every_sentence_once():
    made = training()
    made.start_epoch(1)
    items = 0
    while (step := made.step()) is not None:
        items += step.items
        assert step.loss.ndim == 0 and not step.loss.requires_grad
    assert items == made.items_in_epoch == 40


def test_the_loss_is_the_mean_over_sentences_of_all_processes():
    class Part(Compute):
        """One of several processes, whose gradients nobody averages."""

        def wrap(self, module):
            return module

    changes = {"dropout": 0.0, "dropout_hidden": 0.0, "unknown": 0.0, "batch": 7, "learning_rate": 1e-9}
    alone = training(**changes)
    alone.start_epoch(1)
    parts = [training(Part(rank=rank, processes=3), **changes) for rank in range(3)]
    for part in parts:
        part.start_epoch(1)
    steps = 0
    while (whole := alone.step()) is not None:  # the last batch has 5 sentences, and the mean is over these
        losses = [part.step().loss.item() for part in parts]
        assert np.mean(losses) == pytest.approx(whole.loss.item(), rel=1e-5)
        steps += 1
    assert steps == 6


def test_a_process_without_a_sentence_takes_part_without_weight():
    class Part(Compute):
        def wrap(self, module):
            return module

    made = training(Part(rank=3, processes=4), batch=3)
    made.start_epoch(1)
    step = made.step()
    assert step.loss.item() == 0.0
    assert not any(weights.grad.any() for weights in made.model.parameters() if weights.grad is not None)


def test_the_learning_rate_falls_when_validation_does_not_improve():
    made = training(patience=1, anneal=0.5, learning_rate=0.04)
    rates = []
    for score in (10.0, 10.0, 10.0, 11.0, 10.0, 10.0):
        made.finish_epoch(1, {"valid_span_f1": score})
        rates.append(made.learning_rate)
    assert rates == [0.04, 0.04, 0.02, 0.02, 0.02, 0.01]


def test_predictions_are_in_the_order_of_the_split_and_scored_like_it():
    made = training()
    corpus = made._corpus
    predicted = made.predicted("test")
    assert [len(tags) for tags in predicted] == [len(sentence) for sentence in corpus.sentences["test"]]
    measured = made.evaluate("test")
    micro = made.scores("test").micro
    assert measured["test_span_f1"] == 100 * micro.f1
    gold = sum(tags.count("B-") for tags in map("".join, (each.tags for each in tiny_corpus().splits["test"])))
    assert micro.gold == gold


# --- the task ------------------------------------------------------------------------------------------------------


def test_parameters_are_counted_and_the_lstm_has_as_many(folder):
    cell, lstm = task_in(folder, hidden=32), task_in(folder, lstm=True, hidden=32)
    architecture = cell.space.parse("DARTS_V2")
    counted = cell.static(architecture)["parameters"]
    started = cell.start(architecture, seed=0, compute=Compute())
    assert counted == started.num_parameters
    assert lstm.describe(None) == "LSTM" and cell.describe(architecture).startswith("sigmoid.0,relu.1")
    assert lstm.static(None)["parameters"] == pytest.approx(counted, rel=0.01)
    with pytest.raises(InvalidSetting, match="an architecture of 'rnn' is to be trained, and none is given"):
        cell.start(None, seed=0, compute=Compute())
    # 20 matrices in each direction: two of node 0 twice as high, and two of each of 8 nodes.
    assert sum(weights.numel() for weights in started.model.recurrent.parameters()) == 2 * 20 * 32**2


def test_the_nearest_size_is_found():
    assert matched_size(lambda size: 10 * size, 1) == 1
    assert matched_size(lambda size: size * size + size, 10_001) == 100


def test_protocols_say_where_their_values_come_from():
    sources = {item.field: item.source for item in FULL.values}
    assert sources["hidden"] == "Flair, training log of its model flair/chunk-english"
    assert sources["clip"] == sources["vectors"] == "ours"
    assert {item.source for item in MINI.values} == {"ours"}
    assert FULL.label != MINI.label
    assert pickle.loads(pickle.dumps(MINI)) == MINI


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden": 0},
        {"dropout": 1.0},
        {"unknown": 1.5},
        {"learning_rate": 0.0},
        {"anneal": 0.0},
        {"scheme": "BILOU"},
        {"optimiser": "rprop"},
        {"train_sentences": 0},
    ],
)
def test_values_out_of_range_are_refused(changes):
    (name,) = changes
    with pytest.raises(InvalidSetting, match=f"^{name} of protocol 'mini' must be"):
        replace(MINI, **changes)


def test_tasks_are_made_by_name(folder):
    assert tagging_task(load_space("rnn-mini"), "wnut17", "full").protocol is FULL
    with pytest.raises(UnknownName, match="unknown protocol 'half'"):
        tagging_protocol("half")
    with pytest.raises(UnknownName, match="unknown corpus for tagging 'wnut18'"):
        tagging_task(load_space("rnn"), "wnut18", "mini")
    with pytest.raises(NotSupported, match="'nasbench201' is no recurrent space"):
        tagging_task(load_space("nasbench201"), "wnut17", "mini")


def test_what_is_missing_is_one_line_with_the_place(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    task = tagging_task(load_space("rnn"), "wnut17", "mini")
    advice = task.missing()
    assert advice is not None and str(corpus_folder("wnut17")) in advice
    assert "wnut17train.conll" in advice and "\n" not in advice
    with pytest.raises(DataError, match="there is no such folder"):
        task.digest()


def test_the_full_protocol_asks_for_its_vectors(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    task = tagging_task(load_space("rnn"), "wnut17", "full", folder)
    place = vectors_folder() / "glove.6B.100d.txt"
    assert task.missing() == (
        f"protocol full reads pretrained vectors of 100 numbers from {place}, and there is no such file"
    )
    with pytest.raises(DataError, match="protocol full reads pretrained vectors"):
        task.digest()
    place.parent.mkdir(parents=True)
    place.write_text("ann " + " ".join(["0.1"] * 100) + "\n", encoding="utf-8")
    assert task.missing() is None
    words = len({word.lower() for part in tiny_corpus().splits.values() for each in part for word in each.words})
    values = task.static(task.space.parse("DARTS_V2"))
    assert values["vector_coverage"] == pytest.approx(100 / words)
    assert {metric.name for metric in task.metrics} >= set(values)


def test_metrics_are_those_that_trainings_measure(folder):
    task = task_in(folder, epochs=1)
    history = loop(task).run()
    static = task.static(task.space.parse("DARTS_V2"))
    measured = {**history.epochs[0].values, **history.final, **static}
    assert {metric.source for metric in task.metrics} == set(measured)
    assert task.objective in {metric.name for metric in task.metrics}


def test_the_digest_is_of_what_is_read(folder):
    whole, part = task_in(folder), task_in(folder, train_sentences=3)
    assert whole.digest() == prepare(tiny_corpus(), "IOB2", longest_word=TINY.longest_word).digest() != part.digest()
    assert pickle.loads(pickle.dumps(whole)).digest() == whole.digest()


def test_a_trainer_answers_and_remembers(folder, tmp_path, monkeypatch):
    from ganas.bench.training.benchmark import TrainerBenchmark
    from ganas.bench.training.running import Machine

    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    benchmark = TrainerBenchmark("train-rnn-tiny", task_in(folder), machine=Machine("cpu"))
    architecture = benchmark.space.parse("DARTS_V2")
    result = benchmark.query(architecture)
    assert result.metric == "valid_span_f1" and result.unit == "percent" and result.cost_seconds > 0
    assert result.source.startswith("trainer:mini-")
    assert benchmark.query(architecture) == result
    assert len(benchmark.curve(architecture, "epoch_valid_span_f1").values) == TINY.epochs
    assert 0 <= benchmark.query(architecture, "test_span_f1").value <= 100


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the files of WNUT-17 are not there")
def test_the_real_wnut17_is_learned():
    made = lstm_tagging_task(load_space("rnn"), "wnut17", "mini", SHARED)
    task = TaggingTask(made.space, made.text, replace(MINI, epochs=8), lstm=True)
    history = loop(task).run()
    assert history.epochs[history.best - 1].values["valid_span_f1"] > 12
