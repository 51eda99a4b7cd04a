"""The card of a table: where its numbers come from, what they mean, and what is wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from ganas.data.toml_record import read_record, read_toml
from ganas.spaces.errors import DataError, quote_list

__all__ = [
    "Card",
    "CardArray",
    "CardMetric",
    "CardSource",
    "card_label",
    "content_digest",
    "metric_key",
    "num_trials",
    "read_card",
    "table_path",
]

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class CardMetric:
    """A metric that a table holds.

    Attributes:
        name: Name that it is asked for by.
        unit: Unit of the stored values.
        split: The data that it is measured on, or None.
        higher_is_better: The direction.
        epochs: After how many completed epochs it is held, in increasing order; empty where it has none.
        run: For how many epochs the training was scheduled; None where the table does not tell runs apart.
        seeds: The seed of the trial at each position; empty where the source does not say.
        per_trial: Whether it was measured once a trial; otherwise it is one value an architecture.
        description: One line.
        columns: Columns of the table, one a trial; with several ``epochs``, all trials of the first epoch first.
        array: In place of columns, the name of an array, (epochs, rows, trials).
        best_mean: The best value over the table (mean over trials, last epoch), exactly.
    """

    name: str
    unit: str
    split: Literal["train", "valid", "test"] | None = None
    higher_is_better: bool = True
    epochs: tuple[int, ...] = ()
    run: int | None = None
    seeds: tuple[int, ...] = ()
    per_trial: bool = False
    description: str = ""
    columns: tuple[str, ...] = ()
    array: str | None = None
    best_mean: float | None = None


@dataclass(frozen=True, slots=True)
class CardArray:
    """A file of numpy beside the table: the key of a metric with ``.npy`` at the end, or ``identity_key.npy``."""

    file: str
    sha256: str
    bytes: int


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is known about a table.

    A converter begins with a card on which nothing is measured yet (``rows`` is 0) and completes it.

    Attributes:
        name: Name of the benchmark that it makes.
        title: One line.
        space: Name of the space of its architectures.
        dataset: What the networks were trained and measured on.
        file: Name of the parquet file.
        sha256: Digest of the parquet file.
        bytes: The size of all its files.
        rows: How many architectures it holds.
        architecture: The column that says which architecture a row is: identity keys (ranks of the genotype), or
            the notation of the space. Rows stand in the order of the identity keys.
        objective: The metric that a search improves unless told otherwise.
        licence: SPDX expression of the measurements, or one line on what is known.
        citation: The paper to cite.
        trials: What a trial is and how it is asked for.
        trial_counts: How many architectures have how many trials, as pairs (trials, architectures).
        source: Where the numbers come from.
        metrics: What it holds.
        cost: The metric that says what one training costs, in seconds; None where the table does not say.
        fidelity: What a search may ask for less of: epochs of the longest run, or shorter runs.
        num_classes: Classes of the data set, where it has classes.
        known_defects: What is known to be wrong, one sentence or more each.
        notes: What is special about the very file that it was converted from: that it is not the published one, or
            holds a part of the space.
        arrays: The arrays of learning curves.
        folder: Where the files lie.
    """

    name: str
    title: str
    space: str
    dataset: str
    objective: str
    licence: str
    citation: str
    trials: str
    source: CardSource
    metrics: tuple[CardMetric, ...]
    file: str = ""
    sha256: str = ""
    bytes: int = 0
    rows: int = 0
    architecture: str = "identity_key"
    trial_counts: tuple[tuple[int, int], ...] = ()
    cost: str | None = None
    fidelity: Literal["epoch", "run"] = "epoch"
    num_classes: int | None = None
    known_defects: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    arrays: tuple[CardArray, ...] = ()
    folder: Path = _FOLDER / "tables"

    @property
    def embedded(self) -> bool:
        """Whether the table comes with Ganas; the others lie in the cache folder."""
        return self.folder == _FOLDER / "tables"


def table_path(card: Card) -> Path:
    """Where the parquet file of a card lies."""
    return card.folder / card.file


def metric_key(metric: _OfRun) -> str:
    """What a metric is stored under: its name, and for one of a run that too, as in ``valid_accuracy@108``."""
    return metric.name if metric.run is None else f"{metric.name}@{metric.run}"


class _OfRun(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def run(self) -> int | None: ...


def content_digest(card: Card) -> str:
    """What identifies the numbers of a table: the digest of its file, or of the list of digests of its files."""
    if not card.arrays:
        return card.sha256
    lines = [f"{card.file} {card.sha256}", *[f"{array.file} {array.sha256}" for array in card.arrays]]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def num_trials(metric: CardMetric) -> int:
    """How many trials the columns of a metric in the table hold (1 for one that is not of a trial)."""
    return len(metric.columns) // max(1, len(metric.epochs))


def read_card(path: Path, folder: Path) -> Card:
    """Read a card whose table lies in ``folder``.

    Raises:
        DataError: It is not TOML, lacks a field, has an unknown one, or a value has the wrong type.
    """
    content = read_toml(path, "the card")
    counts = content.get("trial_counts")
    if isinstance(counts, dict):
        content["trial_counts"] = [(int(trials), count) for trials, count in counts.items() if trials.isdigit()]
    read: Card = read_record(Card, {**content, "folder": folder}, f"the card {card_label(path)}")
    names = [metric.name for metric in read.metrics]
    for wanted in (read.objective, *([read.cost] if read.cost is not None else [])):
        if wanted not in names:
            raise DataError(
                f"the card {card_label(path)} names {wanted!r}, which is not among its metrics: {quote_list(names)}"
            )
    arrays = {array.file for array in read.arrays}
    for metric in read.metrics:
        _check_metric(path, metric, arrays)
    if not read.rows or Path(read.file).name != read.file:
        raise DataError(f"the card {card_label(path)} names no table: rows and the plain name of a file are wanted")
    return read


def card_label(path: Path) -> str:
    """A card in messages; those of converted tables all have one name, so their folder is said."""
    return path.name if path.name != "card.toml" else f"{path.parent.name}/{path.name}"


def _check_metric(path: Path, metric: CardMetric, arrays: Collection[str]) -> None:
    """Raise a DataError where a metric on a card does not say where its numbers are."""
    name, columns = metric.name, len(metric.columns)
    if metric.best_mean is None:
        raise DataError(f"the card {card_label(path)} gives no best_mean for {name!r}")
    if metric.array is not None:
        # The name is used as a path.
        if columns or not metric.per_trial or metric.array != f"{metric_key(metric)}.npy" or metric.array not in arrays:
            raise DataError(f"the card {card_label(path)} gives {name!r} an array that does not fit: {metric.array!r}")
    elif not columns or columns % max(1, len(metric.epochs)) or (num_trials(metric) != 1 and not metric.per_trial):
        raise DataError(
            f"the card {card_label(path)} gives {columns} columns for {name!r}: wanted is one for each trial and epoch"
        )
