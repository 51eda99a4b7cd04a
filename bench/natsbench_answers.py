"""What ``nats-bench`` answers about one architecture, asked of a converted table.

Source: ``get_more_info`` in ``nats_bench/api_topology.py`` and ``get_compute_costs`` in ``nats_bench/api_utils.py`` of
the official code. It leaves out the keys of images that were not measured at an epoch, and says None where a time is
not known.
"""

from __future__ import annotations

from typing import Any

from ganas.bench.table_columns import whole_number
from ganas.bench.tabular import TabularBenchmark
from ganas.data.convert.natsbench_cards import OfficialDataset
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import NotMeasured

__all__ = ["completed_epochs", "cost_info", "more_info", "scheduled_epochs"]

_TRUSTED_SEED = 888


def scheduled_epochs(hp: object) -> int:
    """The run that ``hp`` stands for; "01", "1" and 1 are the same.

    Raises:
        InvalidSetting: It is no whole number.
    """
    return int(hp) if isinstance(hp, str) and hp.isdecimal() else whole_number(hp, "hp")


def completed_epochs(iepoch: object) -> int | None:
    """The epoch that ``iepoch`` stands for, which counts from 0; None for the last.

    Raises:
        InvalidSetting: It is no whole number.
    """
    return None if iepoch is None else whole_number(iepoch, "iepoch") + 1


def more_info(
    table: TabularBenchmark,
    dataset: OfficialDataset,
    architecture: Architecture,
    *,
    run: int,
    epoch: int | None,
    seed: int | None,
) -> dict[str, float | None]:
    """Accuracy, loss and seconds on the training images and on every set that was measured at an epoch.

    Args:
        table: The table of the data set.
        dataset: The data set.
        architecture: The architecture.
        run: Scheduled epochs of the run.
        epoch: Completed epochs; None for all of the run.
        seed: The trial; None for the mean over all.

    Raises:
        NotMeasured: There is no such run, epoch or seed.
    """
    train = table.query(architecture, "train_accuracy", run=run, epoch=epoch, seed=seed)
    epochs = train.epoch or run
    seconds = _optional(table, architecture, "train_seconds", run=run, epoch=epoch, seed=seed)
    info: dict[str, float | None] = {
        "train-loss": table.query(architecture, "train_loss", run=run, epoch=epoch, seed=seed).value,
        "train-accuracy": train.value,
        "train-per-time": None if seconds is None else seconds / epochs,
        "train-all-time": seconds,
    }
    for images in dataset.sets:
        prefix = images.prefix
        accuracy = _optional(table, architecture, f"{prefix}_accuracy", run=run, epoch=epoch, seed=seed)
        if accuracy is None:
            continue
        once = _optional(table, architecture, f"{prefix}_seconds", run=run, seed=seed)
        info[f"{prefix}-loss"] = table.query(architecture, f"{prefix}_loss", run=run, epoch=epoch, seed=seed).value
        info[f"{prefix}-accuracy"] = accuracy
        info[f"{prefix}-per-time"] = once
        info[f"{prefix}-all-time"] = None if once is None else once * epochs
    return info


def cost_info(
    table: TabularBenchmark, dataset: OfficialDataset, architecture: Architecture, *, run: int
) -> dict[str, float | None]:
    """Operations and parameters in millions, seconds of inference, training and evaluation; means over the trials.

    Raises:
        NotMeasured: The architecture has no such run.
    """
    # What it is asked for first decides whether there is the run at all.
    table.query(architecture, "train_accuracy", run=run)
    total = _optional(table, architecture, "train_seconds", run=run)
    info: dict[str, float | None] = {
        "flops": _one_size(table, architecture, "source_flops", run),
        "params": _one_size(table, architecture, "source_model_size", run),
        "latency": _optional(table, architecture, "latency_seconds", run=run),
        "T-train@epoch": None if total is None else total / run,
        "T-train@total": total,
    }
    for images in dataset.sets:
        once = _optional(table, architecture, f"{images.prefix}_seconds", run=run)
        info[f"T-{images.official}@epoch"] = once
        info[f"T-{images.official}@total"] = None if once is None else once * run
    return info


def _one_size(table: TabularBenchmark, architecture: Architecture, metric: str, run: int) -> float:
    """The mean over the trials or, where they differ, what the trial of one seed says, as in the package."""
    seeds = table.query(architecture, metric, run=run).seeds
    values = dict(zip(seeds, table.trial_values(architecture, metric, run=run), strict=True))
    if len({f"{value:.5f}" for value in values.values()}) > 1 and _TRUSTED_SEED in values:
        return values[_TRUSTED_SEED]
    return sum(values.values()) / len(values)


def _optional(table: TabularBenchmark, architecture: Architecture, metric: str, **asked: Any) -> float | None:
    """A value, or None where it was not measured."""
    if metric not in table.metrics:
        return None
    try:
        return table.query(architecture, metric, **asked).value
    except NotMeasured:
        return None
