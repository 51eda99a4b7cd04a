"""Reading files of one word a line with its tag in a column, and an empty line after each sentence."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ganas.data.corpora.standard_files import text_lines
from ganas.data.corpora.tag_schemes import Scheme, first_break
from ganas.spaces.errors import DataError

__all__ = ["TaggedSentence", "read_tagged"]

_DOCUMENT = "-DOCSTART-"


class TaggedSentence(NamedTuple):
    """A sentence with a tag for each word.

    Attributes:
        words: As they are in the file.
        tags: One a word, in the scheme of the file.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]


def read_tagged(
    path: Path, scheme: Scheme, *, columns: int, separator: str = " ", strict: bool = True
) -> list[TaggedSentence]:
    """Read a file of words and tags.

    The word is in the first column, the tag in the last. Lines that begin with ``-DOCSTART-`` are no words.

    Args:
        path: The file, in UTF-8.
        scheme: What the tags are written in.
        columns: How many columns a line has.
        separator: What is between columns.
        strict: Whether tags must keep to the scheme; otherwise they are taken as they are, for a lenient reading.

    Raises:
        DataError: The file cannot be read, is not UTF-8, has no sentence, a line has another number of columns, or
            tags break the scheme. The message names the file and the line.
    """
    sentences: list[TaggedSentence] = []
    words: list[str] = []
    tags: list[str] = []
    first_line = 1

    def finish() -> None:
        broken = first_break(tags, scheme) if strict else None
        if broken is not None:
            raise DataError(f"{path}, line {first_line + broken[0]}, breaks {scheme}: {broken[1]}")
        sentences.append(TaggedSentence(tuple(words), tuple(tags)))
        words.clear()
        tags.clear()

    for number, line in text_lines(path):
        if not line.strip() or line.startswith(_DOCUMENT):
            if words:
                finish()
            continue
        fields = line.split(separator)
        if len(fields) != columns or not all(fields):
            empty = ", one of them empty" if len(fields) == columns else ""
            raise DataError(f"{path}, line {number}: {columns} columns are wanted, and there are {len(fields)}{empty}")
        if not words:
            first_line = number
        words.append(fields[0])
        tags.append(fields[-1])
    if words:
        finish()
    if not sentences:
        raise DataError(f"{path} has no sentence")
    return sentences
