"""Collecting the records of NAS-Bench-101 by cell, in arrays and in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganas.data.arrays import narrowest
from ganas.data.convert.nasbench101_records import BUDGETS, Matrix, NASBench101Record
from ganas.spaces.errors import DataError
from ganas.spaces.nasbench101.space import NASBench101

__all__ = ["REPEATS", "CollectedRuns"]

REPEATS = 3
"""How often a cell was trained at each budget."""

_MEASURED = ("train_seconds", "train_accuracy", "valid_accuracy", "test_accuracy")
_NAMES = (*_MEASURED, *_MEASURED, "total_seconds")
"""What each number of a record is, in the order in which they are collected: half-way, at the end, of the run."""

_BATCH = 4096
"""Records that are laid into the arrays together, which is much faster than one by one."""

Cell = tuple[Matrix, tuple[str, ...]]


class CollectedRuns:
    """What the records read so far say: cells in the order of their first record, trials in that of theirs.

    Args:
        path: The file that the records are from, for messages.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._space = NASBench101()
        # The 32 digits as 16 bytes: there may be 423,624 of them.
        self._slots: dict[bytes, int] = {}
        self._cells: list[Cell] = []
        self._keys: list[int] = []
        self._parameters: list[int] = []
        self._runs: dict[int, _Run] = {}

    def __len__(self) -> int:
        return len(self._cells)

    def add(self, record: NASBench101Record) -> None:
        """Take a record.

        Raises:
            DataError: It contradicts an earlier one of its cell, or is a fourth one of a run.
        """
        module_hash, cell = bytes.fromhex(record.module_hash), (record.adjacency, record.operations)
        slot = self._slots.get(module_hash)
        if slot is None:
            slot = self._slots[module_hash] = len(self._cells)
            self._cells.append(cell)
            self._keys.append(self._identity(cell))
            self._parameters.append(record.trainable_parameters)
        if cell != self._cells[slot] and self._identity(cell) != self._keys[slot]:
            raise DataError(
                f"{self._path}: two cells have the hash {record.module_hash}: {self._words(self._cells[slot])} "
                f"and {self._words(cell)}"
            )
        if record.trainable_parameters != self._parameters[slot]:
            raise DataError(
                f"{self._path}: one record of {self._label(slot)} says that it has {self._parameters[slot]:,} "
                f"parameters, another {record.trainable_parameters:,}"
            )
        run = self._runs.get(record.epochs)
        if run is None:
            run = self._runs[record.epochs] = _Run()
        if not run.add(slot, record):
            raise DataError(
                f"{self._path}: {self._label(slot)} has more than {REPEATS} records of a run over {record.epochs} "
                "epochs"
            )

    def complete(self) -> tuple[int, ...]:
        """Check that every cell has every run three times; return the epochs of the runs, in increasing order.

        Raises:
            DataError: A cell lacks a record, or two hashes are of one cell.
        """
        budgets = tuple(budget for budget in BUDGETS if budget in self._runs)
        for budget in budgets:
            counts = self._runs[budget].counts(len(self))
            lacking = np.flatnonzero(counts != REPEATS)
            if len(lacking):
                slot = int(lacking[0])
                raise DataError(
                    f"{self._path}: {self._label(slot)} has {counts[slot]} record(s) of a run over {budget} epochs, "
                    f"not {REPEATS}"
                )
        keys = self.identities()
        order = np.argsort(keys, kind="stable")
        repeated = np.flatnonzero(np.diff(keys[order]) == 0)
        if len(repeated):
            first, second = order[repeated[0] : repeated[0] + 2].tolist()
            raise DataError(f"{self._path}: {self._label(first)} is the same cell as {self._label(second)}")
        return budgets

    def identities(self) -> NDArray[np.int64]:
        """The identity key of each cell, (cells,)."""
        return np.array(self._keys, dtype=np.int64)

    def values(self, name: str, run: int | None) -> NDArray[np.floating]:
        """What a run measured, (cells, epochs, trials); of ``parameters``, which has no run, (cells,)."""
        if run is None:
            return np.array(self._parameters, dtype=np.float64)
        return self._runs[run].values(name, len(self))

    def _identity(self, cell: Cell) -> int:
        return self._space.identity_key(self._space.from_matrix(*cell))

    def _label(self, slot: int) -> str:
        module_hash = next(known for known, number in self._slots.items() if number == slot)
        return f"the cell {module_hash.hex()} ({self._words(self._cells[slot])})"

    def _words(self, cell: Cell) -> str:
        return self._space.format(self._space.from_matrix(*cell))


class _Run:
    """The records of one budget."""

    def __init__(self) -> None:
        self._counts = bytearray()
        self._waiting: list[tuple[float, ...]] = []
        self._columns = [_Column() for _ in _NAMES]

    def add(self, slot: int, record: NASBench101Record) -> bool:
        """Take a record of the cell at a slot; False where there are three of it already."""
        if slot >= len(self._counts):
            self._counts.extend(bytes(slot + 1 - len(self._counts)))
        trial = self._counts[slot]
        if trial == REPEATS:
            return False
        self._counts[slot] = trial + 1
        numbers: list[float] = [slot, trial]
        for evaluation in (record.halfway, record.final):
            numbers += (
                evaluation.training_time,
                evaluation.train_accuracy,
                evaluation.validation_accuracy,
                evaluation.test_accuracy,
            )
        self._waiting.append((*numbers, record.total_time))
        if len(self._waiting) == _BATCH:
            self._lay_down()
        return True

    def counts(self, cells: int) -> NDArray[np.uint8]:
        """How many records there are of each cell, (cells,)."""
        return np.frombuffer(bytes(self._counts).ljust(cells, b"\0"), dtype=np.uint8)

    def values(self, name: str, cells: int) -> NDArray[np.floating]:
        self._lay_down()
        columns = [column for column, held in zip(self._columns, _NAMES, strict=True) if held == name]
        return np.stack([column.values[:cells] for column in columns], axis=1)

    def _lay_down(self) -> None:
        if self._waiting:
            numbers = np.array(self._waiting)
            slots, trials = numbers[:, :2].astype(np.int64).T
            for column, values in zip(self._columns, numbers[:, 2:].T, strict=True):
                column.put(slots, trials, values)
            self._waiting.clear()


class _Column:
    """One number of every record of a run, (cells, trials), in the narrowest type that holds all of them exactly."""

    def __init__(self) -> None:
        self.values: NDArray[np.floating] = np.empty((0, REPEATS), dtype=np.float32)

    def put(self, slots: NDArray[np.int64], trials: NDArray[np.int64], numbers: NDArray[np.float64]) -> None:
        """Write the numbers of some trials, (count,)."""
        held, wanted = len(self.values), int(slots.max()) + 1
        dtype = np.promote_types(self.values.dtype, narrowest(numbers))
        if wanted > held or dtype != self.values.dtype:
            room = held if wanted <= held else max(wanted, held * 3 // 2)
            grown = np.full((room, REPEATS), np.nan, dtype=dtype)
            grown[:held] = self.values
            self.values = grown
        self.values[slots, trials] = numbers
