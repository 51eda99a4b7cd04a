"""The catalogue: which tables there are, and what is known about each.

A table is a parquet file and a card, a TOML file that says where the numbers come from, what they mean and what is
wrong with them. Learning curves are arrays beside it. The embedded tables lie in ``data/tables`` with their cards in
``data/cards``; a converted one is a folder of its own name within the folder ``tables`` of :func:`home`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganas.data.arrays import open_array, open_keys
from ganas.data.card import Card, card_label, content_digest, metric_key, num_trials, read_card, table_path
from ganas.data.tables import file_sha256, mean_over_trials, read_architectures, read_values, row_count
from ganas.spaces.errors import DataError, DuplicateName, unknown_name

__all__ = [
    "card",
    "card_names",
    "cards",
    "check_files",
    "converted_tables",
    "home",
    "is_embedded",
    "read_entries",
    "verify",
]

_FOLDER = Path(__file__).parent
_EMBEDDED = tuple(sorted((_FOLDER / "cards").glob("*.toml")))


def home() -> Path:
    """The folder for converted and fetched files: ``$GANAS_HOME``, by default ``ganas`` in the user's cache folder."""
    given = os.environ.get("GANAS_HOME")
    if given:
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ganas"


def converted_tables() -> Path:
    """The folder of converted tables; each is a folder of its own in it."""
    return home() / "tables"


def card_names() -> list[str]:
    """The name of every card, sorted; no card is read for it.

    Raises:
        DuplicateName: A converted table has the name of an embedded one.
    """
    return sorted(_card_files())


def is_embedded(name: str) -> bool:
    """Whether a table of this name comes with Ganas."""
    return any(path.stem == name for path in _EMBEDDED)


def cards() -> dict[str, Card]:
    """Every card by name, sorted: the embedded ones and those of :func:`converted_tables`.

    Raises:
        DataError: A card cannot be read.
        DuplicateName: A converted table has the name of an embedded one.
    """
    return {name: card(name) for name in card_names()}


def card(name: str) -> Card:
    """The card of this name.

    Raises:
        NotConverted: It is of a table that an official file becomes, and that has not been made yet.
        UnknownName: No card has this name.
        DataError: It cannot be read.
    """
    files = _card_files()
    if name not in files:
        from ganas.data.sources import not_converted  # it needs this module

        raise not_converted(name) or unknown_name("table", name, files)
    path = files[name]
    try:
        stamp = path.stat()
    except OSError as error:
        raise DataError(f"cannot read the card {path}: {error.strerror or error}") from None
    return _read_once(path, stamp.st_mtime_ns, stamp.st_size)


def _card_files() -> dict[str, Path]:
    """Where each card lies; a table's name is that of its file or, of a converted one, of its folder."""
    found = {path.stem: path for path in _EMBEDDED}
    for path in converted_tables().glob("*/card.toml"):
        name = path.parent.name
        if name.startswith("."):
            continue  # being written, or left over from a conversion that was killed
        if name in found:
            raise DuplicateName(f"{path.parent} has the name of an embedded table: rename it")
        found[name] = path
    return found


@lru_cache(maxsize=256)
def _read_once(path: Path, modified: int, size: int) -> Card:
    # A card that was written again has another time or size.
    converted = path.name == "card.toml"
    read = read_card(path, path.parent if converted else _FOLDER / "tables")
    if read.name != (path.parent.name if converted else path.stem):
        raise DataError(f"the card {card_label(path)} is of a table {read.name!r}: file or folder must have that name")
    return read


def read_entries(card: Card) -> NDArray[np.int64] | list[str]:
    """Which architecture each row of a table is: identity keys, or the notation of the space.

    Raises:
        DataError: A file is missing or damaged, or a row has no entry.
    """
    keys = open_keys(card)
    return read_architectures(table_path(card), card.architecture) if keys is None else keys


def verify(card: Card) -> list[str]:
    """Recompute what a card says about its table; return what was confirmed, one line each.

    Raises:
        DataError: Something is not as the card says; the message names the table and all of it.
    """
    # What results of queries and reports call this table.
    confirmed = [f"source: table:{content_digest(card)[:12]}"]
    wrong: list[str] = []

    def compare(what: str, found: object, recorded: object) -> None:
        if found == recorded:
            confirmed.append(f"{what}: {found}")
        else:
            wrong.append(f"{what} is {found}, and the card says {recorded}")

    try:
        _compare_all(card, compare, wrong)
    except DataError as error:
        wrong.append(str(error))
    if wrong:
        raise DataError(f"{card.name} is not what its card says: {'; '.join(wrong)}")
    return confirmed


def _compare_all(card: Card, compare: Callable[[str, object, object], None], wrong: list[str]) -> None:
    """Compare what is computed with what the card says.

    Raises:
        DataError: A file is missing or cannot be read, so that there is nothing to compare.
    """
    path = _files(card)[0]
    compare("sha256", file_sha256(path), card.sha256)
    compare("bytes", sum(file.stat().st_size for file in _files(card)), card.bytes)
    compare("rows", row_count(path), card.rows)
    entries = read_architectures(path, card.architecture)
    compare("distinct architectures", len(set(entries)), card.rows)
    keys = open_keys(card)
    if keys is not None and not np.array_equal(keys, entries):
        wrong.append("the keys beside the table are not those in it")
    for array in card.arrays:
        file = card.folder / array.file
        compare(f"{array.file}, sha256", file_sha256(file), array.sha256)
    for metric in card.metrics:
        if metric.array is not None:
            values = open_array(card, metric)
        else:
            values = read_values(path, metric.columns).reshape(-1, max(1, len(metric.epochs)), num_trials(metric))
        if metric.per_trial and metric.array is None:
            counts = zip(*np.unique((~np.isnan(values[:, -1])).sum(axis=1), return_counts=True), strict=True)
            found = tuple((int(trials), int(count)) for trials, count in counts)
            compare(f"{metric.name}, architectures by number of trials", found, card.trial_counts)
        means = mean_over_trials(values[:, -1])
        best = float(np.nanmax(means) if metric.higher_is_better else np.nanmin(means))
        compare(f"{metric_key(metric)}, best mean ({metric.unit})", best, metric.best_mean)


def check_files(card: Card) -> None:
    """Check that the files of a table are there and of the right size; they are not read, as :func:`verify` does.

    Raises:
        DataError: A file does not exist, or together they have another size.
    """
    size = sum(file.stat().st_size for file in _files(card))
    if size != card.bytes:
        raise DataError(f"the files of {card.name} have {size:,} bytes, and its card says {card.bytes:,}")


def _files(card: Card) -> list[Path]:
    """The files of a table.

    Raises:
        DataError: One does not exist.
    """
    files = [table_path(card), *[card.folder / array.file for array in card.arrays]]
    for file in files:
        if not file.is_file():
            raise DataError(f"cannot read {file}: it does not exist")
    return files
