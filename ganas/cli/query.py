"""``ganas query``: one answer of a benchmark."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ganas.bench.metric import REDUCTIONS
from ganas.bench.registry import load_benchmark
from ganas.cli.output import Json, example, print_json, print_pairs
from ganas.spaces.errors import unknown_name


def add_commands(app: typer.Typer) -> None:
    """Add ``query``."""
    app.command(
        "query",
        epilog=example(
            "ganas query nasbench201-cifar10 --trial 0 \\",
            "    '|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|'",
        ),
    )(query)


def query(
    benchmark: Annotated[str, typer.Argument(metavar="BENCHMARK", help="A name of ganas list benchmarks.")],
    architecture: Annotated[
        str, typer.Argument(metavar="ARCHITECTURE", help="In the notation of its space; quote it.")
    ],
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="A metric of the benchmark; its objective without it.")
    ] = None,
    epoch: Annotated[int | None, typer.Option(metavar="N", help="Completed epochs; the last without it.")] = None,
    trial: Annotated[
        int | None, typer.Option(metavar="N", help="Position of one trial, from 0; the mean without it.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="The trial of this seed, where seeds are known.")
    ] = None,
    run: Annotated[
        int | None, typer.Option(metavar="N", help="The training scheduled for N epochs; the longest without it.")
    ] = None,
    reduction: Annotated[
        str, typer.Option(metavar="HOW", help="How trials become one number: mean, median, min or max.")
    ] = "mean",
    json: Json = False,
) -> None:
    """Ask a benchmark about one architecture.

    The answer says exactly what the number is: its unit, split, epoch, trials and source.
    """
    opened = load_benchmark(benchmark)
    parsed = opened.space.parse(architecture)
    if reduction not in REDUCTIONS:
        raise unknown_name("reduction", reduction, REDUCTIONS)
    result = asdict(opened.query(parsed, metric, epoch=epoch, trial=trial, seed=seed, run=run, reduction=reduction))
    answer = {"benchmark": benchmark, "architecture": opened.space.format(parsed), **result}
    if json:
        print_json(answer)
        return
    for several in ("trials", "seeds"):
        answer[several] = ", ".join(map(str, answer[several])) or "-"
    print_pairs([(name, "-" if value is None else value) for name, value in answer.items()])
