"""The tagger: words and characters, a recurrent network in both directions, a conditional random field.

The arrangement is that of Ma and Hovy, "End-to-end Sequence Labeling via Bi-directional LSTM-CNNs-CRF", ACL 2016,
https://arxiv.org/abs/1603.01354, with any recurrent network in place of the LSTM.

This module imports torch.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganas.bench.training.tagging.crf import ConditionalRandomField, allowed_transitions
from ganas.bench.training.tagging.prepared import UNKNOWN_ROW, PreparedCorpus
from ganas.bench.training.tagging.protocol import TaggingProtocol

__all__ = ["CharacterConvolution", "LSTMLayer", "Tagger", "TwoDirections", "keep_mask", "reversed_words"]


class CharacterConvolution(nn.Module):
    """What a word looks like: the maximum over its characters of each filter.

    Args:
        characters: How many there are; 0 is padding.
        width: Size of the embedding of a character.
        filters: How many filters.
        window: Characters that a filter sees.
    """

    def __init__(self, characters: int, width: int, filters: int, window: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, width, padding_idx=0)
        self.convolution = nn.Conv1d(width, filters, window, padding=window // 2)

    def forward(self, characters: Tensor) -> Tensor:
        """(words, characters) to (words, filters); every word has a character."""
        length = int((characters != 0).sum(1).max())
        characters = characters[:, :length]
        seen = self.convolution(self.embedding(characters).transpose(1, 2))[..., :length]
        # How far other words of the batch are padded must not matter.
        return torch.relu(seen.masked_fill((characters == 0).unsqueeze(1), float("-inf")).amax(2))


class LSTMLayer(nn.Module):
    """An LSTM in one direction, to compare with; it has no dropout of hidden states.

    Args:
        inputs: Numbers that it reads at a word.
        size: Size of its hidden state.
    """

    def __init__(self, inputs: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.layer = nn.LSTM(inputs, size)

    def forward(self, inputs: Tensor, h_mask: Tensor | None) -> Tensor:
        """(words, sentences, inputs) to (words, sentences, size)."""
        outputs: Tensor = self.layer(inputs)[0]
        return outputs


class TwoDirections(nn.Module):
    """Two recurrent networks of one kind, one of which reads sentences from their ends.

    Args:
        make: Makes one: a module with a ``size``, called with what it reads, (words, sentences, inputs), and a mask of
            its hidden states, (sentences, size) or None.
    """

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.ahead, self.back = make(), make()

    @property
    def size(self) -> int:
        """Numbers that come out at a word."""
        return int(self.ahead.size) + int(self.back.size)  # type: ignore[arg-type]

    def forward(self, inputs: Tensor, lengths: Tensor, dropout: float) -> Tensor:
        """Read sentences.

        Args:
            inputs: (words, sentences, inputs), padded at the end.
            lengths: Words of each sentence.
            dropout: Of hidden states, in training.
        """
        outputs = []
        for layer, backwards in ((self.ahead, False), (self.back, True)):
            read = reversed_words(inputs, lengths) if backwards else inputs
            mask = keep_mask(inputs, (inputs.shape[1], int(layer.size)), dropout if self.training else 0.0)  # type: ignore[arg-type]
            made = layer(read, mask)
            outputs.append(reversed_words(made, lengths) if backwards else made)
        return torch.cat(outputs, dim=2)


def reversed_words(values: Tensor, lengths: Tensor) -> Tensor:
    """Turn each sentence around, (words, sentences, n); its padding stays behind it."""
    places = torch.arange(len(values), device=values.device).unsqueeze(1)
    places = torch.where(places < lengths, lengths - 1 - places, places)
    return values.gather(0, places.unsqueeze(2).expand_as(values))


def keep_mask(like: Tensor, size: tuple[int, ...], probability: float) -> Tensor | None:
    """A mask of zeros and of 1 / (1 - probability), from torch's global generator; None where all is kept."""
    if not probability:
        return None
    return like.new_empty(size).bernoulli_(1 - probability).div_(1 - probability)


class Tagger(nn.Module):
    """Gives each word of a sentence a tag.

    Args:
        corpus: Whose words and tags it knows.
        protocol: Its sizes and dropout.
        make_layer: Makes the recurrent network of one direction; called with the numbers that it reads at a word.
    """

    rows: Tensor
    rare: Tensor
    characters: Tensor

    def __init__(
        self, corpus: PreparedCorpus, protocol: TaggingProtocol, make_layer: Callable[[int], nn.Module]
    ) -> None:
        super().__init__()
        self.protocol = protocol
        for name, array in (("rows", corpus.rows), ("rare", corpus.rare), ("characters", corpus.characters)):
            # They follow from the corpus, so they are not saved.
            self.register_buffer(name, torch.tensor(array), persistent=False)
        self.words = nn.Embedding(corpus.num_rows, protocol.word_width)
        # Small, so that the words that training seldom has do not outweigh their characters.
        nn.init.uniform_(self.words.weight, -((3 / protocol.word_width) ** 0.5), (3 / protocol.word_width) ** 0.5)
        if corpus.vectors is not None and not self.words.weight.is_meta:
            with torch.no_grad():
                first = UNKNOWN_ROW + 1
                self.words.weight[first : first + len(corpus.vectors.words)] = torch.tensor(corpus.vectors.values)
        self.spelling = CharacterConvolution(
            corpus.num_characters, protocol.character_width, protocol.character_filters, protocol.character_window
        )
        self.reading = nn.Linear(protocol.word_width + protocol.character_filters, protocol.hidden)
        self.recurrent = TwoDirections(lambda: make_layer(protocol.hidden))
        self.emission = nn.Linear(self.recurrent.size, len(corpus.tags))
        self.field = ConditionalRandomField(len(corpus.tags), allowed_transitions(corpus.tags, corpus.scheme))

    def forward(self, types: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Negative log-probability of the tags of each sentence, in nats, (sentences,).

        Args:
            types: Word types, (sentences, words).
            tags: Tags, (sentences, words).
            mask: Where there are words, (sentences, words).
        """
        loss: Tensor = self.field(self.emissions(types, mask), tags, mask)
        return loss

    def decode(self, types: Tensor, mask: Tensor) -> Tensor:
        """The most probable tags, (sentences, words); arguments as in :meth:`forward`."""
        return self.field.decode(self.emissions(types, mask), mask)[0]

    def emissions(self, types: Tensor, mask: Tensor) -> Tensor:
        """Score of each tag at each word, (sentences, words, tags); arguments as in :meth:`forward`."""
        # From here on words come first.
        types, lengths = types.t(), mask.sum(1)
        inputs = self._dropped(self.reading(self._dropped(self._read(types))))
        outputs = self._dropped(self.recurrent(inputs, lengths, self.protocol.dropout_hidden))
        emissions: Tensor = self.emission(outputs)
        return emissions.transpose(0, 1)

    def _read(self, types: Tensor) -> Tensor:
        """What there is to know of each word by itself, (words, sentences, n)."""
        rows = self.rows[types]
        if self.training and self.protocol.unknown:
            replaced = self.rare[types] & (torch.rand(types.shape, device=types.device) < self.protocol.unknown)
            rows = rows.masked_fill(replaced, UNKNOWN_ROW)
        # A batch has many a word several times.
        distinct, places = torch.unique(types, return_inverse=True)
        spelled = self.spelling(self.characters[distinct])[places]
        read = torch.cat([self.words(rows), spelled], dim=2)
        if self.training:
            whole = keep_mask(read, (*types.shape, 1), self.protocol.dropout_words)
            # Whole words are left out, and the others are not scaled up: the network is to do without a word.
            read = read if whole is None else read * (whole != 0)
        return read

    def _dropped(self, values: Tensor) -> Tensor:
        """Drop values, the same at all words of a sentence, (words, sentences, n)."""
        if not self.training:
            return values
        mask = keep_mask(values, (1, *values.shape[1:]), self.protocol.dropout)
        return values if mask is None else values * mask
