"""One architecture of NAS-Bench-201 or NATS-Bench: what its record holds.

Source: the classes ``ArchResults`` and ``ResultsCount`` in ``nas_201_api/api_utils.py`` and ``nats_bench/api_utils.py``
of the official code (Dong and Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search",
ICLR 2020, https://arxiv.org/abs/2001.00326; Dong et al., "NATS-Bench: Benchmarking NAS Algorithms for Architecture
Topology and Size", TPAMI 2021, https://arxiv.org/abs/2009.00437). The files hold the attributes of these classes as
dicts::

    one architecture    {run: ArchResults}; runs are "less" and "full" in NAS-Bench-201, for 12 and 200 epochs, and
                        "12", "200" or "01", "12", "90" in NATS-Bench
    ArchResults         arch_index, arch_str, dataset_seed {dataset: [seed]}, all_results {(dataset, seed):
                        ResultsCount}
    ResultsCount        name (of the data set), seed, epochs, params and flop (millions), latency ([seconds] or None),
                        arch_config, train_acc1es, train_losses, train_times {epoch from 0: number}, eval_names,
                        eval_acc1es, eval_losses, eval_times {"set@epoch": number}; top-5 accuracies are not read

Every trial has its whole training curve, but not every evaluation set was evaluated after every epoch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.nasbench201.space import EDGE_OPERATIONS

__all__ = [
    "DATASETS",
    "EVALUATION_SETS",
    "RUNS",
    "ArchitectureRecord",
    "EvaluationRecord",
    "Floats",
    "TrialRecord",
    "kind_of_notation",
]

DATASETS = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
"""Data sets that networks were trained on, with their numbers of classes."""

EVALUATION_SETS = ("x-valid", "x-test", "ori-test")

RUNS = {
    "topology": {"less": "12", "full": "200", "12": "12", "200": "200"},
    "size": {"01": "01", "12": "12", "90": "90"},
}
"""The runs of each space under the names that files give them, and under those of NATS-Bench."""

_OPERATION = f"(?:{'|'.join(EDGE_OPERATIONS)})"
_NOTATIONS = {
    "topology": re.compile(
        r"\+".join(r"\|" + "".join(rf"{_OPERATION}~{source}\|" for source in range(node)) for node in (1, 2, 3))
    ),
    "size": re.compile(r"(?:8|16|24|32|40|48|56|64)(?::(?:8|16|24|32|40|48|56|64)){4}"),
}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationRecord:
    """A trial on one evaluation set, all arrays (epochs,), NaN where it was not evaluated."""

    accuracy: Floats
    """Percent."""
    loss: Floats
    seconds: Floats
    """Of one pass over the set; known for epochs that have no accuracy, too."""


@dataclass(frozen=True, slots=True, eq=False)
class TrialRecord:
    """One training of one architecture on one data set with one seed."""

    dataset: str
    seed: int
    epochs: int
    parameters_million: float
    flops_million: float
    latency_seconds: tuple[float, ...] | None
    train_accuracy: Floats | None
    """Percent, (epochs,)."""
    train_loss: Floats | None
    train_seconds: Floats | None
    """Of each epoch by itself, (epochs,)."""
    evaluations: dict[str, EvaluationRecord]
    """By evaluation set, names as in :data:`EVALUATION_SETS`."""


@dataclass(frozen=True, slots=True, eq=False)
class ArchitectureRecord:
    """All trials of one architecture: ``runs[run][dataset][seed]``, seeds in the order of the file."""

    index: int
    arch_str: str
    runs: dict[str, dict[str, dict[int, TrialRecord]]]


def kind_of_notation(notation: object) -> str | None:
    """Which space an architecture is of, ``"topology"`` or ``"size"``; None for anything else.

    >>> kind_of_notation("8:8:8:16:32")
    'size'
    """
    if type(notation) is str:
        for kind, pattern in _NOTATIONS.items():
            if pattern.fullmatch(notation):
                return kind
    return None
