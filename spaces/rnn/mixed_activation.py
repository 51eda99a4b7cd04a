"""Relaxed edges, each with their gradients as one operation.

Left to autograd, one edge would be some twenty small operations. First derivatives only; a second one raises torch's
own error. The equations are in :mod:`ganas.spaces.rnn.supernet`.

This module imports torch.
"""

from __future__ import annotations

from typing import Any

from ganas.spaces.errors import missing_torch

try:
    import torch
    from torch import Tensor
    from torch.autograd.function import once_differentiable
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["mixed_activation", "relaxed_edges"]


def mixed_activation(values: Tensor, shares: Tensor) -> Tensor:
    """The sum of all activations, each times its share.

    Args:
        values: (..., k, n).
        shares: Of tanh, relu, sigmoid and identity, in this order, for each of the k, (k, 4).

    Returns:
        (..., k, n).
    """
    found: Tensor = _MixedActivation.apply(values, shares)  # type: ignore[no-untyped-call]
    return found


def relaxed_edges(products: Tensor, state: Tensor, shares: Tensor) -> Tensor:
    """What a node sends to k later ones: the sum over activations f of share_f (s + sigmoid(c) (.) (f(g) - s)).

    Args:
        products: [c; g], for all gates and then for all candidates, (batch, 2 k n).
        state: s, (batch, n).
        shares: As for :func:`mixed_activation`.

    Returns:
        (batch, k, n).
    """
    found: Tensor = _RelaxedEdges.apply(products, state, shares)  # type: ignore[no-untyped-call]
    return found


class _MixedActivation(torch.autograd.Function):
    """See :func:`mixed_activation`."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, shares: Tensor) -> Tensor:
        found = _activations(values)
        ctx.save_for_backward(found, shares)
        return _mixed(found, shares)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        found, shares = ctx.saved_tensors
        return _slope(found, shares).mul_(grad), _share_grads(found, grad)


class _RelaxedEdges(torch.autograd.Function):
    """See :func:`relaxed_edges`."""

    @staticmethod
    def forward(ctx: Any, products: Tensor, state: Tensor, shares: Tensor) -> Tensor:
        gates, candidates = products.view(len(state), 2, len(shares), -1).unbind(1)
        gates = gates.sigmoid()
        found = _activations(candidates)
        kept = state[:, None] * shares.sum(dim=1)[:, None]
        change = _mixed(found, shares).sub_(kept)
        ctx.save_for_backward(gates, found, change, state, shares)
        return torch.addcmul(kept, gates, change)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gates, found, change, state, shares = ctx.saved_tensors
        of_mixed = grad * gates
        of_kept = grad - of_mixed
        of_products = grad.new_empty(len(state), 2, *grad.shape[1:])
        of_gates, of_candidates = of_products.unbind(1)
        torch.mul(of_mixed, change, out=of_gates)
        of_gates.addcmul_(of_gates, gates, value=-1)
        torch.mul(_slope(found, shares), of_mixed, out=of_candidates)
        of_shares = _share_grads(found, of_mixed) + (of_kept * state[:, None]).sum(dim=(0, 2))[:, None]
        of_state = of_kept.mul_(shares.sum(dim=1)[:, None]).sum(dim=1)
        return of_products.flatten(1), of_state, of_shares


def _activations(values: Tensor) -> Tensor:
    """All activations, (4, ..., k, n)."""
    found = values.new_empty(4, *values.shape)
    torch.tanh(values, out=found[0])
    torch.clamp(values, min=0, out=found[1])
    torch.sigmoid(values, out=found[2])
    found[3] = values
    return found


def _mixed(found: Tensor, shares: Tensor) -> Tensor:
    of_tanh, of_relu, of_sigmoid, of_identity = shares[:, :, None].unbind(1)
    total = found[0] * of_tanh
    return total.addcmul_(found[1], of_relu).addcmul_(found[2], of_sigmoid).addcmul_(found[3], of_identity)


def _slope(found: Tensor, shares: Tensor) -> Tensor:
    """The derivative of the mixture, (..., k, n)."""
    of_tanh, of_relu, of_sigmoid, of_identity = shares[:, :, None].unbind(1)
    tanh, _, sigmoid, values = found.unbind()
    slope = (values > 0) * of_relu
    slope.addcmul_(tanh * tanh, of_tanh, value=-1).addcmul_(sigmoid - sigmoid * sigmoid, of_sigmoid)
    return slope.add_(of_tanh + of_identity)


def _share_grads(found: Tensor, grad: Tensor) -> Tensor:
    """The gradients of shares, given that of the mixture, (k, 4)."""
    axes = [axis for axis in range(found.ndim) if axis not in (0, found.ndim - 2)]
    return (found * grad).sum(axes).t()
