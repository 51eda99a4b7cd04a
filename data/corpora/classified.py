"""The corpora for text classification as streams of documents: one split at a time, one document after another.

None of them comes with Ganas. Each is read from a folder that holds its files under their usual names
(:data:`~ganas.data.corpora.classified_catalog.CLASSIFIED_CORPORA`); what is there is compared with what was published
about it, so that a file that was cut off or is of another version is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ganas.data.corpora.classified_files import (
    Document,
    read_json_lines,
    read_quoted_table,
    read_tab_table,
    read_trees,
)
from ganas.data.corpora.standard_files import SplitName, compare_count, missing_set, text_lines
from ganas.spaces.errors import DataError

__all__ = ["ClassifiedFiles", "ClassifiedSource", "DocumentStream", "checked", "missing_classified"]

# Files of more empty documents are not read as they were meant to be.
_MOST_EMPTY = 0.01


@dataclass(frozen=True, slots=True)
class ClassifiedFiles:
    """A set of files that a corpus is distributed as.

    Attributes:
        names: The file of each split; a set without validation has two.
        layout: How they are written.
        records: Published number of records of each file: rows, pairs or trees.
        columns: Of a quoted table: the columns of a row.
        header: Of a table with tabs: its first line. Files that begin otherwise are another set.
    """

    names: Mapping[SplitName, str]
    layout: Literal["quoted table", "tab table", "json lines", "trees"]
    records: Mapping[SplitName, int]
    columns: int = 0
    header: str = ""


@dataclass(frozen=True, slots=True)
class ClassifiedSource:
    """What is known about a corpus before it is read.

    Attributes:
        name: Its name.
        title: What it is, in one line.
        url: Where it is described and where its files come from.
        classes: The names of the classes.
        files: The sets of files that it is known as; the first whose files are there is read.
        counts_source: Who published the numbers of records.
        held_out: Where a set has no validation file, one of so many records of training stands for it, evenly spaced
            over the file; the choice is ours.
        texts: How many texts a document has: 2 of pairs.
        tokenised: Whether words have spaces between already; otherwise they are found as
            :func:`~ganas.data.corpora.bbcnews.words_of` finds them, in lower case, which is ours.
        sentiments: Of trees: the class of each of the sentiments 0, 1, ...; None where documents of it are left out.
    """

    name: str
    title: str
    url: str
    classes: tuple[str, ...]
    files: tuple[ClassifiedFiles, ...]
    counts_source: str
    held_out: int = 0
    texts: int = 1
    tokenised: bool = False
    sentiments: tuple[int | None, ...] = ()


@dataclass(eq=False)
class DocumentStream:
    """The documents of a split; they are read, and compared with what was published, as they are asked for.

    Attributes:
        source: The corpus.
        folder: Where its files lie.
        split: Which part.
        phrases: Of trees: whether training has all labelled phrases, the sentences twice, as in the official code of
            TextNAS; otherwise sentences only. Validation and test have sentences only.
        left_out: How many documents have no class, and were left out; known once all were asked for.

    Raises:
        DataError: While it is gone through: a file is missing or damaged, a count is not the published one, the split
            is empty, training has one class only, or more than one of a hundred documents are empty.
    """

    source: ClassifiedSource
    folder: Path
    split: SplitName
    phrases: bool = False
    left_out: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[Document]:
        files = _find(self.source, self.folder)
        held_out = "valid" not in files.names and self.split != "test"
        file: SplitName = "train" if held_out else self.split
        path = self.folder / files.names[file]
        records, mine, self.left_out = 0, True, 0
        every = self.source.held_out

        def taken() -> Iterator[Document]:
            nonlocal records, mine
            for document in self._records(files, path, file):
                if document.whole:
                    # The phrases of a sentence are in its split.
                    mine = not held_out or (records % every == every - 1) == (self.split == "valid")
                    records += 1
                if not mine:
                    continue
                if document.label is None:
                    self.left_out += 1
                else:
                    yield document

        yield from checked(taken(), f"{path}", self.split)
        compare_count(path, "records", records, files.records.get(file), self.source.counts_source)

    def _records(self, files: ClassifiedFiles, path: Path, file: SplitName) -> Iterator[Document]:
        source = self.source
        read: Mapping[str, Callable[[], Iterator[Document]]] = {
            "quoted table": lambda: read_quoted_table(path, source.classes, files.columns),
            "tab table": lambda: read_tab_table(path, source.classes, files.header),
            "json lines": lambda: read_json_lines(path, source.classes),
            "trees": lambda: read_trees(path, source.sentiments, phrases=self.phrases and file == "train"),
        }
        return read[files.layout]()


def checked(documents: Iterator[Document], what: str, split: SplitName) -> Iterator[Document]:
    """The same documents, and a look at them all in the end.

    Args:
        documents: Those of a split that have a class.
        what: What they are of, for messages.
        split: The split.

    Raises:
        DataError: There is none, those of training have one class only, or more than one of a hundred are empty.
    """
    number, empty, first_empty = 0, 0, 0
    labels: set[int | None] = set()
    for document in documents:
        number += 1
        labels.add(document.label)
        if not all(text.strip() for text in document.texts):
            empty += 1
            first_empty = first_empty or document.line
        yield document
    if not number:
        raise DataError(f"{what}: the split {split} is empty")
    if empty > _MOST_EMPTY * number:
        raise DataError(f"{what}: {empty:,} of {number:,} documents have no words, the first in line {first_empty}")
    if split == "train" and len(labels) < 2:
        raise DataError(f"{what}: all {number:,} documents for training have one class, and at least two are wanted")


def missing_classified(source: ClassifiedSource, folder: Path) -> str | None:
    """None where the files of a corpus are there, else one line on which to put where; first lines are looked at."""
    advice = missing_set(source.name, source.url, [files.names for files in source.files], folder)
    if advice is None and not any(_fits(files, folder) for files in source.files):
        headers = " or ".join(sorted({repr(files.header) for files in source.files}))
        names = ", ".join(sorted({name for files in source.files for name in files.names.values()}))
        return f"{source.name} in {folder}: {names} must begin with the line {headers}"
    return advice


def _find(source: ClassifiedSource, folder: Path) -> ClassifiedFiles:
    """The set of files that is in a folder."""
    for files in source.files:
        if _fits(files, folder):
            return files
    raise DataError(str(missing_classified(source, folder)))


def _fits(files: ClassifiedFiles, folder: Path) -> bool:
    paths = [folder / name for name in files.names.values()]
    if not all(path.is_file() for path in paths):
        return False
    return not files.header or all(next(text_lines(path), (1, ""))[1] == files.header for path in paths)
