"""Spans of words, written as one tag a word: IOB1, IOB2 and IOBES.

A tag is ``O``, or a letter, a hyphen and the kind of the span, as in ``B-person``. A kind may contain hyphens.

======  =====================================================================================================
IOB1    ``I`` in a span; ``B`` only for the first word of a span that follows another of the same kind
IOB2    ``B`` for the first word of every span, ``I`` for the others
IOBES   as IOB2, and ``E`` for the last word of a span of several, ``S`` for a span of one word
======  =====================================================================================================

Reading is either lenient (:func:`spans_of_tags`, which gives a meaning to every sequence of tags, for what a model
predicts) or strict (:func:`first_break`, for what a corpus says).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ganas.spaces.errors import DataError, InvalidSetting

__all__ = [
    "SCHEMES",
    "Scheme",
    "Span",
    "all_tags",
    "convert_tags",
    "first_break",
    "may_follow",
    "spans_of_tags",
    "tags_of_spans",
]

Scheme = Literal["IOB1", "IOB2", "IOBES"]

SCHEMES: tuple[Scheme, ...] = ("IOB1", "IOB2", "IOBES")

_LETTERS = {"IOB1": "BI", "IOB2": "BI", "IOBES": "BIES"}


class Span(NamedTuple):
    """Some successive words of a sentence.

    Attributes:
        kind: What they are, such as ``"person"`` or ``"NP"``.
        start: The first word, from 0.
        stop: The word after the last.
    """

    kind: str
    start: int
    stop: int


def spans_of_tags(tags: Sequence[str]) -> list[Span]:
    """The spans of a sequence of tags of any of the schemes, broken or not, in order.

    The rules are those of ``conlleval``, the official program of CoNLL-2000 and -2003, and of the default mode of
    seqeval: a span ends before ``O``, ``B``, ``S``, a tag of another kind, and after ``E`` and ``S``; any tag but ``O``
    that is not in a span begins one. The kind of a bare letter is ``_``, as seqeval has it.

    >>> spans_of_tags(["B-person", "I-person", "I-group", "O", "E-group"])
    [Span(kind='person', start=0, stop=2), Span(kind='group', start=2, stop=3), Span(kind='group', start=4, stop=5)]
    """
    spans: list[Span] = []
    start, open_kind = 0, None
    for position, tag in enumerate(tags):
        letter, kind = tag[:1], tag[2:] or "_"
        if open_kind is not None and (letter in ("O", "B", "S") or kind != open_kind):
            spans.append(Span(open_kind, start, position))
            open_kind = None
        if letter == "O":
            continue
        if open_kind is None:
            start, open_kind = position, kind
        if letter in ("E", "S"):
            spans.append(Span(open_kind, start, position + 1))
            open_kind = None
    if open_kind is not None:
        spans.append(Span(open_kind, start, len(tags)))
    return spans


def tags_of_spans(spans: Sequence[Span], length: int, scheme: Scheme) -> list[str]:
    """Write spans as tags.

    Args:
        spans: In order, without overlap.
        length: Words of the sentence.
        scheme: The scheme.

    Raises:
        InvalidSetting: There is no such scheme, or the spans are not in order within the sentence.

    >>> tags_of_spans([Span("NP", 0, 2), Span("NP", 2, 3)], 4, "IOB1")
    ['I-NP', 'I-NP', 'B-NP', 'O']
    >>> tags_of_spans([Span("NP", 0, 2), Span("NP", 2, 3)], 4, "IOBES")
    ['B-NP', 'E-NP', 'S-NP', 'O']
    """
    _check_name(scheme)
    tags = ["O"] * length
    last = Span("", 0, 0)
    for span in spans:
        if not last.stop <= span.start < span.stop <= length:
            raise InvalidSetting(f"spans must be in order, without overlap, within {length} words, and one is {span}")
        letters = ["I"] * (span.stop - span.start)
        if scheme != "IOB1" or (last.kind == span.kind and last.stop == span.start):
            letters[0] = "B"
        if scheme == "IOBES":
            letters[-1] = "E" if len(letters) > 1 else "S"
        tags[span.start : span.stop] = [f"{letter}-{span.kind}" for letter in letters]
        last = span
    return tags


def first_break(tags: Sequence[str], scheme: Scheme) -> tuple[int, str] | None:
    """Where a sequence of tags first breaks its scheme, and what is wrong there; None where it does not.

    Raises:
        InvalidSetting: There is no such scheme.

    >>> first_break(["O", "I-NP"], "IOB2")
    (1, "'I-NP' must follow B-NP or I-NP, and follows 'O'")
    >>> first_break(["O", "I-NP"], "IOB1") is None
    True
    """
    _check_name(scheme)
    before = "O"
    for position, tag in enumerate(tags):
        reason = _malformed(tag, scheme) or _misplaced(before, tag, scheme)
        if reason:
            return position, reason
        before = tag
    if scheme == "IOBES" and before[:1] in ("B", "I"):
        return len(tags) - 1, f"{before!r} is the last tag of the sentence, and its span does not end with E or S"
    return None


def may_follow(before: str, tag: str, scheme: Scheme) -> bool:
    """Whether a tag may follow another within its scheme; ``O`` stands for the beginning and the end of a sentence.

    >>> may_follow("O", "I-NP", "IOB2"), may_follow("B-NP", "O", "IOBES"), may_follow("E-NP", "B-NP", "IOBES")
    (False, False, True)
    """
    return _misplaced(before, tag, scheme) is None


def _malformed(tag: str, scheme: Scheme) -> str | None:
    letters = _LETTERS[scheme]
    if tag == "O" or (tag[:1] and tag[0] in letters and tag[1:2] == "-" and len(tag) > 2):
        return None
    return f"{tag!r} is no tag of {scheme}: it must be O, or one of {', '.join(letters)} with a hyphen and a kind"


def _misplaced(before: str, tag: str, scheme: Scheme) -> str | None:
    """Why a tag may not follow another, both well-formed; ``O`` stands before the first word."""
    letter, kind = tag[:1], tag[2:]
    if scheme == "IOB1":
        if letter == "B" and before[2:] != kind:
            return f"{tag!r} must follow B-{kind} or I-{kind}, and follows {before!r}"
        return None
    goes_on = letter in ("I", "E")
    if goes_on and before not in (f"B-{kind}", f"I-{kind}"):
        return f"{tag!r} must follow B-{kind} or I-{kind}, and follows {before!r}"
    if scheme == "IOBES" and not goes_on and before[:1] in ("B", "I"):
        return f"{before!r} must be followed by I-{before[2:]} or E-{before[2:]}, and is followed by {tag!r}"
    return None


def convert_tags(tags: Sequence[str], source: Scheme, target: Scheme) -> list[str]:
    """Write a sequence of tags in another scheme.

    Raises:
        DataError: The tags break their scheme; the message says where, counting words from 1.
        InvalidSetting: There is no such scheme.

    >>> convert_tags(["I-NP", "I-NP", "O"], "IOB1", "IOBES")
    ['B-NP', 'E-NP', 'O']
    """
    found = first_break(tags, source)
    if found is not None:
        raise DataError(f"the tags are not {source}, at word {found[0] + 1}: {found[1]}")
    return tags_of_spans(spans_of_tags(tags), len(tags), target)


def all_tags(kinds: Sequence[str], scheme: Scheme) -> tuple[str, ...]:
    """Every tag of a scheme for these kinds, ``O`` first.

    >>> all_tags(["NP", "VP"], "IOB2")
    ('O', 'B-NP', 'I-NP', 'B-VP', 'I-VP')
    """
    _check_name(scheme)
    return ("O", *(f"{letter}-{kind}" for kind in kinds for letter in _LETTERS[scheme]))


def _check_name(scheme: str) -> None:
    if scheme not in SCHEMES:
        raise InvalidSetting(f"a tag scheme is one of {', '.join(SCHEMES)}, not {scheme!r}")
