"""Where shared weights are kept, with what was measured by them: durably, below ``$GANAS_HOME/trainings``.

Beside the record of the finished training lie its weights, and for each architecture that was asked for a JSON file
with its values and the seconds that they took. So a study that is run again is told the same numbers, and measures
nothing twice. A file says by which weights its values were measured: after other weights have come, it answers no more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganas.bench.training.checkpoint import write_atomically
from ganas.bench.training.finished import TrainingPlace
from ganas.bench.training.history import History
from ganas.data.tables import file_sha256
from ganas.spaces.errors import DataError

if TYPE_CHECKING:
    import torch

__all__ = ["Answer", "KeptWeights", "weights_file"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was measured of an architecture.

    Attributes:
        values: Name to value.
        seconds: What measuring took.
    """

    values: dict[str, float]
    seconds: float


def weights_file(place: TrainingPlace) -> Path:
    """The file of the weights that a training keeps in the end."""
    return place.folder / f"{place.stem}-weights.safetensors"


@dataclass(frozen=True)
class KeptWeights:
    """The shared weights of a finished training.

    Attributes:
        place: Of the training.
        history: What it measured on its way.
    """

    place: TrainingPlace
    history: History

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file of the weights.

        Raises:
            DataError: It is not there.
        """
        path = weights_file(self.place)
        if not path.is_file():
            raise DataError(f"the shared weights {path} are gone: remove {self.place.record} to train them anew")
        return file_sha256(path)

    def read(self) -> dict[str, torch.Tensor]:
        """The weights by name.

        Raises:
            DataError: The file is damaged.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = weights_file(self.place)
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise self.damaged(error) from None

    def damaged(self, error: Exception) -> DataError:
        """What to say of weights that cannot be used."""
        path, reason = weights_file(self.place), " ".join(str(error).split())
        return DataError(
            f"the shared weights {path} are damaged, remove {self.place.record} to train them anew: {reason:.120}"
        )

    def answer(self, key: int) -> Answer | None:
        """What is known of an architecture; None where it was not measured by these weights.

        Args:
            key: Its identity key.

        Raises:
            DataError: The file is damaged.
        """
        path = self._file(key)
        try:
            found: Any = json.loads(path.read_bytes())
            if found["weights"] != self.digest:
                return None
            values = {str(name): float(value) for name, value in found["values"].items()}
            return Answer(values, float(found["seconds"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"the answer {path} is damaged: remove it to measure anew") from None

    def keep(self, key: int, architecture: str, answer: Answer) -> None:
        """Write what was measured; it is on the disk when this returns.

        Args:
            key: Identity key of the architecture.
            architecture: Its notation, for people.
            answer: What was measured.

        Raises:
            DataError: The disk is full.
        """
        content = {
            "architecture": architecture,
            "values": answer.values,
            "seconds": answer.seconds,
            "weights": self.digest,
        }
        write_atomically(self._file(key), json.dumps(content, indent=1).encode())

    def _file(self, key: int) -> Path:
        folder = self.place.folder / f"{self.place.stem}-answers"
        return folder / f"{'m' if key < 0 else ''}{abs(key):x}.json"
