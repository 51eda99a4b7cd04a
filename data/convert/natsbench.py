"""NAS-Bench-201 (``.pth``) and NATS-Bench (``.pickle.pbz2``, simple directories), converted to tables.

One pass over the source, one table for each of its four data sets. The source is read through an allow-list and one
architecture at a time: see :mod:`ganas.data.convert.natsbench_files`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from ganas.data.card import Card, CardSource
from ganas.data.convert.natsbench_cards import DATASETS, FAMILIES
from ganas.data.convert.natsbench_files import read_architectures
from ganas.data.convert.natsbench_tables import TableBuilder
from ganas.data.sources import source as official_source
from ganas.data.table_writer import TableWriter
from ganas.data.tables import file_sha256
from ganas.spaces.errors import DataError, unknown_name
from ganas.spaces.registry import load_space

__all__ = ["convert", "source_digest"]


def convert(
    source: Path,
    family: str,
    *,
    folder: Path | None = None,
    overwrite: bool = False,
    progress: Callable[[float], None] | None = None,
) -> list[Card]:
    """Convert a file or directory and return the cards of the tables written.

    Args:
        source: The file, or the directory of one file an architecture.
        family: What it is: ``nasbench201-v1.0``, ``nasbench201-v1.1``, ``natsbench-topology`` or ``natsbench-size``.
        folder: Where converted tables lie; None for the folder of the catalogue.
        overwrite: Whether tables of these names may be replaced.
        progress: Called with the part that is done, from 0 to 1.

    Raises:
        UnknownName: There is no such family.
        DataError: The source is damaged, asks for code, or is not of this family; or the disk is full. No table is
            left that is not whole.
        DuplicateName: A table exists.
    """
    if family not in FAMILIES:
        raise unknown_name("benchmark file", family, FAMILIES)
    described = FAMILIES[family]
    _check_container(source, family)
    with ExitStack() as stack:
        writers = {
            dataset.suffix: stack.enter_context(
                TableWriter(f"{family}-{dataset.suffix}", folder=folder, overwrite=overwrite)
            )
            for dataset in DATASETS
        }
        scratch = next(iter(writers.values())).scratch
        builder = stack.enter_context(closing(TableBuilder(described, scratch)))
        # The last tenth is the writing.
        space = "size" if described.space == "natsbench-size" else "topology"
        for record in read_architectures(source, space=space, progress=_part(progress, 0.0, 0.9)):
            builder.add(record)
        name = source.absolute().name
        origin = CardSource(
            described.title, "", name, source_digest(source), described.licence, "Xuanyi Dong and others"
        )
        foreign = _foreign(source, family)
        made = []
        for number, table in enumerate(builder.tables(origin), start=1):
            writer = writers[table.card.name.removeprefix(f"{family}-")]
            writer.set_rows(table.identities)
            writer.add_column("official_index", table.official_index)
            for metric, values in table.values:
                writer.add(metric, values)
            made.append((writer, _completed(table.card, len(table.identities), foreign)))
            if progress is not None:
                progress(0.9 + 0.1 * number / len(DATASETS))
        # Moved into place together: what can fail, a full disk above all, has been done by then.
        cards = [writer.complete(card) for writer, card in made]
        for writer, _ in made:
            writer.move()
        return cards


def source_digest(source: Path) -> str:
    """The SHA-256 digest of a file, or of the list of digests of the files of a directory.

    Raises:
        DataError: It cannot be read.
    """
    if not source.is_dir():
        return file_sha256(source)
    files = sorted(file for file in source.iterdir() if file.is_file())
    if not files:
        raise DataError(f"there is no file in {source}")
    return hashlib.sha256("\n".join(f"{file.name} {file_sha256(file)}" for file in files).encode()).hexdigest()


def _foreign(source: Path, family: str) -> list[str]:
    """What to say of a file that is not the one that its authors published; nothing is known about directories."""
    official = official_source(family)
    if source.is_dir() or official.digest_suffix is None:
        return []
    with source.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if digest.endswith(official.digest_suffix):
        return []
    name, digits = source.absolute().name, official.digest_suffix
    if official.digest_inferred:
        return [
            f"The MD5 digest of {name} does not end in {digits}, the digits that its authors give {official.files[0]}: "
            "it may be another file, or these may be of another digest, which they do not say."
        ]
    return [
        f"The file {name} is not {official.files[0]} as its authors published it: its MD5 digest does not end in "
        f"{digits}."
    ]


def _completed(card: Card, rows: int, foreign: list[str]) -> Card:
    """The card with what this file is."""
    notes = [*foreign]
    size = load_space(card.space).size
    if rows != size:
        notes.append(f"The file holds {rows:,} of the {size:,} architectures.")
    return replace(card, notes=tuple(notes))


def _part(progress: Callable[[float], None] | None, start: float, end: float) -> Callable[[float], None] | None:
    return None if progress is None else lambda done: progress(start + (end - start) * done)


def _check_container(source: Path, family: str) -> None:
    """Raise a DataError for a checkpoint given as NATS-Bench, or the reverse: inside, both look the same."""
    try:
        packed = source.is_dir()
        if not packed:
            with source.open("rb") as stream:
                packed = stream.read(3) == b"BZh"
    except OSError as error:
        raise DataError(f"cannot read {source}: {error.strerror or error}") from None
    if packed != family.startswith("natsbench"):
        kind = "a directory or bzip2 file, as NATS-Bench is" if packed else "no directory and no bzip2 file"
        raise DataError(f"{source} is {kind}: it cannot be {FAMILIES[family].title}")
