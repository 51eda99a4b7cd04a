"""Language modelling as a task for trainers."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from ganas.bench.training.language.protocol import LanguageProtocol, protocol_for
from ganas.bench.training.language.searching import LanguageTrainingTask, search_protocol_for, training_words
from ganas.bench.training.running import Machine
from ganas.bench.training.task import Task, TaskMetric, Training
from ganas.data.corpora.bbcnews import BBCNEWS, missing_bbcnews, read_bbcnews
from ganas.data.corpora.language import (
    LANGUAGE_CORPORA,
    LanguageCorpus,
    corpus_folder,
    language_source,
    missing_files,
    read_language,
)
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import NotEnoughMemory, NotSupported, missing_torch, unknown_name
from ganas.spaces.rnn.space import RecurrentSpace
from ganas.spaces.space import Space

if TYPE_CHECKING:
    from ganas.bench.training.devices import Compute
    from ganas.bench.training.language.model import LanguageModel

__all__ = ["LANGUAGE_DATASETS", "METRICS", "LanguageTask", "LanguageText", "language_task", "lstm_task"]

LANGUAGE_DATASETS = (BBCNEWS, *LANGUAGE_CORPORA)
"""The data sets by name."""

METRICS = (
    TaskMetric(
        "valid_perplexity", "perplexity", "valid", False, "of a word, by the weights of the best epoch so far", "kept"
    ),
    TaskMetric(
        "epoch_valid_perplexity",
        "perplexity",
        "valid",
        False,
        "of a word, after this epoch",
        "epoch",
        "valid_perplexity",
    ),
    TaskMetric("test_perplexity", "perplexity", "test", False, "of a word, by the weights of the best epoch", "end"),
    TaskMetric("train_loss", "nats", "train", False, "mean over the words of the epoch, dropout included", "epoch"),
    TaskMetric("parameters", "count", None, False, "of the network, embedding and decoder included", "static"),
)


@dataclass(frozen=True, slots=True)
class LanguageText:
    """The words that are trained on.

    Attributes:
        dataset: Name of the data set.
        folder: Where its files lie; None for where they are looked for by default.
    """

    dataset: str
    folder: Path | None = None

    def __post_init__(self) -> None:
        if self.dataset not in LANGUAGE_DATASETS:
            raise unknown_name("data set for language modelling", self.dataset, LANGUAGE_DATASETS)

    @property
    def place(self) -> Path:
        """The folder of the files."""
        return corpus_folder(self.dataset) if self.folder is None else self.folder

    def missing(self) -> str | None:
        """None where the files are there, else one line on what to do."""
        if self.dataset == BBCNEWS:
            return missing_bbcnews(self.folder)
        return missing_files(language_source(self.dataset), self.place)

    def read(self, protocol: LanguageProtocol) -> LanguageCorpus:
        """The part of the corpus that a protocol reads.

        Raises:
            DataError: A file is missing, damaged or not what was published.
            MissingDependency: A package is not installed.
        """
        tokens = {"train": protocol.train_words, "valid": protocol.valid_words, "test": protocol.test_words}
        part = tuple((split, length) for split, length in tokens.items() if length is not None)
        return _read(self.dataset, self.folder, self.place, protocol.vocabulary, part)


@lru_cache(maxsize=2)
def _read(
    dataset: str, folder: Path | None, place: Path, vocabulary: int | None, part: tuple[tuple[str, int], ...]
) -> LanguageCorpus:
    try:
        whole = read_bbcnews(folder) if dataset == BBCNEWS else read_language(language_source(dataset), place)
        return whole.reduced(vocabulary=vocabulary, tokens=dict(part)) if vocabulary or part else whole
    except MemoryError:
        raise NotEnoughMemory(f"reading {dataset} needs more memory than there is") from None


class LanguageTask(Task):
    """Recurrent architectures as language models of a text.

    Args:
        space: Of the architectures.
        text: What is read.
        protocol: The recipe.
        core: What makes the recurrent network of an architecture, as ``module:function``, so that torch is not loaded
            before something is trained. The function takes the space, the architecture and the protocol.
        baseline: Name of the one network that is trained; empty for the architectures of the space.
    """

    metrics = METRICS
    objective = "valid_perplexity"

    def __init__(
        self, space: Space, text: LanguageText, protocol: LanguageProtocol, *, core: str, baseline: str = ""
    ) -> None:
        self.space, self.text, self.dataset = space, text, text.dataset
        self.protocol: LanguageProtocol = protocol
        self.core, self.baseline = core, baseline

    def describe(self, architecture: Architecture | None) -> str:
        """The architecture, or the name of the baseline."""
        return self.baseline or super().describe(architecture)

    def start(self, architecture: Architecture | None, *, seed: int, compute: Compute) -> Training:
        """Make a language model; see :meth:`Task.start`."""
        try:
            from ganas.bench.training.language.training import LanguageTraining
        except ImportError:
            raise missing_torch("training a language model") from None
        make = partial(self.model, architecture)
        return LanguageTraining(make, self.text.read(self.protocol), self.protocol, seed=seed, compute=compute)

    def model(self, architecture: Architecture | None, words: int) -> LanguageModel:
        """The language model of an architecture for a vocabulary; weights come from torch's global generator."""
        from ganas.bench.training.language.model import LanguageModel

        module, _, name = self.core.partition(":")
        core = getattr(importlib.import_module(module), name)(self.space, architecture, self.protocol)
        return LanguageModel(core, words, self.protocol)

    def static(self, architecture: Architecture | None) -> dict[str, float]:
        """The number of parameters; the network is built for it, without memory for its weights."""
        words = len(self.text.read(self.protocol).words)
        try:
            import torch
        except ImportError:
            raise missing_torch("counting parameters") from None
        with torch.device("meta"):
            model = self.model(architecture, words)
        return {"parameters": float(sum(weights.numel() for weights in model.parameters()))}

    def training_task(self, machine: Machine) -> LanguageTrainingTask:
        """The training text, for searches with a relaxed recurrent network.

        Args:
            machine: Device, precision and the like.

        Raises:
            NotSupported: The architectures are not recurrent.
        """
        if self.baseline or not isinstance(self.space, RecurrentSpace):
            raise NotSupported(f"there is no relaxed network of {self.baseline or self.space.name!r}")
        read = partial(training_words, partial(self.text.read, self.protocol))
        recipe = search_protocol_for(self.protocol)
        return LanguageTrainingTask(self.space, self.dataset, recipe, machine, read)

    def missing(self) -> str | None:
        """None where the files are there, else one line on what to do."""
        return self.text.missing()

    def digest(self) -> str:
        """Digest of the words that are read."""
        return self.text.read(self.protocol).digest


_CORES = "ganas.bench.training.language.recurrent"


def language_task(space: Space, dataset: str, protocol: str, folder: Path | None = None) -> LanguageTask:
    """Language modelling with the architectures of a recurrent space.

    Args:
        space: The space.
        dataset: One of :data:`LANGUAGE_DATASETS`.
        protocol: ``"full"`` or ``"mini"``.
        folder: Where the files of the data set lie; None for where they are looked for by default.

    Raises:
        NotSupported: It is another space.
        UnknownName: There is no such data set or protocol.
    """
    if not isinstance(space, RecurrentSpace):
        raise NotSupported(f"{space.name!r} is no recurrent space: its architectures are no language models")
    text = LanguageText(dataset, folder)
    return LanguageTask(space, text, protocol_for(protocol, dataset), core=f"{_CORES}:recurrent_core")


def lstm_task(space: Space, dataset: str, protocol: str, folder: Path | None = None) -> LanguageTask:
    """As :func:`language_task`, with an LSTM of the same size in place of the architectures."""
    text = LanguageText(dataset, folder)
    return LanguageTask(space, text, protocol_for(protocol, dataset), core=f"{_CORES}:lstm_core", baseline="LSTM")
