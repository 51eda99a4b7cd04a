"""The language model of a recurrent architecture.

As in the official code of DARTS (``rnn/model.py``, ``rnn/train.py``), after Merity, Keskar and Socher, "Regularizing
and Optimizing LSTM Language Models", ICLR 2018, https://arxiv.org/abs/1708.02182: whole words are dropped from the
embedding; the embedded text, the layer's inputs and hidden states, and its outputs each have one dropout mask for a
sequence; the decoder has the weights of the embedding and a bias, which begins at 0. All other weights are drawn from
U(-0.04, 0.04). The layer is in :mod:`ganas.spaces.rnn.layer`.

This module imports torch; :meth:`ganas.spaces.rnn.space.RecurrentSpace.network` imports it when it is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ganas.spaces.errors import InvalidSetting, missing_torch
from ganas.spaces.rnn.genotype import RecurrentGenotype
from ganas.spaces.rnn.layer import (
    INITIAL_RANGE,
    RecurrentLayer,
    RecurrentState,
    SequenceLayer,
    draw_mask,
    require_rate,
)

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["Dropouts", "Hidden", "LanguageModel", "build_network"]


@dataclass(frozen=True, slots=True)
class Dropouts:
    """Dropout rates of a language model; by default those that DARTS trains with on the Penn Treebank.

    Attributes:
        output: Of the hidden states that the decoder reads (``dropout`` in the official code).
        h: Of hidden states and nodes inside the cell (``dropouth``).
        x: Of the cell's input (``dropoutx``).
        inputs: Of the embedded text (``dropouti``).
        words: Of whole words (``dropoute``).
    """

    output: float = 0.75
    h: float = 0.25
    x: float = 0.75
    inputs: float = 0.2
    words: float = 0.1

    def __post_init__(self) -> None:
        for rate in (self.output, self.h, self.x, self.inputs, self.words):
            require_rate(rate)


class Hidden(NamedTuple):
    """What a language model makes of a text before it decodes.

    Attributes:
        raw: The hidden states, (steps, batch, n).
        dropped: The same with dropout, as the decoder reads them.
        state: What is carried on.
    """

    raw: Tensor
    dropped: Tensor
    state: RecurrentState


def build_network(
    genotype: RecurrentGenotype,
    *,
    vocabulary: int = 10_000,
    hidden: int = 850,
    window: int | None = None,
    dropouts: Dropouts | None = None,
    generator: torch.Generator | None = None,
    dropout_generator: torch.Generator | None = None,
) -> LanguageModel:
    """Build the language model of an architecture, with the size that DARTS trains on the Penn Treebank by default.

    Args:
        genotype: The architecture, as ``RecurrentSpace.genotype`` gives it.
        vocabulary: How many words there are.
        hidden: Size of the embedding and of the hidden state, n.
        window: How many steps back its state goes; None for as many as the architecture reads.
        dropouts: Dropout rates; None for those of DARTS.
        generator: Where the weights are drawn from, and on whose device they lie; None for torch's global generator
            and default device.
        dropout_generator: Where dropout masks are drawn from; None for torch's global generator.

    Raises:
        InvalidSetting: A count is below 1, or the window is too short.
    """
    rates = Dropouts() if dropouts is None else dropouts
    layer = RecurrentLayer(
        *(genotype, hidden),
        window=window,
        generator=generator,
        dropout_h=rates.h,
        dropout_x=rates.x,
        dropout_generator=dropout_generator,
    )
    return LanguageModel(layer, vocabulary, rates, generator=generator)


class LanguageModel(nn.Module):
    """Embedding, recurrent layer and decoder; made by :func:`build_network`.

    Args:
        layer: The recurrent layer; its dropout generator also draws the masks of the model.
        vocabulary: How many words there are.
        dropouts: Dropout rates of the model; those of the layer are its own.
        generator: As for :func:`build_network`.

    Attributes:
        embedding: Of each word, also the weights of the decoder, (vocabulary, n).
        decoder_bias: (vocabulary,).
    """

    def __init__(
        self,
        layer: SequenceLayer,
        vocabulary: int,
        dropouts: Dropouts,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if vocabulary < 1:
            raise InvalidSetting(f"a vocabulary has at least 1 word, not {vocabulary}")
        self.layer, self.dropouts = layer, dropouts
        device = None if generator is None else generator.device
        self.embedding = nn.Parameter(torch.empty(vocabulary, layer.size, device=device))
        self.decoder_bias = nn.Parameter(torch.zeros(vocabulary, device=device))
        nn.init.uniform_(self.embedding, -INITIAL_RANGE, INITIAL_RANGE, generator=generator)

    def forward(self, tokens: Tensor, state: RecurrentState | None = None) -> tuple[Tensor, RecurrentState]:
        """Predict the next word after each of a text.

        Args:
            tokens: Numbers of words, (steps, batch).
            state: What was carried over; None at the beginning of a text.

        Returns:
            The logits, (steps, batch, vocabulary), and what is carried on.
        """
        hidden = self.hidden(tokens, state)
        return self.decode(hidden.dropped), hidden.state

    def hidden(self, tokens: Tensor, state: RecurrentState | None = None) -> Hidden:
        """Everything but the decoder; arguments are those of :meth:`forward`."""
        embedded = self._drop(self._embed(tokens), self.dropouts.inputs)
        raw, carried = self.layer(embedded, state)
        return Hidden(raw, self._drop(raw, self.dropouts.output), carried)

    def decode(self, hidden: Tensor) -> Tensor:
        """The logits of hidden states, (..., n) to (..., vocabulary)."""
        return functional.linear(hidden, self.embedding, self.decoder_bias)

    def _embed(self, tokens: Tensor) -> Tensor:
        embedded = functional.embedding(tokens, self.embedding)
        if not self.training:
            return embedded
        mask = draw_mask(embedded, (len(self.embedding), 1), self.dropouts.words, self.layer.dropout_generator)
        return embedded if mask is None else embedded * functional.embedding(tokens, mask)

    def _drop(self, values: Tensor, rate: float) -> Tensor:
        """Locked dropout: one mask, (batch, n), for all steps."""
        if not self.training:
            return values
        mask = draw_mask(values, values.shape[1:], rate, self.layer.dropout_generator)
        return values if mask is None else values * mask
