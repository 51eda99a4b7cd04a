"""Any official file to its tables: what it is, and which converter reads it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ganas.data.card import Card
from ganas.data.convert import nasbench101, nasbench301, natsbench
from ganas.data.convert.nasbench101_records import read_records
from ganas.data.convert.nasbench301_files import some_result
from ganas.data.convert.nasbench301_records import parse_record
from ganas.data.convert.natsbench_cards import FAMILIES, cards_of
from ganas.data.convert.natsbench_files import META_NAME, read_architectures
from ganas.data.sources import Source, downloaded, downloads, source, source_of, sources
from ganas.data.zip_archive import ZIP_MAGIC
from ganas.spaces.errors import DataError, closest_match, quote_list

__all__ = ["convert_official", "convertible_cards", "locate", "recognise"]


def convert_official(
    path: Path,
    name: str | None = None,
    *,
    folder: Path | None = None,
    overwrite: bool = False,
    progress: Callable[[float], None] | None = None,
) -> list[Card]:
    """Convert an official file or directory and return the cards of the tables written.

    Args:
        path: Where it lies; or the name of a source, or of an official file, in the folder of downloads.
        name: Which source it is; None to tell by its name or by what is in it.
        folder: Where converted tables lie; None for the folder of the catalogue.
        overwrite: Whether tables of the same names may be replaced.
        progress: Called with the part that is done, from 0 to 1.

    Raises:
        UnknownName: No source has this name.
        DataError: The file is not there, does not say what it is, is not what its name says, is damaged or asks for
            code; or the disk is full. Nothing is left that is not whole.
        DuplicateName: A table exists.
    """
    path, found = locate(path, name)
    if found.format == "nasbench101":
        return nasbench101.convert(path, folder=folder, overwrite=overwrite, progress=progress)
    if found.format == "nasbench301":
        return nasbench301.convert(path, folder=folder, overwrite=overwrite, progress=progress)
    return natsbench.convert(path, found.name, folder=folder, overwrite=overwrite, progress=progress)


def locate(given: Path, name: str | None = None) -> tuple[Path, Source]:
    """Where an official file or directory lies, and which source it is; see :func:`convert_official`.

    A path that exists is meant as one; what else is given is looked for among the downloads.

    Raises:
        UnknownName: No source has the name.
        DataError: There is no such file, or it does not say what it is.
    """
    wanted = None if name is None else source(name)
    if given.exists():
        return given, wanted or recognise(given)
    text = str(given)
    if text in sources():
        path = downloaded(source(text))
        if path is None:
            raise DataError(
                f"there is no file of {text!r} in {downloads()}: ganas data fetch {text}, or name the file in its place"
            )
        return path, wanted or source(text)
    if given.name == text and (downloads() / text).exists():
        return downloads() / text, wanted or recognise(downloads() / text)
    made_of, files = source_of(text), [file for entry in sources().values() for file in entry.files]
    if made_of is not None:
        hint = f"; the table of this name is made by ganas data convert {made_of.name}"
    elif text in files:
        hint = f", nor is it in {downloads()}"
    else:
        hint = "" if given.name in files else closest_match(given.name, [*sources(), *files])
    raise DataError(f"there is no file or directory {given}{hint}")


def recognise(path: Path) -> Source:
    """The source that has a file or directory of this name, or that it is by what is in it.

    A ``.pth`` of NAS-Bench-201 does not say which of its versions it is.

    Raises:
        DataError: Neither the name nor the content says it, or a directory of NATS-Bench is damaged.
    """
    for found in sources().values():
        # "." has no name of its own.
        if path.absolute().name in found.files:
            return found
    of_content = _by_content(path)
    if of_content is not None:
        return source(of_content)
    raise DataError(
        f"{path.name!r} is not the name of an official file, so it does not say what it is: say which of "
        f"{quote_list(sources())} it is with --as"
    )


def _by_content(path: Path) -> str | None:
    """Name of the source that a file or directory is by how it begins; None where that does not tell."""
    if path.is_dir():
        if not (path / META_NAME).is_file():
            return _of_results(path)
        with closing(read_architectures(path)) as records:
            return f"natsbench-{records.space}"
    try:
        with path.open("rb") as stream:
            beginning = stream.read(4)
        if beginning == ZIP_MAGIC:
            return _of_results(path)
        packed = beginning.startswith(b"BZh")
        if packed:
            with closing(read_architectures(path)) as records:
                return f"natsbench-{records.space}" if records.space is not None else None
        # The converter finds out which of the two files it is.
        next(read_records(path))
    except (OSError, DataError):
        return None
    return "nasbench101"


def _of_results(path: Path) -> str | None:
    """The source of a folder or archive with results of NAS-Bench-301; None where it has none."""
    content = some_result(path)
    if content is None:
        return None
    try:
        parse_record(path, content)
    except DataError:
        return None
    return "nasbench301"


def convertible_cards() -> list[Card]:
    """The card of every table that an official file can become, as far as it is known before the file is read."""
    of_natsbench = [card for family in FAMILIES.values() for card in cards_of(family)]
    return [*nasbench101.CARDS, *of_natsbench, *nasbench301.CARDS]
