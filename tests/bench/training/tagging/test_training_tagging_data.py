"""Pretrained vectors, and corpora as numbers."""

import numpy as np
import pytest

from ganas.bench.training.length_batches import batch_order
from ganas.bench.training.tagging.prepared import UNKNOWN_ROW, prepare, wanted_forms
from ganas.bench.training.word_vectors import read_vectors
from ganas.data.corpora.tagged import TaggedCorpus
from ganas.data.corpora.tagged_files import TaggedSentence
from ganas.spaces.errors import DataError, InvalidSetting
from tests.bench.training.tagging.tagging_corpus import tiny_corpus, tiny_prepared

GLOVE = "the 0.1 0.2\nyork -1 2e-1\n. . 3 4\nthe 9 9\nbob 5 6\n"


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_vectors_of_the_words_that_are_asked_for(tmp_path):
    read = read_vectors(write(tmp_path / "v", GLOVE), ["york", "the", "nowhere", ". .", "york"], 2)
    assert read.words == ("york", "the", ". .")
    assert np.allclose(read.values, [[-1, 0.2], [0.1, 0.2], [3, 4]])
    assert read.coverage == 3 / 4
    assert str(read) == "3 of 4 words (75.0%) have a vector"


def test_a_first_line_of_counts_is_passed_over(tmp_path):
    assert read_vectors(write(tmp_path / "v", "5 2\n" + GLOVE), ["the"], 2).words == ("the",)
    with pytest.raises(DataError, match="says that its vectors have 300 numbers, and 2 are wanted"):
        read_vectors(write(tmp_path / "v", "5 300\n" + GLOVE), ["the"], 2)


@pytest.mark.parametrize(
    ("content", "width", "message"),
    [
        (GLOVE, 3, r"v, line 1: vectors of 3 numbers are wanted, and there are 2"),
        (GLOVE, 1, r"v, line 1: vectors of 1 numbers are wanted, and there are 2"),
        (GLOVE + "cut 1", 2, r"v, line 6: vectors of 2 numbers are wanted, and there are 1"),
        ("a 1 2\nthe 1 x\n", 2, r"v, line 2: a vector has something else than finite numbers"),
        ("a 1 2\nthe 1 nan\n", 2, r"v, line 2: a vector has something else"),
        ("", 2, r"v has a vector for none of the 1 words"),
        (b"\xff\xfe 1 2\n", 2, r"v has a vector for none of the 1 words"),
    ],
)
def test_unfit_vectors_are_one_line(tmp_path, content, width, message):
    with pytest.raises(DataError, match=message) as caught:
        read_vectors(write(tmp_path / "v", content), ["the"], width)
    assert "\n" not in str(caught.value)


def test_missing_vectors_and_empty_questions(tmp_path):
    with pytest.raises(DataError, match=r"cannot read the word vectors .*: No such file"):
        read_vectors(tmp_path / "none", ["the"], 2)
    with pytest.raises(InvalidSetting, match="not 0 and 2"):
        read_vectors(tmp_path / "none", [], 2)


def test_types_rows_characters_and_tags():
    splits = {
        "train": (TaggedSentence(("The", "the", "Bobby"), ("O", "O", "B-x")), TaggedSentence(("cat",), ("O",))),
        "valid": (TaggedSentence(("THE", "dog"), ("O", "B-x")),),
        "test": (TaggedSentence(("Bob\u00e9",), ("B-x",)),),
    }
    corpus = prepare(TaggedCorpus("c", "IOB2", ("x",), splits), "IOBES", longest_word=4)
    assert corpus.types == ("Bobby", "Bob\u00e9", "THE", "The", "cat", "dog", "the")
    row = dict(zip(corpus.types, corpus.rows.tolist(), strict=True))
    assert row["The"] == row["the"] == row["THE"] != UNKNOWN_ROW
    assert row["dog"] == row["Bob\u00e9"] == UNKNOWN_ROW  # training does not have them
    assert corpus.num_rows == 1 + len({"the", "bobby", "cat"})
    assert {word for word, rare in zip(corpus.types, corpus.rare, strict=True) if rare} == {"Bobby", "cat"}
    spelled = dict(zip(corpus.types, corpus.characters.tolist(), strict=True))
    assert spelled["Bobby"][:3] == spelled["Bob\u00e9"][:3] and len(spelled["Bobby"]) == 4
    assert spelled["Bob\u00e9"][3] == 1 and spelled["cat"][3] == 0  # unknown; padding
    assert [corpus.tags[tag] for tag in corpus.targets["train"][0]] == ["O", "O", "S-x"]
    assert corpus.num_words("train") == 4


def test_pretrained_rows_come_first_and_know_words_of_all_splits(tmp_path):
    corpus = tiny_corpus()
    extra = {**corpus.splits, "test": (TaggedSentence(("Paris",), ("B-place",)),)}
    corpus = TaggedCorpus("c", "IOB2", corpus.kinds, extra)
    vectors = read_vectors(write(tmp_path / "v", "paris 1 2\nann 3 4\n"), wanted_forms(corpus), 2)
    prepared = prepare(corpus, "IOB2", longest_word=6, vectors=vectors)
    row = dict(zip(prepared.types, prepared.rows.tolist(), strict=True))
    assert [vectors.words[row[word] - 1] for word in ("Ann", "Paris")] == ["ann", "paris"]
    assert row["Bob"] > len(vectors.words)


def test_limits_take_the_beginning_of_a_split():
    whole, part = tiny_prepared(), tiny_prepared(limits={"train": 5, "valid": 100})
    assert [len(part.sentences[split]) for split in ("train", "valid", "test")] == [5, 12, 9]
    assert whole.digest() != part.digest() == tiny_prepared(limits={"train": 5}).digest()


def test_a_batch_is_padded_at_its_end():
    corpus = tiny_prepared()
    members = np.array([3, 0, 7])
    batch = corpus.batch("train", members)
    for row, member in enumerate(members):
        length = len(corpus.sentences["train"][member])
        assert batch.mask[row].tolist() == [True] * length + [False] * (batch.mask.shape[1] - length)
        assert batch.types[row, :length].tolist() == corpus.sentences["train"][member].tolist()
        assert batch.tags[row, :length].tolist() == corpus.targets["train"][member].tolist()


def test_every_sentence_is_in_one_batch_with_others_of_its_length():
    lengths = np.random.default_rng(0).integers(1, 60, size=1003)
    batches = batch_order(lengths, 32, rng=np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(1003))
    assert max(map(len, batches)) == 32
    padded = sum(len(each) * lengths[each].max() for each in batches)
    assert padded < 1.2 * lengths.sum()
    again = batch_order(lengths, 32, rng=np.random.default_rng(1))
    assert all(np.array_equal(one, other) for one, other in zip(batches, again, strict=True))
    assert not np.array_equal(batches[0], batch_order(lengths, 32, rng=np.random.default_rng(2))[0])
