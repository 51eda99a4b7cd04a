"""The folder of judgements: one line of a CSV file each, written as they come."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganas.bench.surrogate.judging.evaluate import COLUMNS, Judgement
from ganas.spaces.errors import StoreError

if TYPE_CHECKING:
    import pandas

__all__ = ["DESCRIPTION_FILE", "SCORES_FILE", "Journal"]

SCORES_FILE = "scores.csv"
"""A line a judgement: which it is, and its scores."""

DESCRIPTION_FILE = "evaluation.json"
"""What was judged: benchmark, table, metric, label, population, commands and versions."""

_FORMAT = 1
# What two commands on one folder must agree on.
_FIXED = ("benchmark", "source", "space", "metric", "unit", "label", "most")
# What a later command may add, but not exchange.
_ADDED = ("known", "visited")


class Journal:
    """Judgements of one benchmark in a folder; a killed command loses only the judgement that it was at.

    Args:
        folder: Made where it is missing.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._scores = self.folder / SCORES_FILE
        self._description = self.folder / DESCRIPTION_FILE

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other processes from writing meanwhile.

        Raises:
            StoreError: Another process is at it, or the folder is a file.
        """
        import fcntl

        if self.folder.is_file():
            raise StoreError(f"{self.folder} is a file: the folder of an evaluation is wanted")
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            try:
                # The system lets go of it when the process ends, however it ends.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StoreError(f"another command is writing to {self.folder}") from None
            yield

    # --- what was judged -----------------------------------------------------------------------------------------

    def describe(self, facts: Mapping[str, Any], *, command: str | None, versions: Mapping[str, str]) -> None:
        """Write down what is judged, or check that it is what the folder already holds.

        Args:
            facts: What must not change; ``known`` and ``visited``, where empty before, may be added later.
            command: What the user typed.
            versions: Of the packages that compute.

        Raises:
            StoreError: The folder holds judgements of something else.
        """
        held = self.description() if self._description.exists() else None
        if held is None:
            held = {"format": _FORMAT, **facts, "commands": [], "versions": []}
        for name in _FIXED:
            if held.get(name) != facts[name]:
                raise StoreError(
                    f"the evaluation in {self.folder} was made with {name} {held.get(name)!r}, not {facts[name]!r}: "
                    "give the same or another folder"
                )
        for name in _ADDED:
            if facts[name] and held[name] and held[name] != facts[name]:
                raise StoreError(f"the evaluation in {self.folder} was made with another choice of what is {name}")
            held[name] = held[name] or facts[name]
        for name, entry in (("commands", command), ("versions", dict(versions))):
            if entry is not None and entry not in held[name]:
                held[name].append(entry)
        _write_whole(self._description, json.dumps(held, indent=2, sort_keys=True) + "\n")

    def description(self) -> dict[str, Any]:
        """What was judged.

        Raises:
            StoreError: There is no evaluation in the folder, or it is damaged or of another version.
        """
        try:
            found = json.loads(self._description.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StoreError(
                f"there is no evaluation of surrogates in {self.folder}: {DESCRIPTION_FILE} is missing"
            ) from None
        except (ValueError, OSError) as error:
            raise StoreError(f"{self._description} cannot be read: {error}") from None
        if not isinstance(found, dict) or found.get("format") != _FORMAT:
            raise StoreError(f"{self._description} is not an evaluation of this version")
        return found

    # --- judgements ----------------------------------------------------------------------------------------------

    def rows(self) -> list[dict[str, Any]]:
        """Every judgement, in the order of writing; a line that a killed command left unfinished is dropped.

        Raises:
            StoreError: The file is damaged.
        """
        try:
            text = self._scores.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            _write_whole(self._scores, whole)
        if not whole:
            return []
        lines = csv.reader(io.StringIO(whole))
        if tuple(next(lines)) != COLUMNS:
            raise StoreError(f"{self._scores} does not have the columns of this version: use another folder")
        try:
            return [_read(line) for line in lines]
        except ValueError as error:
            raise StoreError(f"{self._scores} is damaged: {error}") from None

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one judgement, safe against a killed process."""
        new = not self._scores.exists() or self._scores.stat().st_size == 0
        with self._scores.open("a", encoding="utf-8", newline="") as file:
            file.write((_line(COLUMNS) if new else "") + _line(_written(row)))
            file.flush()
            os.fsync(file.fileno())

    def sort(self) -> None:
        """Bring the lines into an order that does not depend on which worker was first."""
        ordered = sorted(self.rows(), key=_order)
        if ordered:
            _write_whole(self._scores, _line(COLUMNS) + "".join(_line(_written(row)) for row in ordered))

    def frame(self) -> pandas.DataFrame:
        """Every judgement as a pandas frame."""
        import pandas

        ordered: list[dict[str, Any]] = sorted(self.rows(), key=_order)
        return pandas.DataFrame(ordered, columns=list(COLUMNS))


def judgement_of(row: Mapping[str, Any]) -> Judgement:
    """Which judgement a row is of."""
    return Judgement(row["model"], row["known"], row["split"], row["size"], row["seed"])


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["split"], row["size"], row["known"], row["model"], row["seed"]


def _written(row: Mapping[str, Any]) -> list[str]:
    return ["" if isinstance(row[name], float) and row[name] != row[name] else str(row[name]) for name in COLUMNS]


def _line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def _read(line: Sequence[str]) -> dict[str, Any]:
    model, known, split, *numbers = line
    if len(line) != len(COLUMNS) or known not in ("True", "False"):
        raise ValueError(f"line {','.join(line)!r}")
    size, seed, tests, *values = numbers
    whole = {"size": int(size), "seed": int(seed), "tests": int(tests)}
    measured = [float(value) if value else float("nan") for value in values]
    named = dict(zip(COLUMNS[6:], measured, strict=True))
    return {"model": model, "known": known == "True", "split": split, **whole, **named}


def _write_whole(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)
