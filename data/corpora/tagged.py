"""The corpora for tagging: text chunking and named entity recognition, from their standard files.

None of them comes with Ganas. Each is read from a folder that holds its files under their usual names; what is there
is compared with what was published about it, so that a file that was cut off or is of another version is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from ganas.data.corpora.standard_files import SPLITS, SplitName, compare_count, missing_set
from ganas.data.corpora.tag_schemes import Scheme, spans_of_tags, tags_of_spans
from ganas.data.corpora.tagged_files import TaggedSentence, read_tagged
from ganas.spaces.errors import DataError, unknown_name

__all__ = [
    "TAGGED_CORPORA",
    "TaggedCorpus",
    "TaggedFiles",
    "TaggedSource",
    "load_tagged",
    "missing_tagged",
    "read_corpus",
    "tagged_source",
]


@dataclass(frozen=True, slots=True)
class TaggedFiles:
    """A set of files that a corpus is distributed as.

    Attributes:
        names: The file of each split; one without validation has two.
        scheme: The scheme of the tags.
        columns: Columns of a line; the word is the first, the tag the last.
        separator: What is between columns.
    """

    names: Mapping[SplitName, str]
    scheme: Scheme
    columns: int
    separator: str = " "


@dataclass(frozen=True, slots=True)
class TaggedSource:
    """What is known about a corpus before it is read.

    Attributes:
        name: Its name.
        title: What it is, in one line.
        url: Where it is described and where its files come from.
        files: The sets of files that it is known as; the first whose files are there is read.
        sentences: Published number of sentences of each file's split, by split.
        words: Published number of words, by split.
        counts_source: Who published them.
        held_out: Where there is no validation file, how many tenths of the training sentences stand for it, from the
            end of the file on; the choice is ours.
    """

    name: str
    title: str
    url: str
    files: tuple[TaggedFiles, ...]
    sentences: Mapping[SplitName, int]
    words: Mapping[SplitName, int]
    counts_source: str
    held_out: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class TaggedCorpus:
    """A corpus in three splits.

    Attributes:
        name: Its name.
        scheme: The scheme of all its tags.
        kinds: What spans are, in the order of the alphabet.
        splits: The sentences of each split.
    """

    name: str
    scheme: Scheme
    kinds: tuple[str, ...]
    splits: Mapping[SplitName, tuple[TaggedSentence, ...]]

    def converted(self, scheme: Scheme) -> TaggedCorpus:
        """The same corpus with its tags in another scheme.

        >>> sentence = TaggedSentence(("New", "York"), ("I-LOC", "I-LOC"))
        >>> corpus = TaggedCorpus("x", "IOB1", ("LOC",), {"train": (sentence,)})
        >>> corpus.converted("IOBES").splits["train"][0].tags
        ('B-LOC', 'E-LOC')
        """
        splits = {
            split: tuple(
                TaggedSentence(each.words, tuple(tags_of_spans(spans_of_tags(each.tags), len(each.words), scheme)))
                for each in sentences
            )
            for split, sentences in self.splits.items()
        }
        return replace(self, scheme=scheme, splits=splits)


def _three(train: str, valid: str, test: str) -> Mapping[SplitName, str]:
    return MappingProxyType({"train": train, "valid": valid, "test": test})


def _counts(**counts: int) -> Mapping[SplitName, int]:
    return MappingProxyType({split: counts[split] for split in SPLITS if split in counts})


TAGGED_CORPORA: Mapping[str, TaggedSource] = MappingProxyType(
    {
        source.name: source
        for source in (
            TaggedSource(
                name="conll2000",
                title="CoNLL-2000 shared task: text chunking of the Wall Street Journal",
                url="https://www.clips.uantwerpen.be/conll2000/chunking/",
                files=(TaggedFiles(MappingProxyType({"train": "train.txt", "test": "test.txt"}), "IOB2", 3),),
                sentences=_counts(train=8_936, test=2_012),
                words=_counts(train=211_727, test=47_377),
                counts_source="the page of the shared task and, of sentences, the training log of flair/chunk-english",
                held_out=1,
            ),
            TaggedSource(
                name="conll2003",
                title="CoNLL-2003 shared task: named entities in English news of Reuters",
                url="https://www.clips.uantwerpen.be/conll2003/ner/",
                files=(
                    TaggedFiles(_three("eng.train", "eng.testa", "eng.testb"), "IOB1", 4),
                    TaggedFiles(_three("train.txt", "valid.txt", "test.txt"), "IOB2", 4),
                ),
                sentences=_counts(train=14_041, valid=3_250, test=3_453),
                words=_counts(),
                counts_source="the data card of T-NER, https://huggingface.co/datasets/tner/conll2003",
            ),
            TaggedSource(
                name="wnut17",
                title="WNUT-17 shared task: new and rare named entities in posts and comments",
                url="https://github.com/leondz/emerging_entities_17",
                files=(
                    TaggedFiles(
                        _three("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated"), "IOB2", 2, "\t"
                    ),
                ),
                sentences=_counts(train=3_394, valid=1_009, test=1_287),
                words=_counts(),
                counts_source="the data card of wnut_17, https://huggingface.co/datasets/wnut_17",
            ),
        )
    }
)
"""The corpora by name. CoNLL-2000 has no validation file: the last tenth of its training sentences stands for it."""


def tagged_source(name: str) -> TaggedSource:
    """What is known about the corpus of this name.

    Raises:
        UnknownName: There is none.
    """
    if name not in TAGGED_CORPORA:
        raise unknown_name("corpus for tagging", name, TAGGED_CORPORA)
    return TAGGED_CORPORA[name]


def load_tagged(name: str, folder: Path) -> TaggedCorpus:
    """Read a corpus from the folder of its standard files, and compare it with what was published about it.

    Raises:
        UnknownName: There is no corpus of this name.
        DataError: A file is missing or damaged, its tags break their scheme, or a count is not the published one.
    """
    return read_corpus(tagged_source(name), folder)


def read_corpus(source: TaggedSource, folder: Path) -> TaggedCorpus:
    """As :func:`load_tagged`, for a corpus of one's own.

    Raises:
        DataError: As there, or a split is empty.
    """
    files = _files(source, folder)
    if files is None:
        raise DataError(str(missing_tagged(source, folder)))
    splits: dict[SplitName, tuple[TaggedSentence, ...]] = {}
    for split, name in files.names.items():
        path = folder / name
        read = read_tagged(path, files.scheme, columns=files.columns, separator=files.separator)
        words = sum(len(each.words) for each in read)
        compare_count(path, "sentences", len(read), source.sentences.get(split), source.counts_source)
        compare_count(path, "words", words, source.words.get(split), source.counts_source)
        splits[split] = tuple(read)
    if "valid" not in splits:
        held_out = len(splits["train"]) * source.held_out // 10
        if not held_out:
            raise DataError(f"{source.name} in {folder} has too few sentences to hold some out for validation")
        splits["valid"] = splits["train"][-held_out:]
        splits["train"] = splits["train"][:-held_out]
    kinds = {span.kind for split in splits.values() for each in split for span in spans_of_tags(each.tags)}
    if not kinds:
        raise DataError(f"{source.name} in {folder} has no span: every tag is O")
    return TaggedCorpus(source.name, files.scheme, tuple(sorted(kinds)), {split: splits[split] for split in SPLITS})


def missing_tagged(source: TaggedSource, folder: Path) -> str | None:
    """None where the files of a corpus are there, else one line on which to put where; nothing is read."""
    return missing_set(source.name, source.url, [files.names for files in source.files], folder)


def _files(source: TaggedSource, folder: Path) -> TaggedFiles | None:
    """The set of files that is in a folder."""
    return next(
        (files for files in source.files if all((folder / name).is_file() for name in files.names.values())), None
    )
