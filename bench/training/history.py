"""What a training measured along its way, as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ganas.bench.training.task import TaskMetric
from ganas.spaces.errors import DataError

__all__ = ["Epoch", "History"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One completed epoch.

    Attributes:
        values: What it gave: the loss of training and everything that validation measured.
        seconds: What the training took up to here, validations included; roll-backs and interruptions as well.
        best: The best epoch so far, whose weights are kept.
    """

    values: dict[str, float]
    seconds: float
    best: int


@dataclass(slots=True)
class History:
    """What is known of a training.

    Attributes:
        epochs: The completed ones, in order.
        final: What was measured once at the end, of the weights that are kept.
        rollbacks: The epochs that were begun again after a loss that was no number.
        seconds: What it took so far.
        finished: Whether there is nothing left to do.
        failure: None, or one line on why it broke down.
    """

    epochs: list[Epoch] = field(default_factory=list)
    final: dict[str, float] = field(default_factory=dict)
    rollbacks: list[int] = field(default_factory=list)
    seconds: float = 0.0
    finished: bool = False
    failure: str | None = None

    @property
    def best(self) -> int:
        """The best epoch so far; 0 before the first."""
        return self.epochs[-1].best if self.epochs else 0

    def add(self, values: Mapping[str, float], objective: TaskMetric) -> bool:
        """Add a completed epoch; returns whether it is the best so far."""
        sign = 1.0 if objective.higher_is_better else -1.0
        before = self.best
        name = objective.source
        better = not before or sign * values[name] > sign * self.epochs[before - 1].values[name]
        best = len(self.epochs) + 1 if better else before
        self.epochs.append(Epoch({key: float(value) for key, value in values.items()}, self.seconds, best))
        return better

    def value(self, metric: TaskMetric, epoch: int) -> float:
        """A metric after an epoch that was completed."""
        if metric.when == "end":
            return self.final[metric.source]
        if metric.when == "mean":
            return sum(one.values[metric.source] for one in self.epochs[:epoch]) / epoch
        at = self.epochs[epoch - 1].best if metric.when == "kept" else epoch
        return self.epochs[at - 1].values[metric.source]

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Any, what: str) -> History:
        """From :meth:`record`.

        Args:
            record: JSON values.
            what: What they are of, for the message.

        Raises:
            DataError: They are something else.
        """
        try:
            fields = dict(record)
            epochs = [Epoch(**entry) for entry in fields.pop("epochs")]
            made = cls(epochs, **fields)
            made.value_types()
        except (TypeError, ValueError, KeyError, AttributeError):
            raise DataError(f"{what} is damaged: it is no history of a training") from None
        return made

    def value_types(self) -> None:
        """Raise TypeError or ValueError where an entry is of the wrong type."""
        numbers = [self.seconds, *self.final.values()]
        for place, epoch in enumerate(self.epochs, start=1):
            numbers += [epoch.seconds, *epoch.values.values()]
            if not isinstance(epoch.best, int) or not 1 <= epoch.best <= place:
                raise ValueError
        if not all(isinstance(number, int | float) for number in numbers) or not isinstance(self.finished, bool):
            raise TypeError
