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
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

import ganas
from ganas.bench.training.benchmark import TrainerBenchmark
from ganas.bench.training.ranking import correlation, reliability, train_all

__all__ = ["correlation", "main", "markdown", "reliability"]


def note(line: str) -> None:
    """Print a line that is no part of the table."""
    print(f"# {line}", flush=True)


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("trainer", help="such as train-rnn-bbcnews")
    parser.add_argument("--change", nargs="+", required=True, metavar="FIELD=VALUE", help="of the longer protocol")
    parser.add_argument("--metric", help="of the validation split; the objective without it")
    parser.add_argument("--architectures", type=int, default=20, help="how many random ones")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    given = parser.parse_args(arguments)
    benchmark = ganas.load_benchmark(given.trainer)
    if not isinstance(benchmark, TrainerBenchmark):
        parser.error(f"{given.trainer!r} is a {benchmark.kind}, not a trainer")
    short = benchmark.task
    longer = short.with_protocol(short.protocol.with_values(given.change))
    architectures = benchmark.space.sample(given.architectures, rng=np.random.default_rng(0))
    rows = {
        task.protocol.label: train_all(given.trainer, task, architectures, given.seeds, note, given.metric)
        for task in (short, longer)
    }
    print(markdown(rows))


if __name__ == "__main__":
    main()
