"""Any official file to its tables: what it is, and which converter reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ganas.data.card import Card
from ganas.data.convert import nasbench101, natsbench
from ganas.data.convert.natsbench_cards import FAMILIES, cards_of
from ganas.data.sources import Source, source, sources
from ganas.spaces.errors import DataError, quote_list

__all__ = ["convert_official", "convertible_cards", "recognise"]


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
        path: Where it lies.
        name: Which source it is; None to tell by its name.
        folder: Where converted tables lie; None for the folder of the catalogue.
        overwrite: Whether tables of the same names may be replaced.
        progress: Called with the part that is done, from 0 to 1.

    Raises:
        UnknownName: No source has this name.
        DataError: The file is not there, is not what its name says, is damaged or asks for code; or the disk is full.
            Nothing is left that is not whole.
        DuplicateName: A table exists.
    """
    found = recognise(path) if name is None else source(name)
    if not path.exists():
        raise DataError(f"there is no file or directory {path}")
    if found.format == "nasbench101":
        return nasbench101.convert(path, folder=folder, overwrite=overwrite, progress=progress)
    return natsbench.convert(path, found.name, folder=folder, overwrite=overwrite, progress=progress)


def recognise(path: Path) -> Source:
    """The source that has a file or directory of this name.

    Raises:
        DataError: None has.
    """
    for found in sources().values():
        # "." has no name of its own.
        if path.absolute().name in found.files:
            return found
    raise DataError(
        f"{path.name!r} is not the name of an official file, so it does not say what it is: say which of "
        f"{quote_list(sources())} it is with --as"
    )


def convertible_cards() -> list[Card]:
    """The card of every table that an official file can become, as far as it is known before the file is read."""
    return [*nasbench101.CARDS, *(card for family in FAMILIES.values() for card in cards_of(family))]
