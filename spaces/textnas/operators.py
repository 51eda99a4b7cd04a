"""The eight operators of a text network.

Each takes values (batch, time, channels) that are zero at padding and gives values of the same shape, zero there too.
They are those of the official code of TextNAS (``child_model/ops.py``); in parentheses is where dropout comes in:

======================  ===============================================================================
``conv_1`` ... ``_7``   Convolution, masked batch normalisation, ReLU (dropout)
``average_pool``        Of three words; see :mod:`ganas.spaces.textnas.pooling`
``max_pool``            Of three words, with a zero behind the last one; see there
``gru``                 Both directions, added (dropout); see :mod:`ganas.spaces.textnas.gru`
``attention``           See :mod:`ganas.spaces.textnas.attention` (dropout of its weights)
======================  ===============================================================================

This module imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from ganas.spaces.errors import missing_torch, unknown_name
from ganas.spaces.rnn.layer import require_rate
from ganas.spaces.textnas.attention import Attention
from ganas.spaces.textnas.genotype import OPERATORS
from ganas.spaces.textnas.gru import BidirectionalGRU
from ganas.spaces.textnas.masking import Words, dropout
from ganas.spaces.textnas.normalisation import MaskedBatchNorm
from ganas.spaces.textnas.pooling import average_pool, max_pool
from ganas.spaces.textnas.projection import Projection

try:
    from torch import Tensor, nn
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["AveragePool", "Convolution", "Dropouts", "MaxPool", "Recurrent", "make_operator"]


@dataclass(frozen=True, slots=True)
class Dropouts:
    """Dropout rates of a text network; by default those of the official scripts.

    Attributes:
        embedding: Of the embedded words.
        convolution: Behind convolutions, the initial one included.
        recurrent: Behind the GRU.
        attention: Of the weights of attention.
        final: Of what the classifier reads.
    """

    embedding: float = 0.2
    convolution: float = 0.2
    recurrent: float = 0.2
    attention: float = 0.2
    final: float = 0.0

    def __post_init__(self) -> None:
        for rate in (self.embedding, self.convolution, self.recurrent, self.attention, self.final):
            require_rate(rate)


class Convolution(nn.Module):
    """Convolution, masked batch normalisation, ReLU, dropout.

    Args:
        inputs: Channels that it reads.
        outputs: Channels that it gives.
        kernel_size: Odd.
        rate: Dropout rate.
    """

    def __init__(self, inputs: int, outputs: int, kernel_size: int, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.projection = Projection(inputs, outputs, kernel_size)
        self.normalisation = MaskedBatchNorm(outputs, relu=True)

    def forward(self, values: Tensor, words: Words) -> Tensor:
        """Values (batch, time, inputs) to (batch, time, outputs)."""
        return dropout(self.normalisation(self.projection(values), words), self.rate, self.training)


class AveragePool(nn.Module):
    """Mean of three words."""

    def forward(self, values: Tensor, words: Words) -> Tensor:
        """Values (batch, time, channels) to the same shape."""
        return average_pool(values, words.keep)


class MaxPool(nn.Module):
    """Maximum of three words."""

    def forward(self, values: Tensor, words: Words) -> Tensor:
        """Values (batch, time, channels) to the same shape."""
        return max_pool(values, words.keep)


class Recurrent(nn.Module):
    """GRU in both directions, dropout.

    Args:
        channels: Of the values.
        rate: Dropout rate.
    """

    def __init__(self, channels: int, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.gru = BidirectionalGRU(channels)

    def forward(self, values: Tensor, words: Words) -> Tensor:
        """Values (batch, time, channels) to the same shape."""
        return dropout(self.gru(values, words), self.rate, self.training)


def make_operator(name: str, channels: int, dropouts: Dropouts) -> nn.Module:
    """Make an operator of :data:`~ganas.spaces.textnas.genotype.OPERATORS`.

    Raises:
        UnknownName: There is none of that name.
        InvalidSetting: The channels do not fit it.
    """
    match name:
        case "conv_1" | "conv_3" | "conv_5" | "conv_7":
            return Convolution(channels, channels, int(name[-1]), dropouts.convolution)
        case "average_pool":
            return AveragePool()
        case "max_pool":
            return MaxPool()
        case "gru":
            return Recurrent(channels, dropouts.recurrent)
        case "attention":
            return Attention(channels, dropouts.attention)
    raise unknown_name("operator", name, OPERATORS)
