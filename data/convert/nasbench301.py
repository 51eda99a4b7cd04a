"""The official results of NAS-Bench-301 that a user has, as a table on the space of DARTS.

Source: Zela, Siems, Zimmer, Lukasik, Keuper and Hutter, "Surrogate NAS Benchmarks: Going Beyond the Limited Search
Spaces of Tabular NAS Benchmarks", ICLR 2022, https://arxiv.org/abs/2008.09777; see
:mod:`ganas.data.convert.nasbench301_records` for the files. The table ``nasbench301-records`` holds what was trained,
some 10^4 of 10^18 architectures; the benchmark ``nasbench301`` is a surrogate that is fitted on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ganas.data.card import Card, CardMetric, CardSource
from ganas.data.convert.nasbench301_files import open_results
from ganas.data.convert.nasbench301_records import CURVES, NASBench301Record, read_results
from ganas.data.table_writer import TableWriter
from ganas.spaces.darts.notation import CONFIG_PREFIX
from ganas.spaces.darts.space import DARTS
from ganas.spaces.errors import DataError, quote_list

__all__ = ["CARDS", "convert"]

_SPLITS: dict[str, Literal["train", "valid", "test"]] = {
    "valid_accuracy": "valid",
    "test_accuracy": "test",
    "train_accuracy": "train",
    "train_loss": "train",
}
_DESCRIPTIONS = {
    "valid_accuracy": "Accuracy on the 10,000 validation images at the end of the training",
    "test_accuracy": "Accuracy on the 10,000 test images at the end of the training",
    "train_accuracy": "Accuracy on the training images at the end, as they were augmented and mixed",
    "train_loss": "Loss on the training images at the end, as they were augmented and mixed",
    "train_seconds": "Seconds of the whole job; the records do not say on which machine",
    "parameters": "Trainable parameters of the network with its auxiliary head, as the records give them",
}
# Of the trainings that the surrogates of the paper were fitted on (section 4 and its appendix on training).
_CHANNELS, _LAYERS, _BUDGET = 32, 8, 100
# The official record says so, and nasbench301/data_generation/run_proxy.py of the official code that a fifth of the
# 50,000 training images is left for validation.
_TRAIN_IMAGES, _VALID_IMAGES = 40_000, 10_000
# A training that is scheduled for 100 epochs ends after 98 at the latest: darts_data.py of
# https://github.com/automl/nas-bench-x11 fills shorter curves up to there.
_EPOCHS = 98
_UNITS = {"train_loss": "nats", "train_seconds": "seconds", "parameters": "count"}
_BY_EPOCH = "_by_epoch"


def _metric(name: str, epochs: tuple[int, ...] = ()) -> CardMetric:
    description = _DESCRIPTIONS[name]
    return CardMetric(
        name=name + _BY_EPOCH if epochs else name,
        unit=_UNITS.get(name, "percent"),
        split=_SPLITS.get(name),
        higher_is_better=name.endswith("accuracy"),
        epochs=epochs,
        per_trial=name != "parameters",
        description=description.partition(" at the end")[0] + " after each epoch" if epochs else description,
    )


_FINAL = tuple(_metric(name) for name in _DESCRIPTIONS)
_BY_EPOCHS = tuple(_metric(name, tuple(range(1, _EPOCHS + 1))) for name in CURVES.values())

CARDS: tuple[Card, ...] = (
    Card(
        name="nasbench301-records",
        title="NAS-Bench-301 on CIFAR-10: the trainings of 32 channels, 8 cells and 100 epochs that its surrogates "
        "were fitted on",
        space=DARTS.name,
        dataset="CIFAR-10: trained on 40,000 of its 50,000 training images, validated on the other 10,000, tested on "
        "the 10,000 test images",
        objective="valid_accuracy",
        licence="unknown: the official code is Apache-2.0, and the records that were read name no licence",
        citation="Arber Zela, Julien Siems, Lucas Zimmer, Jovita Lukasik, Margret Keuper and Frank Hutter, Surrogate "
        "NAS Benchmarks: Going Beyond the Limited Search Spaces of Tabular NAS Benchmarks, ICLR 2022, arXiv:2008.09777",
        trials="A trial is one training of the architecture, by the order of the file names; most have one.",
        source=CardSource(
            package="automl/nasbench301",
            version="",
            file="results_*.json",
            sha256="",
            licence="Apache-2.0",
            authors="Julien Siems and others",
        ),
        metrics=(*_FINAL, *_BY_EPOCHS),
        cost="train_seconds",
        num_classes=10,
        known_defects=(
            "The records name no seeds.",
            "Only a sample of the space was trained, and it is not uniform: search strategies proposed a part of it.",
            "A training that was scheduled for 100 epochs ends after 98 of them or sooner, and so do its learning "
            "curves.",
        ),
    ),
)
"""What is known of the table before a file is read: that of the official results with learning curves."""


def convert(
    source: Path,
    *,
    folder: Path | None = None,
    overwrite: bool = False,
    progress: Callable[[float], None] | None = None,
) -> list[Card]:
    """Convert a folder or a zip archive of results and return the card of the table written.

    Trainings of one architecture become its trials. Learning curves become metrics of their own with ``_by_epoch`` at
    the end, as long as the longest; those of trainings that ended earlier lack the last epochs, while the final values
    are there for all. All official results need about 500 MB of memory.

    Args:
        source: The folder, of which the folders in it are read too; or the archive, which is not unpacked.
        folder: Where converted tables lie; None for the folder of the catalogue.
        overwrite: Whether a table of this name may be replaced.
        progress: Called with the part that is done, from 0 to 1, by files read.

    Raises:
        DataError: There is no result, a file is not one, two records of an architecture say different parameters, the
            trainings differ in channels, layers or scheduled epochs, or the disk is full. Nothing is written then.
        DuplicateName: There is a table of this name.
    """
    (card,) = CARDS
    with open_results(source) as results, TableWriter(card.name, folder=folder, overwrite=overwrite) as writer:
        records = list(read_results(results, progress=progress))
        _require_one_setting(records)
        rows = _Rows(records)
        metrics = [(metric, rows.final(metric.name)) for metric in _FINAL]
        metrics += [(_metric(name, rows.epochs), rows.curves(name)) for name in CURVES.values() if rows.has(name)]
        writer.set_rows(np.array(rows.identities, dtype=np.int64))
        for metric, values in metrics:
            writer.add(metric, values)
        complete = replace(
            card,
            source=replace(card.source, file=source.absolute().name, sha256=results.digest()),
            metrics=tuple(metric for metric, _ in metrics),
            notes=tuple(_notes(records, rows)),
        )
        finished = writer.finish(complete)
    if progress is not None:
        progress(1.0)
    return [finished]


class _Rows:
    """Records by architecture."""

    def __init__(self, records: Sequence[NASBench301Record]) -> None:
        space = DARTS()
        self._of: dict[int, list[NASBench301Record]] = {}
        for record in records:
            self._of.setdefault(space.identity_key(record.architecture), []).append(record)
        self.identities = list(self._of)
        self._trials = max(len(trained) for trained in self._of.values())
        longest = max((len(curve) for record in records for curve in record.learning_curves.values()), default=0)
        self.epochs = tuple(range(1, longest + 1))

    def has(self, name: str) -> bool:
        """Whether a record has this curve."""
        return any(name in record.learning_curves for trained in self._of.values() for record in trained)

    def final(self, name: str) -> NDArray[np.floating]:
        """Values at the end, (rows, 1, trials); of ``parameters`` (rows,).

        Raises:
            DataError: Two records of one architecture say different parameters.
        """
        if name == "parameters":
            return np.array([_parameters(trained) for trained in self._of.values()], dtype=np.float64)
        field = "runtime" if name == "train_seconds" else name
        values = np.full((len(self._of), 1, self._trials), np.nan)
        for row, trained in enumerate(self._of.values()):
            values[row, 0, : len(trained)] = [getattr(record, field) for record in trained]
        return values

    def curves(self, name: str) -> NDArray[np.floating]:
        """A learning curve of every training, (rows, epochs, trials)."""
        values = np.full((len(self._of), len(self.epochs), self._trials), np.nan)
        for row, trained in enumerate(self._of.values()):
            for trial, record in enumerate(trained):
                curve = record.learning_curves.get(name, ())
                values[row, : len(curve), trial] = curve
        return values


def _parameters(trained: Sequence[NASBench301Record]) -> int:
    first = trained[0]
    for other in trained[1:]:
        if other.parameters != first.parameters:
            raise DataError(
                f"{other.path} has {other.parameters:,} parameters, and {first.path} of the same architecture "
                f"{first.parameters:,}"
            )
    return first.parameters


def _setting(record: NASBench301Record) -> str:
    return f"{record.channels} channels, {record.layers} layers and {record.budget:,} epochs"


def _require_one_setting(records: Sequence[NASBench301Record]) -> None:
    """Raise unless the trainings can be compared."""
    counts = Counter(map(_setting, records))
    if len(counts) > 1:
        kinds = [
            f"{count:,} of {setting} (first {next(one.path for one in records if _setting(one) == setting)})"
            for setting, count in counts.most_common(3)
        ]
        raise DataError(
            f"the results are of {len(counts)} settings, and a table holds one: {'; '.join(kinds)}: convert a folder "
            "with those of one"
        )


def _notes(records: Sequence[NASBench301Record], rows: _Rows) -> list[str]:
    """What the card says about these records."""
    found = []
    first = records[0]
    if (first.channels, first.layers, first.budget) != (_CHANNELS, _LAYERS, _BUDGET):
        found.append(
            f"The trainings are of networks with {_setting(first)}; those that the surrogates of NAS-Bench-301 were "
            f"fitted on have {_CHANNELS} channels, {_LAYERS} layers and {_BUDGET} epochs."
        )
    split = (_TRAIN_IMAGES, _VALID_IMAGES)
    elsewhere = sum(
        any(said not in (None, usual) for said, usual in zip((one.train_images, one.valid_images), split, strict=True))
        for one in records
    )
    if elsewhere:
        found.append(
            f"Records of another split than {split[0]:,} images for training and {split[1]:,} for validation: "
            f"{elsewhere:,}."
        )
    short = sum(0 < len(next(iter(r.learning_curves.values()), ())) < len(rows.epochs) for r in records)
    lacking = sum(not record.learning_curves for record in records)
    if short:
        found.append(f"Learning curves that end before epoch {len(rows.epochs)}: {short:,}.")
    if rows.epochs and lacking:
        found.append(f"Records without a learning curve: {lacking:,}.")
    names = {name for record in records for name in record.hyperparameters}
    values = {name: {repr(record.hyperparameters.get(name)) for record in records} for name in names}
    varied = sorted(name for name, seen in values.items() if len(seen) > 1)
    if varied:
        found.append(
            f"The trainings differ in {quote_list(f'{name} ({len(values[name])} values)' for name in varied)}."
        )
    other = sum(record.parameters != _structural_parameters(record) for record in records)
    if other:
        found.append(
            f"Records that give another number of parameters than the network of their architecture has: {other:,}."
        )
    return found


def _structural_parameters(record: NASBench301Record) -> int:
    return DARTS().parameter_count(
        record.architecture,
        channels=record.channels,
        layers=record.layers,
        auxiliary=str(record.hyperparameters.get(f"{CONFIG_PREFIX}auxiliary")) == "True",
    )
