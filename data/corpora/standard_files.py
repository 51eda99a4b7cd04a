"""What reading a corpus from its standard files has in common: lines, published counts, and what to say of files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ganas.spaces.errors import DataError

__all__ = ["SPLITS", "SplitName", "compare_count", "missing_set", "text_lines"]

SplitName = Literal["train", "valid", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "valid", "test")


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file without their ends, counted from 1; it is gone through as they are asked for.

    Raises:
        DataError: It cannot be read, or is not UTF-8; the message names the line.
    """
    number = 0
    try:
        # As bytes, because text would also be cut at characters of Unicode that end a line and may stand in a word.
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip(" \r\n")
    except UnicodeDecodeError:
        raise DataError(f"{path}, line {number}, is not UTF-8: convert the file, or get it again") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


def compare_count(path: Path, what: str, found: int, published: int | None, source: str) -> None:
    """Compare a count with the published one.

    Args:
        path: The file.
        what: What is counted, in the plural.
        found: How many there are.
        published: How many there should be; None where that is not known.
        source: Who published it.

    Raises:
        DataError: They differ.
    """
    if published is not None and found != published:
        raise DataError(
            f"{path} has {found:,} {what} and should have {published:,} (says {source}): "
            "it is cut off or of another version"
        )


def missing_set(name: str, url: str, sets: Sequence[Mapping[Any, str]], folder: Path) -> str | None:
    """None where all files of one of the sets are there, else one line on which to put where; nothing is read.

    Args:
        name: Of the corpus.
        url: Where its files come from.
        sets: The sets of files that it is known as, each part of it to its file.
        folder: Where they are looked for.
    """
    if any(all((folder / file).is_file() for file in files.values()) for files in sets):
        return None
    wanted = ", or ".join(_in_words(list(files.values())) for files in sets)
    # Of the set that is nearest to being there: what is missing of it.
    nearest = max(sets, key=lambda files: sum((folder / file).is_file() for file in files.values()))
    missing = [file for file in nearest.values() if not (folder / file).is_file()]
    verb = "is" if len(missing) == 1 else "are"
    state = f"{_in_words(missing)} {verb} missing" if folder.is_dir() else "there is no such folder"
    return f"{name} needs {wanted} in {folder}: {state}; the files come from {url}"


def _in_words(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
