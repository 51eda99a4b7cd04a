"""``ganas collect``: measurements from which a surrogate can be fitted."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ganas.cli.output import Json, Progress, example, print_json, print_pairs
from ganas.collecting import COLLECTING_STRATEGIES, collect
from ganas.running import StudySummary

__all__ = ["add_commands"]


def add_commands(app: typer.Typer) -> None:
    """Add ``collect``."""
    app.command(
        "collect",
        epilog=example("ganas collect nasbench201-cifar100 --count 300 --out runs/collected"),
    )(collect_sample)


def collect_sample(
    context: typer.Context,
    benchmark: Annotated[str, typer.Argument(metavar="BENCHMARK", help="A name of ganas list benchmarks.")],
    count: Annotated[int, typer.Option(metavar="N", help="How many different architectures.")],
    strategies: Annotated[
        str, typer.Option(metavar="NAMES", help="What visits those that are not random, separated by commas.")
    ] = ",".join(COLLECTING_STRATEGIES),
    share_random: Annotated[float, typer.Option(metavar="SHARE", help="The share that is drawn at random.")] = 0.5,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of every study.")] = 0,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to measure; the benchmark's objective without it.")
    ] = None,
    signal: Annotated[
        str, typer.Option(metavar="mean|random", help="The mean over trials, or one trial drawn for each evaluation.")
    ] = "mean",
    jobs: Annotated[int, typer.Option(metavar="N", help="Worker processes; each runs one strategy.")] = 1,
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="Where the run is kept; the same command goes on with it.")
    ] = Path("runs/collected"),
    json: Json = False,
) -> None:
    """Measure a sample to fit surrogates on.

    Half of it is random, the rest is what strategies visit. ganas surrogate fit makes a benchmark of the run.
    """
    names = tuple(part.strip() for part in strategies.split(",") if part.strip())
    checked: Any = signal  # the experiment checks it
    with Progress("collect", count, "architectures") as bar:
        held: dict[str, int] = {}

        def progress(_: int, __: int, newest: StudySummary | None) -> None:
            if newest is not None:
                held[newest.config.variant] = newest.queries
                bar.update(min(count, sum(held.values())), f"best {newest.best:.6g} by {newest.config.variant}")

        sample = collect(
            benchmark,
            count,
            out,
            strategies=names,
            share_random=share_random,
            seed=seed,
            jobs=jobs,
            metric=metric,
            signal=checked,
            progress=progress,
            command=shlex.join(["ganas", *context.obj]),
        )
    if json:
        print_json({**asdict(sample), "folder": str(sample.folder)})
        return
    by_strategy = ", ".join(f"{number:,} by {name}" for name, number in sample.by_strategy.items())
    facts = {
        "run": str(sample.folder),
        "architectures": f"{sample.architectures:,}",
        "evaluations": f"{sample.queries:,}: {by_strategy}",
        "failures": f"{sample.failures:,}",
    }
    print_pairs(list(facts.items()))
