"""What ``nats-bench`` answers about one architecture, or about all of them, asked of a converted table.

Source: ``get_more_info`` in ``nats_bench/api_topology.py``, and ``get_compute_costs``, ``get_config``, ``find_best``
and ``statistics`` in ``nats_bench/api_utils.py`` of the official code. It leaves out the keys of images that were not
measured at an epoch, and says None where a time is not known.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ganas.bench.natsbench_numbers import OfficialNumbers
from ganas.bench.table_columns import whole_number
from ganas.bench.tabular import TabularBenchmark
from ganas.data.convert.natsbench_cards import OfficialDataset
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import NotMeasured, unknown_name
from ganas.spaces.natsbench_size.space import CELL
from ganas.spaces.registry import load_space

__all__ = [
    "completed_epochs",
    "cost_info",
    "find_best",
    "in_words",
    "more_info",
    "network_config",
    "official_metric",
    "scheduled_epochs",
    "trial_counts",
]

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


def network_config(architecture: Architecture, dataset: OfficialDataset) -> dict[str, object]:
    """What the official code builds a network from; the genotype as text."""
    notation = load_space(architecture.space).format(architecture)
    if architecture.space == "natsbench-size":
        return {
            "name": "infer.shape.tiny",
            "channels": notation,
            "genotype": CELL,
            "num_classes": dataset.num_classes,
        }
    # Channels of the first stage and cells of each stage, the same in all records.
    return {"name": "infer.tiny", "C": 16, "N": 5, "arch_str": notation, "num_classes": dataset.num_classes}


def official_metric(dataset: OfficialDataset, metric_on_set: str) -> str:
    """The accuracy on a set of images, which goes by its name in the files or by what it is used for.

    Raises:
        UnknownName: There is no such set.
    """
    known = {"train": "train"}
    for one in dataset.sets:
        known |= {one.prefix: one.prefix, one.official: one.prefix}
    if metric_on_set not in known:
        raise unknown_name(f"set of images of {dataset.official!r}", metric_on_set, known)
    return f"{known[metric_on_set]}_accuracy"


def find_best(
    table: TabularBenchmark,
    numbers: OfficialNumbers,
    metric: str,
    *,
    run: int,
    flop_max: float | None,
    param_max: float | None,
) -> tuple[int, float | None]:
    """The official number of the architecture with the highest mean at the end of a run, and this mean.

    Args:
        table: The table of the data set.
        numbers: The official numbers.
        metric: An accuracy.
        run: Scheduled epochs of the run.
        flop_max: The most operations, in millions; None for no bound.
        param_max: The most parameters, in millions; None for no bound.

    Returns:
        The lowest number among equals; -1 and None where no architecture is small enough.

    Raises:
        NotMeasured: There is no such run.
    """
    best, highest = -1, None
    for found in table.top(table.num_rows, metric, run=run):
        if highest is not None and found.value < highest:
            break
        small = all(
            most is None or _one_size(table, found.architecture, size, run) <= most
            for size, most in (("source_flops", flop_max), ("source_model_size", param_max))
        )
        if small:
            number = numbers.number_of(table.space.format(found.architecture))
            best, highest = number if highest is None else min(best, number), found.value
    return best, highest


def trial_counts(table: TabularBenchmark, *, run: int) -> dict[int, int]:
    """How many architectures of a table have how many trials of a run.

    Raises:
        NotMeasured: There is no such run.
    """
    rows = map(table.architecture_at, range(table.num_rows))
    return dict(Counter(table.num_trials(architecture, "train_accuracy", run=run) for architecture in rows))


def in_words(table: TabularBenchmark, dataset: OfficialDataset, architecture: Architecture, *, run: int) -> str:
    """Sizes, latency, and loss and accuracy on every set of images at the end of a run, in two lines.

    Raises:
        NotMeasured: The architecture has no such run.
    """
    cost = cost_info(table, dataset, architecture, run=run)
    info = more_info(table, dataset, architecture, run=run, epoch=None, seed=None)
    latency = "latency unknown" if cost["latency"] is None else f"latency {cost['latency'] * 1000:.2f} ms"
    sets = [
        f"{prefix} {info[f'{prefix}-accuracy']:.2f} % (loss {info[f'{prefix}-loss']:.3f})"
        for prefix in ("train", *(one.prefix for one in dataset.sets))
        if f"{prefix}-accuracy" in info
    ]
    sizes = f"{cost['flops']:.2f} million operations, {cost['params']:.3f} million parameters, {latency}"
    return f"{dataset.official}: {sizes}\n    {', '.join(sets)}"


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
