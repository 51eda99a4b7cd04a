"""What reads the vectors of texts: classifiers of one text and of a pair of texts.

This module imports torch.
"""

from __future__ import annotations

from ganas.spaces.errors import InvalidSetting, missing_torch
from ganas.spaces.rnn.layer import require_rate
from ganas.spaces.textnas.masking import dropout
from ganas.spaces.textnas.projection import Projection

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["Classifier", "PairClassifier"]


class Classifier(nn.Module):
    """Dropout and a linear layer, as in the official code.

    Args:
        channels: Of the vectors.
        num_classes: Outputs, at least 1.
        rate: Dropout rate.

    Raises:
        InvalidSetting: There is no class, or the rate is not from 0 to below 1.
    """

    def __init__(self, channels: int, num_classes: int, rate: float = 0.0) -> None:
        super().__init__()
        if num_classes < 1:
            raise InvalidSetting(f"a classifier has at least 1 class, not {num_classes}")
        self.rate = require_rate(rate)
        self.linear = Projection(channels, num_classes)

    def forward(self, vectors: Tensor) -> Tensor:
        """Vectors (batch, channels) to logits (batch, num_classes)."""
        dropped = dropout(vectors, self.rate, self.training)
        logits: Tensor = self.linear(dropped.unsqueeze(1)).squeeze(1)
        return logits


class PairClassifier(nn.Module):
    """The relation between two texts, for inference tasks; ours: the official code has none.

    For the vectors u and v of the two texts, a linear layer with ReLU to as many channels reads [u, v, |u - v|, u * v],
    and a :class:`Classifier` reads what comes out.

    Args:
        channels: Of the vectors.
        num_classes: Outputs, at least 1.
        rate: Dropout rate of what either layer reads.

    Raises:
        InvalidSetting: As for :class:`Classifier`.
    """

    def __init__(self, channels: int, num_classes: int, rate: float = 0.0) -> None:
        super().__init__()
        self.rate = require_rate(rate)
        self.hidden = Projection(4 * channels, channels)
        self.classifier = Classifier(channels, num_classes, rate)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Vectors (batch, channels) of the first and the second texts to logits (batch, num_classes)."""
        both = torch.cat([first, second, (first - second).abs(), first * second], dim=1)
        dropped = dropout(both, self.rate, self.training)
        logits: Tensor = self.classifier(self.hidden(dropped.unsqueeze(1)).squeeze(1).relu())
        return logits
