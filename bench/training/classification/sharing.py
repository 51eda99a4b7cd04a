"""The recipe of text networks that share their weights, and the halves of the training data that it needs.

Wang et al., "TextNAS: A Neural Architecture Search Space tailored for Text Representation", AAAI 2020,
https://arxiv.org/abs/1912.10729; code at https://github.com/microsoft/TextNAS. The values of the full recipe are those
of its ``sst_macro_search_multi.sh``. One thing is otherwise on purpose: that code scores architectures on the test
data. Here they are scored on the half of the training data that no weight learns from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.bench.training.classification.prepared import EncodedSplit, PreparedTexts
from ganas.bench.training.classification.protocol import MINI, ClassificationProtocol, classification_protocol
from ganas.bench.training.protocol import setting
from ganas.data.corpora.standard_files import SplitName
from ganas.spaces.errors import DataError

__all__ = ["SHARED_FULL", "SHARED_MINI", "SharedTextProtocol", "halves_of", "shared_protocol_for"]

_MINI_EPOCHS = 20

# Which documents of the held-back half are measured, where these are not all, is drawn once and for all.
_SEED = 20_200_208


@dataclass(frozen=True, kw_only=True)
class SharedTextProtocol(ClassificationProtocol):
    """Every choice of the training of shared weights; validation and test documents are not used."""

    restart: int = setting("length of the first cosine of the learning rate; 0 for one over all", unit="epochs")
    restart_factor: int = setting("how many times longer each further cosine is", default=2)
    recalibration: int = setting(
        "batches of the weight half that say by what an architecture is normalised when it is measured", unit="batches"
    )
    measured_documents: int | None = setting(
        "drawn once from the held-back half to measure architectures on; none for all", unit="documents"
    )
    measured_architectures: int = setting(
        "random ones whose mean accuracy says which epoch's weights are kept", unit="architectures"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("restart", self.restart >= 0, "at least 0")
        for name in ("restart_factor", "recalibration", "measured_architectures"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        limit = self.measured_documents
        self._require("measured_documents", limit is None or limit >= 2, "at least 2 or none")

    def rate_in(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 1."""
        if not self.restart:
            return super().rate_in(epoch)
        place, length = epoch - 1, self.restart
        while place >= length:
            place, length = place - length, length * self.restart_factor
        share = 0.5 * (1 + math.cos(math.pi * place / length))
        return self.last_learning_rate + (self.learning_rate - self.last_learning_rate) * share


_SEARCH = "TextNAS code, sst_macro_search_multi.sh"
_OF_CODE: dict[str, Any] = {
    "epochs": 150,
    "channels": 32,
    "longest": 32,
    "batch": 128,
    "learning_rate": 5e-3,
    "last_learning_rate": 1e-4,
    "restart": 10,
    "restart_factor": 2,
    "weight_decay": 2e-5,
    **{f"dropout_{what}": 0.2 for what in ("embedding", "convolution", "recurrent", "attention")},
    "dropout_final": 0.0,
}


def _recipe(base: ClassificationProtocol, title: str, values: dict[str, Any], source: str) -> SharedTextProtocol:
    """A recipe with the values of another, but for those that are given, which have one source; empty for ours."""
    ours = {"restart": 0, "recalibration": 8, "measured_documents": 2000, "measured_architectures": 4}
    kept = {item.name: getattr(base, item.name) for item in fields(base) if item.name not in ("title", "sources")}
    sources = {name: said for name, said in base.sources.items() if name not in values}
    sources |= dict.fromkeys(values, source) if source else {}
    return SharedTextProtocol(**{**kept, **ours, **values, "title": title, "sources": sources})


SHARED_FULL = _recipe(
    classification_protocol("full", "sst5"), "the search of the TextNAS code, on SST-5", _OF_CODE, _SEARCH
)
"""How the authors train shared weights on SST-5: hours on a GPU."""

_MINI_TITLE = "a miniature of about a minute: its accuracies compare only with each other"


def _miniature(protocol: ClassificationProtocol) -> SharedTextProtocol:
    """Twice the documents, so that the half for weights is as large as what an architecture is trained on by itself."""
    documents = None if protocol.train_documents is None else 2 * protocol.train_documents
    return _recipe(protocol, _MINI_TITLE, {"epochs": _MINI_EPOCHS, "train_documents": documents}, "")


SHARED_MINI = _miniature(MINI)
"""The sizes and dropout of the miniature that architectures are trained with."""


def shared_protocol_for(protocol: ClassificationProtocol) -> SharedTextProtocol:
    """The recipe for shared weights of architectures that are trained by a protocol.

    A miniature has its own sizes and dropout here too; that of the full protocol is the one that was published, with
    the same documents and words.
    """
    if protocol.name == "full":
        title = SHARED_FULL.title if protocol.title == classification_protocol("full", "sst5").title else protocol.title
        values = {name: value for name, value in _OF_CODE.items() if name != "longest" or protocol.longest <= 64}
        return _recipe(protocol, f"shared weights by {title}" if title != SHARED_FULL.title else title, values, _SEARCH)
    return _miniature(protocol)


def halves_of(texts: PreparedTexts, dataset: str, measured: int | None) -> PreparedTexts:
    """The training documents in two halves.

    Of each class the first half, in the order of the data, is for weights. Neighbours may come from one text, as the
    passages of an article and the phrases of a sentence do: so they stay together, but for those in the middle.

    Args:
        texts: The corpus.
        dataset: What it is called in an error.
        measured: Draw so many documents of the held-back half; None for all.

    Returns:
        As ``"train"`` the half for weights, as ``"valid"`` the one that is held back, and no test documents.

    Raises:
        DataError: There are too few documents.
    """
    whole = texts.splits["train"]
    for_weights = np.zeros(len(whole.labels), dtype=bool)
    for label in np.unique(whole.labels):
        members = np.flatnonzero(whole.labels == label)
        for_weights[members[: (len(members) + 1) // 2]] = True
    weights, held_back = np.flatnonzero(for_weights), np.flatnonzero(~for_weights)
    if len(weights) < 2 or not len(held_back):
        raise DataError(f"{dataset} has {len(whole.labels)} documents to train on: too few for two halves")
    if measured is not None and measured < len(held_back):
        held_back = np.sort(np.random.default_rng(_SEED).choice(held_back, size=measured, replace=False))
    parts: dict[SplitName, EncodedSplit] = {"train": _part(whole, weights), "valid": _part(whole, held_back)}
    return replace(texts, splits=MappingProxyType(parts))


def _part(split: EncodedSplit, members: NDArray[np.int64]) -> EncodedSplit:
    """Some documents of a split; which of them were cut or empty is not known, so none is counted."""
    texts = (len(split.starts) - 1) // len(split.labels)
    rows = (members[:, None] * texts + np.arange(texts)).ravel()
    lengths = np.diff(split.starts)[rows]
    starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    places = np.repeat(split.starts[rows] - starts[:-1], lengths) + np.arange(starts[-1])
    return EncodedSplit(split.words[places], starts, split.labels[members], 0, 0)
