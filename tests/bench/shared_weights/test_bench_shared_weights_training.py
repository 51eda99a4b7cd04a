"""Text networks that share weights: the halves of the training data, the recipe, and what a batch changes."""

from dataclasses import replace

import numpy as np
import pytest

from ganas.bench.training.classification.prepared import prepare
from ganas.bench.training.classification.protocol import FULL, MINI, classification_protocol
from ganas.bench.training.classification.shared_task import shared_text_task
from ganas.bench.training.classification.sharing import SHARED_FULL, SHARED_MINI, halves_of, shared_protocol_for
from ganas.bench.training.classification.task import classification_task
from ganas.bench.training.running import Machine
from ganas.data.corpora.classified_files import Document
from ganas.spaces.errors import DataError, InvalidSetting, NotSupported, UnknownName
from ganas.spaces.registry import load_space
from tests.bench.shared_weights.shared_texts import SHARED_TINY, SPACE, task_in
from tests.bench.training.classification.text_corpus import tiny_texts, without_counts, write_as_agnews, write_as_snli

torch = pytest.importorskip("torch", reason="training needs torch")

from ganas.bench.training.devices import Compute  # noqa: E402
from ganas.spaces.textnas.normalisation import MaskedBatchNorm  # noqa: E402

FIRST, SECOND = SPACE.sample(2, rng=np.random.default_rng(0))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    without_counts(monkeypatch)
    write_as_agnews(tmp_path)
    return tmp_path


@pytest.fixture
def training(folder):
    torch.manual_seed(0)
    return task_in(folder).start(None, seed=0, compute=Compute())


# --- the halves ------------------------------------------------------------------------------------------------------


def members(split, number):
    return tuple(split.words[split.starts[number] : split.starts[number + 1]].tolist())


def test_halves_are_of_the_training_data_alone_and_share_no_document():
    texts = tiny_texts()
    halves = halves_of(texts, "tiny", None)
    assert set(halves.splits) == {"train", "valid"}
    whole = texts.splits["train"]
    found = []
    for half in halves.splits.values():
        found += [(members(half, number), int(half.labels[number])) for number in range(len(half.labels))]
    assert sorted(found) == sorted((members(whole, number), int(label)) for number, label in enumerate(whole.labels))
    counts = [np.bincount(half.labels, minlength=4) for half in halves.splits.values()]
    assert np.abs(counts[0] - counts[1]).max() <= 1


def test_passages_of_one_article_stay_together():
    articles = [Document((" ".join([f"word{number}"] * 40),), number % 2, number) for number in range(8)]
    made = prepare({"train": articles, "valid": articles[:2], "test": articles[:2]}, ("a", "b"), str.split,
                   longest=10, passages=True)  # fmt: skip
    halves = halves_of(made, "tiny", None).splits
    assert [len(half.labels) for half in halves.values()] == [16, 16]
    assert not set(halves["train"].words.tolist()) & set(halves["valid"].words.tolist())


def test_a_part_of_the_held_back_half_is_the_same_every_time():
    halves = [halves_of(tiny_texts(), "tiny", 10).splits["valid"] for _ in range(2)]
    assert len(halves[0].labels) == 10
    assert np.array_equal(halves[0].words, halves[1].words)


def test_too_few_documents_are_refused():
    one = [Document(("a b",), 0, 1)]
    texts = prepare({"train": one, "valid": one, "test": one}, ("a",), str.split, longest=5)
    with pytest.raises(DataError, match="tiny has 1 documents to train on: too few for two halves"):
        halves_of(texts, "tiny", None)


# --- the recipe ------------------------------------------------------------------------------------------------------


def test_the_full_recipe_is_that_of_the_official_search():
    wanted = {"epochs": 150, "channels": 32, "longest": 32, "batch": 128, "weight_decay": 2e-5, "epsilon": 1e-3,
              "dropout_convolution": 0.2, "dropout_final": 0.0}  # fmt: skip
    assert {name: getattr(SHARED_FULL, name) for name in wanted} == wanted
    assert SHARED_FULL.sources["epochs"] == "TextNAS code, sst_macro_search_multi.sh"
    assert "measured_documents" not in SHARED_FULL.sources
    assert shared_protocol_for(FULL).hash == SHARED_FULL.hash


def test_the_learning_rate_begins_again_after_10_20_and_40_epochs():
    rates = [SHARED_FULL.rate_in(epoch) for epoch in range(1, 151)]
    assert [epoch for epoch, rate in enumerate(rates, start=1) if rate == 5e-3] == [1, 11, 31, 71]
    assert rates[5] == pytest.approx((5e-3 + 1e-4) / 2)
    assert min(rates) > 1e-4
    mini = [SHARED_MINI.rate_in(epoch) for epoch in range(1, SHARED_MINI.epochs + 1)]
    assert mini == sorted(mini, reverse=True)


def test_a_miniature_keeps_the_sizes_of_its_trainer_and_reads_twice_the_documents():
    changed = shared_protocol_for(replace(MINI, channels=8, train_documents=100))
    assert (changed.channels, changed.train_documents, changed.name) == (8, 200, "mini")
    long_texts = shared_protocol_for(classification_protocol("full", "yelp2"))
    assert (long_texts.longest, long_texts.vocabulary, long_texts.batch) == (256, 200_000, 128)


@pytest.mark.parametrize("change", [{"restart": -1}, {"recalibration": 0}, {"measured_documents": 1}])
def test_a_recipe_that_cannot_be_is_refused(change):
    with pytest.raises(InvalidSetting, match=f"{next(iter(change))} of protocol 'mini' must be at least"):
        replace(SHARED_TINY, **change)


def test_tasks_that_cannot_be_are_refused():
    with pytest.raises(NotSupported, match="'rnn' is no text space"):
        shared_text_task(load_space("rnn"), "bbcnews", "mini")
    with pytest.raises(UnknownName, match="did you mean 'bbcnews'"):
        shared_text_task(SPACE, "bbcnew", "mini")
    with pytest.raises(InvalidSetting, match="for all architectures"):
        task_in("nowhere").start(FIRST, seed=0, compute=Compute())


def test_the_training_task_of_a_trainer_is_that_of_its_shared_weights(folder):
    task = classification_task(SPACE, "agnews", "mini", folder).training_task(Machine("cpu"))
    assert task.protocol == shared_protocol_for(MINI)
    assert set(task.halves().splits) == {"train", "valid"}


# --- training and measuring ------------------------------------------------------------------------------------------


def test_a_batch_changes_only_what_its_architecture_uses(training):
    before = {name: values.clone() for name, values in training.model.state_dict().items()}
    training.start_epoch(1)
    assert training.learn(FIRST) is not None
    genotype = SPACE.genotype(FIRST)
    changed = {
        name
        for name, values in training.model.named_parameters()
        if not torch.equal(values, before[name]) and ".operators." in name
    }
    layers = {(int(name.split(".")[3]), name.split(".")[4]) for name in changed}
    with_weights = {
        (number, layer.operator) for number, layer in enumerate(genotype.layers) if not layer.operator.endswith("pool")
    }
    assert layers == with_weights


def test_an_architecture_measures_the_same_whatever_came_before(training):
    training.start_epoch(1)
    while training.step() is not None:
        pass
    first, second = training.measure(FIRST), training.measure(SECOND)
    drawn = torch.get_rng_state()
    assert training.measure(FIRST) == first
    assert torch.equal(torch.get_rng_state(), drawn)
    training.evaluate("valid")
    assert training.measure(SECOND) == second
    assert training.evaluate("test") == {}


def test_what_an_architecture_is_normalised_by_is_the_mean_over_the_reference_batches(training):
    training.measure(FIRST)
    norm = next(each for each in training.model.modules() if isinstance(each, MaskedBatchNorm))
    projection = training.model.encoder.supernet.initial.projection
    means = []
    with torch.no_grad():
        for words, mask in training._reference:
            values = projection(training.model.embedding(words)) * mask.unsqueeze(2)
            means.append(values.flatten(0, 1).mean(0))
    assert len(means) == 2
    torch.testing.assert_close(norm.running_mean, torch.stack(means).mean(0))
    assert {each.momentum for each in training._normalisations} == {0.1}
    assert not training.model.training


def test_what_is_measured_is_the_network_by_itself(training):
    training.start_epoch(1)
    while training.step() is not None:
        pass
    value = training.measure(FIRST)["shared_accuracy"]
    network = training.model.encoder.supernet.network(SPACE.genotype(FIRST))
    right = 0
    held_back = training._texts.splits["valid"]
    with torch.no_grad():
        for batch in held_back.in_order(7):
            words, mask, labels = (torch.from_numpy(array) for array in batch)
            logits = training.model.head(network(training.model.embedding(words), mask))
            right += int((logits.argmax(1) == labels).sum())
    assert 100 * right / len(held_back.labels) == pytest.approx(value)


def test_pairs_of_texts_share_weights_too(folder):
    write_as_snli(folder, train=60)
    training = task_in(folder, dataset="snli").start(None, seed=0, compute=Compute())
    training.start_epoch(1)
    assert training.step() is not None
    assert 0 <= training.measure(FIRST)["shared_accuracy"] <= 100
