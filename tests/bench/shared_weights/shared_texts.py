"""Shared weights on a small corpus of made-up documents, by a protocol of a fraction of a second."""

from dataclasses import replace

from ganas.bench.shared_weights.benchmark import SharedWeightsBenchmark
from ganas.bench.training.classification.shared_task import SharedTextTask
from ganas.bench.training.classification.sharing import shared_protocol_for
from ganas.bench.training.classification.texts import ClassifiedText
from ganas.bench.training.running import Machine
from ganas.spaces.registry import load_space
from tests.bench.training.classification.text_corpus import TINY

SPACE = load_space("textnas-mini")

SHARED_TINY = replace(
    shared_protocol_for(TINY), epochs=2, batch=16, recalibration=2, measured_documents=None, measured_architectures=1
)


def task_in(folder, space=SPACE, dataset="agnews", **changes):
    return SharedTextTask(space, ClassifiedText(dataset, folder), replace(SHARED_TINY, **changes))


def benchmark_in(folder, *, space=SPACE, seeds=(0,), trains=True, dataset="agnews", **changes):
    task = task_in(folder, space, dataset, **changes)
    return SharedWeightsBenchmark("shared-tiny", task, seeds=seeds, machine=Machine("cpu"), trains=trains)
