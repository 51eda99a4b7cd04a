"""Language modelling for one-shot searches: the recipe for shared weights, and the halves of the training text.

H. Liu, K. Simonyan and Y. Yang, "DARTS: Differentiable Architecture Search", ICLR 2019,
https://arxiv.org/abs/1806.09055; the values of the full recipe are those of their code, ``rnn/train_search.py``. Their
code learns the architecture from the validation text; here it is the second half of the training text, so that
validation values stay unseen. Of ESS (Li et al., ACL 2020), no value of its search is known to this project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganas.bench.training.language.protocol import FULL, MINI, LanguageProtocol
from ganas.bench.training.protocol import setting
from ganas.bench.training.running import Machine
from ganas.bench.training.training_task import TrainingTask
from ganas.data.corpora.language import LanguageCorpus
from ganas.spaces.errors import DataError
from ganas.spaces.rnn.space import RecurrentSpace

__all__ = [
    "SEARCH_FULL",
    "SEARCH_MINI",
    "LanguageHalves",
    "LanguageSearchProtocol",
    "LanguageTrainingTask",
    "search_protocol_for",
    "toy_training_task",
    "training_words",
]

Words = tuple[int, NDArray[np.int64]]
"""How many different words there are, and the training text as their numbers."""


@dataclass(frozen=True, kw_only=True)
class LanguageSearchProtocol(LanguageProtocol):
    """Every choice of the training of a relaxed language model; averaging and held-out columns are not used."""

    architecture_learning_rate: float = setting("of the steps of Adam on architecture parameters")
    architecture_weight_decay: float = setting("strength of the pull of architecture parameters to zero")


_CODE = "DARTS code, rnn/train_search.py"
_OF_CODE: dict[str, Any] = {
    "epochs": 50,
    "hidden": 300,
    "batch": 256,
    "bptt": 35,
    # Lengths are not drawn in the search: 35, or 17 now and then.
    "bptt_deviation": 0.0,
    "bptt_halved": 0.05,
    "learning_rate": 20.0,
    "clip": 0.25,
    "weight_decay": 5e-7,
    "dropout": 0.75,
    "dropout_hidden": 0.25,
    "dropout_cell": 0.75,
    "dropout_input": 0.2,
    "dropout_embedding": 0.0,
    "activation_penalty": 0.0,
    "temporal_penalty": 1e-3,
    "architecture_learning_rate": 3e-3,
    "architecture_weight_decay": 1e-3,
}


def _recipe(
    base: LanguageProtocol, title: str, values: Mapping[str, Any], sources: Mapping[str, str]
) -> LanguageSearchProtocol:
    """A recipe with the values of another, but for those that are given; what is given without a source is ours."""
    kept = {item.name: getattr(base, item.name) for item in fields(base) if item.name not in ("title", "sources")}
    kept_sources = {name: source for name, source in base.sources.items() if name not in values}
    return LanguageSearchProtocol(**{**kept, **values, "title": title, "sources": {**kept_sources, **sources}})


SEARCH_FULL = _recipe(
    FULL, "the search of the DARTS code on the Penn Treebank", _OF_CODE, dict.fromkeys(_OF_CODE, _CODE)
)
"""How the DARTS authors search a cell on the Penn Treebank: hours on a GPU."""

SEARCH_MINI = _recipe(
    MINI,
    "a miniature of the search of the DARTS code, of about a minute",
    {"epochs": 10, "architecture_learning_rate": 3e-2, "architecture_weight_decay": 1e-3},
    {"architecture_weight_decay": _CODE},
)
"""The sizes, dropout and text of the miniature that architectures are trained with.

It takes some 300 steps on architecture parameters. At the 3e-3 of the DARTS code, which takes tens of thousands, they
hardly leave where they begin, as the diagnostic ``entropy`` of ``ess`` says.
"""


def search_protocol_for(protocol: LanguageProtocol) -> LanguageSearchProtocol:
    """The recipe of a search whose architectures are trained by a protocol.

    A miniature has its own sizes, dropout and vocabulary in the search too; the search of the full protocol is the one
    that was published, with the same text and classes of rare words.
    """
    if protocol.name == "full":
        return replace(SEARCH_FULL, vocabulary=protocol.vocabulary, cutoffs=protocol.cutoffs)
    given = {"title": SEARCH_MINI.title, "epochs": SEARCH_MINI.epochs}
    searching = ("architecture_learning_rate", "architecture_weight_decay")
    given |= {name: getattr(SEARCH_MINI, name) for name in searching}
    sources = {name: SEARCH_MINI.sources[name] for name in searching if name in SEARCH_MINI.sources}
    return _recipe(protocol, SEARCH_MINI.title, given, sources)


class LanguageHalves(NamedTuple):
    """The training text of a search.

    Attributes:
        words: How many different words there are; number 0 is the most frequent.
        weights: The first half, on which weights are trained, (words,).
        architecture: The second half, on which architecture parameters are, (words,).
    """

    words: int
    weights: NDArray[np.int64]
    architecture: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LanguageTrainingTask(TrainingTask):
    """The training text of a language model, for searches.

    Attributes:
        space: Of the architectures.
        dataset: Name of the data set.
        protocol: The recipe for shared weights.
        machine: Device, precision and the like.
        read: Reads the training text.
    """

    space: RecurrentSpace
    dataset: str
    protocol: LanguageSearchProtocol
    machine: Machine
    read: Callable[[], Words]

    def halves(self) -> LanguageHalves:
        """Read the training text and cut it in the middle.

        Raises:
            DataError: The files are missing or damaged, or there is no text.
        """
        words, stream = self.read()
        if len(stream) < 2:
            raise DataError(f"the training text of {self.dataset} has {len(stream)} words: too few for two halves")
        middle = len(stream) // 2
        return LanguageHalves(words, stream[:middle], stream[middle:])


def training_words(read: Callable[[], LanguageCorpus]) -> Words:
    """What of a corpus a search may see."""
    corpus = read()
    return len(corpus.words), corpus.splits["train"]


# --- a toy -----------------------------------------------------------------------------------------------------------

_TOY = _recipe(
    MINI,
    "a toy: a search of milliseconds",
    {
        "epochs": 4,
        "hidden": 4,
        "batch": 4,
        "bptt": 3,
        "bptt_least": 2,
        "learning_rate": 5.0,
        "vocabulary": None,
        "train_words": None,
        "valid_words": None,
        "test_words": None,
        "architecture_learning_rate": 3e-2,
        "architecture_weight_decay": 1e-3,
    },
    {},
)


def toy_training_task(space: RecurrentSpace) -> LanguageTrainingTask:
    """A made-up text of 48 words, 8 of them different: for conformance kits and first tries, never for results."""
    return LanguageTrainingTask(space, "toy", _TOY, Machine("cpu", "float32"), partial(_toy_words, 48, 8))


def _toy_words(length: int, words: int) -> Words:
    # Every word says which two may follow it, so there is something to learn.
    steps = 1 + np.arange(length, dtype=np.int64) ** 2 % 7 % 2
    return words, np.cumsum(steps) % words
