"""Shared weights for text classification, as a task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganas.bench.shared_weights.task import SharedTask
from ganas.bench.training.classification.prepared import PreparedTexts
from ganas.bench.training.classification.protocol import classification_protocol
from ganas.bench.training.classification.sharing import SharedTextProtocol, halves_of, shared_protocol_for
from ganas.bench.training.classification.task import ClassificationTask
from ganas.bench.training.classification.texts import ClassifiedText
from ganas.bench.training.task import TaskMetric
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting, NotSupported, missing_torch
from ganas.spaces.space import Space
from ganas.spaces.textnas.space import TextSpace

if TYPE_CHECKING:
    from ganas.bench.training.classification.shared_training import SharedTextTraining
    from ganas.bench.training.devices import Compute

__all__ = ["SharedTextTask", "shared_text_task"]


class SharedTextTask(SharedTask):
    """Text networks as classifiers that share their weights.

    Args:
        space: Of the architectures.
        text: What is read.
        protocol: The recipe.
    """

    metrics = (
        TaskMetric(
            "mean_shared_accuracy", "percent", "valid", True, "of random architectures, always the same ones", "kept"
        ),
        TaskMetric("train_loss", "nats", "train", False, "mean over documents, dropout included", "epoch"),
    )
    objective = "mean_shared_accuracy"
    answers = (
        TaskMetric(
            "shared_accuracy",
            "percent",
            "valid",
            True,
            "documents of the held-back half of the training data given their class, by weights that all share",
            "end",
        ),
        TaskMetric("parameters", "count", None, False, "of the classifier, embedding included", "static"),
    )
    score = "shared_accuracy"

    def __init__(self, space: TextSpace, text: ClassifiedText, protocol: SharedTextProtocol) -> None:
        self.space: TextSpace = space
        self.protocol: SharedTextProtocol = protocol
        self.text, self.dataset = text, text.dataset

    def start(self, architecture: Architecture | None, *, seed: int, compute: Compute) -> SharedTextTraining:
        """Make the supernet; see :meth:`SharedTask.start`."""
        if architecture is not None:
            raise InvalidSetting("shared weights are trained for all architectures, and one is given")
        if compute.compiled:
            raise InvalidSetting("shared weights are not compiled: every batch runs another architecture")
        try:
            from ganas.bench.training.classification.shared_training import SharedTextTraining
        except ImportError:
            raise missing_torch("training shared weights") from None
        return SharedTextTraining(self.space, self.halves(), self.protocol, seed=seed, compute=compute)

    def halves(self) -> PreparedTexts:
        """The half for weights as ``"train"``, the one that is held back as ``"valid"``; nothing else."""
        return halves_of(self.text.read(self.protocol), self.dataset, self.protocol.measured_documents)

    def static(self, architecture: Architecture | None) -> dict[str, float]:
        """The number of parameters that an architecture has by itself."""
        whole = ClassificationTask(self.space, self.text, self.protocol).static(architecture)
        return {"parameters": whole["parameters"]}

    def data_facts(self) -> dict[str, Any]:
        """How many documents each half has, and how many of what was read for both were cut or empty."""
        halves = self.halves().splits
        whole = self.text.read(self.protocol).splits["train"]
        return {
            "documents": {"weights": len(halves["train"].labels), "held back": len(halves["valid"].labels)},
            "truncated_documents": {"of both": whole.truncated},
            "empty_documents": {"of both": whole.empty},
        }

    def missing(self) -> str | None:
        """None where the files are there, else one line on what to do."""
        return self.text.missing(self.protocol)

    def digest(self) -> str:
        """Digest of all that is read."""
        return self.text.read(self.protocol).digest()


def shared_text_task(space: Space, dataset: str, protocol: str, folder: Path | None = None) -> SharedTextTask:
    """Shared weights of a text space; nothing is read yet.

    Args:
        space: The space.
        dataset: Name of a data set for text classification.
        protocol: ``"full"`` or ``"mini"``.
        folder: Where the files of the data set lie; None for where they are looked for by default.

    Raises:
        NotSupported: It is another space.
        UnknownName: There is no such data set or protocol.
    """
    if not isinstance(space, TextSpace):
        raise NotSupported(f"{space.name!r} is no text space: its architectures are no text classifiers")
    recipe = shared_protocol_for(classification_protocol(protocol, dataset))
    return SharedTextTask(space, ClassifiedText(dataset, folder), recipe)
