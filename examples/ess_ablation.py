"""Is it worth searching cell and connections together? The ablation of ESS, as a Markdown table.

Searches in five modes (the cell alone, the connections alone, one after the other, in turns, both together), trains
what each finds from scratch, and beside it random architectures, the DARTS cell and an LSTM. All networks have the same
number of parameters: each is made as large as the number of parameters of the DARTS cell at the size of the protocol
allows. Every search and every training that is finished is kept, so the same command goes on where it stopped::

    python examples/ess_ablation.py --space rnn --seeds 3 --out runs/ess-ablation
    python examples/ess_ablation.py --modes joint --seeds 1 --random 0 --no-baselines --out runs/ess-ablation

A search, its network and the training of what it found have the same seed. Values are perplexities of a miniature:
they compare only with each other. Test perplexities are read when everything is trained, and choose nothing.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

import ganas
from ganas.bench.training.checkpoint import write_atomically
from ganas.bench.training.finished import TrainingPlace
from ganas.bench.training.language.task import LanguageTask
from ganas.bench.training.running import Machine, train
from ganas.bench.training.trainers import task_for
from ganas.spaces.architecture import Architecture
from ganas.spaces.rnn.genotype import RecurrentCell, RecurrentGenotype
from ganas.spaces.rnn.published import PUBLISHED
from ganas.spaces.rnn.space import RecurrentSpace
from ganas.strategies.one_shot.ess import ESS
from ganas.strategies.one_shot.ess_settings import ESSSettings

__all__ = ["MODES", "Trained", "best_of", "largest", "markdown"]

MODES = ("intra", "inter", "sequential", "alternating", "joint")
TRAINER = "ess-ablation"


@dataclass(frozen=True)
class Trained:
    """One network of the table.

    Attributes:
        mode: Its row.
        seed: Of the search and of the training.
        architecture: In the notation of the space, or the name of a baseline.
        hidden: Its size.
        parameters: How many it has.
        valid: Perplexity of the validation text.
        test: Perplexity of the test text.
        search_seconds: What the search took; 0 without one.
    """

    mode: str
    seed: int
    architecture: str
    hidden: int
    parameters: int
    valid: float
    test: float
    search_seconds: float = 0.0


def sized(task: LanguageTask, hidden: int) -> LanguageTask:
    """The same task with networks of another size."""
    return task.with_protocol(replace(task.protocol, hidden=hidden))


def count(task: LanguageTask, architecture: Architecture | None, hidden: int) -> int:
    """Parameters of a network at a size."""
    return int(sized(task, hidden).static(architecture)["parameters"])


def largest(task: LanguageTask, architecture: Architecture | None, parameters: int) -> int:
    """The largest size at which a network has at most so many parameters."""
    low, high = 1, 2
    while count(task, architecture, high) <= parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(task, architecture, middle) <= parameters else (low, middle)
    return low


def best_of(networks: Sequence[Trained]) -> list[Trained]:
    """Of each seed the network with the best validation."""
    seeds = dict.fromkeys(network.seed for network in networks)
    return [min((n for n in networks if n.seed == seed), key=lambda network: network.valid) for seed in seeds]


def markdown(networks: Sequence[Trained]) -> str:
    """The table: means over seeds, with the sample standard deviation where there are several.

    >>> one = Trained("joint", 0, "a", 60, 1000, 120.0, 125.0, 60.0)
    >>> print(markdown([one, replace(one, seed=1, valid=122.0)]).splitlines()[-1])
    | joint | 2 | 1,000 | 60 | 121.0 ± 1.4 | 125.0 ± 0.0 | 60 |
    """
    rows: dict[str, list[Trained]] = {}
    for network in networks:
        rows.setdefault(network.mode, []).append(network)
    if "random" in rows:
        rows["random, best on validation of each seed"] = best_of(rows["random"])
    lines = [
        "| mode | networks | parameters | size | validation perplexity | test perplexity | search seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for mode, members in rows.items():
        sizes, totals = ([getattr(n, name) for n in members] for name in ("hidden", "parameters"))
        cells = (
            mode, str(len(members)), _range(totals), _range(sizes), _mean([n.valid for n in members]),
            _mean([n.test for n in members]), f"{np.mean([n.search_seconds for n in members]):.0f}",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _mean(values: Sequence[float]) -> str:
    text = f"{np.mean(values):.1f}"
    return f"{text} ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else text


class Ablation:
    """Searches and trains, unless that was done before.

    Args:
        space: Name of a recurrent space.
        dataset: Name of the data set.
        out: Folder for what the searches found; trainings are kept where Ganas keeps them.
        epochs: Of a search; None for those of the recipe.
    """

    def __init__(self, space: str, dataset: str, out: Path, epochs: int | None) -> None:
        self.benchmark = ganas.load_benchmark(f"train-{space}-{dataset}")
        self.space = cast("RecurrentSpace", self.benchmark.space)
        self.out, self.epochs = out, epochs
        self.task = cast("LanguageTask", task_for(self.space, dataset))
        self.lstm = cast("LanguageTask", task_for(self.space, dataset, baseline="LSTM"))
        nodes, concat = PUBLISHED["DARTS_V2"].nodes[: self.space.layout.nodes], self.space.layout.concat
        self.darts = self.space.from_genotype(RecurrentGenotype(RecurrentCell(nodes, concat)))
        self.parameters = count(self.task, self.darts, self.task.protocol.hidden)

    def search(self, mode: str, seed: int) -> dict[str, Any]:
        """What a search found, and what it took."""
        task = self.benchmark.training_task()
        epochs = self.epochs or task.protocol.epochs
        path = self.out / f"{self.space.name}-{mode}-{epochs}-{seed}.json"
        if path.is_file():
            found: dict[str, Any] = json.loads(path.read_text())
            return found
        settings = ESSSettings(part=cast("Any", mode), epochs=epochs, epochs_per_proposal=epochs)
        problem = ganas.Problem(self.space, (self.benchmark.metric(),), training_task=task)
        strategy = ESS(problem, rng=np.random.default_rng(seed), settings=settings)
        started = time.perf_counter()
        (architecture,) = strategy.ask()
        seconds = time.perf_counter() - started
        found = {"architecture": self.space.format(architecture), "seconds": seconds, **strategy.diagnostics()}
        write_atomically(path, json.dumps(found, indent=1).encode())
        return found

    def train(self, mode: str, architecture: Architecture | None, seed: int, search_seconds: float = 0.0) -> Trained:
        """Train a network, the LSTM without an architecture, at the size that has the parameters of all."""
        base = self.lstm if architecture is None else self.task
        hidden = largest(base, architecture, self.parameters)
        task = sized(base, hidden)
        key = 0 if architecture is None else self.space.identity_key(architecture)
        name = f"{TRAINER}-{'lstm' if architecture is None else self.space.name}-{task.dataset}"
        place = TrainingPlace.of(name, task.protocol.label, key, seed)
        history = train(task, architecture, place, seed=seed, machine=Machine())
        if history.failure is not None:
            raise ganas.GanasError(f"{task.describe(architecture)}: {history.failure}")
        valid = min(epoch.values["valid_perplexity"] for epoch in history.epochs)
        return Trained(
            mode,
            seed,
            task.describe(architecture),
            hidden,
            count(base, architecture, hidden),
            valid,
            history.final["test_perplexity"],
            search_seconds,
        )

    def networks(self, modes: Sequence[str], seeds: Sequence[int], random: int, baselines: bool) -> Iterator[Trained]:
        """All networks of the table, seed by seed."""
        for seed in seeds:
            if baselines:
                yield self.train("LSTM", None, seed)
                yield self.train("DARTS_V2", self.darts, seed)
            for architecture in self.space.sample(random, rng=np.random.default_rng([seed, 1])) if random else ():
                yield self.train("random", architecture, seed)
            for mode in modes:
                found = self.search(mode, seed)
                yield self.train(mode, self.space.parse(found["architecture"]), seed, found["seconds"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing of the ablation, and print its table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--space", default="rnn", help="a recurrent space: rnn, rnn-mini")
    parser.add_argument("--dataset", default="bbcnews")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument("--random", type=int, default=5, help="random architectures a seed")
    parser.add_argument("--epochs", type=int, default=None, help="of a search; without it those of the recipe")
    parser.add_argument("--baselines", action=argparse.BooleanOptionalAction, default=True, help="LSTM and DARTS_V2")
    parser.add_argument("--out", type=Path, default=Path("runs/ess-ablation"))
    given = parser.parse_args(arguments)
    ablation = Ablation(given.space, given.dataset, given.out, given.epochs)
    networks: list[Trained] = []
    started = time.perf_counter()
    for network in ablation.networks(given.modes, range(given.seeds), given.random, given.baselines):
        networks.append(network)
        print(
            f"# {network.mode}, seed {network.seed}: {network.valid:.1f} on validation, "
            f"{time.perf_counter() - started:.0f} s, {network.architecture}",
            flush=True,
        )
    print(markdown(networks))


if __name__ == "__main__":
    main()
