"""Batch normalisation between two masks, as one operation with a backward pass of its own.

As in the official code (``BatchNorm`` in ``child_model/ops.py``): values at padding are set to zero, normalised
together with the words, and set to zero again. So the statistics of a batch count padding as zeros, and depend on how
much of it there is; those of evaluation do not.

This module imports torch.
"""

from __future__ import annotations

from typing import Any

from ganas.spaces.errors import missing_torch
from ganas.spaces.rnn.mixing import require_first_derivative
from ganas.spaces.textnas.masking import Words

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["MaskedBatchNorm"]

_EPSILON = 1e-5
_MOMENTUM = 0.1


class MaskedBatchNorm(nn.Module):
    """Batch normalisation of texts, then a ReLU where it is wanted.

    Args:
        channels: Of the values.
        relu: Whether a ReLU follows.

    Attributes:
        weight: (channels,), 1 at first.
        bias: (channels,), 0 at first.
        running_mean: (channels,), of evaluation.
        running_var: (channels,), without bias.
        momentum: The share of a batch in the running statistics after it.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, relu: bool = False) -> None:
        super().__init__()
        self.relu = relu
        self.momentum = _MOMENTUM
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.register_buffer("running_mean", torch.empty(channels))
        self.register_buffer("running_var", torch.empty(channels))
        self.reset()

    @torch.no_grad()
    def reset(self, generator: torch.Generator | None = None) -> None:
        """Begin anew; nothing is drawn."""
        self.weight.fill_(1)
        self.bias.zero_()
        self.running_mean.zero_()
        self.running_var.fill_(1)

    def forward(self, values: Tensor, words: Words) -> Tensor:
        """Values (batch, time, channels), of anything at padding, to the same shape with zeros there."""
        if not self.training:
            scale = self.weight * torch.rsqrt(self.running_var + _EPSILON)
            outputs = torch.addcmul(self.bias - self.running_mean * scale, values, scale) * words.keep
            return outputs.relu() if self.relu else outputs
        outputs, mean, variance = _Normalisation.apply(  # type: ignore[no-untyped-call]
            values, words.keep, self.weight, self.bias, self.relu
        )
        count = words.keep.numel()
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / max(count - 1, 1)), self.momentum)
        return outputs  # type: ignore[no-any-return]


class _Normalisation(torch.autograd.Function):
    """Values, keep, weight, bias to outputs and the mean and variance of each channel."""

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, keep: Tensor, weight: Tensor, bias: Tensor, relu: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        with torch.autocast(values.device.type, enabled=False):
            rows, is_word = values.reshape(-1, values.shape[-1]), keep.view(-1, 1)
            count = len(rows)
            # A product with the mask sums over the words alone, in less time than masking and summing take.
            mean = (is_word.t() @ rows) / count
            centred = rows - mean
            # Not from the mean of squares, which loses digits; each zero at padding is one mean away from it.
            squares = is_word.t() @ (centred * centred) + (count - is_word.sum()) * mean * mean
            variance = squares / count
            inverse = torch.rsqrt(variance + _EPSILON)
            outputs = torch.addcmul(bias, centred, weight * inverse).mul_(is_word)
            if relu:
                outputs.relu_()
        ctx.relu = relu
        ctx.save_for_backward(centred, is_word, weight, inverse, *((outputs,) if relu else ()))
        mean, variance = mean.squeeze(0), variance.squeeze(0)
        ctx.mark_non_differentiable(mean, variance)
        return outputs.view(values.shape), mean, variance

    @staticmethod
    def backward(ctx: Any, grad_outputs: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        require_first_derivative()
        centred, is_word, weight, inverse, *outputs = ctx.saved_tensors
        rows = grad_outputs.reshape(centred.shape)
        # What the ReLU gave is zero at padding as well. A product of numbers with truth values would take much longer.
        passed = torch.gt(outputs[0], 0, out=torch.empty_like(rows)) if ctx.relu else is_word
        grads = rows * passed
        bias_grad, slope = grads.sum(0), (grads * centred).sum(0)
        scale, count = weight * inverse, len(rows)
        through_mean = -scale * bias_grad / count
        through_variance = -scale * inverse * inverse * slope / count
        value_grads = torch.addcmul(through_mean, centred, through_variance).mul_(is_word).addcmul_(grads, scale)
        return value_grads.view(grad_outputs.shape), None, (slope * inverse).squeeze(0), bias_grad, None
