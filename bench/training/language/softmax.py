"""Decoders that share their weights with the embedding: one softmax, or an adaptive one for large vocabularies."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganas.spaces.errors import InvalidSetting

__all__ = ["AdaptiveDecoder", "Decoder"]


class Decoder(nn.Module):
    """A softmax over all words, from the embedding and a bias that begins with zeros."""

    def __init__(self, words: int, size: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(words))

    def losses(self, hidden: Tensor, targets: Tensor, embedding: Tensor) -> Tensor:
        """Negative log-probability of each target in nats, (items,).

        Args:
            hidden: Outputs, (items, n).
            targets: Numbers of words, (items,).
            embedding: (words, n).
        """
        logits = functional.linear(hidden, embedding, self.bias)
        return functional.cross_entropy(logits.float(), targets, reduction="none")

    def log_probabilities(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        """Of every word, (items, words)."""
        return functional.log_softmax(functional.linear(hidden, embedding, self.bias).float(), dim=-1)


class AdaptiveDecoder(nn.Module):
    """A softmax over frequent words and classes of rare ones, and one within each class.

    Grave et al., "Efficient softmax approximation for GPUs", ICML 2017, https://arxiv.org/abs/1609.04309, section 4. It
    gives a distribution over all words; classes that no target is of cost nothing. Tied to the embedding without
    projections of smaller size, unlike there.

    Args:
        words: How many words; number 0 is the most frequent.
        size: Size of an output.
        cutoffs: The first word of each class of rare words, increasing.

    Raises:
        InvalidSetting: A cutoff is not between 1 and ``words`` - 1.
    """

    def __init__(self, words: int, size: int, cutoffs: tuple[int, ...]) -> None:
        super().__init__()
        if not cutoffs or list(cutoffs) != sorted({*cutoffs}) or not 0 < cutoffs[0] <= cutoffs[-1] < words:
            raise InvalidSetting(f"cutoffs must increase between 1 and {words - 1}, not be {cutoffs}")
        self.bounds = (*cutoffs, words)
        self.bias = nn.Parameter(torch.zeros(words))
        self.classes = nn.Parameter(torch.zeros(len(cutoffs), size))
        self.class_bias = nn.Parameter(torch.zeros(len(cutoffs)))

    def _head(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        frequent = self.bounds[0]
        weights = torch.cat([embedding[:frequent], self.classes])
        bias = torch.cat([self.bias[:frequent], self.class_bias])
        return functional.log_softmax(functional.linear(hidden, weights, bias).float(), dim=-1)

    def _within(self, hidden: Tensor, embedding: Tensor, start: int, stop: int) -> Tensor:
        logits = functional.linear(hidden, embedding[start:stop], self.bias[start:stop])
        return functional.log_softmax(logits.float(), dim=-1)

    def losses(self, hidden: Tensor, targets: Tensor, embedding: Tensor) -> Tensor:
        """As :meth:`Decoder.losses`."""
        frequent = self.bounds[0]
        head = self._head(hidden, embedding)
        place = targets
        for number, (start, stop) in enumerate(pairwise(self.bounds)):
            place = torch.where((targets >= start) & (targets < stop), frequent + number, place)
        found = head.gather(1, place.unsqueeze(1)).squeeze(1)
        for start, stop in pairwise(self.bounds):
            items = ((targets >= start) & (targets < stop)).nonzero().squeeze(1)
            if len(items):
                within = self._within(hidden[items], embedding, start, stop)
                rare = within.gather(1, (targets[items] - start).unsqueeze(1)).squeeze(1)
                found = found.index_add(0, items, rare)
        return -found

    def log_probabilities(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        """As :meth:`Decoder.log_probabilities`."""
        frequent = self.bounds[0]
        head = self._head(hidden, embedding)
        parts = [head[:, :frequent]]
        for number, (start, stop) in enumerate(pairwise(self.bounds)):
            parts.append(
                head[:, frequent + number : frequent + number + 1] + self._within(hidden, embedding, start, stop)
            )
        return torch.cat(parts, dim=1)
