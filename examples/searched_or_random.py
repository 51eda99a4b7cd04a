r"""Is what a search finds better than random architectures? Test values over several seeds, as Markdown.

Searches on a trainer, which trains with seed 0; then trains the best of the search, random architectures, published
ones that are named and the baselines of the task with other seeds, and reads their test values, which chose nothing.
Every training that is finished is kept, so the same command goes on where it stopped::

    python examples/searched_or_random.py train-textnas-mini-sst2-glue --metric test_accuracy --budget 30
    python examples/searched_or_random.py train-alphagan-digits --metric test_classifier_frechet_distance \
        --strategies ganas random-search --architectures alphaGAN_s alphaGAN_l --budget 30
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import ganas
from ganas.bench.training.benchmark import TrainerBenchmark
from ganas.bench.training.finished import TrainingPlace
from ganas.bench.training.running import Machine, train
from ganas.bench.training.task import Task
from ganas.bench.training.trainers import family_of, task_for
from ganas.spaces.architecture import Architecture

__all__ = ["line", "measured"]


def measured(
    name: str, task: Task, architecture: Architecture | None, metric: str, seeds: Sequence[int]
) -> list[float]:
    """A metric at the end of a training with each seed."""
    wanted = task.metric(metric)
    found = []
    for seed in seeds:
        key = 0 if architecture is None else task.space.identity_key(architecture)
        place = TrainingPlace.of(name, task.protocol.label, key, seed)
        history = train(task, architecture, place, seed=seed, machine=Machine())
        if history.failure is not None:
            raise ganas.GanasError(f"{task.describe(architecture)}: {history.failure}")
        found.append(history.value(wanted, task.protocol.epochs))
    print(f"# {task.describe(architecture)}: {', '.join(f'{value:.2f}' for value in found)}", flush=True)
    return found


def line(name: str, networks: Sequence[Sequence[float]]) -> str:
    """A row: the mean over networks and seeds, the deviation between the means of networks, and that between seeds.

    >>> line("random", [[70.0, 72.0], [74.0, 76.0]])
    '| random | 2 | 73.00 | 2.83 | 1.41 |'
    """
    values = np.array(networks, dtype=np.float64)
    between = f"{values.mean(axis=1).std(ddof=1):.2f}" if len(values) > 1 else "-"
    within = f"{np.sqrt(values.var(axis=1, ddof=1).mean()):.2f}" if values.shape[1] > 1 else "-"
    return f"| {name} | {len(values)} | {values.mean():.2f} | {between} | {within} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("trainer", help="such as train-textnas-mini-sst2-glue")
    parser.add_argument("--metric", required=True, help="of the test split")
    parser.add_argument("--strategies", nargs="+", default=["ganas"])
    parser.add_argument("--budget", type=int, default=30, help="trainings of each search")
    parser.add_argument("--random", type=int, default=10, help="how many random architectures")
    parser.add_argument("--architectures", nargs="+", default=[], help="others, in the notation of the space")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--data", type=Path, help="where the files of the data set lie, if not where they usually do")
    given = parser.parse_args(arguments)
    listed = ganas.load_benchmark(given.trainer)
    if not isinstance(listed, TrainerBenchmark):
        parser.error(f"{given.trainer!r} is a {listed.kind}, not a trainer")
    space, dataset = listed.space, listed.task.dataset
    task = task_for(space, dataset, folder=given.data)
    trainer = TrainerBenchmark(given.trainer, task)
    rows: dict[str, list[list[float]]] = {}
    for strategy in given.strategies:
        best = ganas.search(trainer, strategy, budget=given.budget, seed=0).best.architecture
        rows[f"best of {strategy}"] = [measured(given.trainer, task, best, given.metric, given.seeds)]
    drawn = space.sample(given.random, rng=np.random.default_rng(1))
    rows["random"] = [measured(given.trainer, task, one, given.metric, given.seeds) for one in drawn]
    for name in given.architectures:
        rows[name] = [measured(given.trainer, task, space.parse(name), given.metric, given.seeds)]
    for name in family_of(space, dataset).baselines:
        other = task_for(space, dataset, folder=given.data, baseline=name)
        rows[name] = [measured(f"{given.trainer}-{name}", other, None, given.metric, given.seeds)]
    print(f"| | networks | {given.metric} | deviation between networks | between seeds |")
    print("|---|---|---|---|---|")
    print("\n".join(line(name, networks) for name, networks in rows.items()))


if __name__ == "__main__":
    main()
