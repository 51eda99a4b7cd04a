"""Text classification, and inference between two texts, as a task for trainers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganas.bench.training.classification.prepared import PreparedTexts
from ganas.bench.training.classification.protocol import ClassificationProtocol, classification_protocol
from ganas.bench.training.classification.texts import CLASSIFICATION_DATASETS, ClassifiedText
from ganas.bench.training.matched_size import matched_size
from ganas.bench.training.task import Task, TaskMetric, Training
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting, NotSupported, missing_torch, unknown_name
from ganas.spaces.space import Space
from ganas.spaces.textnas.space import TextSpace

if TYPE_CHECKING:
    from ganas.bench.training.classification.model import Encoder, WordClassifier
    from ganas.bench.training.devices import Compute
    from ganas.bench.training.running import Machine
    from ganas.bench.training.training_task import TrainingTask

__all__ = [
    "BASELINES",
    "CLASSIFICATION_DATASETS",
    "METRICS",
    "ClassificationTask",
    "baseline_task",
    "classification_task",
]

BASELINES = ("CONV", "BIGRU", "TRANSFORMER")
"""Networks to compare with: a chain of convolutions over three words, as long as the networks of the space, one GRU in
both directions, and a transformer of two layers. The others have as many parameters as the chain, as nearly as their
channels allow."""

METRICS: tuple[TaskMetric, ...] = (
    TaskMetric("valid_accuracy", "percent", "valid", True, "documents given their class, by the best weights", "kept"),
    TaskMetric("epoch_valid_accuracy", "percent", "valid", True, "after this epoch", "epoch", "valid_accuracy"),
    TaskMetric("test_accuracy", "percent", "test", True, "by the weights of the best epoch", "end"),
    TaskMetric("train_loss", "nats", "train", False, "mean over documents, dropout included", "epoch"),
    TaskMetric("parameters", "count", None, False, "of the classifier, embedding included", "static"),
    TaskMetric(
        "vector_coverage", "percent", None, True, "different words that a pretrained vector was found for", "static"
    ),
    TaskMetric(
        "truncated_share",
        "percent",
        None,
        False,
        "documents, of all splits, that are cut at the limit",
        "static",
    ),
)


class ClassificationTask(Task):
    """Text networks as classifiers of documents.

    Args:
        space: Of the architectures.
        text: What is read.
        protocol: The recipe.
        baseline: One of :data:`BASELINES` to train this one network; empty for the architectures of the space.
    """

    metrics = METRICS
    objective = "valid_accuracy"

    def __init__(
        self, space: TextSpace, text: ClassifiedText, protocol: ClassificationProtocol, *, baseline: str = ""
    ) -> None:
        if baseline and baseline not in BASELINES:
            raise unknown_name("baseline of text classification", baseline, BASELINES)
        self.space: TextSpace = space
        self.protocol: ClassificationProtocol = protocol
        self.text, self.dataset, self.baseline = text, text.dataset, baseline
        if not protocol.vectors:
            self.metrics = tuple(metric for metric in METRICS if metric.name != "vector_coverage")

    def describe(self, architecture: Architecture | None) -> str:
        """The architecture, or the name of the baseline."""
        return self.baseline or super().describe(architecture)

    def start(self, architecture: Architecture | None, *, seed: int, compute: Compute) -> Training:
        """Make a classifier; see :meth:`Task.start`."""
        try:
            from ganas.bench.training.classification.training import ClassificationTraining
        except ImportError:
            raise missing_torch("training a text classifier") from None
        texts = self.text.read(self.protocol)
        model = self.make_model(architecture, texts)
        return ClassificationTraining(model, texts, self.protocol, seed=seed, compute=compute)

    def make_model(self, architecture: Architecture | None, texts: PreparedTexts) -> WordClassifier:
        """The classifier of an architecture; weights come from torch's global generator."""
        from ganas.bench.training.classification.encoders import text_encoder
        from ganas.bench.training.classification.model import WordClassifier

        if self.baseline:
            return WordClassifier(self._baseline_encoder(texts), texts, self.protocol)
        if architecture is None:
            raise InvalidSetting(f"an architecture of {self.space.name!r} is to be trained, and none is given")
        return WordClassifier(text_encoder(self.space.genotype(architecture), self.protocol), texts, self.protocol)

    def _baseline_encoder(self, texts: PreparedTexts) -> Encoder:
        from ganas.bench.training.classification import encoders
        from ganas.spaces.textnas.attention import HEADS

        genotype = encoders.convolution_chain(self.space.layout.layers)
        chain = partial(encoders.text_encoder, genotype, self.protocol)
        if self.baseline == "CONV":
            return chain()

        def make(size: int) -> Encoder:
            if self.baseline == "BIGRU":
                return encoders.recurrent_encoder(self.protocol, size)
            return encoders.TransformerEncoder(self.protocol, HEADS * size)

        wanted = self._num_parameters(chain, texts)
        return make(matched_size(lambda size: self._num_parameters(lambda: make(size), texts), wanted))

    def _num_parameters(self, make: Callable[[], Encoder], texts: PreparedTexts) -> int:
        import torch

        from ganas.bench.training.classification.model import WordClassifier

        with torch.device("meta"):
            return sum(each.numel() for each in WordClassifier(make(), texts, self.protocol).parameters())

    def static(self, architecture: Architecture | None) -> dict[str, float]:
        """The number of parameters, the share of truncated documents and, with vectors, how many words have one."""
        texts = self.text.read(self.protocol)
        try:
            import torch
        except ImportError:
            raise missing_torch("counting parameters") from None
        with torch.device("meta"):
            model = self.make_model(architecture, texts)
        values = {
            "parameters": float(sum(weights.numel() for weights in model.parameters())),
            "truncated_share": texts.truncated_percent,
        }
        if texts.vectors is not None:
            values["vector_coverage"] = 100 * texts.vectors.coverage
        return values

    def training_task(self, machine: Machine) -> TrainingTask:
        """The training data, and how text networks share weights on them; see :meth:`Task.training_task`.

        Raises:
            NotSupported: It is the task of a baseline.
        """
        if self.baseline:
            return super().training_task(machine)
        from ganas.bench.shared_weights.task import SharedTrainingTask
        from ganas.bench.training.classification.shared_task import SharedTextTask
        from ganas.bench.training.classification.sharing import shared_protocol_for

        return SharedTrainingTask(SharedTextTask(self.space, self.text, shared_protocol_for(self.protocol)), machine)

    def data_facts(self) -> dict[str, Any]:
        """Documents of each split, and how many of them were truncated, empty or left out without a class."""
        return self.text.read(self.protocol).facts()

    def missing(self) -> str | None:
        """None where the files are there, else one line on what to do."""
        return self.text.missing(self.protocol)

    def digest(self) -> str:
        """Digest of all that is read."""
        return self.text.read(self.protocol).digest()


def classification_task(space: Space, dataset: str, protocol: str, folder: Path | None = None) -> ClassificationTask:
    """Text classification with the architectures of a text space; nothing is read yet.

    Args:
        space: The space.
        dataset: One of :data:`CLASSIFICATION_DATASETS`.
        protocol: ``"full"`` or ``"mini"``.
        folder: Where the files of the data set lie; None for where they are looked for by default.

    Raises:
        NotSupported: It is another space.
        UnknownName: There is no such data set or protocol.
    """
    return baseline_task("", space, dataset, protocol, folder)


def baseline_task(
    baseline: str, space: Space, dataset: str, protocol: str, folder: Path | None = None
) -> ClassificationTask:
    """As :func:`classification_task`, with one of :data:`BASELINES` in place of the architectures."""
    if not isinstance(space, TextSpace):
        raise NotSupported(f"{space.name!r} is no text space: its architectures are no text classifiers")
    text = ClassifiedText(dataset, folder)
    return ClassificationTask(space, text, classification_protocol(protocol, dataset), baseline=baseline)
