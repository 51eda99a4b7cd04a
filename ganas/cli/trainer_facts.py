"""What commands say of a trainer, of shared weights and of one training."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ganas.bench.shared_weights.benchmark import SharedWeightsBenchmark
from ganas.bench.training.benchmark import SECONDS, TrainerBenchmark
from ganas.bench.training.finished import TrainingPlace, trainings_folder
from ganas.bench.training.history import History
from ganas.bench.training.task import Task
from ganas.cli.output import print_json, print_pairs, snake_case
from ganas.spaces.architecture import Architecture

__all__ = ["print_training", "protocol_table", "trainer_facts"]

_MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "image_size": " pixels a side",
        "extractor_weights_sha256": ", of the network that images are compared in",
        "classifier_accuracy_percent": ", of images that it did not learn from",
        "valid_distance_of_real_images": ", the floor: what other real images get",
        "valid_distance_of_noise": ", what images of random pixels get",
    }
)
"""What is said in text of facts about data, where their names do not say it."""

_SHOWN_EPOCHS = 20
"""A training of more epochs shows its curve in JSON only."""


def trainer_facts(benchmark: TrainerBenchmark | SharedWeightsBenchmark) -> dict[str, Any]:
    """What it trains, and whether it can."""
    task = benchmark.task
    kept = trainings_folder() / benchmark.name / task.protocol.label
    return {
        "title": benchmark.title,
        "dataset": task.dataset,
        "data": task.missing() or "at hand",
        "protocol": f"{task.protocol.label}: {task.protocol.title}",
        "seeds": ", ".join(map(str, benchmark.seeds)),
        **({"kept in": str(kept)} if isinstance(benchmark, TrainerBenchmark) else {}),
    }


def protocol_table(benchmark: TrainerBenchmark | SharedWeightsBenchmark) -> list[dict[str, Any]]:
    """Every value of its protocol, with unit and source."""
    return [
        {
            "value of": item.field,
            "is": "none" if item.value is None or item.value == () else item.value,
            "unit": item.unit or "-",
            "source": item.source,
            "meaning": item.meaning,
        }
        for item in benchmark.protocol.values
    ]


def print_training(
    task: Task,
    architecture: Architecture | None,
    history: History,
    place: TrainingPlace,
    about: Mapping[str, Any],
    *,
    json: bool,
) -> None:
    """Print what a finished training measured, on the best epoch and on the last.

    Args:
        task: What was trained.
        architecture: The network; None for a task of one network only.
        history: What was measured.
        place: Where it is kept.
        about: What else is to be said of it.
        json: For a program.
    """
    epochs = len(history.epochs)
    pictures = [str(path) for path in place.pictures]
    facts: dict[str, Any] = {
        "architecture": task.describe(architecture),
        "space": task.space.name,
        "dataset": task.dataset,
        "protocol": task.protocol.label,
        "about the protocol": task.protocol.title,
        **about,
        "kept in": str(place.record),
        **({"pictures": len(pictures), "last picture": pictures[-1]} if pictures else {}),
        "epochs": epochs,
        "best epoch": history.best,
        "rollbacks": len(history.rollbacks),
        **task.data_facts(),
        **task.static(architecture),
    }
    measured = [metric for metric in task.metrics if metric.when != "static"]
    values = {metric.name: history.value(metric, epochs) for metric in measured}
    seconds = history.epochs[-1].seconds
    if json:
        curve = [{"epoch": number, **epoch.values} for number, epoch in enumerate(history.epochs, start=1)]
        print_json({**snake_case(facts), **values, SECONDS.name: seconds, "curve": curve})
        return
    if epochs <= _SHOWN_EPOCHS:
        objective = task.metric(task.objective).source
        facts[f"{objective} by epoch"] = ", ".join(f"{epoch.values[objective]:.4g}" for epoch in history.epochs)
    units = {metric.name: metric.unit for metric in task.metrics}
    pairs = [(name, _in_words(value, units.get(name, ""), _MEANINGS.get(name, ""))) for name, value in facts.items()]
    for metric in measured:
        unit = "" if metric.unit in metric.name.split("_") else metric.unit
        said = ", of the last epoch" if metric.when == "epoch" else ""
        pairs.append((metric.name, _in_words(values[metric.name], unit, said)))
    print_pairs([*pairs, (SECONDS.name, _in_words(seconds, SECONDS.unit, ""))])


def _in_words(value: Any, unit: str, said: str) -> str:
    """A value as people read it.

    >>> _in_words(0.5, "share", ", of the last epoch"), _in_words({"train": 1797}, "", "")
    ('0.5000 share, of the last epoch', 'train 1,797')
    """
    if isinstance(value, dict):
        words = ", ".join(f"{split} {count:,}" for split, count in value.items())
    elif unit == "count":
        words = f"{value:,.0f}"
    elif isinstance(value, float):
        words = f"{value:.4f} {unit}".strip()
    elif isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value):
        words = value[:12]
    else:
        words = str(value)
    return words + said
