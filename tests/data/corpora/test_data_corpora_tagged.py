from pathlib import Path

import pytest

from ganas.data.corpora.tagged import (
    TAGGED_CORPORA,
    TaggedFiles,
    TaggedSource,
    load_tagged,
    missing_tagged,
    read_corpus,
    tagged_source,
)
from ganas.data.corpora.tagged_files import TaggedSentence, read_tagged
from ganas.spaces.errors import DataError, UnknownName

SHARED = Path(__file__).parents[4] / "shared" / "data" / "wnut17"

THREE = TaggedFiles({"train": "a.train", "valid": "a.dev", "test": "a.test"}, "IOB2", 2, "\t")
TWO = TaggedFiles({"train": "b.train", "test": "b.test"}, "IOB1", 3)


def source(*files, **counts):
    return TaggedSource("tiny", "Tiny", "https://example.org/tiny", files, counts, {}, "its page", 1)


def write(folder, **contents):
    for name, text in contents.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")


def test_sentences_are_between_empty_lines_and_documents(tmp_path):
    write(tmp_path, x_txt="\n-DOCSTART- -X- O O\n\nEU NNP I-NP I-ORG\nrejects VBZ I-VP O\n\n\nPeter NNP I-NP I-PER\n")
    assert read_tagged(tmp_path / "x.txt", "IOB1", columns=4) == [
        TaggedSentence(("EU", "rejects"), ("I-ORG", "O")),
        TaggedSentence(("Peter",), ("I-PER",)),
    ]


def test_words_may_have_any_sign_of_unicode(tmp_path):
    # A no-break space, a line separator, and the end of a line of Windows.
    (tmp_path / "x.txt").write_bytes("\ufeffé\u00a0x\tO\r\na\u2028b\tB-person\r\n\t\t\r\nz\tO".encode())
    assert read_tagged(tmp_path / "x.txt", "IOB2", columns=2, separator="\t") == [
        TaggedSentence(("é\u00a0x", "a\u2028b"), ("O", "B-person")),
        TaggedSentence(("z",), ("O",)),
    ]


def test_broken_tags_are_named_with_their_line(tmp_path):
    write(tmp_path, x_txt="a\tO\n\nb\tB-NP\nc\tI-VP\n")
    with pytest.raises(DataError, match=r"x\.txt, line 4, breaks IOB2: 'I-VP' must follow B-VP or I-VP"):
        read_tagged(tmp_path / "x.txt", "IOB2", columns=2, separator="\t")
    read = read_tagged(tmp_path / "x.txt", "IOB2", columns=2, separator="\t", strict=False)
    assert read[1].tags == ("B-NP", "I-VP")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a O\nb", r"x, line 2: 2 columns are wanted, and there are 1"),
        (b"a O\nb NN O", r"x, line 2: 2 columns are wanted, and there are 3"),
        (b"a O\n O", r"x, line 2: 2 columns are wanted, and there are 2, one of them empty"),
        (b"a O\n\xe9t\xe9 O", r"x, line 2, is not UTF-8: convert the file, or get it again"),
        (b"", r"x has no sentence"),
        (b"\n-DOCSTART- O\n\n", r"x has no sentence"),
    ],
)
def test_damaged_files_are_one_line(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_tagged(tmp_path / "x", "IOB2", columns=2)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*: Is a directory"):
        read_tagged(tmp_path, "IOB2", columns=2)


def test_a_corpus_in_three_files(tmp_path):
    write(tmp_path, a_train="a\tB-x\n\nb\tO\n", a_dev="a\tO\n", a_test="a\tB-y-z\nb\tI-y-z\n")
    corpus = read_corpus(source(THREE, train=2, test=1), tmp_path)
    assert corpus.kinds == ("x", "y-z")
    assert {split: len(sentences) for split, sentences in corpus.splits.items()} == {"train": 2, "valid": 1, "test": 1}
    assert corpus.converted("IOBES").splits["test"][0].tags == ("B-y-z", "E-y-z")


def test_without_a_validation_file_the_last_tenth_of_training_stands_for_it(tmp_path):
    lines = "".join(f"w{number} N {'I-x' if number else 'O'}\n\n" for number in range(25))
    write(tmp_path, b_train=lines, b_test="a N O\n")
    corpus = read_corpus(source(THREE, TWO), tmp_path)
    assert [each.words[0] for each in corpus.splits["valid"]] == ["w23", "w24"]
    assert len(corpus.splits["train"]) == 23
    write(tmp_path, b_train="a N O\n\nb N I-x\n")
    with pytest.raises(DataError, match=r"tiny in .* has too few sentences to hold some out for validation"):
        read_corpus(source(TWO), tmp_path)


def test_missing_files_are_named_with_the_place_to_put_them(tmp_path):
    write(tmp_path, a_train="a\tB-x\n", a_dev="a\tO\n")
    with pytest.raises(DataError) as caught:
        read_corpus(source(TWO, THREE), tmp_path)
    assert str(caught.value) == (
        f"tiny needs b.train and b.test, or a.train, a.dev and a.test in {tmp_path}: a.test is missing; "
        "the files come from https://example.org/tiny"
    )
    assert missing_tagged(source(TWO, THREE), tmp_path) == str(caught.value)
    assert "there is no such folder" in str(missing_tagged(source(TWO), tmp_path / "x"))
    write(tmp_path, a_test="a\tO\n")
    assert missing_tagged(source(TWO, THREE), tmp_path) is None


def test_another_count_than_the_published_one_is_refused(tmp_path):
    write(tmp_path, a_train="a\tB-x\n", a_dev="a\tO\n", a_test="a\tO\n")
    with pytest.raises(DataError, match=r"a\.dev has 1 sentences and should have 2 \(says its page\): it is cut off"):
        read_corpus(source(THREE, train=1, valid=2, test=1), tmp_path)


def test_a_corpus_without_spans_is_refused(tmp_path):
    write(tmp_path, a_train="a\tO\n", a_dev="a\tO\n", a_test="a\tO\n")
    with pytest.raises(DataError, match="has no span: every tag is O"):
        read_corpus(source(THREE), tmp_path)


def test_unknown_corpora_are_named():
    with pytest.raises(UnknownName, match=r"unknown corpus for tagging 'conll2002'.*did you mean 'conll2003'"):
        tagged_source("conll2002")
    assert list(TAGGED_CORPORA) == ["conll2000", "conll2003", "wnut17"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the files of WNUT-17 are not there")
def test_the_real_wnut17_is_read():
    corpus = load_tagged("wnut17", SHARED)
    assert {split: len(sentences) for split, sentences in corpus.splits.items()} == {
        "train": 3394,
        "valid": 1009,
        "test": 1287,
    }
    assert corpus.kinds == ("corporation", "creative-work", "group", "location", "person", "product")
    assert corpus.splits["train"][0].words[:3] == ("@paulwalk", "It", "'s")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the files of WNUT-17 are not there")
def test_a_cut_off_wnut17_is_found(tmp_path):
    for file in SHARED.glob("*.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    dev = tmp_path / "emerging.dev.conll"
    dev.write_bytes(dev.read_bytes()[:50_000])
    with pytest.raises(DataError, match=r"emerging\.dev\.conll"):
        load_tagged("wnut17", tmp_path)
