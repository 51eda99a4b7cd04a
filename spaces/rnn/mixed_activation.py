"""Relaxed operations, each with its gradients as one operation.

Left to autograd, one relaxed edge would be some twenty small operations. First derivatives only. The equations are in
:mod:`ganas.spaces.rnn.supernet`.

This module imports torch.
"""

from __future__ import annotations

from typing import Any

from ganas.spaces.errors import missing_torch
from ganas.spaces.rnn.mixing import require_first_derivative

try:
    import torch
    from torch import Tensor
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["mixed_activation", "relaxed_node"]


def mixed_activation(values: Tensor, shares: Tensor) -> Tensor:
    """The sum of all activations, each times its share.

    Args:
        values: Of any shape.
        shares: Of tanh, relu, sigmoid and identity, in this order, (4, ...), each to broadcast with the values.

    Returns:
        As the values.
    """
    found: Tensor = _MixedActivation.apply(values, shares)  # type: ignore[no-untyped-call]
    return found


def relaxed_node(states: Tensor, mask: Tensor | None, weight: Tensor, shares: Tensor) -> Tensor:
    """A node that reads k states: the sum over these, s, and over activations f of share_f (s + sigmoid(c) (f(g) - s)).

    Here [c; g] = (s (.) mask) W, in the precision of the weight.

    Args:
        states: The states, (k, batch, n).
        mask: Dropout mask, (batch, n); None for 1.
        weight: W, (n, 2 n).
        shares: As for :func:`mixed_activation`, (4, k, 1, 1).

    Returns:
        (batch, n).
    """
    found: Tensor = _RelaxedNode.apply(states, mask, weight, shares)  # type: ignore[no-untyped-call]
    return found


class _MixedActivation(torch.autograd.Function):
    """See :func:`mixed_activation`."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, shares: Tensor) -> Tensor:
        found = _activations(values)
        ctx.save_for_backward(found, shares)
        return _mixed(found, shares)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        require_first_derivative()
        found, shares = ctx.saved_tensors
        return _slope(found, shares).mul_(grad), (found * grad).sum_to_size(shares.shape)


class _RelaxedNode(torch.autograd.Function):
    """See :func:`relaxed_node`."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, mask: Tensor | None, weight: Tensor, shares: Tensor) -> Tensor:
        read = (states if mask is None else states * mask).to(weight.dtype).flatten(0, 1)
        products = (read @ weight).to(states.dtype).view(*states.shape[:2], -1)
        gates, candidates = products.chunk(2, dim=-1)
        gates = gates.sigmoid()
        found = _activations(candidates)
        kept = states * shares.sum(dim=0)
        change = _mixed(found, shares).sub_(kept)
        ctx.save_for_backward(states, mask, weight, shares, read, gates, found, change)
        return kept.addcmul_(gates, change).sum(dim=0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        require_first_derivative()
        states, mask, weight, shares, read, gates, found, change = ctx.saved_tensors
        of_mixed = gates * grad
        of_kept = grad - of_mixed
        of_products = grad.new_empty(*states.shape[:2], weight.shape[1])
        of_gates, of_candidates = of_products.chunk(2, dim=-1)
        torch.mul(of_mixed, change, out=of_gates)
        of_gates.addcmul_(of_gates, gates, value=-1)
        torch.mul(_slope(found, shares), of_mixed, out=of_candidates)
        # All four activations lose to the state what the gate keeps of it.
        of_shares = (found * of_mixed).sum_to_size(shares.shape) + (of_kept * states).sum_to_size(shares.shape[1:])
        arriving = of_products.flatten(0, 1).to(weight.dtype)
        of_read = (arriving @ weight.t()).to(states.dtype).view(states.shape)
        of_states = of_kept.mul_(shares.sum(dim=0))
        of_states.add_(of_read) if mask is None else of_states.addcmul_(of_read, mask)
        return of_states, None, read.t() @ arriving, of_shares


def _activations(values: Tensor) -> Tensor:
    """All activations, (4, ...)."""
    found = values.new_empty(4, *values.shape)
    torch.tanh(values, out=found[0])
    torch.clamp(values, min=0, out=found[1])
    torch.sigmoid(values, out=found[2])
    found[3] = values
    return found


def _mixed(found: Tensor, shares: Tensor) -> Tensor:
    total = found[0] * shares[0]
    return total.addcmul_(found[1], shares[1]).addcmul_(found[2], shares[2]).addcmul_(found[3], shares[3])


def _slope(found: Tensor, shares: Tensor) -> Tensor:
    """The derivative of the mixture, as the values."""
    tanh, relu, sigmoid, _ = found.unbind()
    of_tanh, of_relu, of_sigmoid, of_identity = shares.unbind()
    slope = relu.sign() * of_relu
    slope.addcmul_(tanh * tanh, of_tanh, value=-1).addcmul_(sigmoid - sigmoid * sigmoid, of_sigmoid)
    return slope.add_(of_tanh + of_identity)
