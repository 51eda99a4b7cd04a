"""Do shared weights rank architectures as training each by itself does? Kendall's tau and Spearman's, as Markdown.

Scores random architectures by shared weights, of several supernets, and trains each from scratch, with several seeds,
by the trainer of the same space and data set. Whatever is trained or measured is kept, so the same command goes on
where it stopped, and trainings of searches are used again::

    python examples/shared_ranking.py shared-textnas-mini-bbcnews --architectures 20 --shared-seeds 0 1 --seeds 0 1

What two seeds of the same way agree in is printed beside what the two ways agree in: a way cannot agree with another
one better than with itself. Shared weights are scored on the half of the training data that they did not learn from,
trainings on validation data; the test split plays no part. A training that broke down leaves its architecture out.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

import ganas
from ganas.bench.shared_weights.benchmark import SharedWeightsBenchmark
from ganas.bench.training.names import MINI, trainer_name
from ganas.bench.training.ranking import correlation, rank_correlation, reliability, train_all
from ganas.bench.training.trainers import task_for
from ganas.spaces.architecture import Architecture

__all__ = ["main", "markdown", "score_all"]

Values = NDArray[np.float64]


def score_all(benchmark: SharedWeightsBenchmark, architectures: Sequence[Architecture]) -> tuple[Values, Values]:
    """Score and seconds of every architecture by every supernet, (architectures, seeds) and (architectures,)."""
    values = np.zeros((len(architectures), len(benchmark.seeds)))
    seconds = np.zeros(len(architectures))
    for row, architecture in enumerate(architectures):
        results = [benchmark.query(architecture, seed=seed) for seed in benchmark.seeds]
        values[row] = [result.value for result in results]
        seconds[row] = results[0].cost_seconds
        note(f"{benchmark.source}, {row + 1} of {len(architectures)}: {values[row].mean():.2f}")
    return values, seconds


def note(line: str) -> None:
    """Print a line that is no part of the table."""
    print(f"# {line}", flush=True)


def markdown(rows: Mapping[str, tuple[Values, Values]]) -> str:
    """The table: a way to its values and seconds; the last one is what the others are compared with."""
    kept = np.all([np.isfinite(values).all(axis=1) for values, _ in rows.values()], axis=0)
    truth = list(rows.values())[-1][0][kept].mean(axis=1)
    lines = [
        f"Of {kept.sum()} architectures:",
        "",
        "| way | seeds | seconds an architecture | mean and range | tau between seeds | Spearman between seeds "
        "| tau with the last row | Spearman with the last row |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for way, (values, seconds) in rows.items():
        means = values[kept].mean(axis=1)
        cells = [
            way,
            str(values.shape[1]),
            f"{seconds.mean():.2f}",
            f"{means.mean():.2f} ({means.min():.2f} to {means.max():.2f})",
            *(f"{reliability(values[kept], agreement):.2f}" for agreement in (rank_correlation, correlation)),
            *(f"{agreement(means, truth):.2f}" for agreement in (rank_correlation, correlation)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shared", help="such as shared-textnas-mini-bbcnews")
    parser.add_argument("--architectures", type=int, default=20, help="how many random ones")
    parser.add_argument("--shared-seeds", type=int, nargs="+", default=[0, 1], help="of supernets")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="of trainings from scratch")
    given = parser.parse_args(arguments)
    opened = ganas.load_benchmark(given.shared)
    if not isinstance(opened, SharedWeightsBenchmark):
        parser.error(f"{given.shared!r} is a {opened.kind}: shared weights are wanted")
    if given.architectures < 3:
        parser.error(f"ranks are compared of at least 3 architectures, not of {given.architectures}")
    benchmark = SharedWeightsBenchmark(given.shared, opened.task, seeds=given.shared_seeds)
    task = task_for(benchmark.space, benchmark.task.dataset, MINI)
    name = trainer_name(benchmark.space.name, task.dataset, MINI)
    architectures = benchmark.space.sample(given.architectures, rng=np.random.default_rng(0))
    scored = score_all(benchmark, architectures)
    trained = train_all(name, task, architectures, given.seeds, note)
    note(f"a supernet was trained in {benchmark.preparation_seconds([benchmark.objective]):.0f} s")
    print(markdown({f"shared weights (`{benchmark.source}`)": scored, f"training (`{task.protocol.label}`)": trained}))


if __name__ == "__main__":
    main()
