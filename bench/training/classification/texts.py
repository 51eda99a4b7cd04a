"""Where the documents of a data set come from, and the part of them that a protocol reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

from ganas.bench.training.classification.prepared import PreparedTexts, prepare
from ganas.bench.training.classification.protocol import ClassificationProtocol
from ganas.bench.training.word_vectors import missing_vectors, read_vectors, vectors_folder
from ganas.data.corpora.bbcnews import BBCNEWS, CATEGORIES, bbcnews_documents, missing_bbcnews, words_of
from ganas.data.corpora.classified import DocumentStream, checked, missing_classified
from ganas.data.corpora.classified_catalog import CLASSIFIED_CORPORA, classified_source
from ganas.data.corpora.classified_files import Document
from ganas.data.corpora.language import corpus_folder
from ganas.data.corpora.standard_files import SPLITS, SplitName
from ganas.spaces.errors import DataError, NotEnoughMemory, unknown_name

__all__ = ["CLASSIFICATION_DATASETS", "ClassifiedText"]

CLASSIFICATION_DATASETS = (BBCNEWS, *CLASSIFIED_CORPORA)
"""The data sets by name."""


@dataclass(frozen=True, slots=True)
class ClassifiedText:
    """The documents that are trained on.

    Attributes:
        dataset: Name of the data set.
        folder: Where its files lie; None for where they are looked for by default.
        vectors: The folder of pretrained vectors; None for where they are looked for by default.

    Raises:
        UnknownName: There is no such data set.
    """

    dataset: str
    folder: Path | None = None
    vectors: Path | None = None

    def __post_init__(self) -> None:
        if self.dataset not in CLASSIFICATION_DATASETS:
            raise unknown_name("data set for text classification", self.dataset, CLASSIFICATION_DATASETS)

    @property
    def place(self) -> Path:
        """The folder of the files."""
        return corpus_folder(self.dataset) if self.folder is None else self.folder

    def vectors_file(self, protocol: ClassificationProtocol) -> Path | None:
        """The file of pretrained vectors that a protocol wants; None for none."""
        if not protocol.vectors:
            return None
        return (vectors_folder() if self.vectors is None else self.vectors) / protocol.vectors

    def missing(self, protocol: ClassificationProtocol) -> str | None:
        """None where the files are there, else one line on what to do."""
        if self.dataset == BBCNEWS:
            advice = missing_bbcnews(self.folder)
        else:
            advice = missing_classified(classified_source(self.dataset), self.place)
        return advice or missing_vectors(self.vectors_file(protocol), protocol.name, protocol.word_width)

    def read(self, protocol: ClassificationProtocol) -> PreparedTexts:
        """The part of the documents that a protocol reads, as numbers.

        Raises:
            DataError: A file is missing, damaged or not what was published.
            MissingDependency: A package is not installed.
            NotEnoughMemory: They do not fit into memory.
        """
        limits = (protocol.train_documents, protocol.valid_documents, protocol.test_documents)
        sizes = protocol.longest, protocol.vocabulary, protocol.least_count
        vectors = self.vectors_file(protocol)
        place = self.folder if self.dataset == BBCNEWS else self.place
        advice = missing_vectors(vectors, protocol.name, protocol.word_width)
        if advice is not None:
            raise DataError(advice)
        ways = protocol.phrases, protocol.passages
        return _read(self.dataset, place, ways, limits, sizes, vectors, protocol.word_width)


@lru_cache(maxsize=2)
def _read(
    dataset: str,
    place: Path | None,
    ways: tuple[bool, bool],
    limits: tuple[int | None, ...],
    sizes: tuple[int, int | None, int],
    vectors: Path | None,
    width: int,
) -> PreparedTexts:
    (phrases, passages), (longest, vocabulary, least_count) = ways, sizes
    classes: tuple[str, ...]
    streams: dict[SplitName, DocumentStream] = {}
    documents: dict[SplitName, Iterable[Document]] = {}
    if place is None or dataset == BBCNEWS:
        documents |= {split: checked(bbcnews_documents(split, place), BBCNEWS, split) for split in SPLITS}
        classes, tokenised = CATEGORIES, True
    else:
        source = classified_source(dataset)
        streams = {split: DocumentStream(source, place, split, phrases) for split in SPLITS}
        documents |= streams
        classes, tokenised = source.classes, source.tokenised
    try:
        texts = prepare(
            documents,
            classes,
            str.split if tokenised else words_of,
            longest=longest,
            passages=passages,
            limits=dict(zip(SPLITS, limits, strict=True)),
            vocabulary=vocabulary,
            least_count=least_count,
            find_vectors=None if vectors is None else partial(read_vectors, vectors, width=width),
        )
    except MemoryError:
        raise NotEnoughMemory(f"reading {dataset} needs more memory than there is") from None
    return replace(texts, left_out={split: stream.left_out for split, stream in streams.items()})
