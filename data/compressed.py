"""Reading bzip2 files piece by piece, with a bound on what comes out of them.

A bzip2 file may be a few bytes for gigabytes of zeros. It is decompressed as it is asked for, so memory is spent on a
piece at a time, and reading ends with an error once more comes out than the caller said can be right.
"""

from __future__ import annotations

import bz2
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from ganas.data.file_kinds import BEGINNING_BYTES, begins_as
from ganas.spaces.errors import DataError

__all__ = ["BZ2Stream"]


class BZ2Stream:
    """The content of a bzip2 file, its streams one after the other as :class:`bz2.BZ2File` gives them.

    Messages of errors do not name the file.

    Args:
        path: The file.
        max_bytes: So many are read and no more.

    Raises:
        DataError: It cannot be opened or is no bzip2 file.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self._left = self._max_bytes = max_bytes
        with ExitStack() as stack:
            try:
                self._file = stack.enter_context(path.open("rb"))
                beginning = self._file.peek(BEGINNING_BYTES)[:BEGINNING_BYTES]
                self._num_bytes = path.stat().st_size
            except OSError as error:
                raise DataError(f"it cannot be read: {error.strerror or error}") from None
            if not beginning.startswith(b"BZh"):
                raise DataError(f"it is no bzip2 file{begins_as(beginning)}")
            self._content = bz2.BZ2File(self._file)
            stack.pop_all()

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes, none at the end.

        Raises:
            DataError: The data are damaged or cut off, or there are more than ``max_bytes``.
        """
        try:
            # One byte more than is left tells an end from a file that goes on.
            content = self._content.read(min(size, self._left + 1))
        except EOFError:
            raise DataError("the bzip2 data are cut off") from None
        except (OSError, ValueError) as error:
            # An error of the disk has a number, one of the decompressor has none.
            known = error.strerror if isinstance(error, OSError) and error.errno is not None else None
            raise DataError(f"it cannot be read: {known}" if known else "the bzip2 data are damaged") from None
        self._left -= len(content)
        if self._left < 0:
            raise DataError(f"there are more than the {self._max_bytes:,} bytes in the bzip2 data that are read")
        return content

    @property
    def progress(self) -> float:
        """The part of the file that has been read, from 0 to 1."""
        return self._file.tell() / self._num_bytes if self._num_bytes and not self._file.closed else 1.0

    def close(self) -> None:
        """Close the file."""
        self._content.close()
        self._file.close()

    def __enter__(self) -> BZ2Stream:
        """Return the stream."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()
