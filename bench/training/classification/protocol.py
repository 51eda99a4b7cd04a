"""The recipe of a text classifier: that of the official code of TextNAS, and a miniature of it.

Wang et al., "TextNAS: A Neural Architecture Search Space tailored for Text Representation", AAAI 2020,
https://arxiv.org/abs/1912.10729; code at https://github.com/microsoft/TextNAS. It has recipes for SST-5 and SST-2. How
the other data sets of the paper were trained on is not known to this project: what is not of SST is ours.

One thing is otherwise on purpose. The official code trains on the development data as well, and keeps the epoch that is
best on the test data. Here validation chooses the epoch, and test data are looked at once, at the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from ganas.bench.training.protocol import Protocol, setting
from ganas.spaces.errors import unknown_name

__all__ = ["FULL", "MINI", "ClassificationProtocol", "classification_protocol"]


@dataclass(frozen=True, kw_only=True)
class ClassificationProtocol(Protocol):
    """Every choice of the training of a text classifier; dropout probabilities are those of being left out.

    Values that are no fields: the loss is the mean over documents of the negative log-probability of their class; a
    learning rate is that of a whole epoch, on half a cosine from the first to the last; random rows of the embedding
    are uniform between -0.25 and 0.25, that of padding is zero, and all but this are trained; a document without words
    is read as one unknown word; of a pair of texts, one network reads both.
    """

    channels: int = setting("channels of every layer", unit="channels")
    word_width: int = setting("size of the embedding of a word", unit="numbers")
    vectors: str = setting("file of pretrained vectors, which are trained further; none for random ones", default="")
    vocabulary: int | None = setting("the most frequent words, all others are unknown; none for all", unit="words")
    least_count: int = setting("how often training must have a word without a pretrained vector", unit="times")
    longest: int = setting("of a longer text only the beginning is read", unit="words")
    passages: bool = setting(
        "whether a longer document becomes several of this length instead, to train on and to measure", default=False
    )
    phrases: bool = setting("of trees of sentiment, all labelled phrases for training, the sentences twice")
    batch: int = setting("documents that are learned from together", unit="documents")
    parts: int = setting("in how many pieces a batch goes through the network, to save memory", default=1)
    learning_rate: float = setting("of the first epoch")
    last_learning_rate: float = setting("where the cosine ends, which the last epoch does not reach")
    epsilon: float = setting("what Adam adds to the root of the second moment")
    weight_decay: float = setting("strength of the pull of weights to zero, in the gradient")
    clip: float = setting("the greatest norm of a gradient; 0 for any")
    dropout_embedding: float = setting("dropout of embedded words")
    dropout_convolution: float = setting("dropout behind convolutions")
    dropout_recurrent: float = setting("dropout behind GRUs")
    dropout_attention: float = setting("dropout of the weights of attention")
    dropout_final: float = setting("dropout of what the classifier reads")
    normalise_always: bool = setting("whether layers without skip connections are normalised as well", default=False)
    train_documents: int | None = setting("drawn once from the training split; none for all", unit="documents")
    valid_documents: int | None = setting("drawn once from the validation split; none for all", unit="documents")
    test_documents: int | None = setting("drawn once from the test split; none for all", unit="documents")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("channels", "word_width", "least_count", "longest", "batch", "parts"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for item in fields(self):
            if item.name.startswith("dropout"):
                self._require(item.name, 0 <= getattr(self, item.name) < 1, "at least 0 and below 1")
            if item.name.endswith("_documents") or item.name == "vocabulary":
                limit = getattr(self, item.name)
                self._require(item.name, limit is None or limit >= 2, "at least 2 or none")
        for name in ("learning_rate", "epsilon"):
            self._require(name, getattr(self, name) > 0, "above 0")
        for name in ("last_learning_rate", "weight_decay", "clip"):
            self._require(name, getattr(self, name) >= 0, "at least 0")

    def rate_in(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 1."""
        share = 0.5 * (1 + math.cos(math.pi * (epoch - 1) / self.epochs))
        return self.last_learning_rate + (self.learning_rate - self.last_learning_rate) * share


_SST5 = "TextNAS code, eval_arc_sst5.sh"
_SST2 = "TextNAS code, eval_arc_sst2.sh"
_BOTH = "TextNAS code, eval_arc_sst5.sh and eval_arc_sst2.sh"
_MAIN = "TextNAS code, main.py"
_DATA = "TextNAS code, child_model/sst_dataset.py"

FULL = ClassificationProtocol(
    name="full",
    title="the recipe of the TextNAS code, on SST-5",
    epochs=10,
    channels=256,
    word_width=300,
    vectors="glove.840B.300d.txt",
    vocabulary=None,
    least_count=1,
    longest=64,
    phrases=True,
    batch=256,
    learning_rate=2e-3,
    last_learning_rate=2e-4,
    epsilon=1e-3,
    weight_decay=1e-6,
    # The official code names a bound, but its loop over the gradients comes after they were used up: nothing is cut.
    clip=0.0,
    dropout_embedding=0.2,
    dropout_convolution=0.2,
    dropout_recurrent=0.2,
    dropout_attention=0.2,
    dropout_final=0.0,
    train_documents=None,
    valid_documents=None,
    test_documents=None,
    sources={
        **dict.fromkeys(("batch", "last_learning_rate"), _SST5),
        **dict.fromkeys(("epochs", "channels", "least_count", "longest", "learning_rate", "weight_decay"), _BOTH),
        **dict.fromkeys(("dropout_embedding", "dropout_convolution", "dropout_recurrent"), _BOTH),
        **dict.fromkeys(("dropout_attention", "dropout_final", "vectors"), _BOTH),
        **dict.fromkeys(("epsilon", "clip"), _MAIN),
        **dict.fromkeys(("word_width", "phrases"), _DATA),
        "passages": _DATA,
        "normalise_always": "TextNAS code, child_model/textnas_child.py",
        **dict.fromkeys(("vocabulary", "train_documents", "valid_documents", "test_documents"), "all of it, as there"),
    },
)
"""How the authors train an architecture on SST-5: hours on a GPU."""

_BINARY = FULL.changed(
    "the recipe of the TextNAS code, on SST-2",
    {"batch": 128, "last_learning_rate": 5e-6},
    dict.fromkeys(("batch", "last_learning_rate"), _SST2),
)

_TITLES = {"sst2": _BINARY.title, "sst2-glue": "the recipe of the TextNAS code for SST-2, on the phrases of GLUE"}

# Documents of the other sets are longer, and some of their vocabularies would not fit into the memory of a GPU.
_OTHERS = {"longest": 256, "vocabulary": 200_000}

MINI = FULL.changed(
    "a miniature of seconds: its accuracies compare only with each other",
    {
        "name": "mini",
        "epochs": 4,
        "channels": 32,
        "word_width": 64,
        "vectors": "",
        "vocabulary": 5000,
        "least_count": 2,
        "longest": 32,
        "passages": True,
        "batch": 64,
        "learning_rate": 5e-3,
        "last_learning_rate": 1e-4,
        "clip": 5.0,
        # With twice as many, the accuracies of random architectures differed no more than those of two seeds of one.
        "train_documents": 3000,
        "valid_documents": 3000,
        "test_documents": 3000,
    },
    {},
)
"""What two CPU cores can do: narrow layers, random vectors, part of the data, long documents as several passages."""


def classification_protocol(name: str, dataset: str) -> ClassificationProtocol:
    """The protocol of a name for a data set.

    Raises:
        UnknownName: There is no protocol of this name.
    """
    if name == "mini":
        return MINI
    if name != "full":
        raise unknown_name("protocol", name, ("full", "mini"))
    if dataset == "sst5":
        return FULL
    if dataset in _TITLES:
        return replace(_BINARY, title=_TITLES[dataset])
    return _BINARY.changed(f"the recipe of the TextNAS code for SST-2, on {dataset}", _OTHERS, {})
