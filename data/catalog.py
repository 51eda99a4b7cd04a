"""The catalogue: which tables there are, and what is known about each.

A table is a parquet file and a card, a TOML file that says where the numbers come from, what they mean and what is
wrong with them. The embedded tables lie in ``data/tables`` with their cards in ``data/cards``; converted ones lie in
the folder ``tables`` of :func:`home`, card and table side by side.
"""

from __future__ import annotations

import os
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ganas.data.tables import file_sha256, mean_over_trials, read_architectures, read_values, row_count
from ganas.spaces.errors import DataError, DuplicateName, closest_match, quote_list, unknown_name

__all__ = ["Card", "CardMetric", "CardSource", "card", "cards", "home", "read_card", "table_path", "verify"]

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class CardMetric:
    """A metric that a table holds.

    Attributes:
        name: Name that it is asked for by.
        unit: Unit of the stored values.
        columns: Columns of the table, one a trial; with several ``epochs``, all trials of the first epoch first.
        split: The data that it is measured on, or None.
        higher_is_better: The direction.
        epochs: After how many completed epochs it is held, in increasing order; empty where it has none.
        per_trial: Whether it was measured once a trial; otherwise it is one value an architecture.
        description: One line.
        best_mean: The best value over the table (mean over trials, last epoch), exactly.
    """

    name: str
    unit: str
    columns: tuple[str, ...]
    best_mean: float
    split: Literal["train", "valid", "test"] | None = None
    higher_is_better: bool = True
    epochs: tuple[int, ...] = ()
    per_trial: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class CardSource:
    """The file that a table was converted from.

    Attributes:
        package: Name of the package or release that holds it.
        version: Its version.
        file: The file in it.
        sha256: Digest of that file.
        licence: SPDX expression of the package.
        authors: Who made it.
    """

    package: str
    version: str
    file: str
    sha256: str
    licence: str
    authors: str


@dataclass(frozen=True, slots=True)
class Card:
    """What is known about a table.

    Attributes:
        name: Name of the benchmark that it makes.
        title: One line.
        space: Name of the space of its architectures.
        dataset: What the networks were trained and measured on.
        file: Name of the parquet file.
        sha256: Digest of the parquet file.
        bytes: Its size.
        rows: How many architectures it holds.
        architecture: The column that says which architecture a row is: identity keys (ranks of the genotype), or
            the notation of the space. Rows stand in the order of the identity keys.
        objective: The metric that a search improves unless told otherwise.
        licence: SPDX expression of the measurements.
        citation: The paper to cite.
        trials: What a trial is and how it is asked for.
        trial_counts: How many architectures have how many trials, as pairs (trials, architectures).
        source: Where the numbers come from.
        metrics: What it holds.
        cost: The metric that says what one training costs, in seconds; None where the table does not say.
        num_classes: Classes of the data set, where it has classes.
        known_defects: What is known to be wrong, one sentence or more each.
        folder: Where the parquet file lies.
    """

    name: str
    title: str
    space: str
    dataset: str
    file: str
    sha256: str
    bytes: int
    rows: int
    architecture: str
    objective: str
    licence: str
    citation: str
    trials: str
    trial_counts: tuple[tuple[int, int], ...]
    source: CardSource
    metrics: tuple[CardMetric, ...]
    cost: str | None = None
    num_classes: int | None = None
    known_defects: tuple[str, ...] = ()
    folder: Path = _FOLDER / "tables"

    @property
    def embedded(self) -> bool:
        """Whether the table comes with Ganas; the others lie in the cache folder."""
        return self.folder == _FOLDER / "tables"


def home() -> Path:
    """The folder for converted and fetched files: ``$GANAS_HOME``, by default ``ganas`` in the user's cache folder."""
    given = os.environ.get("GANAS_HOME")
    if given:
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ganas"


def cards() -> dict[str, Card]:
    """Every card by name, sorted: the embedded ones and those in the folder ``tables`` of :func:`home`.

    Raises:
        DataError: A card cannot be read.
        DuplicateName: A card takes the name of another one.
    """
    found = dict(_embedded())
    for path in sorted((home() / "tables").glob("*.toml")):
        converted = read_card(path, path.parent)
        if converted.name in found:
            raise DuplicateName(f"{path} names its table {converted.name!r}, and that name is taken: rename it")
        found[converted.name] = converted
    return dict(sorted(found.items()))


def card(name: str) -> Card:
    """The card of this name.

    Raises:
        UnknownName: No card has this name.
    """
    known = cards()
    if name not in known:
        raise unknown_name("table", name, known)
    return known[name]


def table_path(card: Card) -> Path:
    """Where the parquet file of a card lies."""
    return card.folder / card.file


def verify(card: Card) -> list[str]:
    """Recompute what a card says about its table; return what was confirmed, one line each.

    Raises:
        DataError: Something is not as the card says; the message names all of it.
    """
    path = table_path(card)
    confirmed: list[str] = []
    wrong: list[str] = []

    def compare(what: str, found: object, recorded: object) -> None:
        if found == recorded:
            confirmed.append(f"{what}: {found}")
        else:
            wrong.append(f"{what} is {found}, and the card says {recorded}")

    compare("sha256", file_sha256(path), card.sha256)
    compare("bytes", path.stat().st_size, card.bytes)
    compare("rows", row_count(path), card.rows)
    compare("distinct architectures", len(set(read_architectures(path, card.architecture))), card.rows)
    for metric in card.metrics:
        values = read_values(path, metric.columns).reshape(-1, max(1, len(metric.epochs)), num_trials(metric))
        if metric.per_trial:
            counts = zip(*np.unique((~np.isnan(values[:, -1])).sum(axis=1), return_counts=True), strict=True)
            found = tuple((int(trials), int(count)) for trials, count in counts)
            compare(f"{metric.name}, architectures by number of trials", found, card.trial_counts)
        means = mean_over_trials(values[:, -1])
        best = float(np.nanmax(means) if metric.higher_is_better else np.nanmin(means))
        compare(f"{metric.name}, best mean ({metric.unit})", best, metric.best_mean)
    if wrong:
        raise DataError(f"{path.name} is not what its card says: {'; '.join(wrong)}")
    return confirmed


def num_trials(metric: CardMetric) -> int:
    """How many trials the columns of a metric hold (1 for one that is not of a trial)."""
    return len(metric.columns) // max(1, len(metric.epochs))


def read_card(path: Path, folder: Path) -> Card:
    """Read a card whose table lies in ``folder``.

    Raises:
        DataError: It is not TOML, lacks a field, has an unknown one, or a value has the wrong type.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read the card {path}: {error}") from None
    counts = content.get("trial_counts")
    if isinstance(counts, dict):
        content["trial_counts"] = [(int(trials), count) for trials, count in counts.items() if trials.isdigit()]
    read: Card = _read(Card, {**content, "folder": folder}, f"the card {path.name}")
    names = [metric.name for metric in read.metrics]
    for wanted in (read.objective, *([read.cost] if read.cost is not None else [])):
        if wanted not in names:
            raise DataError(
                f"the card {path.name} names {wanted!r}, which is not among its metrics: {quote_list(names)}"
            )
    for metric in read.metrics:
        if len(metric.columns) % max(1, len(metric.epochs)) or (num_trials(metric) != 1 and not metric.per_trial):
            raise DataError(
                f"the card {path.name} gives {len(metric.columns)} columns for {metric.name!r}: wanted is one for each "
                "trial and epoch"
            )
    return read


@lru_cache(maxsize=1)
def _embedded() -> Mapping[str, Card]:
    read = [read_card(path, _FOLDER / "tables") for path in sorted((_FOLDER / "cards").glob("*.toml"))]
    return {entry.name: entry for entry in read}


def _read(kind: Any, content: object, label: str) -> Any:
    """Build a dataclass of cards from what TOML gave, checking names and types."""
    if not isinstance(content, dict):
        raise DataError(f"{label} must be a table, not {content!r:.60}")
    declared = {entry.name: entry for entry in fields(kind)}
    for name in content:
        if name not in declared:
            raise DataError(f"{label} has an unknown field {name!r}{closest_match(name, declared)}")
    hints = typing.get_type_hints(kind)
    values = {}
    for name, entry in declared.items():
        if name in content:
            values[name] = _convert(hints[name], content[name], f"{name} in {label}")
        elif entry.default is MISSING:
            raise DataError(f"{label} lacks the field {name!r}")
    return kind(**values)


def _convert(hint: Any, value: Any, label: str) -> Any:
    if hint in (CardSource, CardMetric):
        return _read(hint, value, label)
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and isinstance(value, (list, tuple)):
        inner = [parts[0]] * len(value) if parts[-1] is Ellipsis else list(parts)
        if len(inner) == len(value):
            return tuple(_convert(part, entry, label) for part, entry in zip(inner, value, strict=True))
    elif origin in (types.UnionType, typing.Union):
        # TOML has no null: what is given is of the other part.
        return _convert(parts[0], value, label)
    elif origin is Literal:
        if value in parts:
            return value
    elif origin is None and isinstance(value, hint) and isinstance(value, bool) == (hint is bool):
        return value
    wanted = getattr(hint, "__name__", str(hint)).lower()
    raise DataError(f"{label} must be {wanted if origin is None else str(hint)}, not {value!r:.60}")
