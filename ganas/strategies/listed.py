"""Architectures that were chosen before, one after the other: how a list is measured by the executor into a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ganas.bench.metric import Evaluation
from ganas.spaces.architecture import Architecture
from ganas.strategy import Problem, Settings, Strategy

__all__ = ["LISTED", "Listed", "ListedSettings"]

LISTED = "ganas.strategies.listed:Listed"
"""What stands for it where a strategy is named; it is no registered strategy, because it does not search."""


@dataclass(frozen=True, slots=True)
class ListedSettings(Settings):
    """Settings of :class:`Listed`.

    Attributes:
        architectures: One on a line, in the notation of the space.
    """

    architectures: str = ""


class Listed(Strategy):
    """Proposes the architectures of its settings in their order, and then nothing.

    Raises:
        InvalidArchitecture: A line holds no architecture of the space.
    """

    name: ClassVar[str] = "listed"
    title: ClassVar[str] = "No search: the architectures that are listed"
    settings_class: ClassVar[type[Settings]] = ListedSettings

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        super().__init__(problem, rng=rng, settings=settings)
        given = self.settings
        lines = given.architectures.splitlines() if isinstance(given, ListedSettings) else []
        self._architectures = [problem.space.parse(line) for line in lines]
        self._position = 0

    def ask(self, count: int = 1) -> Sequence[Architecture]:
        """The next of the list."""
        asked = self._architectures[self._position : self._position + count]
        self._position += len(asked)
        return asked

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Nothing to learn."""

    def state(self) -> dict[str, Any]:
        """How far it is."""
        return {**super().state(), "position": self._position}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        super().load_state(state)
        self._position = int(state["position"])
