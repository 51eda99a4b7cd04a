"""The measurements of a table: one column a metric, with its epochs, its trials and what was not measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from operator import index
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ganas.bench.metric import Metric
from ganas.data.catalog import Card, num_trials, table_path
from ganas.data.tables import mean_over_trials, read_values
from ganas.spaces.errors import DataError, EpochNotMeasured, InvalidSetting, TrialNotMeasured, quote_list

__all__ = ["CardColumns", "Column", "content_lines", "whole_number"]


class Column:
    """One metric of a table.

    Args:
        metric: What the numbers are.
        values: (rows,) for one value an architecture; (rows, trials); or (rows, epochs, trials). NaN where nothing
            was measured.
        num_rows: How many rows the table has.

    Raises:
        DataError: The shape does not fit the metric and the table, or a value is infinite.
    """

    def __init__(self, metric: Metric, values: NDArray[np.float64], num_rows: int) -> None:
        self.metric = metric
        self.per_trial = values.ndim > 1
        epochs = max(1, len(metric.epochs))
        shaped = values[:, None, None] if values.ndim == 1 else values[:, None, :] if values.ndim == 2 else values
        if shaped.ndim != 3 or shaped.shape[:2] != (num_rows, epochs) or shaped.shape[2] < 1:
            raise DataError(
                f"the values of {metric.name!r} have shape {values.shape}: wanted are {num_rows} rows, {epochs} "
                "epoch(s) and at least one trial"
            )
        if np.isinf(shaped).any():
            raise DataError(f"{metric.name!r} is infinite in row {int(np.argwhere(np.isinf(shaped))[0][0])}")
        self.values = shaped
        self.num_trials = shaped.shape[2]

    @property
    def reduction(self) -> Literal["mean", "none"]:
        """How :meth:`means` come about."""
        return "mean" if self.per_trial else "none"

    @cached_property
    def _means(self) -> list[NDArray[np.float64]]:
        means = mean_over_trials(self.values)
        return [np.ascontiguousarray(means[:, position]) for position in range(means.shape[1])]

    def means(self, position: int = -1) -> NDArray[np.float64]:
        """Mean over the trials at an epoch position, (rows,); NaN where nothing was measured."""
        return self._means[position]

    @cached_property
    def complete(self) -> bool:
        """Whether every row has a value at every epoch."""
        return not any(bool(np.isnan(means).any()) for means in self._means)

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
        return tuple(np.flatnonzero(~np.isnan(self.values[row, position])).tolist())

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

    def position(self, epoch: object, table: str) -> int:
        """Where an epoch stands among those held; None is the last.

        Raises:
            EpochNotMeasured: It is not held.
            InvalidSetting: It is not a whole number.
        """
        if epoch is None:
            return len(self.metric.epochs) - 1 if self.metric.epochs else 0
        wanted = whole_number(epoch, "epoch")
        held = self.metric.epochs
        if not held:
            raise EpochNotMeasured(f"{self.metric.name!r} of {table!r} does not belong to an epoch, so not to {wanted}")
        if wanted not in held:
            closest = min(held, key=lambda one: abs(one - wanted))
            raise EpochNotMeasured(
                f"{table!r} holds {self.metric.name!r} at epoch {quote_list(held)}, not at {wanted}; "
                f"the closest is {closest}"
            )
        return held.index(wanted)

    def epoch(self, position: int) -> int | None:
        """The epoch at a position; None for a metric that does not belong to an epoch."""
        return self.metric.epochs[position] if self.metric.epochs else None


class CardColumns(Mapping[str, NDArray[np.float64]]):
    """The columns of a card's table; each is read when it is first asked for."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._metrics = {metric.name: metric for metric in card.metrics}

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        metric = self._metrics[name]
        values = read_values(table_path(self._card), metric.columns)
        if not metric.per_trial and len(metric.epochs) < 2:
            return values[:, 0]
        return values.reshape(len(values), max(1, len(metric.epochs)), num_trials(metric))

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)


def content_lines(metrics: Sequence[Metric], values: Mapping[str, NDArray[np.float64]]) -> Iterator[bytes]:
    """What identifies the numbers of a table, piece by piece: what each metric is, and its values to the last bit."""
    for metric in sorted(metrics, key=lambda one: one.name):
        array = values[metric.name]
        declared = (metric.name, metric.unit, metric.split, metric.higher_is_better, metric.epochs, array.shape)
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
