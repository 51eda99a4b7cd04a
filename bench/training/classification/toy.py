"""A made-up corpus of a few documents, for conformance kits and first tries, never for results."""

from __future__ import annotations

from dataclasses import replace

from ganas.bench.shared_weights.task import SharedTrainingTask
from ganas.bench.training.classification.prepared import PreparedTexts, prepare
from ganas.bench.training.classification.protocol import MINI, ClassificationProtocol
from ganas.bench.training.classification.shared_task import SharedTextTask
from ganas.bench.training.classification.sharing import shared_protocol_for
from ganas.bench.training.classification.texts import ClassifiedText
from ganas.bench.training.running import Machine
from ganas.data.corpora.classified_files import Document
from ganas.data.corpora.standard_files import SPLITS
from ganas.spaces.textnas.space import TextSpace

__all__ = ["toy_shared_task"]

_DOCUMENTS = 24

_TOY = replace(
    shared_protocol_for(
        replace(
            MINI,
            title="a toy of milliseconds",
            channels=4,
            word_width=4,
            vocabulary=None,
            least_count=1,
            longest=6,
            passages=False,
            batch=6,
            train_documents=None,
            valid_documents=None,
            test_documents=None,
        )
    ),
    title="a toy: a search of milliseconds",
    epochs=3,
    recalibration=1,
    measured_architectures=1,
)


class _ToyText(ClassifiedText):
    """Documents that are made up when they are read."""

    __slots__ = ()

    def __init__(self) -> None:
        object.__setattr__(self, "dataset", "toy")
        object.__setattr__(self, "folder", None)
        object.__setattr__(self, "vectors", None)

    def missing(self, protocol: ClassificationProtocol) -> str | None:
        """Nothing is missing."""
        return None

    def read(self, protocol: ClassificationProtocol) -> PreparedTexts:
        """Documents of two classes, each of which has a word of its own among others."""
        made = [
            Document((" ".join(["one" if number % 2 else "two", *("the", "of", "a")[: number % 4]]),), number % 2, 1)
            for number in range(_DOCUMENTS)
        ]
        return prepare(dict.fromkeys(SPLITS, made), ("odd", "even"), str.split, longest=protocol.longest)


def toy_shared_task(space: TextSpace) -> SharedTrainingTask:
    """Shared weights on two dozen made-up documents of two classes."""
    return SharedTrainingTask(SharedTextTask(space, _ToyText(), _TOY), Machine("cpu", "float32"))
