"""Opening zip archives of which nothing is believed: a bounded directory, no encryption, and one kind of error.

Nothing is extracted: members are read by the objects of the directory, and their names never become paths.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

from ganas.spaces.errors import DataError

__all__ = ["DAMAGED", "METHODS", "ZIP_MAGIC", "archive_errors", "open_archive"]

ZIP_MAGIC = b"PK\x03\x04"
"""What a zip archive with a member begins with."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How members may be compressed: what zipfile decompresses piece by piece."""

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, struct.error, NotImplementedError, RuntimeError)
"""What zipfile raises on damaged archives, besides errors of the disk."""


class _SmallReads:
    """A file for zipfile, which reads a directory of any announced length into memory."""

    def __init__(self, stream: BinaryIO, most: int) -> None:
        self._stream, self._most = stream, most
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1, /) -> bytes:
        if size is None or not 0 <= size <= self._most:
            size = self._most + 1
        content = self._stream.read(size)
        if len(content) > self._most:
            raise DataError("the archive has a directory too large for a file of results")
        return content


@contextmanager
def archive_errors() -> Iterator[None]:
    """Turn what reading an archive raises into a DataError, whose message does not name the file."""
    try:
        yield
    except OSError as error:
        raise DataError(f"it cannot be read: {error.strerror or error}") from None
    except DAMAGED as error:
        # A DataError is a ValueError too, and says what it means.
        if isinstance(error, DataError):
            raise
        raise DataError(f"the archive is damaged: {error}") from None


@contextmanager
def open_archive(file: BinaryIO, *, max_directory_bytes: int) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive. Messages of errors do not name the file.

    Args:
        file: The file, opened.
        max_directory_bytes: The longest directory of members that is read.

    Raises:
        DataError: It cannot be read, is damaged or encrypted, or has two members of one name.
    """
    with ExitStack() as stack:
        with archive_errors():
            archive = stack.enter_context(zipfile.ZipFile(_SmallReads(file, max_directory_bytes)))
            members = archive.infolist()
            if len({member.filename for member in members}) < len(members):
                raise DataError("the archive has two members of one name")
            if any(member.flag_bits & 1 for member in members):
                raise DataError("the archive is encrypted")
        yield archive
