"""The language model around a recurrent network: embedding, dropout, decoder and loss.

As in ``rnn/model.py`` and ``rnn/train.py`` of https://github.com/quark0/darts: the embedding is also the decoder, masks
stay the same along a batch, and two penalties pull outputs to zero (AR) and successive hidden states to each other
(TAR; Merity et al., "Revisiting Activation Regularization for Language RNNs", 2017, https://arxiv.org/abs/1708.01009).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganas.bench.training.language.dropout import dropped_rows, dropped_weights, keep_mask, locked
from ganas.bench.training.language.protocol import LanguageProtocol
from ganas.bench.training.language.softmax import AdaptiveDecoder, Decoder

__all__ = ["Core", "LSTMCore", "LanguageModel", "State"]

State = tuple[Tensor, ...]
"""What a network carries on from batch to batch; the second dimension of each tensor is that of the columns."""


class Core(nn.Module):
    """A recurrent network on embedded words, of the size of the embedding."""

    dropped: tuple[str, ...] = ()
    """The weights between hidden states, by name: what is dropped from where single weights are."""

    @abstractmethod
    def begin(self, like: Tensor, batch: int) -> State:
        """The state before the first word, of the type and on the device of a tensor."""

    @abstractmethod
    def forward(
        self, inputs: Tensor, state: State, x_mask: Tensor | None, h_mask: Tensor | None
    ) -> tuple[Tensor, State]:
        """Read a batch.

        Args:
            inputs: Embedded words, (steps, batch, n).
            state: Before the batch.
            x_mask: Dropout of inputs, (batch, n); None for none.
            h_mask: Dropout of hidden states, (batch, n); None for none.

        Returns:
            The hidden states, (steps, batch, n), and the state after the batch.
        """


class LSTMCore(Core):
    """An LSTM of one layer, to compare with; it has no dropout of hidden states but that of single weights."""

    dropped = ("layer.weight_hh_l0",)

    def __init__(self, size: int) -> None:
        super().__init__()
        self.layer = nn.LSTM(size, size)

    def begin(self, like: Tensor, batch: int) -> State:
        """Zeros."""
        zeros = like.new_zeros(1, batch, self.layer.hidden_size)
        return zeros, zeros.clone()

    def forward(
        self, inputs: Tensor, state: State, x_mask: Tensor | None, h_mask: Tensor | None
    ) -> tuple[Tensor, State]:
        """Read a batch."""
        outputs, carried = self.layer(inputs if x_mask is None else inputs * x_mask, (state[0], state[1]))
        return outputs, tuple(carried)


class LanguageModel(nn.Module):
    """A recurrent network that predicts the next word.

    Args:
        core: The recurrent network.
        words: Size of the vocabulary; number 0 is the most frequent word.
        protocol: Its sizes, dropout and penalties.
    """

    def __init__(self, core: Core, words: int, protocol: LanguageProtocol) -> None:
        super().__init__()
        self.core = core
        self.protocol = protocol
        self.embedding = nn.Parameter(torch.empty(words, protocol.hidden).uniform_(-protocol.initial, protocol.initial))
        adaptive = protocol.cutoffs and protocol.cutoffs[0] < words
        self.decoder: Decoder | AdaptiveDecoder = (
            AdaptiveDecoder(words, protocol.hidden, tuple(cut for cut in protocol.cutoffs if cut < words))
            if adaptive
            else Decoder(words, protocol.hidden)
        )

    def begin(self, batch: int) -> State:
        """The state before the first word of ``batch`` columns."""
        return self.core.begin(self.embedding, batch)

    def forward(self, words: Tensor, targets: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Learn from a batch.

        Args:
            words: (steps, batch).
            targets: The word after each, (steps, batch).
            state: Before the batch.

        Returns:
            What is to be made small; its part that is the mean negative log-probability, in nats; the state after the
            batch, detached.
        """
        hidden, state = self._hidden(words, state)
        outputs = locked(hidden, self.protocol.dropout, training=self.training)
        losses = self.decoder.losses(outputs.flatten(0, 1), targets.flatten(), self.embedding)
        mean = losses.mean()
        loss = mean
        if self.protocol.activation_penalty:
            loss = loss + self.protocol.activation_penalty * outputs.float().pow(2).mean()
        if self.protocol.temporal_penalty:
            loss = loss + self.protocol.temporal_penalty * (hidden[1:] - hidden[:-1]).float().pow(2).mean()
        return loss, mean.detach(), tuple(part.detach() for part in state)

    def losses(self, words: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
        """Negative log-probability of each target in nats, (steps * batch,), and the state after the batch."""
        hidden, state = self._hidden(words, state)
        return self.decoder.losses(hidden.flatten(0, 1), targets.flatten(), self.embedding), state

    def _hidden(self, words: Tensor, state: State) -> tuple[Tensor, State]:
        recipe = self.protocol
        weights = dropped_rows(self.embedding, recipe.dropout_embedding, training=self.training)
        inputs = locked(functional.embedding(words, weights), recipe.dropout_input, training=self.training)
        x_mask = h_mask = None
        if self.training:
            size = (words.shape[1], recipe.hidden)
            x_mask = keep_mask(inputs, size, recipe.dropout_cell)
            h_mask = keep_mask(inputs, size, recipe.dropout_hidden)
        if self.training and recipe.dropout_weights:
            dropped = dropped_weights(self.core, self.core.dropped, recipe.dropout_weights)
            read: tuple[Tensor, State] = torch.func.functional_call(self.core, dropped, (inputs, state, x_mask, h_mask))
            return read
        outputs: Any = self.core(inputs, state, x_mask, h_mask)
        return outputs[0], outputs[1]
