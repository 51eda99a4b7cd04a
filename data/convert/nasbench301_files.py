"""Where the official results of NAS-Bench-301 lie: a folder of files, or the zip archive that its authors offer.

An archive is read member by member and not unpacked. A member is found by the end of its name alone, whatever folders
the name says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from ganas.data.file_kinds import BEGINNING_BYTES, begins_as
from ganas.data.tables import file_sha256
from ganas.data.zip_archive import METHODS, ZIP_MAGIC, archive_errors, open_archive
from ganas.spaces.errors import DataError

__all__ = ["MAX_ARCHIVE_BYTES", "MAX_RECORD_BYTES", "Results", "open_results", "read_bounded", "some_result"]

MAX_RECORD_BYTES = 2**22
"""The largest result that is read; it has some thousand bytes, and some ten thousand with its curves."""

MAX_ARCHIVE_BYTES = 2**34
"""How much is read of an archive, uncompressed; the official one holds some 60,000 results."""

_MAX_DIRECTORY_BYTES = 2**25
_PATTERN = "results*.json"
# How deep the first result is looked for where nothing says that a folder has any.
_LEVELS = ("", "*/", "*/*/", "*/*/*/")


@dataclass(frozen=True, slots=True)
class Results:
    """Results in a folder or an archive.

    Attributes:
        source: The folder or archive.
        names: Of each result its place in there, ``results_2`` before ``results_10``.
        read: The content of the result of a name; raises a DataError that does not name it.
        digest: Hexadecimal SHA-256 of the archive, or of the list of digests of the files.
    """

    source: Path
    names: Sequence[str]
    read: Callable[[str], bytes]
    digest: Callable[[], str]

    def path(self, name: str) -> Path:
        """How messages name a result. The names in an archive may be anything, so this is no path to be opened."""
        return self.source / (name if name.isprintable() else repr(name))


@contextmanager
def open_results(source: Path) -> Iterator[Results]:
    """Open a folder, with the folders in it, or a zip archive.

    Raises:
        DataError: There is no result in it, or it is neither.
    """
    if source.is_dir():
        yield _of_folder(source)
        return
    with ExitStack() as stack:
        try:
            results = stack.enter_context(_of_archive(source))
        except DataError as error:
            raise DataError(f"{source}: {error}") from None
        yield results


def some_result(source: Path) -> bytes | None:
    """The content of some result in a folder or archive, to tell what it is by; None where none is found soon."""
    try:
        if source.is_dir():
            found = (path for level in _LEVELS for path in source.glob(level + _PATTERN) if path.is_file())
            first = next(found, None)
            return None if first is None else read_bounded(first)
        with open_results(source) as results:
            return results.read(results.names[0])
    except (OSError, DataError):
        return None


def read_bounded(path: Path) -> bytes:
    """The content of a file.

    Raises:
        DataError: It has too many bytes.
        OSError: It cannot be read.
    """
    if path.stat().st_size > MAX_RECORD_BYTES:
        raise DataError(f"it has more than {MAX_RECORD_BYTES:,} bytes")
    return path.read_bytes()


def _of_folder(folder: Path) -> Results:
    places = {path.relative_to(folder).as_posix(): path for path in folder.rglob(_PATTERN) if path.is_file()}
    if not places:
        raise DataError(f"there is no file results_*.json in {folder}")
    names = sorted(places, key=_in_order)

    def digest() -> str:
        lines = [f"{name} {file_sha256(places[name])}" for name in names]
        return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()

    return Results(folder, names, lambda name: read_bounded(places[name]), digest)


@contextmanager
def _of_archive(path: Path) -> Iterator[Results]:
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            beginning = file.peek(BEGINNING_BYTES)[:BEGINNING_BYTES]
        except OSError as error:
            raise DataError(f"it cannot be read: {error.strerror or error}") from None
        if not beginning.startswith(ZIP_MAGIC):
            raise DataError(f"it is no folder and no zip archive of results{begins_as(beginning)}")
        archive = stack.enter_context(open_archive(file, max_directory_bytes=_MAX_DIRECTORY_BYTES))
        members = {one.filename: one for one in archive.infolist() if _is_result(one.filename)}
        if not members:
            raise DataError("there is no results_*.json in it")
        left = MAX_ARCHIVE_BYTES

        def read(name: str) -> bytes:
            nonlocal left
            member = members[name]
            if member.compress_type not in METHODS:
                raise DataError("it is compressed in a way that results are not")
            with archive_errors(), archive.open(member) as stream:
                # One byte more than is allowed tells an end from a member that goes on.
                content = stream.read(MAX_RECORD_BYTES + 1)
            if len(content) > MAX_RECORD_BYTES:
                raise DataError(f"it has more than {MAX_RECORD_BYTES:,} bytes")
            left -= len(content)
            if left < 0:
                raise DataError(f"the archive holds more than {MAX_ARCHIVE_BYTES:,} bytes up to here")
            return content

        yield Results(path, sorted(members, key=_in_order), read, lambda: file_sha256(path))


def _is_result(name: str) -> bool:
    return fnmatchcase(PurePosixPath(name).name, _PATTERN) and not name.endswith("/")


def _in_order(name: str) -> list[list[tuple[int, str]]]:
    """What sorts numbers in names by their value."""
    return [
        [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]{1,18})", piece) if part]
        for piece in name.split("/")
    ]
