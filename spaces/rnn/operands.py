"""What a recurrence is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Operands"]


@dataclass(frozen=True, slots=True, eq=False)
class Operands:
    """What a recurrence is computed from; n is the size of a hidden state.

    Attributes:
        inputs: With a gate of the input, its other factor, (steps, batch, n); otherwise what node 0 gets from the
            input, already multiplied by its weights, (steps, batch, 2 n).
        gate: The gate of the hidden state, (steps, batch, n); None for 1.
        history: Hidden states before the first step, the latest last, (m, batch, n).
        initial_weight: Of node 0, for what it does not get through ``inputs``: (n, 2 n), or (2 n, 2 n) with a gate of
            the input, whose rows come first.
        node_weights: For all k siblings that read one node the weights of their gates and then those of their
            candidates, side by side, (n, 2 k n); in the order of the plan.
        projections: Of the terms that read hidden states, side by side, (n, columns * n); None where none is projected.
        h_mask: Dropout mask of hidden states, (batch, n); None for 1.
        x_mask: Dropout mask of the summary of inputs, (batch, n); None for 1.

    Weights may have a lower precision than the rest; products are then taken in that precision.
    """

    inputs: Tensor
    gate: Tensor | None
    history: Tensor
    initial_weight: Tensor
    node_weights: tuple[Tensor, ...]
    projections: Tensor | None
    h_mask: Tensor | None
    x_mask: Tensor | None

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """All of them, the weights of nodes last."""
        return (
            *(self.inputs, self.gate, self.history, self.initial_weight, self.projections, self.h_mask, self.x_mask),
            *self.node_weights,
        )

    @classmethod
    def of(cls, tensors: Sequence[Any]) -> Operands:
        """The operands whose :attr:`tensors` these are."""
        inputs, gate, history, initial_weight, projections, h_mask, x_mask, *node_weights = tensors
        return cls(inputs, gate, history, initial_weight, tuple(node_weights), projections, h_mask, x_mask)
