"""A corpus for tagging as numbers: word types, their characters, tags; and batches of sentences.

Sentences are sequences of *types*, the different forms of words of the whole corpus. What the network reads of a type
are a row of its embedding and its characters. The row is that of the form in lower case, if training has it or there is
a pretrained vector of it, else that of unknown words; nothing else about validation and test is used.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganas.bench.training.length_batches import sorted_batches
from ganas.bench.training.word_vectors import WordVectors
from ganas.data.corpora.standard_files import SPLITS, SplitName
from ganas.data.corpora.tag_schemes import Scheme, all_tags
from ganas.data.corpora.tagged import TaggedCorpus

__all__ = ["UNKNOWN_ROW", "PaddedBatch", "PreparedCorpus", "prepare", "wanted_forms"]

UNKNOWN_ROW = 0
"""The row of the embedding for words that are not known."""

# Characters: 0 is padding, 1 one that training does not have.
_PADDING, _UNKNOWN_CHARACTER = 0, 1


class PaddedBatch(NamedTuple):
    """Sentences side by side, padded at their end.

    Attributes:
        types: Word types, (sentences, words); 0 where there is no word.
        tags: Tags, (sentences, words); 0 where there is no word.
        mask: Where there are words, (sentences, words).
    """

    types: NDArray[np.int64]
    tags: NDArray[np.int64]
    mask: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class PreparedCorpus:
    """A corpus as numbers.

    Attributes:
        tags: The tags, in the scheme that the network predicts.
        scheme: That scheme.
        types: The different forms of words.
        rows: The row of the embedding of each type, (types,).
        num_rows: Rows of the embedding.
        rare: Which types are of a form that training has once, (types,).
        characters: The characters of each type, cut to the longest length, (types, characters); 0 where there is none.
        num_characters: How many different characters there are, padding and the unknown one among them.
        sentences: For each split the types of each sentence.
        targets: For each split the tags of each sentence.
        vectors: Pretrained vectors, of which row i + 1 of the embedding is the i-th; None without.
    """

    tags: tuple[str, ...]
    scheme: Scheme
    types: tuple[str, ...]
    rows: NDArray[np.int64]
    num_rows: int
    rare: NDArray[np.bool_]
    characters: NDArray[np.int64]
    num_characters: int
    sentences: Mapping[SplitName, tuple[NDArray[np.int64], ...]]
    targets: Mapping[SplitName, tuple[NDArray[np.int64], ...]]
    vectors: WordVectors | None

    def num_words(self, split: SplitName) -> int:
        """How many words a split has."""
        return sum(len(sentence) for sentence in self.sentences[split])

    def batch(self, split: SplitName, members: NDArray[np.int64]) -> PaddedBatch:
        """Put sentences of a split side by side."""
        sentences, targets = self.sentences[split], self.targets[split]
        lengths = np.array([len(sentences[member]) for member in members])
        mask = np.arange(lengths.max()) < lengths[:, None]
        types, tags = np.zeros(mask.shape, dtype=np.int64), np.zeros(mask.shape, dtype=np.int64)
        types[mask] = np.concatenate([sentences[member] for member in members])
        tags[mask] = np.concatenate([targets[member] for member in members])
        return PaddedBatch(types, tags, mask)

    def in_order(self, split: SplitName, size: int) -> Iterator[tuple[NDArray[np.int64], PaddedBatch]]:
        """All sentences of a split in batches of about one length, with their positions; nothing is random."""
        lengths = np.array([len(sentence) for sentence in self.sentences[split]])
        for members in sorted_batches(lengths, size):
            yield members, self.batch(split, members)

    def digest(self) -> str:
        """Hexadecimal SHA-256 over everything that a training depends on."""
        digest = hashlib.sha256("\n".join((*self.tags, "", *self.types)).encode())
        for array in (self.rows, self.characters, *(each for split in SPLITS for each in self.sentences[split])):
            digest.update(b"\0" + array.astype("<i8").tobytes())
        for split in SPLITS:
            for target in self.targets[split]:
                digest.update(b"\1" + target.astype("<i8").tobytes())
        if self.vectors is not None:
            digest.update(self.vectors.values.astype("<f4").tobytes())
        return digest.hexdigest()


def wanted_forms(corpus: TaggedCorpus) -> list[str]:
    """The forms of a corpus that a pretrained vector is looked for, sorted."""
    return sorted({word.lower() for sentences in corpus.splits.values() for each in sentences for word in each.words})


def prepare(
    corpus: TaggedCorpus,
    scheme: Scheme,
    *,
    longest_word: int,
    vectors: WordVectors | None = None,
    limits: Mapping[SplitName, int] | None = None,
) -> PreparedCorpus:
    """Turn a corpus into numbers.

    Args:
        corpus: Whose tags keep to their scheme.
        scheme: The scheme that the network predicts.
        longest_word: Characters of a longer word are left out from here on.
        vectors: Pretrained vectors of :func:`wanted_forms`.
        limits: Split to how many of its sentences are used, from the beginning.
    """
    corpus = corpus.converted(scheme)
    tags = all_tags(corpus.kinds, scheme)
    tag_number = {tag: number for number, tag in enumerate(tags)}
    splits = {split: corpus.splits[split][: (limits or {}).get(split)] for split in SPLITS}
    types = sorted({word for sentences in splits.values() for each in sentences for word in each.words})
    type_number = {word: number for number, word in enumerate(types)}
    counts = Counter(word.lower() for each in splits["train"] for word in each.words)
    # Pretrained rows first, so that they can be filled in one go.
    known = dict.fromkeys((*(vectors.words if vectors is not None else ()), *sorted(counts)))
    row = {form: number for number, form in enumerate(known, start=UNKNOWN_ROW + 1)}
    letters = sorted({letter for each in splits["train"] for word in each.words for letter in word})
    letter_number = {letter: number for number, letter in enumerate(letters, start=_UNKNOWN_CHARACTER + 1)}
    characters = np.full((len(types), longest_word), _PADDING, dtype=np.int64)
    for number, word in enumerate(types):
        codes = [letter_number.get(letter, _UNKNOWN_CHARACTER) for letter in word[:longest_word]]
        characters[number, : len(codes)] = codes
    forms = [word.lower() for word in types]
    return PreparedCorpus(
        tags=tags,
        scheme=scheme,
        types=tuple(types),
        rows=np.array([row.get(form, UNKNOWN_ROW) for form in forms], dtype=np.int64),
        num_rows=len(row) + 1,
        rare=np.array([counts[form] == 1 for form in forms]),
        characters=characters,
        num_characters=len(letters) + 2,
        sentences=MappingProxyType(
            {
                split: tuple(np.array([type_number[word] for word in each.words]) for each in sentences)
                for split, sentences in splits.items()
            }
        ),
        targets=MappingProxyType(
            {
                split: tuple(np.array([tag_number[tag] for tag in each.tags]) for each in sentences)
                for split, sentences in splits.items()
            }
        ),
        vectors=vectors,
    )
