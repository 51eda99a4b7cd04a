"""Documents with classes as numbers: the vocabulary, the three splits as streams of words, and batches.

Words have rows of the embedding: row 0 is padding, row 1 every word that is not known, and then come the words of
training by how often it has them. A word that it has too seldom, or not at all, has a row only if there is a pretrained
vector of it; nothing else about validation and test is used.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganas.bench.training.length_batches import sorted_batches
from ganas.bench.training.word_vectors import WordVectors
from ganas.data.corpora.classified_files import Document
from ganas.data.corpora.standard_files import SPLITS, SplitName

__all__ = ["PADDING_ROW", "UNKNOWN_ROW", "DocumentBatch", "EncodedSplit", "PreparedTexts", "prepare"]

PADDING_ROW, UNKNOWN_ROW = 0, 1
"""The rows of the embedding for what is no word, and for words that are not known."""

_FIRST_ROW = 2

# Which documents a part of a split has is drawn once and for all.
_SEED = 20_200_207

# Streams are renumbered in place, so many words at a time: a copy of a large one would not fit into memory beside it.
_PIECE = 1 << 22


class DocumentBatch(NamedTuple):
    """Documents side by side, padded at their end to the longest.

    Attributes:
        words: Rows of the embedding, (texts, time); of pairs, the first texts of all and then the second ones.
        mask: Where there are words, (texts, time).
        labels: Classes, (documents,).
    """

    words: NDArray[np.int64]
    mask: NDArray[np.bool_]
    labels: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class EncodedSplit:
    """The documents of a split.

    Attributes:
        words: Rows of the embedding, all texts one after another, (words,).
        starts: Where each text begins, and the end of the last, (texts + 1,).
        labels: Classes, (documents,).
        truncated: How many documents had a text that was cut.
        empty: How many had a text without words, which was read as one unknown word.
    """

    words: NDArray[np.int32]
    starts: NDArray[np.int64]
    labels: NDArray[np.int64]
    truncated: int
    empty: int

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Words of each document, of a pair those of the longer text."""
        longest: NDArray[np.int64] = np.diff(self.starts).reshape(len(self.labels), -1).max(axis=1)
        return longest

    def batch(self, members: NDArray[np.int64]) -> DocumentBatch:
        """Put documents side by side."""
        texts = (len(self.starts) - 1) // len(self.labels)
        rows = (members * texts + np.arange(texts)[:, None]).ravel()
        starts = self.starts[rows]
        lengths = self.starts[rows + 1] - starts
        steps = np.arange(lengths.max())
        mask = steps < lengths[:, None]
        words = np.full(mask.shape, PADDING_ROW, dtype=np.int64)
        words[mask] = self.words[(starts[:, None] + steps)[mask]]
        return DocumentBatch(words, mask, self.labels[members])

    def in_order(self, size: int) -> Iterator[DocumentBatch]:
        """All documents in batches of about one length; nothing is random."""
        return map(self.batch, sorted_batches(self.lengths, size))


@dataclass(frozen=True, slots=True, eq=False)
class PreparedTexts:
    """A corpus as numbers.

    Attributes:
        classes: The names of the classes.
        words: The words that have a row of the embedding, from the third row on.
        splits: The documents of each split.
        vectors: Pretrained vectors; None without.
        vector_rows: The row of each of them, (vectors,).
        left_out: For each split how many documents have no class, and are not among the others; empty for none.
    """

    classes: tuple[str, ...]
    words: tuple[str, ...]
    splits: Mapping[SplitName, EncodedSplit]
    vectors: WordVectors | None
    vector_rows: NDArray[np.int64]
    left_out: Mapping[SplitName, int] = field(default_factory=dict)

    @property
    def num_rows(self) -> int:
        """Rows of the embedding."""
        return _FIRST_ROW + len(self.words)

    @property
    def texts(self) -> int:
        """How many texts a document has."""
        split = self.splits["train"]
        return (len(split.starts) - 1) // len(split.labels)

    @property
    def truncated_percent(self) -> float:
        """Which part of the documents of all splits was cut."""
        splits = self.splits.values()
        return 100 * sum(split.truncated for split in splits) / sum(len(split.labels) for split in splits)

    def facts(self) -> dict[str, dict[str, int]]:
        """What is to be known of each split: its documents, and those that were cut, empty or left out."""
        splits = self.splits.items()
        return {
            "documents": {split: len(encoded.labels) for split, encoded in splits},
            "truncated_documents": {split: encoded.truncated for split, encoded in splits},
            "empty_documents": {split: encoded.empty for split, encoded in splits},
            "documents_without_class": {split: self.left_out.get(split, 0) for split, _ in splits},
        }

    def digest(self) -> str:
        """Hexadecimal SHA-256 over everything that a training depends on."""
        digest = hashlib.sha256("\n".join((*self.classes, "", *self.words)).encode())
        for split in SPLITS:
            encoded = self.splits[split]
            for values, kind in ((encoded.words, "<i4"), (encoded.starts, "<i8"), (encoded.labels, "<i8")):
                digest.update(b"\0" + np.ascontiguousarray(values, kind).data)
        if self.vectors is not None:
            digest.update(self.vectors.values.astype("<f4").tobytes())
        return digest.hexdigest()


def prepare(
    documents: Mapping[SplitName, Iterable[Document]],
    classes: Sequence[str],
    words_of: Callable[[str], list[str]],
    *,
    longest: int,
    passages: bool = False,
    limits: Mapping[SplitName, int | None] | None = None,
    vocabulary: int | None = None,
    least_count: int = 1,
    find_vectors: Callable[[list[str]], WordVectors] | None = None,
) -> PreparedTexts:
    """Turn documents into numbers; each split is gone through once.

    Args:
        documents: Of each split; all have a class, and as many texts.
        classes: The names of the classes.
        words_of: The words of a text.
        longest: Words of a longer text are left out from here on.
        passages: Whether such a text becomes several documents instead; one of a pair never does.
        limits: Split to how many of its documents are used, drawn uniformly once and for all; None for all.
        vocabulary: How many words are known at most; None for all.
        least_count: How often training must have a word that has no pretrained vector.
        find_vectors: Finds the pretrained vectors of words; None for none.
    """
    numbers: dict[str, int] = {}
    splits: dict[SplitName, EncodedSplit] = {}
    for split in SPLITS:
        read = _read(documents[split], words_of, longest, passages)
        splits[split] = _encode(_drawn_part(read, (limits or {}).get(split)), numbers)
    names = list(numbers)
    counts = np.bincount(splits["train"].words + 1, minlength=len(names) + 1)[1:]
    vectors = None if find_vectors is None else find_vectors(sorted(names))
    pretrained = set(() if vectors is None else vectors.words)
    kept = [number for number, word in enumerate(names) if counts[number] >= least_count or word in pretrained]
    # Ties in the order of the alphabet, which no order of reading changes.
    kept.sort(key=lambda number: (-int(counts[number]), names[number]))
    kept = kept[:vocabulary]
    rows = np.full(len(names) + 1, UNKNOWN_ROW, dtype=np.int32)
    rows[kept] = np.arange(_FIRST_ROW, _FIRST_ROW + len(kept))
    for encoded in splits.values():
        for start in range(0, len(encoded.words), _PIECE):
            piece = encoded.words[start : start + _PIECE]
            piece[:] = rows[piece]
    words = tuple(names[number] for number in kept)
    row_of = dict(zip(words, range(_FIRST_ROW, _FIRST_ROW + len(words)), strict=True))
    used = [] if vectors is None else [place for place, word in enumerate(vectors.words) if word in row_of]
    if vectors is not None and len(used) < len(vectors.words):
        vectors = WordVectors(tuple(vectors.words[place] for place in used), vectors.values[used], vectors.asked)
    vector_rows = np.array([row_of[word] for word in (() if vectors is None else vectors.words)], dtype=np.int64)
    return PreparedTexts(tuple(classes), words, MappingProxyType(splits), vectors, vector_rows)


class _ReadDocument(NamedTuple):
    """The words of each text that are read, the class, and whether there were more words, or none."""

    texts: list[list[str]]
    label: int
    truncated: bool
    empty: bool


def _read(
    documents: Iterable[Document], words_of: Callable[[str], list[str]], longest: int, passages: bool
) -> Iterator[_ReadDocument]:
    for document in documents:
        label = 0 if document.label is None else document.label
        texts = [words_of(text) for text in document.texts]
        if passages and len(texts) == 1 and len(texts[0]) > longest:
            # A rest of up to half the length says too little to be a document of its own: the last passage is cut.
            for start in (starts := range(0, len(texts[0]) - longest // 2, longest)):
                cut = start == starts[-1] and len(texts[0]) > start + longest
                yield _ReadDocument([texts[0][start : start + longest]], label, cut, False)
            continue
        truncated = any(len(words) > longest for words in texts)
        yield _ReadDocument([words[:longest] for words in texts], label, truncated, not all(texts))


def _drawn_part(documents: Iterable[_ReadDocument], count: int | None) -> Iterator[_ReadDocument]:
    """A part of the documents, drawn uniformly, in their order; all are gone through, no more than the part is held."""
    if count is None:
        yield from documents
        return
    rng = np.random.default_rng(_SEED)
    kept: list[tuple[int, _ReadDocument]] = []
    for place, document in enumerate(documents):
        if place < count:
            kept.append((place, document))
        elif (drawn := int(rng.integers(place + 1))) < count:
            kept[drawn] = (place, document)
    for _, document in sorted(kept, key=lambda entry: entry[0]):
        yield document


def _encode(documents: Iterable[_ReadDocument], numbers: dict[str, int]) -> EncodedSplit:
    """Documents as numbers of words, new ones added to ``numbers``; -1 stands for the word of an empty text."""
    stream, starts, labels = array("i"), array("q", [0]), array("q")
    truncated = empty = 0
    for document in documents:
        truncated += document.truncated
        empty += document.empty
        for words in document.texts:
            stream.extend([numbers.setdefault(word, len(numbers)) for word in words] or [-1])
            starts.append(len(stream))
        labels.append(document.label)
    return EncodedSplit(
        np.frombuffer(stream, dtype=np.int32),
        np.frombuffer(starts, dtype=np.int64),
        np.frombuffer(labels, dtype=np.int64),
        truncated,
        empty,
    )
