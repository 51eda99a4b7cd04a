"""Finding the pickle in a file that ``torch.save`` wrote, without torch.

Source: ``torch/serialization.py`` (functions ``_save`` and ``_legacy_save``) of the official code. Since version 1.6 a
file is a zip archive with the pickle as ``<root>/data.pkl`` and a member ``<root>/data/<number>`` for each tensor.
Before, it was a sequence of pickles: a magic number, the version 1001, a dict about the system, the object, and a list
of the keys of tensors, whose bytes come after it. Here only files without tensors are read, and nothing is extracted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from ganas.data.file_kinds import BEGINNING_BYTES, begins_as
from ganas.data.pickle_constructors import PLAIN_DATA
from ganas.data.pickle_source import ByteSource
from ganas.data.pickle_stream import PickleLimits, load_plain
from ganas.data.zip_archive import METHODS, ZIP_MAGIC, archive_errors, open_archive
from ganas.spaces.errors import DataError

__all__ = ["TorchPickle", "open_torch_pickle"]

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_HEADER = PickleLimits(depth=8, part_bytes=1 << 20, kept_bytes=1 << 16, memo=1000)

_MAX_READ = 1 << 20
"""At once, of an archive: its directory of members is read as a whole, and has some hundred bytes."""

_TENSOR = re.compile(r"[^/]*/data/.+", re.DOTALL)


class _Reads:
    """A file, or a member of an archive, whose reading has one kind of error and a bound."""

    def __init__(self, stream: BinaryIO | IO[bytes], left: int) -> None:
        self._stream = stream
        self._left = left

    def read(self, size: int, /) -> bytes:
        with archive_errors():
            content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise DataError("the pickle is longer than what is read")
        return content


class TorchPickle:
    """The pickle of an open file.

    Attributes:
        source: The file, from the pickle on.
    """

    def __init__(self, file: BinaryIO, num_bytes: int, source: ByteSource, *, legacy: bool) -> None:
        self._file = file
        self._num_bytes = num_bytes
        self._legacy = legacy
        self.source = source

    @property
    def progress(self) -> float:
        """The part of the file that has been read, from 0 to 1."""
        return min(self._file.tell() / self._num_bytes, 1.0)

    def finish(self) -> None:
        """Check that nothing but what belongs there follows the pickle, which ends where ``source`` is.

        Raises:
            DataError: Tensors or something else follows, or the file is damaged.
        """
        if self._legacy and not self.source.at_end():
            keys = load_plain(self.source, allowed=PLAIN_DATA, limits=_HEADER)
            if keys != []:
                raise DataError("it holds tensors, and only files without them are read")
        if not self.source.at_end():
            raise DataError("something follows the end of the pickle")


@contextmanager
def open_torch_pickle(path: Path, *, max_bytes: int) -> Iterator[TorchPickle]:
    """Open a file of ``torch.save`` that holds no tensors. Messages of errors do not name the file.

    Args:
        path: The file.
        max_bytes: The longest pickle that is read.

    Raises:
        DataError: It cannot be opened, is no such file, is damaged, encrypted, or holds tensors.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            beginning = file.peek(BEGINNING_BYTES)[:BEGINNING_BYTES]
            num_bytes = path.stat().st_size
        except OSError as error:
            raise DataError(f"it cannot be read: {error.strerror or error}") from None
        legacy = not beginning.startswith(ZIP_MAGIC)
        if legacy:
            if not beginning.startswith(b"\x80"):
                raise DataError(f"it is no file of torch.save{begins_as(beginning)}")
            source = ByteSource(_Reads(file, max_bytes))
            _read_header(source)
        else:
            source = ByteSource(_Reads(stack.enter_context(_member(file)), max_bytes))
        yield TorchPickle(file, num_bytes, source, legacy=legacy)


def _read_header(source: ByteSource) -> None:
    if load_plain(source, allowed=PLAIN_DATA, limits=_HEADER) != _MAGIC:
        raise DataError("it is a pickle, but no file of torch.save: the magic number is not there")
    version = load_plain(source, allowed=PLAIN_DATA, limits=_HEADER)
    if type(version) is not int or version != _VERSION:
        raise DataError(f"it is not of version {_VERSION} of the files of torch.save before 1.6")
    if type(load_plain(source, allowed=PLAIN_DATA, limits=_HEADER)) is not dict:
        raise DataError("the header of torch.save is damaged")


@contextmanager
def _member(file: BinaryIO) -> Iterator[IO[bytes]]:
    """The one pickle of an archive."""
    with ExitStack() as stack:
        archive = stack.enter_context(open_archive(file, max_directory_bytes=_MAX_READ))
        members = archive.infolist()
        if any(_TENSOR.fullmatch(member.filename) for member in members):
            raise DataError("the archive holds tensors, and only files without them are read")
        pickles = [member for member in members if re.fullmatch(r"[^/]+/data\.pkl", member.filename)]
        if len(pickles) != 1:
            raise DataError(f"the archive has {len(pickles)} members data.pkl: it is no file of torch.save")
        if pickles[0].compress_type not in METHODS:
            raise DataError("the archive is compressed in a way that torch.save does not know")
        with archive_errors():
            stream = stack.enter_context(archive.open(pickles[0]))
        yield stream
