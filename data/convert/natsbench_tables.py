"""From the records of NAS-Bench-201 and NATS-Bench to tables: one for each data set, of all its runs and seeds.

Records come one architecture at a time, in any order, and go to spools (a file for each data set, run and seed), so
that memory holds one metric of one table at most. What the tables hold is what the files hold, except: training
seconds are added up over the epochs, as the official code does when it is asked; the seconds of an evaluation are the
mean over its passes; top-5 accuracies and weights are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ganas.data.card import Card, CardMetric, CardSource
from ganas.data.convert.natsbench_cards import DATASETS, PARAMETERS, Family, OfficialDataset, card_of, metric_of
from ganas.data.convert.natsbench_files import ArchitectureRecord, TrialRecord
from ganas.data.table_writer import writing
from ganas.spaces.errors import DataError, InvalidArchitecture, quote_list
from ganas.spaces.registry import load_space

__all__ = ["DatasetTable", "TableBuilder"]

_MOST_SEEDS = 8
"""Of one run; a file with more is not one of these benchmarks."""

_TRAINING = ("train_accuracy", "train_loss", "train_seconds")
_NETWORK = ("source_model_size", "source_flops", "latency_seconds")


class _Spool:
    """Rows of float64 of one length, appended to a file or, without a path, kept in memory."""

    def __init__(self, length: int, path: Path | None) -> None:
        self.length = length
        self.slots: list[int] = []
        self._path = path
        self._stream: BinaryIO | None = None
        self._kept: list[NDArray[np.float64]] = []
        self._stacked: NDArray[np.float64] | None = None
        if path is not None:
            with writing(path):
                self._stream = path.open("wb")

    def append(self, slot: int, row: NDArray[np.float64]) -> None:
        self.slots.append(slot)
        if self._stream is None or self._path is None:
            self._kept.append(row)
            return
        with writing(self._path):
            self._stream.write(row.tobytes())

    def rows(self) -> NDArray[np.float64]:
        """All rows, (count, length), after the last was appended; those of a file are mapped."""
        if self._stream is None or self._path is None:
            if self._stacked is None:
                self._stacked, self._kept = np.stack(self._kept), []
            return self._stacked
        with writing(self._path):
            self._stream.flush()
        return np.memmap(self._path, dtype=np.float64, mode="r", shape=(len(self.slots), self.length))

    def close(self) -> None:
        if self._stream is not None:
            # What could not be written was reported when it was written.
            with suppress(OSError):
                self._stream.close()


@dataclass(slots=True)
class _Run:
    """The trials of one run on one data set: a spool a seed, which numbers any of them has, and which have times."""

    names: list[tuple[str, int]]
    spools: dict[int, _Spool] = field(default_factory=dict)
    timed: set[int] = field(default_factory=set)
    held: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=bool))

    @property
    def length(self) -> int:
        return sum(length for _, length in self.names)

    @property
    def slots(self) -> set[int]:
        return {slot for spool in self.spools.values() for slot in spool.slots}


@dataclass(frozen=True, slots=True)
class DatasetTable:
    """What becomes one table.

    Attributes:
        card: Its card, on which nothing is measured yet.
        identities: The identity key of each row.
        official_index: The number that the source gives it, (rows,).
        values: Each metric with its values, (rows,) or (rows, epochs, trials); made one after the other.
    """

    card: Card
    identities: NDArray[np.int64]
    official_index: NDArray[np.float64]
    values: Iterator[tuple[CardMetric, NDArray[np.floating]]]


class TableBuilder:
    """Collects the records of a family and makes its tables.

    Args:
        family: What the file holds.
        scratch: A folder for the spools; None to keep everything in memory.
        only: The data set to collect; None for all.
    """

    def __init__(self, family: Family, scratch: Path | None = None, *, only: str | None = None) -> None:
        self.family = family
        self._datasets = [dataset for dataset in DATASETS if only in (None, dataset.official)]
        self._scratch = scratch
        self._space = load_space(family.space)
        self._runs: dict[tuple[str, int], _Run] = {}
        self._identities: list[int] = []
        self._indices: list[int] = []
        self._parameters: list[list[int]] = []

    def add(self, record: ArchitectureRecord) -> None:
        """Take in one architecture.

        Raises:
            DataError: It is not of the space, has a run that is not of this benchmark, or too many seeds.
        """
        label = f"architecture {record.index}"
        try:
            architecture = self._space.parse(record.arch_str)
        except InvalidArchitecture as error:
            raise DataError(f"{label} is not of {self._space.name!r}: {error}") from None
        slot = len(self._identities)
        self._identities.append(self._space.identity_key(architecture))
        self._indices.append(record.index)
        self._parameters.append(
            [self._space.parameter_count(architecture, num_classes=dataset.num_classes) for dataset in self._datasets]
        )
        for name, of_run in record.runs.items():
            epochs = int(name)
            if epochs not in self.family.runs:
                known = quote_list(self.family.runs)
                raise DataError(
                    f"{label} has a run over {epochs} epochs, and {self.family.title} has those over {known}"
                )
            for dataset in self._datasets:
                for seed, trial in of_run.get(dataset.official, {}).items():
                    self._append(slot, dataset, epochs, seed, trial)

    def _append(self, slot: int, dataset: OfficialDataset, epochs: int, seed: int, trial: TrialRecord) -> None:
        key = (dataset.official, epochs)
        if key not in self._runs:
            names = [(name, epochs) for name in _TRAINING]
            for one in dataset.sets:
                names += [
                    (f"{one.prefix}_accuracy", epochs),
                    (f"{one.prefix}_loss", epochs),
                    (f"{one.prefix}_seconds", 1),
                ]
            self._runs[key] = _Run(names + [(name, 1) for name in _NETWORK])
        run = self._runs[key]
        if seed not in run.spools:
            if len(run.spools) == _MOST_SEEDS:
                raise DataError(f"{dataset.official} has more than {_MOST_SEEDS} seeds for {epochs} epochs, {seed} too")
            path = None if self._scratch is None else self._scratch / f"{dataset.official}-{epochs}-{seed}"
            run.spools[seed] = _Spool(run.length, path)
        row = _numbers(trial, dataset, epochs)
        measured = ~np.isnan(row)
        run.held = measured if not len(run.held) else run.held | measured
        run.spools[seed].append(slot, row)
        if trial.train_seconds is not None:
            run.timed.add(slot)

    def tables(self, source: CardSource) -> Iterator[DatasetTable]:
        """The tables, in the order of the data sets; one that the file says nothing about is left out.

        Raises:
            DataError: There is nothing at all, or no validation accuracy where there should be.
        """
        if not self._runs:
            raise DataError(f"{source.file} holds no result")
        for place, dataset in enumerate(self._datasets):
            runs = {epochs: run for (name, epochs), run in self._runs.items() if name == dataset.official}
            if runs:
                yield self._table(dataset, place, dict(sorted(runs.items())), source)

    def _table(self, dataset: OfficialDataset, place: int, runs: dict[int, _Run], source: CardSource) -> DatasetTable:
        # An architecture with nothing on this data set is no row of its table.
        slots = np.array(sorted(set().union(*(run.slots for run in runs.values()))), dtype=np.int64)
        row_of = np.full(len(self._identities), -1, dtype=np.int64)
        row_of[slots] = np.arange(len(slots))
        plan = list(_plan(dataset, runs))
        card = card_of(self.family, dataset, [metric for metric, _, _ in plan] + [PARAMETERS], source)
        if card.objective not in {metric.name for metric in card.metrics}:
            raise DataError(f"{source.file} has no {card.objective} for {dataset.official}")
        if card.cost is not None:
            untimed = _untimed(runs, set(slots.tolist()))
            if untimed is not None:
                unknown = f"{untimed}, so that queries cost no simulated seconds."
                card = replace(card, cost=None, known_defects=(*card.known_defects, unknown))
        parameters = np.array([self._parameters[slot][place] for slot in slots.tolist()], dtype=np.float64)

        def values() -> Iterator[tuple[CardMetric, NDArray[np.floating]]]:
            for metric, run, columns in plan:
                yield metric, _gather(run, columns, len(slots), row_of)
            yield PARAMETERS, parameters

        identities = np.array(self._identities, dtype=np.int64)[slots]
        return DatasetTable(card, identities, np.array(self._indices, dtype=np.float64)[slots], values())

    def close(self) -> None:
        """Close the files of the spools; nothing can be read afterwards."""
        for run in self._runs.values():
            for spool in run.spools.values():
                spool.close()


_Plan = tuple[CardMetric, _Run, NDArray[np.int64]]
"""A metric, the run that holds it, and its places in the rows of the spools."""


def _plan(dataset: OfficialDataset, runs: dict[int, _Run]) -> Iterator[_Plan]:
    """Every metric that has a value."""
    for epochs, run in runs.items():
        seeds, start = sorted(run.spools), 0
        for name, length in run.names:
            columns = start + np.flatnonzero(run.held[start : start + length])
            if len(columns):
                held = () if _is_once(name) else (columns - start + 1).tolist()
                yield metric_of(dataset, name, run=epochs, epochs=held, seeds=seeds), run, columns
            start += length


def _untimed(runs: dict[int, _Run], slots: set[int]) -> str | None:
    """Why some queries have no known cost; None where all have one."""
    longest = max(runs)
    if any(not run.timed.issuperset(run.slots) for run in runs.values()):
        return "Some trainings have no times"
    if runs[longest].slots != slots:
        return f"Some architectures have no run over {longest} epochs"
    return None


def _is_once(name: str) -> bool:
    """Whether a metric is one number of a trial; the curves of a run over one epoch have one entry too."""
    return name in _NETWORK or (name.endswith("_seconds") and name != "train_seconds")


def _gather(run: _Run, columns: NDArray[np.int64], num_rows: int, row_of: NDArray[np.int64]) -> NDArray[np.float64]:
    """The values of a metric, (rows, epochs, trials), NaN where nothing was measured."""
    values = np.full((num_rows, len(columns), len(run.spools)), np.nan)
    for position, seed in enumerate(sorted(run.spools)):
        spool = run.spools[seed]
        first, last = int(columns[0]), int(columns[-1]) + 1
        values[row_of[spool.slots], :, position] = spool.rows()[:, first:last][:, columns - first]
    return values


def _numbers(trial: TrialRecord, dataset: OfficialDataset, epochs: int) -> NDArray[np.float64]:
    """A trial as a row of its spool."""
    nothing = np.full(epochs, np.nan)
    seconds = nothing if trial.train_seconds is None else np.cumsum(trial.train_seconds)
    parts = [
        nothing if trial.train_accuracy is None else trial.train_accuracy,
        nothing if trial.train_loss is None else trial.train_loss,
        seconds,
    ]
    for one in dataset.sets:
        measured = trial.evaluations.get(one.official)
        if measured is None:
            parts += [nothing, nothing, np.array([np.nan])]
            continue
        known = measured.seconds[~np.isnan(measured.seconds)]
        parts += [measured.accuracy, measured.loss, np.array([known.mean() if len(known) else np.nan])]
    latency = np.nan if not trial.latency_seconds else sum(trial.latency_seconds) / len(trial.latency_seconds)
    parts.append(np.array([trial.parameters_million, trial.flops_million, latency]))
    return np.concatenate(parts)
