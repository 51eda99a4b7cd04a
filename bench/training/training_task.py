"""What a one-shot search learns from: training data in two halves, and a recipe for shared weights.

A one-shot search trains one network that holds all architectures: its weights on one half of the training data, and
what says which architecture it is on the other. Validation and test data are not among them: those stay with the
benchmark, which measures what is proposed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from ganas.bench.training.protocol import Protocol
from ganas.bench.training.running import Machine
from ganas.spaces.space import Space

__all__ = ["TrainingTask"]


class TrainingTask(ABC):
    """Training data of a benchmark, and how to learn from them; each kind of task has a subclass.

    Attributes:
        space: Of the architectures.
        dataset: Name of the data set.
        protocol: The recipe for shared weights.
        machine: Device, precision and the like, the same that the benchmark trains on.
    """

    space: Space
    dataset: str
    protocol: Protocol
    machine: Machine

    @abstractmethod
    def halves(self) -> Any:
        """Read the training data: one half for weights, one for architecture parameters.

        Raises:
            DataError: The data are missing, damaged or too short.
        """
