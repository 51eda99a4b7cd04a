"""Files of texts with a class each: what they say, and one clear line about what is wrong with them."""

import csv
import json

import pytest

from ganas.data.corpora.classified_files import (
    Document,
    read_json_lines,
    read_quoted_table,
    read_tab_table,
    read_trees,
)
from ganas.spaces.errors import DataError

HEADER = "sentence\tlabel"
SENTIMENTS = (0, 0, None, 1, 1)


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
    (tmp_path / "a.tsv").write_text(f"{HEADER}\nfine film \t1\ndull\t0\n", encoding="utf-8")
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
