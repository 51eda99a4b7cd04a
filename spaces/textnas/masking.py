"""Texts of unequal length in one batch: where their words are, and dropout.

Each text of a batch is padded at its end. Values of a layer are (batch, time, channels) and zero at padding, for every
layer: what pads a text has no say in anything but the batch statistics of training.

This module imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

from ganas.spaces.errors import InvalidSetting, missing_torch

try:
    import torch
    from torch import Tensor
    from torch.nn import functional
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["Words", "dropout", "dropout_mask"]


class Words:
    """Where the words of a batch are, in the forms that operators need; each is made once for all layers.

    Args:
        mask: True for words, (batch, time); at the end of each text it may be false.
        like: Of the type and on the device that the values have.

    Raises:
        InvalidSetting: The mask is not boolean, or has no word and no padding at all.

    Attributes:
        keep: 1 for words and 0 for padding, (batch, time, 1).
    """

    def __init__(self, mask: Tensor, like: Tensor) -> None:
        if mask.ndim != 2 or mask.dtype != torch.bool or not mask.numel():
            raise InvalidSetting(
                f"a mask must be boolean and (batch, time), each at least 1, not {mask.dtype} and {tuple(mask.shape)}"
            )
        self.keep = mask.unsqueeze(2).to(like.dtype)

    @cached_property
    def lengths(self) -> Tensor:
        """Words of each text, (batch, 1); 1 for a text without words, whose sum is then also its mean."""
        return self.keep.sum(1).clamp(min=1)

    @cached_property
    def steps(self) -> Tensor:
        """``keep`` in the order in which each of two directions reads, (2, time, batch, 1)."""
        steps = self.keep.transpose(0, 1)
        return torch.stack([steps, steps.flip(0)])

    @cached_property
    def attention_bias(self) -> Tensor:
        """What is added to attention scores: 0 for words, and so much less for padding that it gets no weight.

        (batch, 1, 1, time). It is finite: in a text without words the scores are equal, and no number is undefined.
        """
        bias = (1 - self.keep) * (torch.finfo(self.keep.dtype).min / 2)
        return bias.transpose(1, 2).unsqueeze(1)


def dropout(values: Tensor, rate: float, training: bool) -> Tensor:
    """Dropout, drawn from torch's global generator.

    On a CPU torch draws a number of double precision for every value, which takes longer than the convolution before
    it. Here each 64 random bits decide on four values, and the rate is rounded to a multiple of 2^-16.

    Args:
        values: Any shape.
        rate: From 0 to below 1.
        training: Values come back unchanged where it is false.
    """
    if not training or rate == 0:
        return values
    if values.device.type != "cpu":
        return functional.dropout(values, rate)
    return values * dropout_mask(values, values.shape, rate)


def dropout_mask(like: Tensor, shape: Sequence[int], rate: float) -> Tensor:
    """What dropout on a CPU multiplies values by: 0, or the inverse of how often values are kept.

    Args:
        like: Of the type that the mask has.
        shape: Of the mask.
        rate: From 0 to below 1.
    """
    threshold = min(round(rate * 2**16), 2**16 - 1)
    count = math.prod(shape)
    bits = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    kept = torch.empty(shape, dtype=like.dtype)
    torch.ge(bits.view(torch.int16)[:count].view(shape), threshold - 2**15, out=kept)
    return kept.mul_(1 / (1 - threshold / 2**16))
