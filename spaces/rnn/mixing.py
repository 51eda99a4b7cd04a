"""Steps of a recurrence: mixing values with candidates, forward and backward, and products in a given precision.

This module imports torch.
"""

from __future__ import annotations

from ganas.spaces.errors import NotSupported, missing_torch
from ganas.spaces.rnn.plan import Run

try:
    import torch
    from torch import Tensor
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = [
    "NODE_0",
    "Mixing",
    "Unmixing",
    "activate_in_place",
    "add_masked",
    "add_product",
    "masked",
    "product",
    "require_first_derivative",
    "times_derivative",
    "transposed_product",
    "weight_grads",
]

NODE_0: tuple[Run, ...] = ((0, 1, "tanh"),)
"""The activation of node 0 of a cell."""


class Mixing:
    """The forward pass of siblings: value + gate * (candidate - value)."""

    def __init__(self, mixed: Tensor, states: Tensor, runs: tuple[Run, ...]) -> None:
        steps, batch, count, size = states.shape
        half = count * size
        self.mixed = mixed.unbind()
        self._flat_gates = mixed[..., :half].unbind()
        self._runs = [
            (mixed[..., half + start * size : half + stop * size].unbind(), name)
            for start, stop, name in runs
            if name != "identity"
        ]
        gates, candidates = mixed.view(steps, batch, 2, count, size).unbind(2)
        if count == 1:
            gates, candidates, states = gates.squeeze(2), candidates.squeeze(2), states.squeeze(2)
        self._is_one = count == 1
        self._gates, self._candidates, self._states = gates.unbind(), candidates.unbind(), states.unbind()

    def mix(self, step: int, values: Tensor) -> None:
        """Turn products into gates and candidates, and these and ``values``, (batch, n), into the states of a step."""
        torch.sigmoid_(self._flat_gates[step])
        for candidates, name in self._runs:
            activate_in_place(candidates[step], name)
        start = values if self._is_one else values.unsqueeze(1)
        torch.lerp(start, self._candidates[step], self._gates[step], out=self._states[step])


class Unmixing:
    """The backward pass of siblings.

    Attributes:
        grads: Gradients of the products that gates and candidates were made of, (steps, batch, 2 k n).
    """

    def __init__(self, mixed: Tensor, size: int, runs: tuple[Run, ...]) -> None:
        steps, batch, _ = mixed.shape
        self._mixed, self._runs = mixed.view(steps, batch, 2, -1, size), runs
        self.grads = torch.empty_like(mixed)
        self._factors = self.grads.view(self._mixed.shape)
        self._halves = self._factors.unbind()
        self._steps = self.grads.unbind()

    def prepare(self, steps: slice, values: Tensor) -> None:
        """Compute what the gradients of the states of some steps will be multiplied by.

        Args:
            steps: Which.
            values: What the siblings mixed their candidates with, (steps, batch, n).
        """
        gates, candidates = self._mixed[steps].unbind(2)
        to_gates, to_candidates = self._factors[steps].unbind(2)
        kept = 1 - gates
        torch.sub(candidates, values.unsqueeze(2), out=to_gates)
        to_gates.mul_(gates).mul_(kept)
        to_candidates.copy_(gates)
        for start, stop, name in self._runs:
            times_derivative(to_candidates[:, :, start:stop], candidates[:, :, start:stop], name)
        self._first, self._kept = steps.start, kept.unbind()

    def apply(self, step: int, grads: Tensor) -> tuple[Tensor, Tensor]:
        """Take the gradients of the states of a prepared step, (batch, k, n).

        Returns:
            The gradients of the products, (batch, 2 k n), and of the values, but for what they have through the
            products, (batch, n).
        """
        self._halves[step].mul_(grads.unsqueeze(1))
        kept = self._kept[step - self._first].mul_(grads)
        return self._steps[step], kept[:, 0] if kept.shape[1] == 1 else kept.sum(1)


def require_first_derivative() -> None:
    """Raise in a backward pass that is to be differentiated itself, which would be silently wrong.

    Raises:
        NotSupported: The gradients were asked for with ``create_graph=True``.
    """
    if torch.is_grad_enabled():
        raise NotSupported(
            "recurrent layers have first derivatives alone: gradients cannot be asked for with create_graph"
        )


def masked(values: Tensor, mask: Tensor | None, *, out: Tensor | None = None) -> Tensor:
    """Values times a mask; without a mask a copy of them, or they themselves."""
    if mask is not None:
        return torch.mul(values, mask, out=out)
    return values if out is None else out.copy_(values)


def add_masked(total: Tensor, values: Tensor, mask: Tensor | None) -> None:
    """Add values times a mask."""
    if mask is None:
        total += values
    else:
        total.addcmul_(values, mask)


def product(values: Tensor, weights: Tensor, *, out: Tensor) -> None:
    """Write a matrix product, taken in the precision of the weights."""
    if values.dtype == weights.dtype:
        torch.mm(values, weights, out=out)
    else:
        out.copy_(values.to(weights.dtype) @ weights)


def add_product(values: Tensor, weights: Tensor, *, out: Tensor) -> None:
    """Add a matrix product, taken in the precision of the weights."""
    if values.dtype == weights.dtype:
        out.addmm_(values, weights)
    else:
        out += values.to(weights.dtype) @ weights


def transposed_product(values: Tensor, weights: Tensor) -> Tensor:
    """The product with the transposed weights, taken in their precision."""
    if values.dtype == weights.dtype:
        return values @ weights.t()
    return (values.to(weights.dtype) @ weights.t()).to(values.dtype)


def weight_grads(read: Tensor, grads: Tensor, weights: Tensor) -> Tensor:
    """The gradient of weights over all steps, given what they multiplied and the gradients of the products."""
    rows = read.flatten(0, 1).to(weights.dtype)
    return rows.t() @ grads.flatten(0, 1).to(weights.dtype)


def activate_in_place(values: Tensor, name: str) -> None:
    """Apply an activation in place."""
    if name != "identity":
        getattr(torch, f"{name}_")(values)


def times_derivative(grads: Tensor, values: Tensor, name: str) -> None:
    """Multiply by the derivative of an activation in place, given what it gave."""
    if name == "tanh":
        grads.addcmul_(grads * values, values, value=-1)
    elif name == "sigmoid":
        grads.mul_(values).mul_(1 - values)
    elif name == "relu":
        grads.mul_(values > 0)
