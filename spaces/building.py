"""Building architectures step by step, batched, with a mask before every single decision.

A space fixes one schedule of :class:`Decision`: for each node in order its operation, then one bit for each earlier
node. Wiring that the space fixes is no decision. All architectures of a space follow the same schedule; where one is
finished early, the decisions left to it have exactly one legal choice (0), so their log-probability is zero and a
building sequence is an integer vector of fixed length.

A mask never leads into a dead end: whatever legal choices are taken, the result is an architecture of the space.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.errors import InvalidSetting

if TYPE_CHECKING:
    from ganas.spaces.architecture import Architecture
    from ganas.spaces.space import Space

__all__ = ["Builder", "Decision", "build_at_random", "rebuild"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a building schedule.

    Attributes:
        kind: ``"operation"`` labels a new node; ``"edge"`` says whether data flows from ``source`` to ``node``.
        node: The node that is being added.
        source: The earlier node of an edge decision; -1 for an operation.
        num_choices: For an operation the size of the space's vocabulary (a choice is an index into
            ``space.operations``); for an edge 2 (0 no edge, 1 edge).
    """

    kind: Literal["operation", "edge"]
    node: int
    source: int
    num_choices: int


class Builder(ABC):
    """A batch of partial architectures, all at the same decision of their space's schedule.

    The partial graph is in three arrays, which a generator may read at any time and must not write:
    ``operation_ids`` (batch, max_nodes), -1 where no node is; ``adjacency`` (batch, max_nodes, max_nodes), true at
    ``[b, source, target]``; ``num_nodes`` (batch,), counting a node from its operation decision on.

    A subclass places what the space fixes (inputs, outputs, fixed wiring) and implements :meth:`mask`, ``_place`` and
    ``finish``.
    """

    def __init__(self, space: Space, batch_size: int) -> None:
        if batch_size < 1:
            raise InvalidSetting(f"batch_size must be at least 1, not {batch_size}")
        self.space = space
        self.batch_size = batch_size
        self.step = 0
        nodes = space.max_nodes
        self.operation_ids: NDArray[np.int64] = np.full((batch_size, nodes), -1, dtype=np.int64)
        self.adjacency: NDArray[np.bool_] = np.zeros((batch_size, nodes, nodes), dtype=bool)
        self.num_nodes: NDArray[np.int64] = np.zeros(batch_size, dtype=np.int64)

    @property
    def decision(self) -> Decision | None:
        """The decision that is open, or None when the schedule is done."""
        schedule = self.space.decisions
        return schedule[self.step] if self.step < len(schedule) else None

    @abstractmethod
    def mask(self) -> NDArray[np.bool_]:
        """Which choices are legal now, (batch, num_choices); every row has at least one."""

    @abstractmethod
    def _place(self, decision: Decision, choices: NDArray[np.int64]) -> None:
        """Write legal ``choices`` (batch,) into the partial graphs."""

    @abstractmethod
    def finish(self) -> list[Architecture]:
        """The finished architectures.

        Raises:
            InvalidSetting: Decisions are left to take.
        """

    def _require_done(self) -> None:
        """For :meth:`finish`: raise while a decision is open."""
        if self.decision is not None:
            raise InvalidSetting(f"decision {self.step} of {len(self.space.decisions)} is still open: {self.decision}")

    def apply(self, choices: NDArray[np.integer]) -> None:
        """Take one choice for each partial architecture and go on to the next decision.

        Raises:
            InvalidSetting: The schedule is done, the shape is wrong, or a choice is not legal.
        """
        decision = self.decision
        if decision is None:
            raise InvalidSetting("every decision of the schedule is already taken")
        taken = np.asarray(choices, dtype=np.int64)
        if taken.shape != (self.batch_size,):
            raise InvalidSetting(f"choices must have shape ({self.batch_size},), not {taken.shape}")
        inside = (taken >= 0) & (taken < decision.num_choices)
        legal = inside & self.mask()[np.arange(self.batch_size), np.where(inside, taken, 0)]
        if not legal.all():
            row = int(np.flatnonzero(~legal)[0])
            raise InvalidSetting(f"choice {int(taken[row])} is not legal at decision {self.step} ({decision})")
        self._place(decision, taken)
        self.step += 1


def build_at_random(space: Space, count: int, *, rng: np.random.Generator) -> list[Architecture]:
    """Build ``count`` architectures by uniform legal choices (not uniform over the space)."""
    builder = space.builder(count)
    while builder.decision is not None:
        legal = builder.mask()
        scores = np.where(legal, rng.random(legal.shape), -1.0)
        builder.apply(scores.argmax(axis=1))
    return builder.finish()


def rebuild(space: Space, sequences: NDArray[np.integer]) -> list[Architecture]:
    """Replay building sequences, (batch, number of decisions), and return the architectures.

    Raises:
        InvalidSetting: A choice is not legal, or the sequences have the wrong length.
    """
    steps = np.asarray(sequences, dtype=np.int64)
    if steps.ndim != 2 or steps.shape[1] != len(space.decisions):
        raise InvalidSetting(f"sequences must have shape (batch, {len(space.decisions)}), not {steps.shape}")
    builder = space.builder(len(steps))
    for column in steps.T:
        builder.apply(column)
    return builder.finish()
