import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganas.data.corpora.tag_schemes import (
    SCHEMES,
    Span,
    all_tags,
    convert_tags,
    first_break,
    may_follow,
    spans_of_tags,
    tags_of_spans,
)
from ganas.spaces.errors import DataError, InvalidSetting

LENGTH = 8


@st.composite
def any_spans(draw):
    cuts = sorted(draw(st.sets(st.integers(0, LENGTH), max_size=LENGTH + 1)))
    pieces = [(start, stop) for start, stop in itertools.pairwise(cuts) if draw(st.booleans())]
    return [Span(draw(st.sampled_from(["NP", "creative-work"])), start, stop) for start, stop in pieces]


@given(any_spans(), st.sampled_from(SCHEMES))
def test_spans_survive_every_scheme(spans, scheme):
    tags = tags_of_spans(spans, LENGTH, scheme)
    assert first_break(tags, scheme) is None
    assert spans_of_tags(tags) == spans


@given(any_spans(), st.sampled_from(SCHEMES), st.sampled_from(SCHEMES))
def test_conversion_is_the_same_spans_in_the_other_scheme(spans, source, target):
    converted = convert_tags(tags_of_spans(spans, LENGTH, source), source, target)
    assert converted == tags_of_spans(spans, LENGTH, target)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_not_broken_can_be_written_from_its_spans(scheme):
    names = all_tags(["a", "b"], scheme)
    for tags in itertools.chain.from_iterable(itertools.product(names, repeat=length) for length in (1, 2, 3)):
        rewritten = tags_of_spans(spans_of_tags(tags), len(tags), scheme)
        assert (rewritten == list(tags)) == (first_break(tags, scheme) is None)


@pytest.mark.parametrize(
    ("tags", "scheme", "place", "reason"),
    [
        (["O", "I-NP"], "IOB2", 1, "'I-NP' must follow B-NP or I-NP, and follows 'O'"),
        (["B-NP", "I-VP"], "IOB2", 1, "'I-VP' must follow B-VP or I-VP, and follows 'B-NP'"),
        (["I-NP"], "IOB2", 0, "follows 'O'"),
        (["O", "B-NP"], "IOB1", 1, "'B-NP' must follow B-NP or I-NP, and follows 'O'"),
        (["I-VP", "B-NP"], "IOB1", 1, "follows 'I-VP'"),
        (["B-NP", "O"], "IOBES", 1, "'B-NP' must be followed by I-NP or E-NP, and is followed by 'O'"),
        (["S-NP", "E-NP"], "IOBES", 1, "'E-NP' must follow B-NP or I-NP, and follows 'S-NP'"),
        (["O", "B-NP"], "IOBES", 1, "'B-NP' is the last tag of the sentence"),
        (["B-NP", "E-NP"], "IOB2", 1, "'E-NP' is no tag of IOB2: it must be O, or one of B, I"),
        (["NP"], "IOB2", 0, "'NP' is no tag"),
        (["B-"], "IOB2", 0, "'B-' is no tag"),
        ([""], "IOB1", 0, "'' is no tag"),
        (["o"], "IOBES", 0, "'o' is no tag"),
    ],
)
def test_a_break_is_found_where_it_is(tags, scheme, place, reason):
    found = first_break(tags, scheme)
    assert found is not None and found[0] == place
    assert reason in found[1]


def test_broken_tags_are_not_converted():
    with pytest.raises(DataError, match=r"the tags are not IOB2, at word 2: 'I-NP' must follow"):
        convert_tags(["O", "I-NP"], "IOB2", "IOBES")


def test_a_pair_and_the_edges_of_a_sentence():
    assert may_follow("O", "B-NP", "IOB2") and not may_follow("O", "I-NP", "IOB2")
    assert not may_follow("I-NP", "O", "IOBES") and may_follow("E-NP", "O", "IOBES")


def test_unknown_schemes_and_spans_out_of_order_are_refused():
    with pytest.raises(InvalidSetting, match="one of IOB1, IOB2, IOBES, not 'BILOU'"):
        tags_of_spans([], 3, "BILOU")
    for spans in ([Span("a", 1, 3), Span("a", 2, 3)], [Span("a", 1, 1)], [Span("a", 2, 4)]):
        with pytest.raises(InvalidSetting, match="without overlap, within 3 words"):
            tags_of_spans(spans, 3, "IOB2")
