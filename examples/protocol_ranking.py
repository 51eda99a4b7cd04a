"""Does a short protocol rank architectures as a longer one does? Spearman's correlation, as Markdown.

Trains random architectures by the protocol of a trainer and by a changed one, with several seeds each, and compares the
means over seeds. Every training that is finished is kept, so the same command goes on where it stopped; two processes
share the work when each is given its own seeds::

    python examples/protocol_ranking.py train-rnn-bbcnews --change train_words=200000 --seeds 0 1

What two seeds of the same protocol agree in is printed beside it: a protocol cannot agree with another one better than
with itself. Values are those of the validation split; the test split plays no part.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

import ganas
from ganas.bench.training.benchmark import TrainerBenchmark
from ganas.bench.training.finished import TrainingPlace
from ganas.bench.training.running import Machine, train
from ganas.bench.training.task import Task
from ganas.spaces.architecture import Architecture

__all__ = ["correlation", "markdown", "measure", "reliability"]


def measure(
    name: str, task: Task, architectures: Sequence[Architecture], seeds: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Objective and seconds of every training, (architectures, seeds) each; NaN where a training broke down."""
    values = np.full((len(architectures), len(seeds)), np.nan)
    seconds = np.zeros_like(values)
    for column, seed in enumerate(seeds):
        for row, architecture in enumerate(architectures):
            key = task.space.identity_key(architecture)
            place = TrainingPlace.of(name, task.protocol.label, key, seed)
            history = train(task, architecture, place, seed=seed, machine=Machine())
            seconds[row, column] = history.seconds
            if history.failure is None:
                metric = next(metric for metric in task.metrics if metric.name == task.objective)
                values[row, column] = history.epochs[history.best - 1].values[metric.source]
            print(
                f"# {task.protocol.label}, seed {seed}, {row + 1} of {len(architectures)}: "
                f"{values[row, column]:.2f} in {seconds[row, column]:.0f} s",
                flush=True,
            )
    return values, seconds


def correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Spearman's correlation of two lists.

    >>> correlation(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]))
    0.5
    """
    return round(float(spearmanr(first, second).statistic), 12)


def reliability(values: NDArray[np.float64]) -> float:
    """Mean correlation of two seeds of the same protocol, values (architectures, seeds); NaN for one seed."""
    pairs = [correlation(values[:, a], values[:, b]) for a, b in combinations(range(values.shape[1]), 2)]
    return float(np.mean(pairs)) if pairs else float("nan")


def markdown(rows: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]) -> str:
    """The table: protocol to its values and seconds, the longer protocol last."""
    longest = list(rows.values())[-1][0].mean(axis=1)
    lines = [
        "| protocol | seconds a training | mean and range | Spearman between seeds | with the last row |",
        "|---|---|---|---|---|",
    ]
    for label, (values, seconds) in rows.items():
        means = values.mean(axis=1)
        lines.append(
            f"| `{label}` | {seconds.mean():.1f} | {means.mean():.2f} ({means.min():.2f} to {means.max():.2f}) "
            f"| {reliability(values):.2f} | {correlation(means, longest):.2f} |"
        )
    return "\n".join(lines)


def changes_of(given: Sequence[str]) -> dict[str, Any]:
    """Fields of a protocol, from ``field=value``.

    >>> changes_of(["epochs=30", "dropout=0.1"])
    {'epochs': 30, 'dropout': 0.1}
    """
    return {field: json.loads(value) for field, _, value in (item.partition("=") for item in given)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("trainer", help="such as train-rnn-bbcnews")
    parser.add_argument("--change", nargs="+", required=True, metavar="FIELD=VALUE", help="of the longer protocol")
    parser.add_argument("--architectures", type=int, default=20, help="how many random ones")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    given = parser.parse_args(arguments)
    benchmark = ganas.load_benchmark(given.trainer)
    if not isinstance(benchmark, TrainerBenchmark):
        parser.error(f"{given.trainer!r} is a {benchmark.kind}, not a trainer")
    short = benchmark.task
    longer = short.with_protocol(replace(short.protocol, **changes_of(given.change)))
    architectures = benchmark.space.sample(given.architectures, rng=np.random.default_rng(0))
    rows = {task.protocol.label: measure(given.trainer, task, architectures, given.seeds) for task in (short, longer)}
    print(markdown(rows))


if __name__ == "__main__":
    main()
