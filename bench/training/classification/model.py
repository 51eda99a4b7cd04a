"""A text classifier: words are embedded, an encoder makes one vector of each text, and a head reads it or a pair."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganas.bench.training.classification.prepared import PADDING_ROW, PreparedTexts
from ganas.bench.training.classification.protocol import ClassificationProtocol
from ganas.spaces.textnas.heads import Classifier, PairClassifier

__all__ = ["Encoder", "WordClassifier"]

# Rows of the embedding without a pretrained vector are uniform between minus and plus this, as in the official code.
_INITIAL = 0.25


class Encoder(Protocol):
    """What makes vectors of texts: a module.

    Attributes:
        channels: Length of a vector.
    """

    channels: int

    def __call__(self, values: Tensor, mask: Tensor) -> Tensor:
        """Embedded words (batch, time, inputs) and their mask (batch, time) to vectors (batch, channels)."""


class WordClassifier(nn.Module):
    """An encoder of the space or of a baseline, with the embedding below and the head above it.

    Args:
        encoder: A module that is an :class:`Encoder`; it drops embedded words out itself.
        texts: The corpus: how many rows the embedding has, which vectors, how many classes and texts a document.
        protocol: The recipe.
    """

    def __init__(self, encoder: Encoder, texts: PreparedTexts, protocol: ClassificationProtocol) -> None:
        super().__init__()
        self.embedding = nn.Embedding(texts.num_rows, protocol.word_width, padding_idx=PADDING_ROW)
        self._fill(texts)
        self.encoder = encoder
        size, classes, rate = encoder.channels, len(texts.classes), protocol.dropout_final
        self.pairs = texts.texts == 2
        self.head = PairClassifier(size, classes, rate) if self.pairs else Classifier(size, classes, rate)

    @torch.no_grad()
    def _fill(self, texts: PreparedTexts) -> None:
        weight = self.embedding.weight
        nn.init.uniform_(weight, -_INITIAL, _INITIAL)
        weight[PADDING_ROW] = 0
        if texts.vectors is not None:
            values = torch.from_numpy(texts.vectors.values).to(weight.device)
            weight[torch.from_numpy(texts.vector_rows).to(weight.device)] = values

    def logits(self, words: Tensor, mask: Tensor) -> Tensor:
        """Rows of words (texts, time) and their mask to logits (documents, classes).

        Of pairs, the first texts of all documents come first, and then the second ones.
        """
        vectors = self.encoder(self.embedding(words), mask)
        logits: Tensor = self.head(*vectors.chunk(2)) if self.pairs else self.head(vectors)
        return logits

    def forward(self, words: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        """The negative log-probability of the class of each document, (documents,)."""
        return functional.cross_entropy(self.logits(words, mask).float(), labels, reduction="none")
