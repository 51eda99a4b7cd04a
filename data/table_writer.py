"""Writing a converted table: it appears whole, with its card, or not at all.

Everything is written into a hidden folder beside the place of the table and moved there in one step. A conversion that
fails removes its folder; one that is killed leaves a folder that nothing opens, and the next conversion to the same
name removes it.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from ganas.data.arrays import KEYS, narrowest_keys, write_array, write_keys
from ganas.data.card import Card, CardArray, CardMetric, metric_key
from ganas.data.catalog import converted_tables, is_embedded
from ganas.data.tables import file_sha256, mean_over_trials, write_table
from ganas.data.toml_record import format_record
from ganas.spaces.errors import DataError, DuplicateName

__all__ = ["TableWriter", "remove_abandoned", "writing"]

_TABLE = "rows.parquet"
_CARD = "card.toml"


class TableWriter:
    """A table in the making; a context manager.

    Call :meth:`set_rows` once, :meth:`add` for every metric, and :meth:`finish`; of tables that appear together,
    :meth:`complete` for each before :meth:`move` for the first. Leaving the context before that removes all that was
    written, and so does leaving it by an error after that: what the table replaced is then back.

    Args:
        name: Name of the table.
        folder: Where converted tables lie; None for the folder of the catalogue.
        overwrite: Whether a table of this name may be replaced.

    Raises:
        DuplicateName: There is a table of this name.
        DataError: The folder cannot be made.
    """

    def __init__(self, name: str, *, folder: Path | None = None, overwrite: bool = False) -> None:
        self.name = name
        self._folder = converted_tables() if folder is None else folder
        self._target = self._folder / name
        if is_embedded(name):
            raise DuplicateName(f"{name!r} is the name of an embedded table, whose content never changes")
        if self._target.exists() and not overwrite:
            raise DuplicateName(f"{self._target} exists: remove it, or allow it to be overwritten with --overwrite")
        self._unfinished = self._folder / f".{name}.{os.getpid()}.part"
        self._replaced = self._folder / f".{name}.{os.getpid()}.old"
        self._moved = False
        self._order: NDArray[np.int64] | None = None
        self._keys: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._columns: dict[str, NDArray[np.float64]] = {}
        self._metrics: list[CardMetric] = []
        self._counts: dict[str, tuple[tuple[int, int], ...]] = {}

    def __enter__(self) -> TableWriter:
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            remove_abandoned(self._folder, self.name)
            self._unfinished.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._moved and kind is not None:
            # Another table that should have appeared with this one did not.
            with suppress(OSError):
                self._target.rename(self._unfinished)
                self._put_back()
        for folder in (self._unfinished, self._replaced):
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def scratch(self) -> Path:
        """A folder for what a conversion must lay aside; it goes when the table is finished or given up."""
        folder = self._unfinished / "scratch"
        with writing(folder):
            folder.mkdir(exist_ok=True)
        return folder

    def set_rows(self, identities: NDArray[np.int64]) -> None:
        """Say which architecture each row is; values are then given in the same order, and stored in that of the keys.

        Raises:
            DataError: A key repeats, or there is none.
        """
        self._order = np.argsort(identities, kind="stable")
        self._keys = identities[self._order]
        if not len(self._keys):
            raise DataError(f"there is no architecture to write into {self.name!r}")
        repeated = np.flatnonzero(self._keys[1:] == self._keys[:-1])
        if len(repeated):
            raise DataError(f"the architecture with the key {int(self._keys[repeated[0]])} comes twice")

    def add(self, metric: CardMetric, values: NDArray[np.floating]) -> None:
        """Write the values of a metric.

        Args:
            metric: What they are; where they are stored and the best mean are filled in here.
            values: (rows,) for one value an architecture, else (rows, epochs, trials), in the order of
                :meth:`set_rows`; NaN where nothing was measured.

        Raises:
            DataError: A value is infinite, nothing was measured, the shape does not fit, or the disk is full.
        """
        key, ordered = metric_key(metric), values[self._order]
        if np.isinf(ordered).any() or np.isnan(ordered).all():
            raise DataError(f"{key!r} of {self.name!r} {'is infinite' if np.isinf(ordered).any() else 'has no value'}")
        last = ordered if ordered.ndim == 1 else mean_over_trials(ordered[:, -1].astype(np.float64))
        best = float(np.nanmax(last) if metric.higher_is_better else np.nanmin(last))
        if ordered.ndim == 1:
            self._columns[key] = ordered.astype(np.float64)
            stored = replace(metric, columns=(key,), per_trial=False, best_mean=best)
        else:
            wanted = (len(self._keys), max(1, len(metric.epochs)))
            if ordered.ndim != 3 or ordered.shape[:2] != wanted or len(metric.seeds) not in (0, ordered.shape[2]):
                raise DataError(f"the values of {key!r} have shape {values.shape}, wanted is {wanted} and trials")
            counts = np.unique((~np.isnan(ordered[:, -1])).sum(axis=1), return_counts=True)
            self._counts[key] = tuple((int(trials), int(count)) for trials, count in zip(*counts, strict=True))
            stored = replace(metric, array=f"{key}.npy", per_trial=True, best_mean=best)
            with writing(self._unfinished):
                write_array(self._unfinished / f"{key}.npy", ordered)
        self._metrics.append(stored)

    def add_column(self, name: str, values: NDArray[np.floating]) -> None:
        """Write a column that is no metric, such as the numbers that the source gives its architectures, (rows,)."""
        self._columns[name] = values[self._order].astype(np.float64)

    def finish(self, card: Card) -> Card:
        """Write the card, move the table to its place and return the card; see :meth:`complete` and :meth:`move`."""
        complete = self.complete(card)
        self.move()
        return complete

    def complete(self, card: Card) -> Card:
        """Write all that is still to be written, and return the card.

        Args:
            card: All but what is measured here: files, digests, rows, counts of trials and the metrics, of which
                those that were not added are left out.

        Raises:
            DataError: The disk is full.
        """
        with writing(self._target):
            shutil.rmtree(self._unfinished / "scratch", ignore_errors=True)
            table = self._unfinished / _TABLE
            write_table(table, (card.architecture, narrowest_keys(self._keys)), self._columns)
            if card.architecture == "identity_key" and any(metric.array for metric in self._metrics):
                write_keys(self._unfinished / KEYS, self._keys)
            files = sorted(self._unfinished.glob("*.npy"))
            complete = replace(
                card,
                file=_TABLE,
                sha256=file_sha256(table),
                bytes=sum(file.stat().st_size for file in (table, *files)),
                rows=len(self._keys),
                trial_counts=self._objective_counts(card),
                metrics=tuple(self._metrics),
                arrays=tuple(CardArray(file.name, file_sha256(file), file.stat().st_size) for file in files),
                folder=self._target,
            )
            (self._unfinished / _CARD).write_text(format_record(complete, leave_out=("folder",)), encoding="utf-8")
        return complete

    def move(self) -> None:
        """Put the complete table where it belongs; one that it replaces is gone when the context is left.

        Raises:
            DataError: The folder cannot be written.
        """
        with writing(self._target):
            if self._target.exists():
                self._target.rename(self._replaced)
            try:
                self._unfinished.rename(self._target)
            except OSError:
                self._put_back()
                raise
        self._moved = True

    def _put_back(self) -> None:
        if self._replaced.exists():
            self._replaced.rename(self._target)

    def _objective_counts(self, card: Card) -> tuple[tuple[int, int], ...]:
        of_objective = [metric for metric in self._metrics if metric.name == card.objective]
        longest = max(of_objective, key=lambda metric: metric.run or 0, default=None)
        return self._counts.get(metric_key(longest), ()) if longest is not None else ()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says about a write into one line.

    Raises:
        DataError: The disk is full, or something else about ``path`` cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(f"there is no space left to write {path}: nothing of it was kept") from None
        raise DataError(f"cannot write {path}: {error.strerror or error}") from None


def remove_abandoned(folder: Path, name: str) -> None:
    """Remove what a killed process that wrote ``name`` left in ``folder``; one that still runs keeps its part."""
    for left in folder.glob(f".{name}.*"):
        process = left.name.split(".")[-2]
        # In a container a process often has the number of the killed one.
        if process.isdigit() and (int(process) == os.getpid() or not _is_running(int(process))):
            shutil.rmtree(left, ignore_errors=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
