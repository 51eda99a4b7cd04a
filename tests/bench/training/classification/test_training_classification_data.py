"""Documents as numbers: vocabulary, cut and empty documents, parts, batches, pretrained vectors, protocols."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from ganas.bench.training.classification.prepared import (
    PADDING_ROW,
    UNKNOWN_ROW,
    prepare,
)
from ganas.bench.training.classification.protocol import FULL, MINI, classification_protocol
from ganas.bench.training.classification.texts import CLASSIFICATION_DATASETS, ClassifiedText
from ganas.bench.training.word_vectors import WordVectors, missing_vectors
from ganas.data.corpora.classified_files import Document
from ganas.data.corpora.standard_files import SPLITS
from ganas.spaces.errors import DataError, InvalidSetting, UnknownName
from tests.bench.training.classification.text_corpus import (
    tiny_texts,
    without_counts,
    write_as_agnews,
    write_as_snli,
)


def split_of(*texts, labels=None):
    return [Document((text,), label, 1) for text, label in zip(texts, labels or [0] * len(texts), strict=True)]


def prepared(train, valid=("a",), test=("a",), **options):
    splits = dict(zip(SPLITS, (split_of(*train), split_of(*valid), split_of(*test)), strict=True))
    return prepare(splits, ("x", "y"), str.split, **{"longest": 9, **options})


def words(texts, split):
    names = {PADDING_ROW: "<pad>", UNKNOWN_ROW: "<unk>"} | dict(enumerate(texts.words, start=2))
    encoded = texts.splits[split]
    return [
        [names[row] for row in encoded.words[start:stop].tolist()]
        for start, stop in zip(encoded.starts, encoded.starts[1:], strict=False)
    ]


def test_words_are_ordered_by_how_often_training_has_them():
    texts = prepared(["b a b", "b c a"], ["c d"])
    assert texts.words == ("b", "a", "c")
    assert texts.num_rows == 5
    assert words(texts, "train") == [["b", "a", "b"], ["b", "c", "a"]]
    assert words(texts, "valid") == [["c", "<unk>"]]


def test_rare_words_are_unknown():
    assert prepared(["b a b", "b c a"], least_count=2).words == ("b", "a")
    assert words(prepared(["b a b", "b c a"], vocabulary=1), "train") == [["b", "<unk>", "b"], ["b", "<unk>", "<unk>"]]


def test_long_documents_are_cut_and_counted():
    texts = prepared(["a b c d", "a b", "a b c"], ["a b c d e"], longest=3)
    assert words(texts, "train") == [["a", "b", "c"], ["a", "b"], ["a", "b", "c"]]
    assert texts.facts()["truncated_documents"] == {"train": 1, "valid": 1, "test": 0}
    assert texts.truncated_percent == 100 * 2 / 5
    assert "d" not in texts.words


def test_empty_documents_are_one_unknown_word_and_counted():
    texts = prepared(["a", "", " "], ["a"])
    assert words(texts, "train") == [["a"], ["<unk>"], ["<unk>"]]
    assert texts.facts()["empty_documents"] == {"train": 2, "valid": 0, "test": 0}


def test_pretrained_words_are_known_wherever_they_are():
    def find(asked):
        assert asked == ["a", "b", "c", "d"]
        return WordVectors(("b", "d"), np.array([[1, 2], [3, 4]], dtype=np.float32), len(asked))

    texts = prepared(["a a b"], ["c d"], least_count=2, find_vectors=find)
    assert texts.words == ("a", "b", "d")
    assert texts.vector_rows.tolist() == [3, 4]
    assert texts.vectors.coverage == 0.5
    small = prepared(["a a b"], ["c d"], vocabulary=2, find_vectors=find)
    assert (small.words, small.vectors.words, small.vector_rows.tolist()) == (("a", "b"), ("b",), [3])
    assert small.vectors.values.tolist() == [[1, 2]]
    assert small.digest() != texts.digest()


def test_a_batch_is_padded_to_its_longest_document():
    texts = prepared(["a b c", "b", "c a"])
    batch = texts.splits["train"].batch(np.array([1, 2]))
    a, b, c = (texts.words.index(word) + 2 for word in "abc")
    assert batch.words.tolist() == [[b, PADDING_ROW], [c, a]]
    assert batch.mask.tolist() == [[True, False], [True, True]]
    assert batch.labels.dtype == batch.words.dtype == np.int64


def test_of_pairs_the_first_texts_come_first():
    pairs = [Document(("a b", "c"), 0, 1), Document(("b", "a b c"), 1, 2)]
    texts = prepare(dict.fromkeys(SPLITS, pairs), ("x", "y"), str.split, longest=9)
    assert texts.texts == 2
    assert texts.splits["train"].lengths.tolist() == [2, 3]
    batch = texts.splits["train"].batch(np.array([1, 0]))
    a, b, c = (texts.words.index(word) + 2 for word in "abc")
    assert batch.words.tolist() == [[b, 0, 0], [a, b, 0], [a, b, c], [c, 0, 0]]
    assert batch.labels.tolist() == [1, 0]


def test_batches_in_order_hold_every_document_once():
    texts = tiny_texts()
    batches = list(texts.splits["train"].in_order(16))
    assert sum(len(batch.labels) for batch in batches) == 120
    widths = [batch.words.shape[1] for batch in batches]
    assert widths == sorted(widths)
    padding = sum((~batch.mask).sum() for batch in batches) / sum(batch.mask.size for batch in batches)
    assert padding < 0.1


def test_a_longer_document_becomes_passages():
    texts = prepared(["a b c d e", "a b", "a b c d e f g"], ["a b c d"], longest=3, passages=True)
    # A rest of one word is left out, and its document counted as cut.
    assert words(texts, "train") == [["a", "b", "c"], ["d", "e"], ["a", "b"], ["a", "b", "c"], ["d", "e", "f"]]
    assert texts.splits["train"].labels.tolist() == [0] * 5
    assert texts.facts()["truncated_documents"]["train"] == 1
    pairs = {split: [Document(("a b c d e", "a"), 0, 1)] for split in SPLITS}
    kept = prepare(pairs, ("x", "y"), str.split, longest=3, passages=True)
    assert kept.facts()["truncated_documents"]["train"] == len(kept.splits["train"].labels) == 1


def test_a_part_is_drawn_once_and_all_documents_are_gone_through():
    seen = []

    def all_of_them():
        for number in range(500):
            seen.append(number)
            yield Document((str(number),), number % 2, number)

    def part(count):
        texts = prepare(
            {"train": all_of_them(), "valid": split_of("a"), "test": split_of("a")},
            ("x", "y"),
            str.split,
            longest=9,
            limits={"train": count, "valid": None},
        )
        return [int(word) for (word,) in words(texts, "train")]

    drawn = part(50)
    assert len(seen) == 500
    assert drawn == sorted(set(drawn)) == part(50) and len(drawn) == 50
    assert 150 < np.mean(drawn) < 350 and max(drawn) > 400
    assert len(part(None)) == len(part(900)) == 500


def test_the_digest_is_of_everything():
    digests = {
        prepared(["a b", "b"]).digest(),
        prepared(["a b", "c"]).digest(),
        prepared(["a b b"]).digest(),
        prepared(["a b", "b"], ["b"]).digest(),
    }
    assert len(digests) == 4
    assert prepared(["a b", "b"]).digest() in digests


def test_large_streams_are_renumbered_piece_by_piece(monkeypatch):
    whole = tiny_texts().digest()
    monkeypatch.setattr("ganas.bench.training.classification.prepared._PIECE", 7)
    assert tiny_texts().digest() == whole


# --- what is read ----------------------------------------------------------------------------------------------------


def test_a_protocol_reads_part_of_a_data_set(tmp_path, monkeypatch):
    without_counts(monkeypatch)
    write_as_agnews(tmp_path)
    text = ClassifiedText("agnews", tmp_path)
    whole = text.read(replace(MINI, least_count=1, longest=9))
    assert whole.facts()["documents"] == {"train": 120, "valid": 40, "test": 30}
    assert {"robot", "and", "more"} <= set(whole.words)
    part = text.read(replace(MINI, train_documents=20, valid_documents=10, test_documents=9))
    assert part.facts()["documents"] == {"train": 20, "valid": 10, "test": 9}
    assert part.digest() != whole.digest()


def test_pairs_without_class_are_counted(tmp_path, monkeypatch):
    without_counts(monkeypatch)
    write_as_snli(tmp_path, train=30, held_out=10)
    texts = ClassifiedText("snli", tmp_path).read(MINI)
    assert texts.texts == 2
    assert texts.facts()["documents_without_class"] == {"train": 1, "valid": 1, "test": 1}
    assert texts.facts()["documents"] == {"train": 29, "valid": 9, "test": 9}


def test_what_is_missing_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    text = ClassifiedText("sst5")
    assert str(tmp_path / "home" / "corpora" / "sst5") in str(text.missing(MINI))
    with pytest.raises(DataError, match=r"sst5 needs train\.txt, dev\.txt and test\.txt"):
        text.read(MINI)
    with pytest.raises(UnknownName, match="did you mean 'sst2'"):
        ClassifiedText("sst-2")


def test_pretrained_vectors_are_asked_for_and_of_the_right_width(tmp_path, monkeypatch):
    without_counts(monkeypatch)
    write_as_agnews(tmp_path)
    text = ClassifiedText("agnews", tmp_path, vectors=tmp_path)
    protocol = replace(MINI, vectors="glove.txt", word_width=3, least_count=1)
    path = tmp_path / "glove.txt"
    assert text.missing(protocol) == missing_vectors(path, "mini", 3)
    with pytest.raises(DataError, match="protocol mini reads pretrained vectors of 3 numbers from"):
        text.read(protocol)
    path.write_text("robot 1 2 3 4\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 1: vectors of 3 numbers are wanted, and there are 4"):
        text.read(protocol)
    path.write_text("robot 1 2 3\nnowhere 4 5 6\n", encoding="utf-8")
    assert text.missing(protocol) is None
    texts = text.read(protocol)
    assert texts.vectors.words == ("robot",)
    assert texts.words[texts.vector_rows[0] - 2] == "robot"


# --- protocols -------------------------------------------------------------------------------------------------------


def test_protocols_say_where_their_values_come_from():
    sources = {item.field: item.source for item in FULL.values}
    assert sources["learning_rate"] == "TextNAS code, eval_arc_sst5.sh and eval_arc_sst2.sh"
    assert sources["parts"] == sources["rollbacks"] == "ours"
    assert {item.field for item in FULL.values if item.source == "ours"} == {"rollbacks", "parts"}
    binary = {item.field: item.source for item in classification_protocol("full", "sst2").values}
    assert binary["batch"] == binary["last_learning_rate"] == "TextNAS code, eval_arc_sst2.sh"
    other = {item.field: item.source for item in classification_protocol("full", "yahoo").values}
    assert other["longest"] == other["vocabulary"] == "ours"
    assert "vocabulary" in {item.field for item in MINI.values if item.source == "ours"}
    assert "miniature" in MINI.title
    assert pickle.loads(pickle.dumps(MINI)) == MINI


def test_each_data_set_has_both_protocols():
    labels = {classification_protocol("full", dataset).title for dataset in CLASSIFICATION_DATASETS}
    assert len(labels) == len(CLASSIFICATION_DATASETS)
    assert all(classification_protocol("mini", dataset) is MINI for dataset in CLASSIFICATION_DATASETS)
    with pytest.raises(UnknownName, match="unknown protocol 'half'"):
        classification_protocol("half", "sst2")


def test_learning_rates_lie_on_half_a_cosine():
    rates = [FULL.rate_in(epoch) for epoch in range(1, FULL.epochs + 1)]
    assert rates[0] == 2e-3
    assert rates[5] == pytest.approx((2e-3 + 2e-4) / 2)
    assert rates == sorted(rates, reverse=True) and rates[-1] > 2e-4


@pytest.mark.parametrize(
    "changes",
    [
        {"channels": 0},
        {"dropout_final": 1.0},
        {"learning_rate": 0.0},
        {"clip": -1.0},
        {"vocabulary": 1},
        {"train_documents": 1},
        {"longest": 0},
        {"parts": 0},
    ],
)
def test_values_out_of_range_are_refused(changes):
    (name,) = changes
    with pytest.raises(InvalidSetting, match=f"^{name} of protocol 'mini' must be"):
        replace(MINI, **changes)
