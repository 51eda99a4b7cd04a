"""Convolutions over words: weights, their initial values, and how they are computed.

Weights are Xavier-uniform and biases as torch draws them, from plus to minus 1 / sqrt(inputs * kernel size), as in the
official code (``main.py``).

This module imports torch.
"""

from __future__ import annotations

import math

from ganas.spaces.errors import missing_torch

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["Projection", "convolve"]


class Projection(nn.Module):
    """A convolution, or several that read the same values side by side; with a kernel of 1 a linear layer.

    Args:
        inputs: Channels that it reads.
        outputs: Channels of each part.
        kernel_size: Odd; the texts keep their length.
        parts: How many there are. Each is drawn as if it stood alone.

    Attributes:
        weight: (parts * outputs, inputs, kernel_size).
        bias: (parts * outputs,).
    """

    def __init__(self, inputs: int, outputs: int, kernel_size: int = 1, *, parts: int = 1) -> None:
        super().__init__()
        self.parts = parts
        self.weight = nn.Parameter(torch.empty(parts * outputs, inputs, kernel_size))
        self.bias = nn.Parameter(torch.empty(parts * outputs))
        self.reset()

    @torch.no_grad()
    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw new weights, from torch's global generator by default."""
        for part in self.weight.chunk(self.parts):
            nn.init.xavier_uniform_(part, generator=generator)
        bound = 1 / math.sqrt(self.weight[0].numel())
        nn.init.uniform_(self.bias, -bound, bound, generator=generator)

    def forward(self, values: Tensor) -> Tensor:
        """Values (batch, time, inputs) to (batch, time, parts * outputs), in their own precision under autocast."""
        return convolve(values, self.weight, self.bias).to(values.dtype)


def convolve(values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve over time, with zeros beyond both ends.

    As a convolution of images one row high, whose channels lie last in memory: that needs no copy, and on a CPU it is
    quicker than a convolution of sequences and, with a kernel of 1, than a product of matrices.

    Args:
        values: (batch, time, inputs).
        weight: (outputs, inputs, kernel size).
        bias: (outputs,).

    Returns:
        (batch, time, outputs).
    """
    images = values.transpose(1, 2).unsqueeze(2)
    outputs = functional.conv2d(images, weight.unsqueeze(2), bias, padding=(0, weight.shape[2] // 2))
    return outputs.squeeze(2).transpose(1, 2)
