"""How well predicted spans agree with those of a corpus: precision, recall and F1 of whole spans.

The counting is that of ``conlleval``, the official program of CoNLL-2000 and -2003, and of seqeval 1.2.2 in its default
mode: a predicted span is right if a span of the same kind has the same first and the same last word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ganas.data.corpora.tag_schemes import Span, spans_of_tags
from ganas.spaces.errors import InvalidSetting

__all__ = ["SpanCounts", "SpanScores", "score_spans", "score_tags"]


@dataclass(frozen=True, slots=True)
class SpanCounts:
    """How many spans there are, and what follows from it; a ratio of nothing is 0, as in seqeval.

    Attributes:
        right: Predicted spans that are spans of the corpus.
        predicted: Predicted spans.
        gold: Spans of the corpus.
    """

    right: int
    predicted: int
    gold: int

    @property
    def precision(self) -> float:
        """Which part of the predicted spans is right, from 0 to 1."""
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Which part of the spans of the corpus was found, from 0 to 1."""
        return self.right / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall, from 0 to 1."""
        found = self.predicted + self.gold
        return 2 * self.right / found if found else 0.0


@dataclass(frozen=True, slots=True)
class SpanScores:
    """Counts over a corpus.

    Attributes:
        micro: Of the spans of all kinds together; its F1 is the F1 of the shared tasks.
        kinds: Of each kind that is predicted or in the corpus, in the order of the alphabet.
    """

    micro: SpanCounts
    kinds: Mapping[str, SpanCounts]


def score_spans(gold: Sequence[Sequence[Span]], predicted: Sequence[Sequence[Span]]) -> SpanScores:
    """Compare the spans of sentences.

    Raises:
        InvalidSetting: There are not as many predicted sentences as others.
    """
    if len(gold) != len(predicted):
        raise InvalidSetting(f"{len(gold)} sentences cannot be compared with {len(predicted)}")
    counters: tuple[Counter[str], Counter[str], Counter[str]] = (Counter(), Counter(), Counter())
    for wanted, found in zip(gold, predicted, strict=True):
        for counter, spans in zip(counters, (set(wanted) & set(found), found, wanted), strict=True):
            counter.update(span.kind for span in spans)
    names = sorted({*counters[1], *counters[2]})
    kinds = {name: SpanCounts(*(counter[name] for counter in counters)) for name in names}
    return SpanScores(SpanCounts(*(counter.total() for counter in counters)), kinds)


def score_tags(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> SpanScores:
    """Compare the tags of sentences, each read leniently, in any scheme.

    Raises:
        InvalidSetting: There are not as many predicted sentences as others, or a sentence has another length.

    >>> scores = score_tags([["B-NP", "I-NP", "O", "B-VP"]], [["B-NP", "I-NP", "B-NP", "B-VP"]])
    >>> scores.micro, round(scores.micro.f1, 3)
    (SpanCounts(right=2, predicted=3, gold=2), 0.8)
    """
    for number, (wanted, found) in enumerate(zip(gold, predicted, strict=False), start=1):
        if len(wanted) != len(found):
            raise InvalidSetting(f"sentence {number} has {len(wanted)} words and {len(found)} predicted tags")
    return score_spans([spans_of_tags(each) for each in gold], [spans_of_tags(each) for each in predicted])
