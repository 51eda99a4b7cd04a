"""Finished trainings: kept durably below ``$GANAS_HOME/trainings``, and found again by whoever asks for the same.

Each is a JSON file in a folder of its trainer and protocol, named after the identity key of the architecture and the
seed. A training that goes on, or was cut off, has its checkpoint there under the same name. A lock lets one process at
a time work on a training; it goes with the process that holds it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganas.bench.training.checkpoint import read_summary, write_atomically
from ganas.bench.training.history import History
from ganas.bench.training.identity import Identity
from ganas.data.catalog import home
from ganas.data.table_writer import writing
from ganas.spaces.errors import DataError, MissingDependency

__all__ = ["TrainingPlace", "trainings_folder"]

_FORMAT = 1


def trainings_folder() -> Path:
    """The folder of all finished trainings."""
    return home() / "trainings"


@dataclass(frozen=True, slots=True)
class TrainingPlace:
    """Where one training is kept.

    Attributes:
        folder: Folder of the trainer and its protocol.
        stem: What its files are called.
    """

    folder: Path
    stem: str

    @classmethod
    def of(cls, trainer: str, protocol: str, key: int, seed: int) -> TrainingPlace:
        """The place of a training.

        Args:
            trainer: Name of the trainer.
            protocol: Its protocol, as :attr:`~ganas.bench.training.protocol.Protocol.label`.
            key: Identity key of the architecture.
            seed: Of the training.
        """
        return cls(trainings_folder() / trainer / protocol, f"{'m' if key < 0 else ''}{abs(key):x}-{seed}")

    @property
    def record(self) -> Path:
        """The file of the finished training."""
        return self.folder / f"{self.stem}.json"

    @property
    def checkpoint(self) -> Path:
        """The checkpoint of one that is not finished."""
        return self.folder / f"{self.stem}.safetensors"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Work on this training alone; waits for the process that does.

        Raises:
            DataError: The folder cannot be written.
            MissingDependency: The package filelock, which torch needs as well, is not installed.
        """
        try:
            from filelock import FileLock
        except ImportError:
            raise MissingDependency("trainings need filelock: pip install 'ganas[torch]'") from None
        folder = self.folder / ".locks"
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / f"{self.stem}.lock")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def finished(self, identity: Identity | None = None) -> History | None:
        """What is known of the finished training; None where it is not finished.

        Args:
            identity: The training that it should be; None for whichever it is.

        Raises:
            DataError: The file is damaged, or of another training.
        """
        try:
            found = json.loads(self.record.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"the training {self.record} is damaged, remove it to train anew: {reason:.120}") from None
        if not isinstance(found, dict) or found.get("format") != _FORMAT:
            raise DataError(f"the training {self.record} is of another version: remove it to train anew")
        if identity is not None:
            protocol = found.get("protocol")
            label = protocol.get("name") if isinstance(protocol, dict) else None
            identity.check({**found, "protocol": label}, f"the training {self.record}")
        return History.from_record(found.get("history"), f"the training {self.record}")

    def known(self, identity: Identity | None = None) -> History | None:
        """What is known of the training, finished or not; None where nothing is.

        Args:
            identity: The training that it should be; None for whichever it is.

        Raises:
            DataError: A file is damaged, or of another training.
        """
        finished = self.finished(identity)
        if finished is not None:
            return finished
        summary = read_summary(self.checkpoint)
        if summary is None:
            return None
        if identity is not None:
            identity.check(summary.get("identity"), f"the checkpoint {self.checkpoint}")
        return History.from_record(summary.get("history"), f"{self.checkpoint}")

    @property
    def pictures(self) -> tuple[Path, ...]:
        """The pictures of its epochs, in order, where the network makes something to look at."""
        return tuple(sorted(self.folder.glob(f"{self.stem}-epoch-*.png")))

    def forget(self) -> None:
        """Remove the record, the checkpoint and the pictures, if there are any.

        Raises:
            DataError: The folder cannot be written.
        """
        with self.locked(), writing(self.folder):
            self.record.unlink(missing_ok=True)
            for path in (self.checkpoint, *self.pictures):
                path.unlink(missing_ok=True)

    def finish(self, history: History, about: Mapping[str, Any]) -> None:
        """Keep a finished training, on the disk when this returns, and remove its checkpoint.

        Args:
            history: What was measured.
            about: JSON values for people: what was trained, on what and with which versions.

        Raises:
            DataError: The disk is full.
        """
        content = {"format": _FORMAT, **about, "history": history.record()}
        write_atomically(self.record, json.dumps(content, indent=1).encode())
        self.checkpoint.unlink(missing_ok=True)
