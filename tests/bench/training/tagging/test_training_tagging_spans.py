"""Span scores against seqeval: live where it is installed, and always against what seqeval 1.2.2 answered."""

import hashlib
import importlib
import json
import warnings

import numpy as np
import pytest

from ganas.bench.training.tagging.span_scores import SpanCounts, score_spans, score_tags
from ganas.data.corpora.tag_schemes import Span, spans_of_tags
from ganas.spaces.errors import InvalidSetting

KINDS = ("person", "creative-work", "NP")
ALPHABETS = {
    "IOB": ["O", *(f"{letter}-{kind}" for letter in "BI" for kind in KINDS)],
    "IOBES": ["O", *(f"{letter}-{kind}" for letter in "BIES" for kind in KINDS)],
    # Words outside spans are the rule in a corpus.
    "sparse": ["O"] * 8 + [f"{letter}-{kind}" for letter in "BIES" for kind in KINDS],
    "bare": ["O", "B", "I", "E", "S"],
}

# SHA-256 of what seqeval 1.2.2 answers to the sequences below, as `recorded` writes it.
ENTITIES = {
    "IOB": "1c692766303b769c0ad0ce26d66cf493de4115e2837b8b082664e5d466cbaee8",
    "IOBES": "a079b0845d8b034806b1c32d9d40f65ac996ce5956501280e1accbd70dadb794",
    "sparse": "8e7182a9594718f99f06654c5aa9a7149bd0524221aa279a936ebacf2af4a1e7",
    "bare": "b6c90c5bfbc48524743129a87649f14b76dbff7cccd9c6a7abcb6865ecea1e6b",
}
REPORTS = {
    "IOB": "140597e1f99050731485355a783130b492ea5ac8e6b79a34a1335971b5dd9ab6",
    "IOBES": "d9622d93f105834ec171b1856fccaba19e432665f4694c4c7588646e0f62ff2e",
    "sparse": "2725f54b77177aea2163751a065c412a262e274b48f20b03bd8d6dd394935c52",
}


def sequences(alphabet, count, seed):
    """Random sequences of tags, most of them broken, drawn from raw bits that no version of numpy draws otherwise."""
    bits = np.random.PCG64(seed)
    drawn = []
    for _ in range(count):
        length = bits.random_raw() % 13
        drawn.append([alphabet[bits.random_raw() % len(alphabet)] for _ in range(length)])
    return drawn


def pairs(alphabet, count, seed):
    """Small corpora and predictions, alike enough to have spans in common."""
    bits = np.random.PCG64(seed)
    for corpus in range(count):
        gold = sequences(alphabet, 1 + corpus % 7, seed + 1000 * corpus)
        predicted = [
            [tag if bits.random_raw() % 4 else alphabet[bits.random_raw() % len(alphabet)] for tag in tags]
            for tags in gold
        ]
        yield gold, predicted


def recorded(answers):
    return hashlib.sha256(json.dumps(answers).encode()).hexdigest()


def our_entities(alphabet):
    return [[list(span) for span in spans_of_tags(tags)] for tags in sequences(alphabet, 3000, 7)]


def our_report(gold, predicted):
    scores = score_tags(gold, predicted)
    rows = {**scores.kinds, "micro avg": scores.micro}
    return {
        name: [round(value, 12) for value in (row.precision, row.recall, row.f1)] + [row.gold]
        for name, row in rows.items()
    }


def seqeval_entities(alphabet):
    get_entities = importlib.import_module("seqeval.metrics.sequence_labeling").get_entities

    return [
        [[kind, int(start), int(end) + 1] for kind, start, end in get_entities(tags)]
        for tags in sequences(alphabet, 3000, 7)
    ]


def seqeval_report(gold, predicted):
    classification_report = importlib.import_module("seqeval.metrics").classification_report

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a ratio of nothing, which is 0
        report = classification_report(gold, predicted, output_dict=True)
    return {
        name: [round(float(row[column]), 12) for column in ("precision", "recall", "f1-score")] + [int(row["support"])]
        for name, row in report.items()
        if name not in ("macro avg", "weighted avg")
    }


def with_spans(alphabet):
    """Pairs of which seqeval can make a report: it cannot without any span."""
    for gold, predicted in pairs(alphabet, 400, 11):
        if any(tag != "O" for tags in (*gold, *predicted) for tag in tags):
            yield gold, predicted


@pytest.mark.parametrize("name", ALPHABETS)
def test_spans_are_those_that_seqeval_answered(name):
    assert recorded(our_entities(ALPHABETS[name])) == ENTITIES[name]


@pytest.mark.parametrize("name", REPORTS)
def test_scores_are_those_that_seqeval_answered(name):
    assert recorded([our_report(*pair) for pair in with_spans(ALPHABETS[name])]) == REPORTS[name]


@pytest.mark.parametrize("name", ALPHABETS)
def test_spans_are_those_of_the_installed_seqeval(name):
    pytest.importorskip("seqeval", reason="seqeval is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = seqeval_entities(ALPHABETS[name])
    assert our_entities(ALPHABETS[name]) == expected


@pytest.mark.parametrize("name", REPORTS)
def test_scores_are_those_of_the_installed_seqeval(name):
    pytest.importorskip("seqeval", reason="seqeval is not installed")
    for gold, predicted in with_spans(ALPHABETS[name]):
        assert our_report(gold, predicted) == seqeval_report(gold, predicted)


def test_a_span_is_right_only_as_a_whole_and_of_its_kind():
    gold = [["B-NP", "I-NP", "O", "B-VP"]]
    assert score_tags(gold, gold).micro == SpanCounts(2, 2, 2)
    assert score_tags(gold, [["B-NP", "O", "O", "B-VP"]]).micro == SpanCounts(1, 2, 2)
    other_kind = score_tags(gold, [["B-NP", "I-NP", "O", "B-NP"]])
    assert other_kind.micro == SpanCounts(1, 2, 2)
    assert other_kind.kinds == {"NP": SpanCounts(1, 2, 1), "VP": SpanCounts(0, 0, 1)}
    assert other_kind.kinds["VP"].precision == other_kind.kinds["VP"].f1 == 0.0


def test_the_same_words_of_two_sentences_are_two_spans():
    gold = [[Span("NP", 0, 1)], []]
    assert score_spans(gold, [[], [Span("NP", 0, 1)]]).micro == SpanCounts(0, 1, 1)


def test_nothing_to_find_scores_nothing():
    assert score_tags([["O"]], [["O"]]).micro.f1 == 0.0


def test_predictions_must_fit():
    with pytest.raises(InvalidSetting, match="2 sentences cannot be compared with 1"):
        score_tags([["O"], ["O"]], [["O"]])
    with pytest.raises(InvalidSetting, match="sentence 2 has 1 words and 2 predicted tags"):
        score_tags([["O"], ["O"]], [["O"], ["O", "O"]])
