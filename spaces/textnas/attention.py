"""Attention of four heads between the words of a text.

As in the official code (``AttentionOpt`` in ``child_model/ops.py``): queries, keys and values are ReLU(linear), scores
are divided by the root of the size of a head, padding gets no weight, dropout is on the weights, heads stand side by
side, and masked batch normalisation follows. There is no output projection, no residual and no encoding of positions.

This module imports torch.
"""

from __future__ import annotations

from ganas.spaces.errors import InvalidSetting, missing_torch
from ganas.spaces.textnas.masking import Words, dropout
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
        if self.training and self.rate and values.device.type == "cpu":
            heads = _attend(projected, words.attention_bias, self.rate)
        else:
            query, key, value = projected.permute(2, 0, 3, 1, 4).unbind()
            rate = self.rate if self.training else 0.0
            heads = functional.scaled_dot_product_attention(query, key, value, words.attention_bias, dropout_p=rate)
        joined = heads.transpose(1, 2).reshape(batch, time, channels).to(values.dtype)
        normalised: Tensor = self.normalisation(joined, words)
        return normalised


def _attend(projected: Tensor, bias: Tensor, rate: float) -> Tensor:
    """Attention with dropout on a CPU, where torch's own draws numbers for longer than it computes.

    Time lies last in memory, so that every product but one in both passes has long rows: others take three times as
    long at the eight channels of a small head.

    Args:
        projected: Queries, keys and values, (batch, time, 3, heads, size).
        bias: Added to scores, (batch, 1, 1, time).
        rate: Dropout rate of the weights.

    Returns:
        (batch, heads, time, size).
    """
    batch, time, _, heads, size = projected.shape
    query, key, value = projected.permute(2, 0, 3, 4, 1).reshape(3, batch * heads, size, time).unbind()
    scores = torch.bmm((query * size**-0.5).transpose(1, 2), key)
    weights = (scores.view(batch, heads, time, time) + bias).softmax(dim=-1)
    dropped = dropout(weights, rate, training=True).view(-1, time, time)
    return torch.bmm(value, dropped.transpose(1, 2)).view(batch, heads, size, time).transpose(2, 3)
