"""Pooling over three words, in place of torch's modules for another layout.

The average counts zeros beyond both ends, as ``AvgPool1d(3, 1, padding=1)`` does. For the maximum the official code
takes ``MaxPool1d(3, 1, padding=1)`` on the padded batch: before the first word there is nothing, behind the last one
the zero of the padding, or nothing where the text is the longest of its batch. So the output at the last word would
depend on the other texts. Here the end always counts as padded: behind the last word there is a zero. That is what the
official code computes for every text with at least one position of padding.

This module imports torch.
"""

from __future__ import annotations

from typing import Any

from ganas.spaces.errors import missing_torch
from ganas.spaces.rnn.mixing import require_first_derivative

try:
    import torch
    from torch import Tensor
    from torch.nn import functional
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["average_pool", "max_pool"]


def average_pool(values: Tensor, keep: Tensor) -> Tensor:
    """Mean of each word and its two neighbours.

    Args:
        values: (batch, time, channels), zero at padding.
        keep: 1 for words and 0 for padding, (batch, time, 1).
    """
    outputs: Tensor = _Average.apply(values, keep)  # type: ignore[no-untyped-call]
    return outputs


def max_pool(values: Tensor, keep: Tensor) -> Tensor:
    """Maximum of each word and its two neighbours; of equals the first one gets the gradient, as in torch.

    Args:
        values: (batch, time, channels), zero at padding.
        keep: 1 for words and 0 for padding, (batch, time, 1).
    """
    outputs: Tensor = _Maximum.apply(values, keep)  # type: ignore[no-untyped-call]
    return outputs


class _Average(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, keep: Tensor) -> Tensor:
        share = keep / 3
        ctx.save_for_backward(share)
        return _sum_of_three(values).mul_(share)

    @staticmethod
    def backward(ctx: Any, grad_outputs: Tensor) -> tuple[Tensor, None]:
        require_first_derivative()
        (share,) = ctx.saved_tensors
        return _sum_of_three(grad_outputs * share), None


def _sum_of_three(values: Tensor) -> Tensor:
    """Each value and its neighbours in time; its own transpose."""
    total = values.clone(memory_format=torch.contiguous_format)
    total[:, 1:] += values[:, :-1]
    total[:, :-1] += values[:, 1:]
    return total


class _Maximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, keep: Tensor) -> Tensor:
        earlier, later = values[:, :-1], values[:, 1:]
        best = values.clone(memory_format=torch.contiguous_format)
        torch.maximum(earlier, later, out=best[:, 1:])
        following = functional.pad(later, (0, 0, 0, 1))
        # Truth as numbers: products of numbers with truth values take much longer.
        from_earlier = torch.ge(earlier, later, out=values.new_empty(earlier.shape))
        from_following = torch.gt(following, best, out=torch.empty_like(best))
        ctx.save_for_backward(keep, from_earlier, from_following)
        return torch.maximum(best, following).mul_(keep)

    @staticmethod
    def backward(ctx: Any, grad_outputs: Tensor) -> tuple[Tensor, None]:
        require_first_derivative()
        keep, from_earlier, from_following = ctx.saved_tensors
        grads = grad_outputs * keep
        to_following = grads * from_following
        grads -= to_following
        to_earlier = grads[:, 1:] * from_earlier
        grads[:, 1:] -= to_earlier
        grads[:, :-1] += to_earlier
        grads[:, 1:] += to_following[:, :-1]
        return grads, None
