"""What a training is of: its files say it, and answer for no other training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import DataError, GanasError

if TYPE_CHECKING:
    from ganas.bench.training.task import Task

__all__ = ["Identity"]


@dataclass(frozen=True, slots=True)
class Identity:
    """A task, an architecture and a seed.

    Attributes:
        task: What is trained.
        architecture: The network; None for a task that is of one network only.
        seed: Of the training.
        precision: That it must have been done in; ``"auto"`` for any.
    """

    task: Task
    architecture: Architecture | None
    seed: int
    precision: str = "auto"

    @property
    def record(self) -> dict[str, Any]:
        """JSON values for the files of the training."""
        return {
            "space": self.task.space.name,
            "dataset": self.task.dataset,
            "protocol": self.task.protocol.label,
            "architecture": self.task.describe(self.architecture),
            "seed": self.seed,
        }

    def check(self, found: Any, what: str) -> None:
        """Whether files are of this training.

        Args:
            found: What they say, as :attr:`record`, with the precision where they know it.
            what: What they are called in the error.

        Raises:
            DataError: They are of another one.
        """
        said = found if isinstance(found, Mapping) else {}
        wanted_of = self.record
        if self.precision != "auto" and "precision" in said:
            wanted_of["precision"] = self.precision
        for name, wanted in wanted_of.items():
            held = said.get(name)
            if held == wanted or (name == "architecture" and self._is_same(held)):
                continue
            raise DataError(
                f"{what} is of another training, with {name} {held!r:.80} and not {wanted!r:.80}: take another folder "
                "or remove it"
            )

    def _is_same(self, text: Any) -> bool:
        """Whether a text is of the same architecture, written in another way."""
        if self.architecture is None or not isinstance(text, str):
            return False
        space = self.task.space
        try:
            return space.identity_key(space.parse(text)) == space.identity_key(self.architecture)
        except GanasError:
            return False
