"""``ganas surrogate evaluate``: how good surrogates are, by the number of measurements that they learnt from."""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganas.cli.output import Json, Progress, example, print_json, print_table, print_text
from ganas.experiment import parse_seeds
from ganas.spaces.errors import InvalidSetting

if TYPE_CHECKING:
    from ganas.report.surrogates.summary import Key, Summary

__all__ = ["add_commands"]

_SHOWN = ("kendall_tau", "sparse_kendall_tau", "spearman", "r2", "rmse", "coverage_90", "top_found", "fit_seconds")


def add_commands(app: typer.Typer) -> None:
    """Add ``evaluate``."""
    app.command(
        "evaluate",
        epilog=example(
            "ganas surrogate evaluate nasbench201-cifar100 --models all --seeds 100-119 \\",
            "    --known nasbench201-cifar10 --jobs 2 --out runs/surrogates",
        ),
    )(evaluate)


def evaluate(
    context: typer.Context,
    benchmark: Annotated[str, typer.Argument(metavar="BENCHMARK", help="A table of ganas list benchmarks.")],
    models: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Surrogate models, separated by commas, or all; the default without it."),
    ] = None,
    sizes: Annotated[
        str, typer.Option(metavar="NUMBERS", help="How many architectures are learnt from, separated by commas.")
    ] = "50,200,1000",
    seeds: Annotated[
        str, typer.Option(metavar="SEEDS", help="A count (20), a range (100-119) or a list (1,5): one draw each.")
    ] = "20",
    known: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Tables whose values surrogates are given, separated by commas."),
    ] = None,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="What is predicted; the benchmark's objective without it.")
    ] = None,
    signal: Annotated[
        str, typer.Option(metavar="random|mean", help="Learn from one trial of each architecture, or from their mean.")
    ] = "random",
    splits: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="random, extrapolation (nothing of the best 1 % is learnt from), with-twins (as random, judged on the "
            "twins as well), separated by commas.",
        ),
    ] = "random,extrapolation",
    visited: Annotated[
        Path | None,
        typer.Option(
            "--leave-out",
            metavar="RUN",
            help="A run of ganas compare: each of its strategies is left out once and judged on.",
        ),
    ] = None,
    most: Annotated[
        int, typer.Option("--population", metavar="N", help="Of a larger table as many architectures are drawn.")
    ] = 20_000,
    jobs: Annotated[int, typer.Option(metavar="N", help="Worker processes.")] = 1,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="FOLDER", help="Where it is kept; the same command goes on where it stopped."),
    ] = Path("runs/surrogates"),
    json: Json = False,
) -> None:
    """Judge surrogates on a table, and write a report.

    They are judged on architectures that they did not learn from, nor a functional twin of them. Beside the models
    stand rankings without training: by parameter count and, with --known, by what is known. A folder can be extended
    by further models, sizes and seeds, and with --known.
    """
    from ganas.judging import SurrogateGrid, judge_surrogates
    from ganas.report.surrogates import report_surrogates
    from ganas.report.surrogates.summary import summarise

    grid = SurrogateGrid(
        models=_models(models),
        sizes=_numbers(sizes),
        seeds=parse_seeds(seeds),
        label=_label(signal),
        metric=metric,
        splits=_names(splits),
        most=most,
    )
    bar: Progress | None = None

    def progress(done: int, total: int, newest: dict[str, Any] | None) -> None:
        nonlocal bar
        if bar is None:
            bar = stack.enter_context(Progress(f"surrogates on {benchmark}", total, "judgements"))
        note = "" if newest is None else f"tau {newest['kendall_tau']:.3f} by {newest['model']}, {newest['size']}"
        bar.update(done, note)

    with ExitStack() as stack:
        frame = judge_surrogates(
            benchmark,
            grid,
            out,
            known=_names(known or ""),
            visited=visited,
            jobs=jobs,
            progress=progress,
            command=shlex.join(["ganas", *context.obj]),
        )
    summary = summarise(frame)
    files = report_surrogates(out)
    if json:
        print_json({"run": str(out), "report": str(files.html), "scores": summary.rows()})
        return
    _print_summary(summary)
    print_text(f"report: {files.html}")


def _print_summary(summary: Summary) -> None:
    from ganas.report.surrogates.tables import number_text

    rows = [
        [
            key.split,
            key.size,
            key.model + (" + known" if key.known else ""),
            *(number_text(summary.estimates[key][name].mean, name) for name in _SHOWN),
        ]
        for key in sorted(summary.estimates, key=_order)
    ]
    print_table(["split", "learnt from", "model", *(name.replace("_", " ") for name in _SHOWN)], rows)


def _order(key: Key) -> tuple[Any, ...]:
    """Rankings without training first."""
    from ganas.bench.surrogate.judging.evaluate import REFERENCES

    return key.split, key.size, key.model not in REFERENCES, key.known, key.model


def _models(text: str | None) -> tuple[str, ...]:
    from ganas.bench.surrogate.models import DEFAULT_MODEL, MODELS

    if text is None:
        return (DEFAULT_MODEL,)
    return tuple(MODELS) if text.strip() == "all" else _names(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in _names(text))
    except ValueError:
        raise InvalidSetting(f"--sizes takes whole numbers separated by commas, not {text!r}") from None


def _label(text: str) -> Any:
    """The grid checks the value; this only satisfies its type."""
    return text
