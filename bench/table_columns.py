"""The measurements of a table: one column a metric and run, with its epochs, its trials and what was not measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.bench.metric import Metric, Reduction, reduce_trials
from ganas.data.arrays import entries_of, open_array
from ganas.data.card import Card, metric_key, num_trials, table_path
from ganas.data.page_words import epochs_in_words
from ganas.data.tables import mean_over_trials, read_values
from ganas.spaces.errors import DataError, EpochNotMeasured, InvalidSetting, TrialNotMeasured, quote_list

__all__ = ["CardColumns", "Column", "content_lines", "whole_number"]

_LARGE = 2**16
"""Rows beyond which a table is read row by row: means of the whole table are not kept."""


class Column:
    """One metric of one run of a table.

    Args:
        metric: What the numbers are.
        values: (rows,) for one value an architecture; (rows, trials); or (rows, epochs, trials). NaN where nothing
            was measured.
        num_rows: How many rows the table has.
        checked: Whether the values are known not to be infinite; memory-mapped ones are checked when they are
            written, because a check reads all of them.

    Raises:
        DataError: The shape does not fit the metric and the table, or a value is infinite.
    """

    def __init__(self, metric: Metric, values: NDArray[np.floating], num_rows: int, *, checked: bool = False) -> None:
        self.metric = metric
        self.per_trial = values.ndim > 1
        epochs = max(1, len(metric.epochs))
        shaped = values[:, None, None] if values.ndim == 1 else values[:, None, :] if values.ndim == 2 else values
        if shaped.ndim != 3 or shaped.shape[:2] != (num_rows, epochs) or shaped.shape[2] < 1:
            raise DataError(
                f"the values of {metric.name!r} have shape {values.shape}: wanted are {num_rows} rows, {epochs} "
                "epoch(s) and at least one trial"
            )
        if metric.seeds and len(metric.seeds) != shaped.shape[2]:
            raise DataError(f"{metric.name!r} names {len(metric.seeds)} seeds for {shaped.shape[2]} trials")
        if not checked and np.isinf(shaped).any():
            raise DataError(f"{metric.name!r} is infinite in row {int(np.argwhere(np.isinf(shaped))[0][0])}")
        self.values = shaped
        # Of values that were cut to one epoch or so the file is not read; those of an array are never cut.
        self._entries = entries_of(values) if values.ndim == 3 else None
        self.num_trials = shaped.shape[2]
        self.large = num_rows > _LARGE
        self._means: dict[int, NDArray[np.float64]] = {}
        self._seeds: dict[tuple[int, ...], tuple[int, ...]] = {}

    def means(self, position: int = -1) -> NDArray[np.float64]:
        """Mean over the trials at an epoch position, (rows,); NaN where nothing was measured."""
        position %= self.values.shape[1]
        means = self._means.get(position)
        if means is None:
            means = mean_over_trials(self.values[:, position])
            if not self.large:
                self._means[position] = means
        return means

    def means_of(self, rows: NDArray[np.int64], position: int) -> NDArray[np.float64]:
        """Mean over the trials of some rows, (count,) -> (count,); NaN where nothing was measured."""
        if self.large:
            return mean_over_trials(self.values[:, position][rows])
        found: NDArray[np.float64] = self.means(position)[rows]
        return found

    def value(self, row: int, position: int, reduction: Reduction = "mean") -> float:
        """The trials of a row as one number; NaN where nothing was measured."""
        measured = [value for value in self.entry(row, position) if value == value]
        if not measured:
            return math.nan
        if len(measured) == 1 or not self.per_trial:
            return float(measured[0])
        return reduce_trials(measured, reduction)

    def row_values(self, row: int, reduction: Reduction = "mean") -> NDArray[np.float64]:
        """As :meth:`value`, at every epoch position, (epochs,)."""
        if reduction == "mean":
            return mean_over_trials(self.row(row))
        return np.array([self.value(row, position, reduction) for position in range(self.values.shape[1])])

    def entry(self, row: int, position: int) -> list[float]:
        """The trials of a row at an epoch position, NaN where nothing was measured."""
        if self._entries is None:
            return list(self.values[row, position].tolist())
        return self._entries.entry(row, position % self.values.shape[1])

    def row(self, row: int) -> NDArray[np.floating]:
        """The trials of a row at every epoch position, (epochs, trials)."""
        return self.values[row] if self._entries is None else self._entries.row(row)

    def complete(self, position: int) -> bool:
        """Whether every row is known to have a value at an epoch position."""
        return not self.large and not bool(np.isnan(self.means(position)).any())

    @cached_property
    def trial_sets(self) -> list[tuple[int, ...]]:
        """Positions of the trials of each row at the last epoch; equal ones are one object."""
        if not self.per_trial:
            return [()] * len(self.values)
        patterns, which = np.unique(~np.isnan(self.values[:, -1]), axis=0, return_inverse=True)
        sets = [tuple(np.flatnonzero(pattern).tolist()) for pattern in patterns]
        return [sets[number] for number in which.ravel().tolist()]

    def trials(self, row: int, position: int = -1) -> tuple[int, ...]:
        """Positions of the trials measured in a row at an epoch position; empty for a value that is not of a trial."""
        if not self.per_trial:
            return ()
        return tuple([trial for trial, value in enumerate(self.entry(row, position)) if value == value])

    def seeds(self, trials: tuple[int, ...]) -> tuple[int, ...]:
        """Seeds of trials; empty where they are not known."""
        if not self.metric.seeds:
            return ()
        found = self._seeds.get(trials)
        if found is None:
            found = self._seeds[trials] = tuple([self.metric.seeds[trial] for trial in trials])
        return found

    def trial_of_seed(self, seed: object, table: str, meaning: str) -> int:
        """The position of the trial that has a seed.

        Raises:
            TrialNotMeasured: The seeds are not known, or none is this one.
            InvalidSetting: It is not a whole number.
        """
        wanted, seeds = whole_number(seed, "seed"), self.metric.seeds
        if not seeds:
            raise TrialNotMeasured(f"the seeds of {self.metric.name!r} in {table!r} are not known. {meaning}")
        if wanted not in seeds:
            raise TrialNotMeasured(
                f"{table!r} has {self.metric.name!r} for the seeds {quote_list(seeds)}, not {wanted}"
            )
        return seeds.index(wanted)

    def trial(self, row: int, position: int, trial: object, table: str, meaning: str) -> int:
        """Return ``trial``, a position, if that trial was measured.

        Args:
            row: The row.
            position: The epoch position.
            trial: The position asked for.
            table: Name of the table, for messages.
            meaning: What a trial of the table is, for messages.

        Raises:
            TrialNotMeasured: It was not.
            InvalidSetting: It is not a whole number.
        """
        wanted = whole_number(trial, "trial")
        name = self.metric.name
        if not self.per_trial:
            raise TrialNotMeasured(f"{name!r} of {table!r} is one value an architecture: it has no trial {wanted}")
        measured = self.trials(row, position)
        if wanted in measured:
            return wanted
        if not 0 <= wanted < self.num_trials:
            raise TrialNotMeasured(
                f"{table!r} has trials 0 to {self.num_trials - 1} of {name!r}, not {wanted}. {meaning}"
            )
        raise TrialNotMeasured(
            f"this architecture has {len(measured)} trial(s) of {name!r} in {table!r}, at {quote_list(measured)}, "
            f"and none at {wanted}"
        )

    def position(self, epoch: object, table: str, runs: Sequence[int] = ()) -> int:
        """Where an epoch stands among those held; None is the last.

        Args:
            epoch: The epoch asked for.
            table: Name of the table, for messages.
            runs: The runs of the table, for messages: an epoch that is the length of another one is often meant so.

        Raises:
            EpochNotMeasured: It is not held.
            InvalidSetting: It is not a whole number.
        """
        if epoch is None:
            return len(self.metric.epochs) - 1 if self.metric.epochs else 0
        wanted = whole_number(epoch, "epoch")
        held, name, run = self.metric.epochs, self.metric.name, self.metric.run
        if not held:
            raise EpochNotMeasured(f"{name!r} of {table!r} does not belong to an epoch, so not to {wanted}")
        if wanted not in held:
            if wanted in runs and wanted != run:
                raise EpochNotMeasured(
                    f"{table!r} has no epoch {wanted} of {name!r} in the run over {run} epochs: {wanted} epochs were a "
                    f"run of their own, with a learning-rate schedule of that length; ask for run={wanted}"
                )
            closest = min(held, key=lambda one: abs(one - wanted))
            of_run = f" in the run over {run} epochs" if len(runs) > 1 else ""
            at = f"at epoch {epochs_in_words(held)}{of_run}"
            raise EpochNotMeasured(f"{table!r} holds {name!r} {at}, not at {wanted}; the closest is {closest}")
        return held.index(wanted)

    def epoch(self, position: int) -> int | None:
        """The epoch at a position; None for a metric that does not belong to an epoch."""
        return self.metric.epochs[position] if self.metric.epochs else None


class CardColumns(Mapping[str, NDArray[np.floating]]):
    """The columns of a card's table by :func:`metric_key`; each is read, or mapped, when it is first asked for."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._metrics = {metric_key(metric): metric for metric in card.metrics}

    def __getitem__(self, key: str) -> NDArray[np.floating]:
        metric = self._metrics[key]
        if metric.array is not None:
            return open_array(self._card, metric)
        values = read_values(table_path(self._card), metric.columns)
        if not metric.per_trial and len(metric.epochs) < 2:
            return values[:, 0]
        return values.reshape(len(values), max(1, len(metric.epochs)), num_trials(metric))

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)


def content_lines(metrics: Sequence[Metric], values: Mapping[str, NDArray[np.floating]]) -> Iterator[bytes]:
    """What identifies the numbers of a table, piece by piece: what each metric is, and its values to the last bit."""
    for metric in sorted(metrics, key=metric_key):
        array = values[metric_key(metric)]
        declared = (metric_key(metric), metric.unit, metric.split, metric.higher_is_better, metric.epochs, array.shape)
        yield repr(declared).encode()
        # Not every NaN has the same bits.
        yield np.ascontiguousarray(np.where(np.isnan(array), np.nan, array), dtype="<f8").tobytes()


def whole_number(given: Any, what: str) -> int:
    """Return ``given`` as an int; a bool is none.

    Raises:
        InvalidSetting: It is not a whole number.
    """
    if not isinstance(given, (bool, np.bool_)):
        try:
            return index(given)
        except TypeError:
            pass
    raise InvalidSetting(f"{what} must be a whole number, not {given!r:.60}")
