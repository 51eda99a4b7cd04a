"""The recipe of a tagger, and a miniature of it.

Of how ESS (Li et al., ACL 2020, https://arxiv.org/abs/2005.02593) was transferred to named entities and chunks nothing
is known to this project but that it was: which module was replaced, what words were read as, and how it was trained is
ours. :data:`FULL` takes its template from Flair (Akbik et al., COLING 2018): word vectors and characters, a
bidirectional recurrent network, a conditional random field. Flair's own word representation, a pretrained character
language model, is not there, and so its scores cannot be expected.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from ganas.bench.training.protocol import Protocol, setting
from ganas.data.corpora.tag_schemes import SCHEMES
from ganas.spaces.errors import unknown_name

__all__ = ["FULL", "MINI", "TaggingProtocol", "tagging_protocol"]


@dataclass(frozen=True, kw_only=True)
class TaggingProtocol(Protocol):
    """Every choice of the training of a tagger; dropout probabilities are those of being left out.

    Values that are no fields: the loss is the mean over sentences of the negative log-probability of their tags; words
    are read in lower case, characters as they are; a sentence is read in both directions, by two networks of one
    architecture and with weights of their own, which begin with zeros; masks are the same for all words of a sentence.
    """

    hidden: int = setting("size of a hidden state of the cell, in each direction, and of what it reads", unit="numbers")
    word_width: int = setting("size of the embedding of a word", unit="numbers")
    vectors: str = setting("file of pretrained vectors, which are trained further; none for random ones", default="")
    character_width: int = setting("size of the embedding of a character", unit="numbers")
    character_filters: int = setting("filters of the convolution over characters")
    character_window: int = setting("characters that a filter sees", unit="characters")
    longest_word: int = setting("of a longer word only the beginning is read", unit="characters")
    scheme: Literal["IOB1", "IOB2", "IOBES"] = setting("the scheme of the predicted tags")
    batch: int = setting("sentences that are learned from together", unit="sentences")
    optimiser: Literal["sgd", "adam"] = setting("what makes a step of a gradient")
    learning_rate: float = setting("at the beginning")
    clip: float = setting("the greatest norm of a gradient")
    anneal: float = setting("what the learning rate is multiplied by when validation does not improve any more")
    patience: int = setting("epochs without improvement that are waited before that", unit="epochs")
    dropout: float = setting("dropout of what is read of words, and of hidden states")
    dropout_hidden: float = setting("dropout of hidden states in the cell; an LSTM has none")
    dropout_words: float = setting("dropout of whole words")
    unknown: float = setting("how often a word that training has once is read as unknown")
    initial: float = setting("weights of the cell are drawn between minus and plus this; 0 for 1 / sqrt(hidden)")
    train_sentences: int | None = setting("the beginning of the training split; none for all of it", unit="sentences")
    valid_sentences: int | None = setting("the beginning of the validation split; none for all of it", unit="sentences")
    test_sentences: int | None = setting("the beginning of the test split; none for all of it", unit="sentences")

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("hidden", "word_width", "character_width", "character_filters", "character_window", "longest_word")
        for name in (*sizes, "batch"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for item in fields(self):
            if item.name.startswith("dropout"):
                self._require(item.name, 0 <= getattr(self, item.name) < 1, "at least 0 and below 1")
            if item.name.endswith("_sentences"):
                limit = getattr(self, item.name)
                self._require(item.name, limit is None or limit >= 1, "at least 1 or none")
        for name in ("learning_rate", "clip"):
            self._require(name, getattr(self, name) > 0, "above 0")
        self._require("anneal", 0 < self.anneal <= 1, "above 0 and at most 1")
        self._require("unknown", 0 <= self.unknown <= 1, "from 0 to 1")
        self._require("initial", self.initial >= 0, "at least 0")
        self._require("patience", self.patience >= 0, "at least 0")
        self._require("optimiser", self.optimiser in ("sgd", "adam"), "sgd or adam")
        self._require("scheme", self.scheme in SCHEMES, f"one of {', '.join(SCHEMES)}")


_FLAIR = "Flair, training log of its model flair/chunk-english"
_FLAIR_SCHEDULE = "Flair, training log of its model flair/upos-english-fast"

FULL = TaggingProtocol(
    name="full",
    title="a tagger after the template of Flair, without its character language model",
    epochs=150,
    hidden=256,
    word_width=100,
    vectors="glove.6B.100d.txt",
    character_width=25,
    character_filters=30,
    character_window=3,
    longest_word=30,
    scheme="IOBES",
    batch=32,
    optimiser="sgd",
    learning_rate=0.1,
    clip=5.0,
    anneal=0.5,
    patience=3,
    dropout=0.5,
    dropout_hidden=0.25,
    dropout_words=0.05,
    unknown=0.5,
    initial=0.04,
    train_sentences=None,
    valid_sentences=None,
    test_sentences=None,
    sources={
        **dict.fromkeys(("hidden", "batch", "learning_rate", "patience", "dropout", "dropout_words"), _FLAIR),
        **dict.fromkeys(("epochs", "anneal"), _FLAIR_SCHEDULE),
        "initial": "DARTS code, rnn/model.py",
        "dropout_hidden": "DARTS code, rnn/train.py",
    },
)
"""Hours on a GPU. Flair's tagger for named entities reads GloVe vectors, too, beside its own."""

MINI = TaggingProtocol(
    name="mini",
    title="a miniature of a minute or two: its scores compare only with each other",
    epochs=12,
    hidden=64,
    word_width=50,
    character_width=16,
    character_filters=32,
    character_window=3,
    longest_word=20,
    scheme="IOB2",
    batch=32,
    optimiser="adam",
    learning_rate=5e-3,
    clip=5.0,
    anneal=0.5,
    patience=1,
    dropout=0.3,
    dropout_hidden=0.1,
    dropout_words=0.05,
    unknown=0.5,
    initial=0.0,
    train_sentences=4000,
    valid_sentences=1500,
    test_sentences=3500,
)
"""What two CPU cores can do: a small network, random vectors of words. Its values are ours. Of WNUT-17 it reads all."""


def tagging_protocol(name: str) -> TaggingProtocol:
    """The protocol of a name.

    Raises:
        UnknownName: There is no protocol of this name.
    """
    protocols = {each.name: each for each in (FULL, MINI)}
    if name not in protocols:
        raise unknown_name("protocol", name, protocols)
    return protocols[name]
