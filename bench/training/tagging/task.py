"""Tagging as a task for trainers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganas.bench.training.matched_size import matched_size
from ganas.bench.training.tagging.prepared import PreparedCorpus, prepare, wanted_forms
from ganas.bench.training.tagging.protocol import TaggingProtocol, tagging_protocol
from ganas.bench.training.task import Task, TaskMetric, Training
from ganas.bench.training.word_vectors import missing_vectors, read_vectors, vectors_folder
from ganas.data.corpora.language import corpus_folder
from ganas.data.corpora.standard_files import SplitName
from ganas.data.corpora.tagged import TAGGED_CORPORA, load_tagged, missing_tagged, tagged_source
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import DataError, InvalidSetting, NotEnoughMemory, NotSupported, missing_torch
from ganas.spaces.rnn.genotype import PLAIN, RecurrentCell, RecurrentGenotype
from ganas.spaces.rnn.space import RecurrentSpace
from ganas.spaces.space import Space

if TYPE_CHECKING:
    from torch import nn

    from ganas.bench.training.devices import Compute
    from ganas.bench.training.tagging.model import Tagger

__all__ = [
    "METRICS",
    "TAGGING_DATASETS",
    "TaggedText",
    "TaggingTask",
    "lstm_tagging_task",
    "tagging_task",
]

TAGGING_DATASETS = tuple(TAGGED_CORPORA)
"""The data sets by name."""

METRICS: tuple[TaskMetric, ...] = (
    TaskMetric("valid_span_f1", "percent", "valid", True, "F1 of whole spans, by the best weights so far", "kept"),
    TaskMetric("epoch_valid_span_f1", "percent", "valid", True, "F1 after this epoch", "epoch", "valid_span_f1"),
    TaskMetric("valid_span_precision", "percent", "valid", True, "predicted spans that are right", "kept"),
    TaskMetric("valid_span_recall", "percent", "valid", True, "spans that were found", "kept"),
    TaskMetric("test_span_f1", "percent", "test", True, "F1 of whole spans, by the weights of the best epoch", "end"),
    TaskMetric("test_span_precision", "percent", "test", True, "predicted spans that are right", "end"),
    TaskMetric("test_span_recall", "percent", "test", True, "spans that were found", "end"),
    TaskMetric("train_loss", "nats", "train", False, "mean over sentences, dropout included", "epoch"),
    TaskMetric("parameters", "count", None, False, "of the tagger, embeddings included", "static"),
    TaskMetric(
        "vector_coverage", "percent", None, True, "different words that a pretrained vector was found for", "static"
    ),
)


@dataclass(frozen=True, slots=True)
class TaggedText:
    """The sentences that are trained on.

    Attributes:
        dataset: Name of the corpus.
        folder: Where its files lie; None for where they are looked for by default.
        vectors: The folder of pretrained vectors; None for where they are looked for by default.

    Raises:
        UnknownName: There is no such corpus.
    """

    dataset: str
    folder: Path | None = None
    vectors: Path | None = None

    def __post_init__(self) -> None:
        tagged_source(self.dataset)

    @property
    def place(self) -> Path:
        """The folder of the files."""
        return corpus_folder(self.dataset) if self.folder is None else self.folder

    def vectors_file(self, protocol: TaggingProtocol) -> Path | None:
        """The file of pretrained vectors that a protocol wants; None for none."""
        if not protocol.vectors:
            return None
        return (vectors_folder() if self.vectors is None else self.vectors) / protocol.vectors

    def missing(self, protocol: TaggingProtocol) -> str | None:
        """None where the files are there, else one line on what to do."""
        advice = missing_tagged(tagged_source(self.dataset), self.place)
        return advice or missing_vectors(self.vectors_file(protocol), protocol.name, protocol.word_width)

    def read(self, protocol: TaggingProtocol) -> PreparedCorpus:
        """The part of the corpus that a protocol reads, as numbers.

        Raises:
            DataError: A file is missing, damaged or not what was published.
        """
        advice = self.missing(protocol)
        if advice is not None:
            raise DataError(advice)
        limits = {
            "train": protocol.train_sentences,
            "valid": protocol.valid_sentences,
            "test": protocol.test_sentences,
        }
        part = tuple((split, limit) for split, limit in limits.items() if limit is not None)
        vectors = self.vectors_file(protocol)
        sizes = protocol.word_width, protocol.longest_word
        return _read(self.dataset, self.place, protocol.scheme, vectors, sizes, part)


@lru_cache(maxsize=2)
def _read(
    dataset: str,
    place: Path,
    scheme: Any,
    vectors_file: Path | None,
    sizes: tuple[int, int],
    part: tuple[tuple[SplitName, int], ...],
) -> PreparedCorpus:
    width, longest_word = sizes
    try:
        corpus = load_tagged(dataset, place)
        vectors = None if vectors_file is None else read_vectors(vectors_file, wanted_forms(corpus), width)
        return prepare(corpus, scheme, longest_word=longest_word, vectors=vectors, limits=dict(part))
    except MemoryError:
        raise NotEnoughMemory(f"reading {dataset} needs more memory than there is") from None


class TaggingTask(Task):
    """Recurrent architectures as taggers of a text.

    Args:
        space: Of the architectures.
        text: What is read.
        protocol: The recipe.
        lstm: Train one network instead, an LSTM. It is of such a size that the tagger has as many parameters in all as
            that of a cell of the space with the plain connections; how its nodes are connected does not change them.
    """

    metrics = METRICS
    objective = "valid_span_f1"

    def __init__(
        self, space: RecurrentSpace, text: TaggedText, protocol: TaggingProtocol, *, lstm: bool = False
    ) -> None:
        self.space: RecurrentSpace = space
        self.protocol: TaggingProtocol = protocol
        self.text, self.dataset, self._lstm = text, text.dataset, lstm
        if not protocol.vectors:
            self.metrics = tuple(metric for metric in METRICS if metric.name != "vector_coverage")

    def describe(self, architecture: Architecture | None) -> str:
        """The architecture, or the LSTM."""
        return "LSTM" if self._lstm else super().describe(architecture)

    def start(self, architecture: Architecture | None, *, seed: int, compute: Compute) -> Training:
        """Make a tagger; see :meth:`Task.start`."""
        try:
            from ganas.bench.training.tagging.training import TaggingTraining
        except ImportError:
            raise missing_torch("training a tagger") from None
        corpus = self.text.read(self.protocol)
        model = self.make_model(architecture, corpus)
        return TaggingTraining(model, corpus, self.protocol, seed=seed, compute=compute)

    def make_model(self, architecture: Architecture | None, corpus: PreparedCorpus) -> Tagger:
        """The tagger of an architecture; weights come from torch's global generator."""
        from ganas.bench.training.tagging.model import LSTMLayer, Tagger

        if not self._lstm:
            if architecture is None:
                raise InvalidSetting(f"an architecture of {self.space.name!r} is to be trained, and none is given")
            return Tagger(corpus, self.protocol, self._cell_maker(self.space.genotype(architecture)))
        size = self._lstm_size(corpus)
        return Tagger(corpus, self.protocol, lambda inputs: LSTMLayer(inputs, size))

    def _lstm_size(self, corpus: PreparedCorpus) -> int:
        import torch

        from ganas.bench.training.tagging.model import LSTMLayer, Tagger

        def parameters(make_layer: Callable[[int], nn.Module]) -> int:
            with torch.device("meta"):
                return sum(each.numel() for each in Tagger(corpus, self.protocol, make_layer).parameters())

        layout = self.space.layout
        plain = RecurrentGenotype(RecurrentCell((("tanh", 0),) * layout.nodes, layout.concat), PLAIN)
        wanted = parameters(self._cell_maker(plain))
        return matched_size(lambda size: parameters(lambda inputs: LSTMLayer(inputs, size)), wanted)

    def _cell_maker(self, genotype: RecurrentGenotype) -> Callable[[int], nn.Module]:
        from ganas.bench.training.tagging.cell import CellLayer

        bound = self.protocol.initial or 1 / math.sqrt(self.protocol.hidden)
        return lambda inputs: CellLayer(genotype, inputs, bound)

    def static(self, architecture: Architecture | None) -> dict[str, float]:
        """The number of parameters and, with pretrained vectors, how many words have one; nothing is trained."""
        try:
            import torch
        except ImportError:
            raise missing_torch("counting parameters") from None
        corpus = self.text.read(self.protocol)
        with torch.device("meta"):
            model = self.make_model(architecture, corpus)
        values = {"parameters": float(sum(weights.numel() for weights in model.parameters()))}
        if corpus.vectors is not None:
            values["vector_coverage"] = 100 * corpus.vectors.coverage
        return values

    def missing(self) -> str | None:
        """None where the files are there, else one line on what to do."""
        return self.text.missing(self.protocol)

    def digest(self) -> str:
        """Digest of all that is read."""
        return self.text.read(self.protocol).digest()


def tagging_task(space: Space, dataset: str, protocol: str, folder: Path | None = None) -> TaggingTask:
    """Tagging with the architectures of a recurrent space; nothing is read yet.

    Args:
        space: The space.
        dataset: One of :data:`TAGGING_DATASETS`.
        protocol: ``"full"`` or ``"mini"``.
        folder: Where the files of the data set lie; None for where they are looked for by default.

    Raises:
        NotSupported: It is another space.
        UnknownName: There is no such data set or protocol.
    """
    return _make_task(space, dataset, protocol, folder, lstm=False)


def lstm_tagging_task(space: Space, dataset: str, protocol: str, folder: Path | None = None) -> TaggingTask:
    """As :func:`tagging_task`, with an LSTM of as many parameters in place of the architectures."""
    return _make_task(space, dataset, protocol, folder, lstm=True)


def _make_task(space: Space, dataset: str, protocol: str, folder: Path | None, *, lstm: bool) -> TaggingTask:
    if not isinstance(space, RecurrentSpace):
        raise NotSupported(f"{space.name!r} is no recurrent space: its architectures are no taggers")
    return TaggingTask(space, TaggedText(dataset, folder), tagging_protocol(protocol), lstm=lstm)
