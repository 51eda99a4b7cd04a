"""Attention of four heads between the words of a text.

As in the official code (``AttentionOpt`` in ``child_model/ops.py``): queries, keys and values are ReLU(linear), scores
are divided by the root of the size of a head, padding gets no weight, dropout is on the weights, heads stand side by
side, and masked batch normalisation follows. There is no output projection, no residual and no encoding of positions.

This module imports torch.
"""

from __future__ import annotations

from typing import Any

from ganas.spaces.errors import InvalidSetting, missing_torch
from ganas.spaces.rnn.mixing import require_first_derivative
from ganas.spaces.textnas.masking import Words, dropout_mask
from ganas.spaces.textnas.normalisation import MaskedBatchNorm
from ganas.spaces.textnas.projection import Projection

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["HEADS", "Attention"]

HEADS = 4
"""Heads of attention."""


class Attention(nn.Module):
    """Self-attention.

    Args:
        channels: Of the values; a multiple of :data:`HEADS`.
        rate: Dropout rate of the weights of attention.

    Raises:
        InvalidSetting: It is no multiple.
    """

    def __init__(self, channels: int, rate: float) -> None:
        super().__init__()
        if channels % HEADS:
            raise InvalidSetting(f"attention has {HEADS} heads: channels must be a multiple of {HEADS}, not {channels}")
        self.rate = rate
        self.projection = Projection(channels, channels, parts=3)
        self.normalisation = MaskedBatchNorm(channels)

    def forward(self, values: Tensor, words: Words) -> Tensor:
        """Values (batch, time, channels) to the same shape, zero at padding."""
        batch, time, channels = values.shape
        projected = self.projection(values).relu().view(batch, time, 3, HEADS, -1)
        rate = self.rate if self.training else 0.0
        if rate and values.device.type == "cpu":
            # torch's own would draw random numbers for longer than it computes.
            kept = dropout_mask(values, (batch * HEADS, time, time), rate)
            joined: Tensor = _DroppingAttention.apply(  # type: ignore[no-untyped-call]
                projected, words.attention_bias, kept
            )
        else:
            query, key, value = projected.permute(2, 0, 3, 1, 4).unbind()
            heads = functional.scaled_dot_product_attention(query, key, value, words.attention_bias, dropout_p=rate)
            joined = heads.transpose(1, 2).reshape(batch, time, channels).to(values.dtype)
        normalised: Tensor = self.normalisation(joined, words)
        return normalised


class _DroppingAttention(torch.autograd.Function):
    """Attention with dropout of its weights.

    Queries, keys and values (batch, time, 3, heads, size), the bias of scores (batch, 1, 1, time) and the dropout mask
    (batch * heads, time, time) to heads side by side, (batch, time, heads * size).

    Time lies last in memory, so that every product has long rows: with the eight channels of a small head there, some
    would take three times as long.
    """

    @staticmethod
    def forward(ctx: Any, projected: Tensor, bias: Tensor, kept: Tensor) -> Tensor:
        batch, time, _, heads, size = projected.shape
        parts = projected.permute(2, 0, 3, 4, 1).clone(memory_format=torch.contiguous_format)
        parts = parts.view(3, batch * heads, size, time)
        query, key, value = parts.unbind()
        with torch.autocast(projected.device.type, enabled=False):
            query *= size**-0.5
            scores = torch.bmm(query.transpose(1, 2), key)
            scores.view(batch, heads, time, time).add_(bias)
            weights = scores.softmax(dim=-1)
            outputs = torch.bmm(value, (weights * kept).transpose(1, 2))
        ctx.save_for_backward(parts, weights, kept)
        ctx.shape = projected.shape
        return outputs.view(batch, heads * size, time).transpose(1, 2).contiguous()

    @staticmethod
    def backward(ctx: Any, grad_outputs: Tensor) -> tuple[Tensor, None, None]:
        require_first_derivative()
        parts, weights, kept = ctx.saved_tensors
        batch, time, _, heads, size = ctx.shape
        query, key, value = parts.unbind()
        grads = torch.empty_like(parts)
        with torch.autocast(parts.device.type, enabled=False):
            of_heads = grad_outputs.transpose(1, 2).reshape(batch * heads, size, time)
            dropped = weights * kept
            torch.bmm(of_heads, dropped, out=grads[2])
            weight_grads = torch.bmm(of_heads.transpose(1, 2), value).mul_(dropped)
            score_grads = torch.addcmul(weight_grads, weights, weight_grads.sum(dim=-1, keepdim=True), value=-1)
            torch.bmm(key, score_grads.transpose(1, 2), out=grads[0]).mul_(size**-0.5)
            torch.bmm(query, score_grads, out=grads[1])
        return grads.view(3, batch, heads, size, time).permute(1, 4, 0, 2, 3), None, None
