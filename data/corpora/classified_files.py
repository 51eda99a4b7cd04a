"""Reading files of documents that have a class each: tables, pairs of sentences, and trees of sentiment.

Every reader goes through its file once, as documents are asked for, and holds one of them at a time.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ganas.data.corpora.standard_files import text_lines
from ganas.spaces.errors import DataError, quote_list

__all__ = ["Document", "read_json_lines", "read_quoted_table", "read_tab_table", "read_trees"]

# A field that is longer is one whose quote was never closed.
_LONGEST_FIELD = 1 << 24

_TREE_PARTS = re.compile(r"[()]|[^\s()]+")


class Document(NamedTuple):
    """A text, or a pair of texts, with its class.

    Attributes:
        texts: The text; two of a pair.
        label: The number of the class, from 0; None for what has none, and is left out.
        line: The line of the file, from 1.
        whole: Whether it is a record of its file; otherwise a part of the record before.
    """

    texts: tuple[str, ...]
    label: int | None
    line: int
    whole: bool = True


def read_quoted_table(path: Path, classes: Sequence[str], columns: int) -> Iterator[Document]:
    r"""Read a table with quoted fields and commas between, as Zhang et al. (2015) distribute theirs.

    The first column is the class, counted from 1; the others together are the text. A quote in a field is written
    twice, and ``\n`` stands for the end of a line.

    Args:
        path: The file, in UTF-8.
        classes: The classes.
        columns: How many columns a row has, the class among them.

    Raises:
        DataError: The file cannot be read, is not UTF-8, a quote is not closed, a row has another number of columns, or
            a class is out of range. The message names the line.
    """
    lines = (f"{line}\n" for _, line in text_lines(path))
    before = csv.field_size_limit(_LONGEST_FIELD)
    rows = csv.reader(lines, strict=True)
    try:
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                raise DataError(f"{path}, line {rows.line_num}, is no row of a quoted table: {error}") from None
            where = f"{path}, line {rows.line_num}"
            if len(row) != columns:
                raise DataError(f"{where}: {columns} columns are wanted, and there are {len(row)}")
            number, *parts = row
            text = " ".join(parts).replace("\\n", " ").replace("\\", " ")
            yield Document((text,), _number(where, number, len(classes), first=1), rows.line_num)
    finally:
        csv.field_size_limit(before)


def read_tab_table(path: Path, classes: Sequence[str], header: str) -> Iterator[Document]:
    """Read a table of a sentence and the number of its class, from 0, with a tab between, as GLUE distributes SST-2.

    Args:
        path: The file, in UTF-8.
        classes: The classes.
        header: The first line.

    Raises:
        DataError: The file cannot be read, is not UTF-8, begins with another line, a line has not two columns, or a
            class is out of range. The message names the line.
    """
    for number, line in text_lines(path):
        if number == 1:
            if line != header:
                raise DataError(f"{path} must begin with the line {header!r}, and begins with {line!r:.60}")
            continue
        fields = line.split("\t")
        if len(fields) != 2:
            raise DataError(f"{path}, line {number}: 2 columns are wanted, and there are {len(fields)}")
        label = _number(f"{path}, line {number}", fields[1], len(classes), first=0)
        yield Document((fields[0],), label, number)


def read_json_lines(path: Path, classes: Sequence[str]) -> Iterator[Document]:
    """Read pairs of sentences, one JSON object a line, as SNLI and MNLI are distributed.

    A pair whose annotators did not agree has the class ``-``: its label is None.

    Args:
        path: The file, in UTF-8.
        classes: The names of the classes.

    Raises:
        DataError: The file cannot be read, is not UTF-8, a line is no such object, or there is no such class. The
            message names the line.
    """
    numbers: dict[str, int | None] = {name: number for number, name in enumerate(classes)}
    numbers["-"] = None
    for number, line in text_lines(path):
        where = f"{path}, line {number}"
        try:
            found = json.loads(line)
            label, *texts = (found[name] for name in ("gold_label", "sentence1", "sentence2"))
        except (ValueError, KeyError, TypeError, RecursionError):
            label, texts = None, [None]
        if not isinstance(label, str) or not all(isinstance(text, str) for text in texts):
            raise DataError(f"{where}, is no JSON object with the texts gold_label, sentence1 and sentence2")
        if label not in numbers:
            raise DataError(f"{where}: the class {label!r:.40} is none of {quote_list(numbers)}")
        yield Document(tuple(texts), numbers[label], number)


def read_trees(path: Path, labels: Sequence[int | None], *, phrases: bool) -> Iterator[Document]:
    """Read the Stanford sentiment trees: one a line, as ``(3 (2 It) (4 (2 's) (4 good)))``.

    Args:
        path: The file, in UTF-8.
        labels: The label of each of the sentiments 0, 1, ...; None where a phrase of it is left out.
        phrases: Whether all labelled phrases follow their sentence, each word and the sentence once more among them, as
            in the official code of TextNAS (``child_model/sst_dataset.py``).

    Raises:
        DataError: The file cannot be read, is not UTF-8, a line is no tree, or a sentiment is out of range. The message
            names the line.
    """
    for number, line in text_lines(path):
        if not line.strip():
            continue
        words, nodes = _tree(line, len(labels), f"{path}, line {number}")
        sentiment, start, stop = nodes[-1]
        yield Document((" ".join(words),), labels[sentiment], number)
        if phrases:
            for sentiment, start, stop in nodes:
                yield Document((" ".join(words[start:stop]),), labels[sentiment], number, whole=False)


def _tree(line: str, sentiments: int, where: str) -> tuple[list[str], list[tuple[int, int, int]]]:
    """The words of a tree and, children before parents, the sentiment, the first word and the end of each node."""
    words: list[str] = []
    nodes: list[tuple[int, int, int]] = []
    # Of each node that is not closed yet: its sentiment, its first word, and whether it is a word.
    opened: list[tuple[int, int, bool]] = []
    parts = iter(_TREE_PARTS.findall(line))
    for part in parts:
        if part == "(" and not (nodes and not opened) and not (opened and opened[-1][2]):
            opened.append((_number(where, next(parts, ""), sentiments, first=0), len(words), False))
        elif part == ")" and opened and opened[-1][1] < len(words):
            value, start, _ = opened.pop()
            nodes.append((value, start, len(words)))
        elif part not in "()" and opened and opened[-1][1] == len(words):
            opened[-1] = (*opened[-1][:2], True)
            words.append(part)
        else:
            raise DataError(f"{where}, is no tree: {part!r:.40} stands where it cannot")
    if opened or not nodes:
        raise DataError(f"{where}, is no tree: it is cut off")
    return words, nodes


def _number(where: str, text: str, count: int, *, first: int) -> int:
    """The place, from 0, of a class that a file counts from ``first``."""
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not first <= int(text) < first + count:
        raise DataError(f"{where}: the class {text!r:.40} is not a number from {first} to {first + count - 1}")
    return int(text) - first
