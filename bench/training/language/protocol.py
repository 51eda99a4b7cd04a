"""The recipe of a language model: that of AWD-LSTM as the DARTS authors use it, and a miniature of it.

S. Merity, N. Keskar and R. Socher, "Regularizing and Optimizing LSTM Language Models", ICLR 2018,
https://arxiv.org/abs/1708.02182; H. Liu, K. Simonyan and Y. Yang, "DARTS: Differentiable Architecture Search", ICLR
2019, https://arxiv.org/abs/1806.09055, whose code and README give the values of :data:`FULL`. Of ESS (Li et al., ACL
2020), which retrains its cells in this way, no value is known to this project.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from ganas.bench.training.protocol import Protocol, setting
from ganas.spaces.errors import unknown_name

__all__ = ["FULL", "MINI", "LanguageProtocol", "protocol_for"]


@dataclass(frozen=True, kw_only=True)
class LanguageProtocol(Protocol):
    """Every choice of the training of a language model; dropout probabilities are those of being left out.

    Values that are no fields: batches are cut from one stream of words a column, in order; the hidden state is carried
    on from batch to batch and begins with zeros in every epoch; masks of inputs, hidden states and outputs are the same
    at every step of a batch; embedding and decoder share their weights, and the decoder has a bias.
    """

    hidden: int = setting("size of the embedding and of a hidden state", unit="numbers")
    batch: int = setting("columns that are learned from together", unit="sequences")
    parts: int = setting("in how many pieces a batch goes through the network, to save memory", default=1)
    bptt: int = setting("mean length of a batch", unit="words")
    bptt_deviation: float = setting("standard deviation of the length", unit="words")
    bptt_halved: float = setting("share of batches with half the mean length")
    bptt_least: int = setting("the shortest length", unit="words")
    bptt_more: int = setting("how much longer than the mean a batch can be", unit="words")
    optimiser: Literal["sgd", "adam"] = setting("what makes a step of a gradient")
    learning_rate: float = setting("of a batch of mean length; it is in proportion to the length")
    clip: float = setting("the greatest norm of a gradient")
    weight_decay: float = setting("strength of the pull of weights to zero")
    averaging: int = setting(
        "weights are averaged once a validation is worse than the best of all but the last so many before it",
        unit="epochs",
    )
    dropout: float = setting("dropout of outputs")
    dropout_hidden: float = setting("dropout of hidden states in the cell")
    dropout_cell: float = setting("dropout of inputs in the cell")
    dropout_input: float = setting("dropout of embedded words")
    dropout_embedding: float = setting("dropout of whole words of the embedding")
    dropout_weights: float = setting("dropout of single weights between hidden states")
    activation_penalty: float = setting("strength of the pull of outputs to zero (AR)")
    temporal_penalty: float = setting("strength of the pull of successive hidden states to each other (TAR)")
    initial: float = setting("initial weights are drawn between minus and plus this")
    valid_batch: int = setting("columns of validation", unit="sequences")
    test_batch: int = setting("columns of test", unit="sequences")
    vocabulary: int | None = setting("the most frequent words, all others are <unk>; none for all", unit="words")
    train_words: int | None = setting("the beginning of the training split; none for all of it", unit="words")
    valid_words: int | None = setting("the beginning of the validation split; none for all of it", unit="words")
    test_words: int | None = setting("the beginning of the test split; none for all of it", unit="words")
    cutoffs: tuple[int, ...] = setting(
        "adaptive softmax: the most frequent words up to the first, and classes of rarer ones; none for one softmax",
        unit="words",
        default=(),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("hidden", "batch", "parts", "bptt", "bptt_least", "valid_batch", "test_batch", "averaging"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for item in fields(self):
            if item.name.startswith("dropout"):
                self._require(item.name, 0 <= getattr(self, item.name) < 1, "at least 0 and below 1")
        for name in ("learning_rate", "clip", "initial"):
            self._require(name, getattr(self, name) > 0, "above 0")
        self._require("optimiser", self.optimiser in ("sgd", "adam"), "sgd or adam")
        self._require("parts", self.batch % self.parts == 0, f"a divisor of the batch of {self.batch}")
        self._require("cutoffs", list(self.cutoffs) == sorted({*self.cutoffs}), "increasing")


_CODE = "DARTS code, rnn/train.py"
_README = "DARTS README"
_MODEL = "DARTS code, rnn/model.py"
_AWD = "AWD-LSTM code, main.py, as in the DARTS code"

FULL = LanguageProtocol(
    name="full",
    title="the recipe of the DARTS code, on the Penn Treebank",
    epochs=8000,
    hidden=850,
    batch=64,
    bptt=35,
    bptt_deviation=5.0,
    bptt_halved=0.05,
    bptt_least=5,
    bptt_more=20,
    optimiser="sgd",
    learning_rate=20.0,
    clip=0.25,
    weight_decay=8e-7,
    averaging=5,
    dropout=0.75,
    dropout_hidden=0.25,
    dropout_cell=0.75,
    dropout_input=0.2,
    dropout_embedding=0.1,
    dropout_weights=0.0,
    activation_penalty=0.0,
    temporal_penalty=1e-3,
    initial=0.04,
    valid_batch=10,
    test_batch=1,
    vocabulary=None,
    train_words=None,
    valid_words=None,
    test_words=None,
    sources={
        **dict.fromkeys(("epochs", "hidden", "batch", "bptt", "learning_rate", "clip", "weight_decay"), _CODE),
        **dict.fromkeys(("dropout", "dropout_hidden", "dropout_cell", "dropout_input", "dropout_embedding"), _CODE),
        **dict.fromkeys(("activation_penalty", "temporal_penalty", "valid_batch", "test_batch"), _CODE),
        **dict.fromkeys(("bptt_deviation", "bptt_halved", "bptt_least", "bptt_more", "optimiser", "averaging"), _AWD),
        **dict.fromkeys(("initial", "dropout_weights"), _MODEL),
        **dict.fromkeys(("vocabulary", "train_words", "valid_words", "test_words"), "the whole corpus, as there"),
    },
)
"""How the DARTS authors train a cell on the Penn Treebank: days on a GPU."""

_WIKITEXT2 = FULL.changed(
    "the recipe of the DARTS code, on WikiText-2",
    {"hidden": 700, "weight_decay": 5e-7, "dropout_hidden": 0.15},
    dict.fromkeys(("hidden", "weight_decay", "dropout_hidden"), _README),
)

_WIKITEXT103 = FULL.changed(
    "the recipe of the DARTS code on WikiText-103, whose own settings for ESS are not known",
    {"hidden": 700, "epochs": 30, "cutoffs": (20_000, 60_000)},
    {},
)

_BBCNEWS = FULL.changed("the recipe of the DARTS code for the Penn Treebank, on BBC News", {"epochs": 8000}, {})

MINI = FULL.changed(
    "a miniature of seconds: its perplexities compare only with each other",
    {
        "name": "mini",
        "epochs": 6,
        "hidden": 64,
        "batch": 32,
        "bptt": 20,
        "bptt_deviation": 0.0,
        "bptt_halved": 0.0,
        "bptt_more": 0,
        "averaging": 3,
        "initial": 0.1,
        "dropout": 0.2,
        "dropout_hidden": 0.1,
        "dropout_cell": 0.2,
        "dropout_input": 0.1,
        "dropout_embedding": 0.0,
        "test_batch": 10,
        "vocabulary": 2000,
        "train_words": 40_000,
        "valid_words": 10_000,
        "test_words": 10_000,
    },
    {},
)
"""What two CPU cores can do: a small network on the beginning of each split. Its values are ours."""


def protocol_for(name: str, dataset: str) -> LanguageProtocol:
    """The protocol of a name for a data set.

    Raises:
        UnknownName: There is no protocol of this name.
    """
    if name == "mini":
        return MINI
    if name == "full":
        return {"wikitext2": _WIKITEXT2, "wikitext103": _WIKITEXT103, "bbcnews": _BBCNEWS}.get(dataset, FULL)
    raise unknown_name("protocol", name, ("full", "mini"))
