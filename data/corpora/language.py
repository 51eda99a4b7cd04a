"""The corpora for language modelling: streams of word numbers in three splits, from their standard files.

None of the corpora comes with Ganas. Each is read from a folder that holds its files under their usual names; what is
there is compared with what was published about it, so that a file that was cut off or is of another version is found.
The end of every line is a word of its own, ``<eos>``, as in the experiments that the corpora are known from.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ganas.data.catalog import home
from ganas.data.corpora.standard_files import SPLITS, compare_count, text_lines
from ganas.spaces.errors import DataError, InvalidSetting, unknown_name

__all__ = [
    "END",
    "LANGUAGE_CORPORA",
    "SPLITS",
    "UNKNOWN",
    "LanguageCorpus",
    "LanguageSource",
    "corpus_folder",
    "language_source",
    "make_corpus",
    "missing_files",
    "read_language",
]

END, UNKNOWN = "<eos>", "<unk>"
"""The word at the end of each line, and the word in place of every rare one."""


@dataclass(frozen=True, slots=True)
class LanguageSource:
    """What is known about a corpus before it is read.

    Attributes:
        name: Its name.
        title: What it is, in one line.
        files: The file of each split.
        url: Where it is described and where its files come from.
        tokens: Published number of words of each split, ends of lines included.
        vocabulary: Published number of different words, ``<eos>`` included.
        counts_source: Who published them.
    """

    name: str
    title: str
    files: Mapping[str, str]
    url: str
    tokens: Mapping[str, int]
    vocabulary: int
    counts_source: str


@dataclass(frozen=True, slots=True, eq=False)
class LanguageCorpus:
    """A corpus in three splits.

    Attributes:
        name: Its name.
        words: The vocabulary: the word of each number, the most frequent of the training split first.
        splits: The words of each split as one stream of numbers, (words,).
    """

    name: str
    words: tuple[str, ...]
    splits: Mapping[str, NDArray[np.int64]]

    @property
    def digest(self) -> str:
        """Hexadecimal SHA-256 over vocabulary and splits."""
        digest = hashlib.sha256("\n".join(self.words).encode())
        for split in SPLITS:
            digest.update(b"\0" + self.splits[split].astype("<i8").tobytes())
        return digest.hexdigest()

    def reduced(self, *, vocabulary: int | None = None, tokens: Mapping[str, int] | None = None) -> LanguageCorpus:
        """A smaller corpus: the beginning of each split, and the most frequent words of what is left for training.

        Args:
            vocabulary: How many different words, ``<eos>`` and ``<unk>`` among them; all others become ``<unk>``. None
                for all.
            tokens: Split to how many words of it; a split that has fewer or is not named stays whole.

        Raises:
            InvalidSetting: Less than 4 words are asked for, or a split of less than 1 word.

        >>> corpus = make_corpus("x", {split: [["a", "b"], ["a", "c"]] for split in SPLITS})
        >>> corpus.words
        ('<eos>', 'a', 'b', 'c')
        >>> small = corpus.reduced(tokens={"train": 3})
        >>> small.words, small.splits["valid"].tolist()
        (('<eos>', 'a', 'b', '<unk>'), [1, 2, 0, 1, 3, 0])
        """
        if vocabulary is not None and vocabulary < 4:
            raise InvalidSetting(f"a vocabulary needs at least 4 words, not {vocabulary}")
        lengths = dict(tokens or {})
        for split, length in lengths.items():
            if length < 1:
                raise InvalidSetting(f"the split {split} needs at least 1 word, not {length}")
        parts = {split: stream[: lengths.get(split)] for split, stream in self.splits.items()}
        return _ordered(self.name, self.words, parts, vocabulary)


def _wikitext(name: str, title: str, train: int, vocabulary: int) -> LanguageSource:
    return LanguageSource(
        name=name,
        title=title,
        files=MappingProxyType({split: f"wiki.{split}.tokens" for split in SPLITS}),
        url="https://arxiv.org/abs/1609.07843",
        # Validation and test are the same articles in both.
        tokens=MappingProxyType({"train": train, "valid": 217_646, "test": 245_569}),
        vocabulary=vocabulary,
        counts_source="Merity et al., Pointer Sentinel Mixture Models, table 1",
    )


LANGUAGE_CORPORA: Mapping[str, LanguageSource] = MappingProxyType(
    {
        source.name: source
        for source in (
            LanguageSource(
                name="ptb",
                title="Penn Treebank, prepared by Mikolov: news of 1989, 10,000 words, numbers as N",
                files=MappingProxyType({split: f"ptb.{split}.txt" for split in SPLITS}),
                url="http://www.fit.vutbr.cz/~imikolov/rnnlm/simple-examples.tgz",
                tokens=MappingProxyType({"train": 929_589, "valid": 73_760, "test": 82_430}),
                vocabulary=10_000,
                counts_source="the loader of Observations, https://github.com/edwardlib/observations",
            ),
            _wikitext("wikitext2", "WikiText-2: 720 articles of Wikipedia", 2_088_628, 33_278),
            _wikitext("wikitext103", "WikiText-103: 28,595 articles of Wikipedia", 103_227_021, 267_735),
        )
    }
)
"""The corpora by name."""


def language_source(name: str) -> LanguageSource:
    """What is known about the corpus of this name.

    Raises:
        UnknownName: There is none.
    """
    if name not in LANGUAGE_CORPORA:
        raise unknown_name("corpus for language modelling", name, LANGUAGE_CORPORA)
    return LANGUAGE_CORPORA[name]


def corpus_folder(name: str) -> Path:
    """The folder in which the files of a corpus are looked for where no other is given."""
    return home() / "corpora" / name


def missing_files(source: LanguageSource, folder: Path) -> str | None:
    """None where the files of a corpus are there, else one line on which to put where; nothing is read."""
    missing = [name for name in source.files.values() if not (folder / name).is_file()]
    if not missing:
        return None
    wanted = ", ".join(source.files.values())
    state = f"missing are {', '.join(missing)}" if folder.is_dir() else "there is no such folder"
    return f"{source.name} needs the files {wanted} in {folder}, and {state}; they are described at {source.url}"


def read_language(source: LanguageSource, folder: Path) -> LanguageCorpus:
    """Read a corpus from the folder of its standard files, and compare it with what was published about it.

    Raises:
        DataError: A file is missing, empty, cut off or not in UTF-8, or a count is not the published one.
    """
    advice = missing_files(source, folder)
    if advice is not None:
        raise DataError(advice)
    numbers: dict[str, int] = {}
    parts = {}
    for split, name in source.files.items():
        path = folder / name
        parts[split] = _numbered((line.split() for _, line in text_lines(path)), numbers)
        compare_count(path, "words", len(parts[split]), source.tokens.get(split), source.counts_source)
    corpus = _ordered(source.name, tuple(numbers), parts, None)
    train = folder / source.files["train"]
    compare_count(train, "different words", len(corpus.words), source.vocabulary, source.counts_source)
    return corpus


def make_corpus(
    name: str, lines: Mapping[str, Iterable[Sequence[str]]], *, vocabulary: int | None = None
) -> LanguageCorpus:
    """Build a corpus of words.

    Args:
        name: Its name.
        lines: Split to its lines, each a sequence of words.
        vocabulary: As for :meth:`LanguageCorpus.reduced`.

    Raises:
        DataError: A split is empty, or there is only one word.
    """
    numbers: dict[str, int] = {}
    parts: dict[str, NDArray[np.int64]] = {split: _numbered(lines[split], numbers) for split in SPLITS}
    return _ordered(name, tuple(numbers), parts, vocabulary)


def _numbered(lines: Iterable[Sequence[str]], numbers: dict[str, int]) -> NDArray[np.int64]:
    """The words of all lines as numbers, new ones added to ``numbers``; each line ends with its own word."""
    stream = array("q")
    for line in lines:
        stream.extend(numbers.setdefault(word, len(numbers)) for word in line)
        stream.append(numbers.setdefault(END, len(numbers)))
    return np.array(stream, dtype=np.int64)


def _ordered(
    name: str, words: tuple[str, ...], parts: Mapping[str, NDArray[np.int64]], limit: int | None
) -> LanguageCorpus:
    """Number words anew by how often training has them; what is too rare, or not in training, becomes unknown."""
    for split in SPLITS:
        if not len(parts[split]):
            raise DataError(f"the split {split} of {name} is empty")
    counts = np.bincount(parts["train"], minlength=len(words))
    # Ties in the order of the alphabet, which no order of reading changes.
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda number: (-int(counts[number]), words[number]))
    if len([number for number in order if words[number] not in (END, UNKNOWN)]) < 2:
        raise DataError(f"{name} has no two different words to train on")
    unknown = words.index(UNKNOWN) if UNKNOWN in words else None
    reserved = [number for number in order if words[number] in (END, UNKNOWN)]
    beyond = unknown not in reserved and any((counts[stream] == 0).any() for stream in parts.values())
    if limit is not None and len(order) + beyond > limit:
        rest = [number for number in order if number not in reserved]
        room = limit - len(reserved) - (unknown not in reserved)
        kept = set(reserved) | set(rest[:room])
        order = [number for number in order if number in kept]
    renumbered = np.full(len(words) + 1, -1, dtype=np.int64)
    renumbered[order] = np.arange(len(order))
    kept_words = [words[number] for number in order]
    streams = {split: renumbered[stream] for split, stream in parts.items()}
    if any((stream < 0).any() for stream in streams.values()):
        if unknown not in reserved:
            kept_words.append(UNKNOWN)
        replacement = kept_words.index(UNKNOWN)
        streams = {split: np.where(stream < 0, replacement, stream) for split, stream in streams.items()}
    return _by_frequency(name, kept_words, streams)


def _by_frequency(name: str, words: list[str], streams: Mapping[str, NDArray[np.int64]]) -> LanguageCorpus:
    """Move the unknown word to its place: it is more frequent once rare words have become it."""
    counts = Counter(dict(enumerate(np.bincount(streams["train"], minlength=len(words)).tolist())))
    order = sorted(range(len(words)), key=lambda number: (-counts[number], words[number]))
    place = np.empty(len(words), dtype=np.int64)
    place[order] = np.arange(len(words))
    return LanguageCorpus(
        name,
        tuple(words[number] for number in order),
        MappingProxyType({split: place[streams[split]] for split in SPLITS}),
    )
