"""The encoders that are trained: those of text spaces, and the networks that they are compared with."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ganas.bench.training.classification.protocol import ClassificationProtocol
from ganas.spaces.textnas.attention import HEADS
from ganas.spaces.textnas.genotype import TextGenotype, TextLayer
from ganas.spaces.textnas.masking import dropout
from ganas.spaces.textnas.network import TextNetwork
from ganas.spaces.textnas.operators import Dropouts

__all__ = ["TransformerEncoder", "convolution_chain", "dropouts_of", "recurrent_encoder", "text_encoder"]

_TRANSFORMER_LAYERS = 2


def text_encoder(genotype: TextGenotype, protocol: ClassificationProtocol, channels: int | None = None) -> TextNetwork:
    """The network of an architecture, of the size and with the dropout of a protocol.

    Args:
        genotype: The architecture.
        protocol: The recipe.
        channels: Of every layer; None for those of the protocol.
    """
    return TextNetwork(
        genotype,
        protocol.channels if channels is None else channels,
        inputs=protocol.word_width,
        dropouts=dropouts_of(protocol),
        normalise_always=protocol.normalise_always,
    )


def dropouts_of(protocol: ClassificationProtocol) -> Dropouts:
    """The dropout rates of the layers of a text network."""
    return Dropouts(
        embedding=protocol.dropout_embedding,
        convolution=protocol.dropout_convolution,
        recurrent=protocol.dropout_recurrent,
        attention=protocol.dropout_attention,
    )


def convolution_chain(layers: int) -> TextGenotype:
    """Convolutions over three words, each of which reads the one before, without skip connections.

    >>> convolution_chain(2).layers[1]
    TextLayer(offset=0, operator='conv_3', skips=(False,))
    """
    return TextGenotype(tuple(TextLayer(0, "conv_3", (False,) * number) for number in range(layers)))


def recurrent_encoder(protocol: ClassificationProtocol, channels: int) -> TextNetwork:
    """One GRU in both directions, behind the initial convolution that all architectures have."""
    return text_encoder(TextGenotype((TextLayer(0, "gru", ()),)), protocol, channels)


class TransformerEncoder(nn.Module):
    """Two layers of torch's transformer with sinusoids for positions, and the mean over words.

    A. Vaswani et al., "Attention Is All You Need", NIPS 2017, https://arxiv.org/abs/1706.03762: four times as many
    hidden units as channels, normalisation behind each part.

    Args:
        protocol: The recipe; its dropout of attention is that of the layers.
        channels: Of every layer, a multiple of the heads.

    Attributes:
        channels: Length of a vector.
    """

    def __init__(self, protocol: ClassificationProtocol, channels: int) -> None:
        super().__init__()
        self.channels, self._rate = channels, protocol.dropout_embedding
        self.projection = nn.Linear(protocol.word_width, channels)
        layer = nn.TransformerEncoderLayer(channels, HEADS, 4 * channels, protocol.dropout_attention, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, _TRANSFORMER_LAYERS, enable_nested_tensor=False)
        for weight in self.parameters():
            # The layers are copies of one, and would begin with the same weights.
            if weight.ndim > 1:
                nn.init.xavier_uniform_(weight)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Embedded words (batch, time, inputs) and their mask (batch, time) to vectors (batch, channels)."""
        # As large as the positions: without the root the words would be lost among them.
        read = self.projection(dropout(values, self._rate, self.training)) * math.sqrt(self.channels)
        outputs: Tensor = self.layers(
            read + positions(values.shape[1], self.channels, read), src_key_padding_mask=~mask
        )
        keep = mask.unsqueeze(2).to(outputs.dtype)
        return (outputs * keep).sum(1) / keep.sum(1).clamp(min=1)


def positions(time: int, channels: int, like: Tensor) -> Tensor:
    """Sines, then cosines, of wave lengths from 2 pi to 20,000 pi, (time, channels)."""
    waves = torch.arange((channels + 1) // 2, device=like.device) * (-2 * math.log(10_000) / channels)
    angles = torch.arange(time, device=like.device).unsqueeze(1) * waves.exp()
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :channels].to(like.dtype)
