"""Pretrained word vectors from a text file: a word a line with its numbers, as GloVe and word2vec write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganas.data.catalog import home
from ganas.spaces.errors import DataError, InvalidSetting

__all__ = ["WordVectors", "missing_vectors", "read_vectors", "vectors_folder"]


def vectors_folder() -> Path:
    """The folder in which files of pretrained vectors are looked for where no other is given."""
    return home() / "vectors"


def missing_vectors(path: Path | None, protocol: str, width: int) -> str | None:
    """None where a file of vectors is there or none is wanted, else one line on where to put it.

    Args:
        path: The file; None where no vectors are wanted.
        protocol: Name of the protocol that wants them.
        width: Numbers of a vector.
    """
    if path is None or path.is_file():
        return None
    return f"protocol {protocol} reads pretrained vectors of {width} numbers from {path}, and there is no such file"


@dataclass(frozen=True, slots=True, eq=False)
class WordVectors:
    """The vectors that were found for some words.

    Attributes:
        words: The words that have one, in the order in which they were asked for.
        values: Their vectors, (words, width), single precision.
        asked: How many words were asked for.
    """

    words: tuple[str, ...]
    values: NDArray[np.float32]
    asked: int

    @property
    def coverage(self) -> float:
        """Which part of the words that were asked for has a vector, from 0 to 1."""
        return len(self.words) / self.asked

    def __str__(self) -> str:
        return f"{len(self.words):,} of {self.asked:,} words ({self.coverage:.1%}) have a vector"


def read_vectors(path: Path, words: Iterable[str], width: int) -> WordVectors:
    """Read the vectors of some words; the file is gone through line by line, and only theirs are kept.

    A line is a word and ``width`` numbers with a space between; a first line of two numbers, as word2vec writes it, is
    passed over. Of two vectors of a word the first counts.

    Args:
        path: The file, in UTF-8; bytes that are not belong to words that nobody asks for.
        words: The words.
        width: Numbers of a vector.

    Raises:
        DataError: The file cannot be read, its vectors have another width, or a value is no finite number; or it has
            none of the words. The message names the line.
        InvalidSetting: No word is asked for, or the width is not positive.
    """
    asked = list(dict.fromkeys(words))
    if not asked or width < 1:
        raise InvalidSetting(f"vectors are read for at least one word and number, not {len(asked)} and {width}")
    wanted = set(asked)
    found: dict[str, NDArray[np.float32]] = {}
    for number, line in _lines(path):
        fields = line.split(" ")
        if number == 1 and len(fields) == 2 and fields[0].isdigit() and fields[1].isdigit():
            _check_header(path, fields[1], width)
            continue
        # A few words of GloVe contain spaces: the last fields are the numbers.
        word = " ".join(fields[:-width])
        if len(fields) <= width or (len(fields) > width + 1 and number == 1):
            raise DataError(
                f"{path}, line {number}: vectors of {width} numbers are wanted, and there are {len(fields) - 1}"
            )
        if word in wanted and word not in found:
            found[word] = _vector(path, number, fields[-width:])
    kept = tuple(word for word in asked if word in found)
    if not kept:
        raise DataError(f"{path} has a vector for none of the {len(asked):,} words: it is of another language or kind")
    return WordVectors(kept, np.stack([found[word] for word in kept]), len(asked))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open("rb", buffering=1 << 20) as stream:
            for number, line in enumerate(stream, start=1):
                yield number, line.decode("utf-8", errors="replace").rstrip(" \r\n")
    except OSError as error:
        raise DataError(f"cannot read the word vectors {path}: {error.strerror or error}") from None


def _check_header(path: Path, given: str, width: int) -> None:
    if given != str(width):
        raise DataError(f"{path} says that its vectors have {given:.20} numbers, and {width} are wanted")


def _vector(path: Path, number: int, fields: list[str]) -> NDArray[np.float32]:
    try:
        vector = np.array(fields, dtype=np.float32)
    except ValueError:
        vector = np.array([np.nan], dtype=np.float32)
    if not np.isfinite(vector).all():
        raise DataError(f"{path}, line {number}: a vector has something else than finite numbers")
    return vector
