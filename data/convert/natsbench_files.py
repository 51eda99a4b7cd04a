"""Reading the official files of NAS-Bench-201 and NATS-Bench, one architecture at a time and without running them.

Source: the constructors of ``NASBench201API``, ``NATStopology`` and ``NATSsize`` of the official code. All three
containers hold a pickle of ``{"meta_archs": [architecture], "total_archs": number, "arch2infos": {index: record},
"evaluated_indexes": indices}``, in which the place of an architecture in ``meta_archs`` is its official index:

* NAS-Bench-201, ``.pth``: written by ``torch.save``, see :mod:`ganas.data.torch_file`;
* NATS-Bench, packed ``.pickle.pbz2``: compressed by bzip2;
* NATS-Bench, a simple directory: ``meta.pickle.pbz2`` with ``arch2infos`` None, and each record in a file of its own,
  ``000011.pickle.pbz2`` or ``11.pickle.pbz2``.

They are read as :mod:`ganas.data.pickle_stream` says: nothing in them is run, and one record is in memory at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganas.data.compressed import BZ2Stream
from ganas.data.convert.natsbench_checks import read_record, shown
from ganas.data.convert.natsbench_records import ArchitectureRecord, EvaluationRecord, TrialRecord, kind_of_notation
from ganas.data.file_kinds import BEGINNING_BYTES, begins_as
from ganas.data.pickle_source import ByteSource
from ganas.data.pickle_stream import EntryStream, load_plain
from ganas.data.torch_file import open_torch_pickle
from ganas.spaces.errors import DataError, quote_list

__all__ = [
    "META_NAME",
    "ArchitectureReader",
    "ArchitectureRecord",
    "EvaluationRecord",
    "TrialRecord",
    "read_architectures",
]

_MAX_FILE_BYTES = 16 << 30
"""Uncompressed; the largest official file has about 5."""

_MAX_RECORD_BYTES = 64 << 20
_RECORD_NAME = re.compile(r"([0-9]{1,6})\.pickle\.pbz2")
META_NAME = "meta.pickle.pbz2"
"""The file of a simple directory that has the order of the architectures."""


class ArchitectureReader(Iterator[ArchitectureRecord]):
    """The records of a file or directory, in its order; made by :func:`read_architectures`.

    Attributes:
        path: Where they are read from.
        space: ``"topology"`` or ``"size"``, or None for a file that has no record.
        meta_archs: All architectures in official order. Official files have them before the records; in others they
            are None until the last record has been read, and the records are compared with them then.
    """

    def __init__(self, path: Path, space: str | None, progress: Callable[[float], None] | None) -> None:
        self.path = path
        self.space = space
        self.meta_archs: tuple[str, ...] | None = None
        self._progress = progress
        self._seen: dict[int, str] = {}
        self._records = self._read()
        # A file of the wrong kind is found here, and the order of architectures is there to be asked for.
        self._first = next(self._records, None)

    def __next__(self) -> ArchitectureRecord:
        if self._first is not None:
            record, self._first = self._first, None
            return record
        return next(self._records)

    def close(self) -> None:
        """Close the file; there are no more records."""
        self._first = None
        self._records.close()

    def _read(self) -> Generator[ArchitectureRecord, None, None]:
        try:
            if self.path.is_dir():
                yield from self._read_folder()
            else:
                with _open_packed(self.path) as (source, progress_of, finish):
                    yield from self._read_packed(source, progress_of, finish)
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from None
        except OSError as error:
            raise DataError(f"{self.path}: it cannot be read: {error.strerror or error}") from None
        if self._progress is not None:
            self._progress(1.0)

    def _read_packed(
        self, source: ByteSource, progress_of: Callable[[], float], finish: Callable[[], None]
    ) -> Generator[ArchitectureRecord, None, None]:
        entries = EntryStream(source, "arch2infos")
        for index, value in entries:
            if self.meta_archs is None and "meta_archs" in entries.before:
                self._set_meta(entries.before)
            yield self._record(index, value)
            if self._progress is not None:
                self._progress(progress_of())
        root = entries.root or {}
        finish()
        for name in ("meta_archs", "arch2infos", "evaluated_indexes"):
            if name not in root:
                raise DataError(
                    f"it has no {name} but {quote_list([shown(key) for key in root], 6)}: not a file of NAS-Bench-201 "
                    "or NATS-Bench as a whole (of a simple directory, name the directory)"
                )
        before, self.meta_archs = self.meta_archs, None
        self._set_meta(root)
        if before not in (None, self.meta_archs):
            raise DataError("meta_archs is there twice")
        if type(root["arch2infos"]) is not dict and not self._seen:
            raise DataError("it has the order of the architectures and no record: name the directory with the records")
        evaluated = root["evaluated_indexes"]
        if type(evaluated) not in (set, list) or not all(type(index) is int for index in evaluated):
            raise DataError("evaluated_indexes is not a set or list of numbers")
        if set(evaluated) != self._seen.keys():
            raise DataError(
                f"evaluated_indexes names {len(set(evaluated)):,} architectures, and the records are of "
                f"{len(self._seen):,}, not the same ones"
            )

    def _read_folder(self) -> Generator[ArchitectureRecord, None, None]:
        if not (self.path / META_NAME).is_file():
            raise DataError(f"there is no {META_NAME} in it: it is no directory of NATS-Bench")
        meta = _load_small(self.path / META_NAME)
        if type(meta) is not dict or "meta_archs" not in meta:
            raise DataError(f"{META_NAME} has no meta_archs")
        if meta.get("arch2infos"):
            raise DataError(f"{META_NAME} has records itself: give it as the file")
        self._set_meta(meta)
        found: dict[int, Path] = {}
        for path in sorted(self.path.iterdir()):
            match = _RECORD_NAME.fullmatch(path.name)
            # The official code looks for six digits, then for the plain number; sorting puts the former first.
            if match and match[1] in (f"{int(match[1]):06d}", str(int(match[1]))):
                found.setdefault(int(match[1]), path)
        if not found:
            raise DataError("there is no record in it, like 000000.pickle.pbz2")
        for count, (index, path) in enumerate(sorted(found.items()), start=1):
            try:
                record = self._record(index, _load_small(path))
            except DataError as error:
                raise DataError(f"{path.name}: {error}") from None
            yield record
            if self._progress is not None:
                self._progress(count / len(found))

    def _record(self, index: Any, value: Any) -> ArchitectureRecord:
        if type(index) is not int or index < 0 or (self.meta_archs is not None and index >= len(self.meta_archs)):
            raise DataError(f"there is a record of architecture {shown(index)}, which meta_archs does not have")
        if index in self._seen:
            raise DataError(f"architecture {index} is there twice")
        arch_str = None if self.meta_archs is None else self.meta_archs[index]
        record = read_record(index, value, space=self.space, arch_str=arch_str)
        self._seen[index] = record.arch_str
        if self.space is None:
            self.space = kind_of_notation(record.arch_str)
        return record

    def _set_meta(self, root: Any) -> None:
        archs = root["meta_archs"]
        if type(archs) is not list or not archs:
            raise DataError(f"meta_archs is {shown(archs)}, not a list of architectures")
        if "total_archs" in root and (type(root["total_archs"]) is not int or root["total_archs"] != len(archs)):
            raise DataError(f"total_archs is {shown(root['total_archs'])}, and meta_archs has {len(archs):,}")
        kind = kind_of_notation(archs[0])
        odd = [arch for arch in archs if kind is None or kind_of_notation(arch) != kind]
        if odd:
            raise DataError(f"meta_archs has {shown(odd[0])} where an architecture should be")
        if self.space is not None and kind != self.space:
            raise DataError(f"it holds the {kind} space, like {archs[0]}, and not the {self.space} space")
        if len(set(archs)) < len(archs):
            raise DataError("meta_archs has an architecture twice")
        for index, arch_str in self._seen.items():
            if index >= len(archs) or archs[index] != arch_str:
                raise DataError(f"the record of architecture {index} is of {arch_str}, and meta_archs says otherwise")
        self.space = kind
        self.meta_archs = tuple(archs)


def read_architectures(
    path: Path, *, space: str | None = None, progress: Callable[[float], None] | None = None
) -> ArchitectureReader:
    """Open an official file, or a simple directory, and read its architectures one at a time.

    Records ahead of a damaged one have been given when the damage is found, and some checks take the whole file: a
    caller that wants all or nothing keeps its results back until the end.

    Args:
        path: The file or directory.
        space: What it must be of, ``"topology"`` or ``"size"``; None to find out.
        progress: Called after each record with the part of the file that has been read, from 0 to 1.

    Returns:
        An iterator of records, with the official order of the architectures.

    Raises:
        DataError: Here or when reading on: the file is missing, of another kind, damaged, hostile, or holds what it
            should not. One line that names the file, and where there is one the architecture, data set and seed.
    """
    return ArchitectureReader(path, space, progress)


@contextmanager
def _open_packed(path: Path) -> Iterator[tuple[ByteSource, Callable[[], float], Callable[[], None]]]:
    """Where the pickle of a file begins, how far it has been read, and what checks its end."""
    try:
        with path.open("rb") as file:
            beginning = file.read(BEGINNING_BYTES)
    except OSError as error:
        raise DataError(f"it cannot be read: {error.strerror or error}") from None
    if beginning.startswith(b"BZh"):
        with BZ2Stream(path, max_bytes=_MAX_FILE_BYTES) as stream:
            source = ByteSource(stream)
            yield source, lambda: stream.progress, lambda: _check_end(source)
    elif beginning.startswith((b"PK\x03\x04", b"\x80")):
        with open_torch_pickle(path, max_bytes=_MAX_FILE_BYTES) as pickle:
            yield pickle.source, lambda: pickle.progress, pickle.finish
    else:
        raise DataError(
            "it is no .pth of NAS-Bench-201, no .pickle.pbz2 of NATS-Bench and no directory of it"
            f"{begins_as(beginning)}"
        )


def _load_small(path: Path) -> Any:
    with BZ2Stream(path, max_bytes=_MAX_RECORD_BYTES) as stream:
        source = ByteSource(stream)
        value = load_plain(source)
        _check_end(source)
        return value


def _check_end(source: ByteSource) -> None:
    if not source.at_end():
        raise DataError("something follows the end of the pickle")
