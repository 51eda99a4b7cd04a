"""The official records of NAS-Bench-101 (``nasbench_full.tfrecord``, ``nasbench_only108.tfrecord``), as a table.

Source: Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019,
https://arxiv.org/abs/1902.09635, and its official code. A cell was trained three times at each budget, and a budget is
a run of its own: ``nasbench101`` holds the runs over 4, 12, 36 and 108 epochs, ``nasbench101-only108`` the last alone.
Each run has two epochs, its half and its end. Values are kept to the last bit.

Source of the defects: the paper (section 2), ``nasbench/api.py`` and ``nasbench/lib/evaluate.py``. That accuracies
are counts of 9,984 images was found on 30 official records: all 540 of their accuracies are such multiples and fit no
multiple of 1/10,000.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ganas.data.card import Card, CardMetric, CardSource
from ganas.data.convert.nasbench101_records import BUDGETS, read_records
from ganas.data.convert.nasbench101_runs import REPEATS, CollectedRuns
from ganas.data.sources import sources
from ganas.data.table_writer import TableWriter
from ganas.data.tables import file_sha256
from ganas.spaces.errors import DataError, quote_list
from ganas.spaces.nasbench101.space import NASBench101

__all__ = ["CARDS", "convert"]

_LONGEST = BUDGETS[-1]

_DESCRIPTIONS = {
    "valid_accuracy": "Accuracy on the validation images; the known defects say on how many",
    "test_accuracy": "Accuracy on the test images; the known defects say on how many",
    "train_accuracy": "Accuracy on fixed training images; the known defects say on how many",
    "train_seconds": "Seconds of training up to this epoch on TPU v2, evaluations not counted",
}
_SPLITS = {"valid_accuracy": "valid", "test_accuracy": "test", "train_accuracy": "train"}
_TOTAL = "Seconds of the whole run on TPU v2, evaluations counted"
_PARAMETERS = "Trainable parameters of the network, as the records give them"

_SCHEDULE = (
    "The learning rate of a run falls along a cosine over its own length: the run over 36 epochs is not epoch 36 of "
    "the run over 108, which nobody measured."
)
_DEFECTS = (
    "What was measured half-way through a run is of a training whose learning rate was still high. It says less than "
    "a training of that length would, and is usually lower.",
    "The records name no seeds: a trial is known by its place in the file alone, and the trial at a place in one run "
    "has nothing to do with the one at that place in another run.",
    "Accuracies are fractions of 9,984 images, 39 batches of 256, where the paper speaks of 10,000: so it was in all "
    "30 official records that were compared.",
)


def _metrics(budgets: tuple[int, ...]) -> tuple[CardMetric, ...]:
    made = []
    for budget in budgets:
        for name, description in _DESCRIPTIONS.items():
            made.append(_metric(name, description, budget, (budget // 2, budget)))
        made.append(_metric("total_seconds", _TOTAL, budget, (budget,)))
    return (*made, CardMetric(name="parameters", unit="count", higher_is_better=False, description=_PARAMETERS))


def _metric(name: str, description: str, run: int, epochs: tuple[int, ...]) -> CardMetric:
    is_accuracy = name in _SPLITS
    return CardMetric(
        name=name,
        unit="fraction" if is_accuracy else "seconds",
        split=_SPLITS.get(name),  # type: ignore[arg-type]
        higher_is_better=is_accuracy,
        epochs=epochs,
        run=run,
        per_trial=True,
        description=description,
    )


def _card(name: str, title: str, budgets: tuple[int, ...]) -> Card:
    official = sources()[name]
    return Card(
        name=name,
        title=title,
        space=NASBench101.name,
        dataset="CIFAR-10: trained on 40,000 of its 50,000 training images, validated on the other 10,000, tested on "
        "the 10,000 test images",
        objective="valid_accuracy",
        licence="unknown: the official code is Apache-2.0, and nothing is said of the records",
        citation="Chris Ying, Aaron Klein, Esteban Real, Eric Christiansen, Kevin Murphy and Frank Hutter, "
        "NAS-Bench-101: Towards Reproducible Neural Architecture Search, ICML 2019, arXiv:1902.09635",
        trials=f"A trial is one of the {REPEATS} trainings of a cell in a run, by its place in the official file.",
        source=CardSource(
            package="google-research/nasbench",
            version=official.files[0].removeprefix("nasbench_").removesuffix(".tfrecord"),
            file=official.files[0],
            sha256=str(official.sha256),
            licence="Apache-2.0",
            authors="Chris Ying and others",
        ),
        metrics=_metrics(budgets),
        cost="train_seconds",
        fidelity="run",
        num_classes=10,
        known_defects=_DEFECTS if len(budgets) == 1 else (_SCHEDULE, *_DEFECTS),
    )


CARDS: tuple[Card, ...] = (
    _card("nasbench101", "NAS-Bench-101 on CIFAR-10: runs over 4, 12, 36 and 108 epochs, three of each", BUDGETS),
    _card("nasbench101-only108", "NAS-Bench-101 on CIFAR-10: three runs over 108 epochs", (_LONGEST,)),
)
"""What is known of the tables before a file is read; their source is the official file."""


def convert(
    source: Path,
    *,
    folder: Path | None = None,
    overwrite: bool = False,
    check_hash: bool = True,
    progress: Callable[[float], None] | None = None,
) -> list[Card]:
    """Convert a file of official records and return the card of the table written.

    The records may come in any order, and of fewer than all cells; the card then says so. All of the full file needs
    about 700 MB of memory.

    Args:
        source: The TFRecord file.
        folder: Where converted tables lie; None for the folder of the catalogue.
        overwrite: Whether a table of this name may be replaced.
        check_hash: Whether the hash of every cell is computed and compared with the one in its records.
        progress: Called with the part that is done, from 0 to 1, by bytes read.

    Raises:
        DataError: The file or a record is damaged or not of this benchmark, the file holds other runs than all four
            or that over 108 epochs, a cell has not each of them three times, or the disk is full. Nothing is written
            then.
        DuplicateName: There is a table of this name.
    """
    records = read_records(source, check_hash=check_hash, progress=progress)
    # A file of another kind is refused at its first record, before all of it is read for the digest.
    first = next(records)
    digest = file_sha256(source)
    official = {known.source.sha256: known for known in CARDS}.get(digest)
    if official is not None:
        # What would be refused after minutes is refused now.
        TableWriter(official.name, folder=folder, overwrite=overwrite)
    collected = CollectedRuns(source)
    for record in itertools.chain([first], records):
        collected.add(record)
    card = _completed(_of_budgets(source, collected.complete()), source, digest, len(collected))
    with TableWriter(card.name, folder=folder, overwrite=overwrite) as writer:
        writer.set_rows(collected.identities())
        for metric in card.metrics:
            writer.add(metric, collected.values(metric.name, metric.run))
        finished = writer.finish(card)
    if progress is not None:
        progress(1.0)
    return [finished]


def _of_budgets(source: Path, budgets: tuple[int, ...]) -> Card:
    """The card of a file that holds runs over these epochs."""
    for card in CARDS:
        if budgets == tuple(sorted({metric.run for metric in card.metrics if metric.run is not None})):
            return card
    raise DataError(
        f"{source} holds runs over {quote_list(budgets)} epochs: wanted is each of {quote_list(BUDGETS)}, as in "
        f"{CARDS[0].source.file}, or {_LONGEST} alone, as in {CARDS[1].source.file}"
    )


def _completed(card: Card, source: Path, digest: str, cells: int) -> Card:
    """The card with what this file is."""
    notes = []
    if digest != card.source.sha256:
        notes.append(
            f"The file {source.name} is not {card.source.file} as its authors published it: its sha256 is not "
            f"{card.source.sha256}."
        )
    if cells != NASBench101.size:
        notes.append(f"The file holds {cells:,} of the {NASBench101.size:,} cells.")
    origin = replace(card.source, file=source.name, sha256=digest)
    return replace(card, source=origin, notes=tuple(notes))
