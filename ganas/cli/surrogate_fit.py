"""``ganas surrogate fit`` and ``verify``: from measurements to a benchmark, and its promises measured for real."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ganas.bench.registry import BENCHMARKS, is_benchmark, load_benchmark
from ganas.cli.output import Json, Progress, example, print_json, print_pairs, print_table, print_text, snake_case
from ganas.spaces.errors import DuplicateName, InvalidSetting, closest_match, quote_list

if TYPE_CHECKING:
    import pandas

    from ganas.bench.benchmark import Benchmark
    from ganas.bench.surrogate.benchmark import SurrogateBenchmark
    from ganas.bench.surrogate.labels import Labels
    from ganas.running import StudySummary

__all__ = ["add_commands"]

# How many architectures of a benchmark are taken unless told otherwise.
_SAMPLE = 500


def add_commands(app: typer.Typer) -> None:
    """Add ``fit`` and ``verify``."""
    app.command(
        "fit",
        epilog=example(
            "ganas surrogate fit nasbench201-cifar100 --name mine --count 200 --signal random",
        ),
    )(fit)
    app.command("verify", epilog=example("ganas surrogate verify mine --benchmark nasbench201-cifar100 --top 10"))(
        verify
    )


def fit(
    data: Annotated[
        str,
        typer.Argument(
            metavar="RUN|BENCHMARK", help="Folder of a run that ganas collect, search or compare made; or a benchmark."
        ),
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What it is called; that of --out without it.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Metrics of a benchmark, separated by commas; its objective.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Which model; the default of Ganas.")] = None,
    count: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=f"Architectures drawn from a benchmark; without it {_SAMPLE}, or all of a table that holds a part of "
            "its space.",
        ),
    ] = None,
    signal: Annotated[
        str | None, typer.Option(metavar="mean|random", help="Labels of a benchmark: mean over trials, or one trial.")
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which benchmark of a run that has several.")
    ] = None,
    known: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Benchmarks of the same space whose values are known everywhere."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the sample and of the fit.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Where to save it; among the named ones without it.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a surrogate of the same name.")] = False,
    json: Json = False,
) -> None:
    """Fit a surrogate, and save it as a benchmark.

    Prints how well it predicts labels that were left out of its training, functional twins together.
    """
    from ganas.bench.surrogate.artefact import require_name
    from ganas.bench.surrogate.fitting import fit_benchmark
    from ganas.bench.surrogate.models import DEFAULT_MODEL, require_registered_model

    if name is None and out is None:
        raise InvalidSetting("--name is needed, or --out FOLDER")
    named = require_name(name if name is not None else (out or Path()).absolute().name)
    folder = _place(named, out, overwrite)
    if seed < 0:
        raise InvalidSetting(f"a seed must not be negative, as {seed} is")
    chosen = require_registered_model(model or DEFAULT_MODEL)
    others = [load_benchmark(one) for one in _names(known)]
    labels = _labels(data, _names(metric), count, signal, benchmark, seed)
    fitted = fit_benchmark(named, labels, model=chosen, known=others, seed=seed)
    fitted.save(folder, overwrite=overwrite)
    _print_fitted(fitted, folder, json=json)


def _place(name: str, out: Path | None, overwrite: bool) -> Path:
    """Where it is saved; what would fail after a long fit fails here."""
    from ganas.bench.surrogate.artefact import is_saved, saved_surrogates, surrogates_folder

    folder = surrogates_folder() / name if out is None else out
    taken = BENCHMARKS.entries().get(name) if out is None and name not in saved_surrogates() else None
    if taken is not None:
        raise DuplicateName(f"{name!r} is the name of a benchmark of {taken.origin} already")
    if folder.exists() and not (overwrite and is_saved(folder)):
        advice = "give --overwrite or another name" if is_saved(folder) else "take another folder"
        raise DuplicateName(f"{folder} exists: {advice}")
    return folder


def _labels(
    data: str, metrics: list[str], count: int | None, signal: str | None, benchmark: str | None, seed: int
) -> Labels:
    from ganas.bench.surrogate.labels import sample_labels
    from ganas.run_labels import run_labels
    from ganas.store import FILE_NAME

    if is_benchmark(data) or (":" in data and "://" not in data):
        if benchmark is not None:
            raise InvalidSetting(f"--benchmark chooses one of a run, and {data!r} is a benchmark")
        opened = load_benchmark(data)
        if opened.kind == "trainer":
            raise InvalidSetting(f"{data!r} trains every architecture: ganas collect {data} does that into a run")
        checked: Any = signal or "mean"  # checked where labels are drawn
        wanted = _usual_count(opened) if count is None else count
        rng = np.random.default_rng(seed)
        return sample_labels(opened, wanted, metrics=metrics or None, signal=checked, rng=rng)
    if "://" not in data and not (Path(data) / FILE_NAME).is_file():
        names = list(BENCHMARKS.entries())
        raise InvalidSetting(
            f"{data!r} is neither the folder of a run nor a benchmark: these are {quote_list(names)}"
            f"{closest_match(data, names)}"
        )
    given = {"--count": count, "--signal": signal}
    for option in [option for option, value in given.items() if value is not None]:
        raise InvalidSetting(f"{option} is for a benchmark, and {data!r} is a run: all that it holds is used")
    labels = run_labels(data, benchmark)
    if metrics not in ([], [labels.objective]):
        raise InvalidSetting(f"the run {data} holds {labels.objective!r}, not {quote_list(metrics)}")
    return labels


def _usual_count(benchmark: Benchmark) -> int:
    """How many architectures are learnt from unless told otherwise.

    A table of the whole space answers for itself, and a surrogate of it is an experiment. A table of a part is all that
    was measured.
    """
    from ganas.bench.measured_table import MeasuredTable

    if isinstance(benchmark, MeasuredTable) and benchmark.num_rows != benchmark.space.size:
        return benchmark.num_rows
    return _SAMPLE


def _print_fitted(fitted: SurrogateBenchmark, folder: Path, *, json: bool) -> None:
    from dataclasses import asdict

    from ganas.cli.surrogate_facts import surrogate_facts

    if json:
        print_json(
            {
                "name": fitted.name,
                "folder": str(folder),
                "source": fitted.source,
                **asdict(fitted.card),
                **fitted.about,
            }
        )
        return
    facts = {"name": fitted.name, "folder": str(folder), "source": fitted.source, **surrogate_facts(fitted)}
    print_pairs([(key, value) for key, value in facts.items() if not isinstance(value, list)])
    for key, rows in facts.items():
        if isinstance(rows, list):
            print_text(f"\n{key}")
            print_table(list(rows[0]), [list(row.values()) for row in rows])


def verify(
    context: typer.Context,
    surrogate: Annotated[str, typer.Argument(metavar="NAME", help="A saved surrogate, by name or folder.")],
    benchmark: Annotated[str, typer.Option(metavar="BENCHMARK", help="What measures.")],
    top: Annotated[int, typer.Option(metavar="N", help="How many picks.")] = 20,
    searches: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Pick from what the searches of this run on the surrogate came upon."),
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(metavar="NAME", help="Without a run: what searches; regularized-evolution.")
    ] = None,
    budget: Annotated[int | None, typer.Option(metavar="N", help="Predictions that this search asks for; 500.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the search, and of drawn trials.")] = 0,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="A metric that both have; the surrogate's objective without it.")
    ] = None,
    signal: Annotated[
        str, typer.Option(metavar="mean|random", help="The mean over trials, or one trial drawn for each pick.")
    ] = "mean",
    jobs: Annotated[int, typer.Option(metavar="N", help="Worker processes.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Keep the measurements here, and go on from them.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure the top picks of a surrogate for real.

    The picks are the best of a search on the surrogate, none of them among what it learnt from. The gap is the
    measured value minus the predicted one; nine measurements in ten were expected between low and high.
    """
    from ganas.bench.surrogate.benchmark import SurrogateBenchmark
    from ganas.verifying import search_picks, searched_picks
    from ganas.verifying import verify as measure

    opened, measuring = load_benchmark(surrogate), load_benchmark(benchmark)
    if not isinstance(opened, SurrogateBenchmark):
        raise InvalidSetting(f"{surrogate!r} is a {opened.kind}, and a saved surrogate is wanted")
    measuring.metric(opened.metric(metric).name)
    if searches is None:
        found = search_picks(
            opened,
            top,
            strategy=strategy or "regularized-evolution",
            budget=500 if budget is None else budget,
            seed=seed,
            metric=metric,
        )
    elif strategy is not None or budget is not None:
        raise InvalidSetting("--searches says what searched: --strategy and --budget cannot be given beside it")
    else:
        found = searched_picks(opened, searches, top, metric=metric)
    checked: Any = signal  # the experiment checks it
    with tempfile.TemporaryDirectory() as scratch, Progress("verify", len(found), "picks") as bar:

        def progress(done: int, _: int, newest: StudySummary | None) -> None:
            bar.update(done, "" if newest is None else f"{newest.best:.6g}")

        result = measure(
            opened,
            benchmark,
            found,
            out if out is not None else Path(scratch),
            metric=metric,
            signal=checked,
            seed=seed,
            jobs=jobs,
            progress=progress,
            command=shlex.join(["ganas", *context.obj]),
        )
    facts: dict[str, Any] = {
        "surrogate": f"{opened.name} ({opened.source})",
        "benchmark": f"{benchmark} ({measuring.source})",
        "metric": result.metric.name,
        "unit": result.metric.unit,
        "picks": len(result.picks),
        "failed": int(result.picks["measured"].isna().sum()),
        "mean gap": result.mean_gap,
        "mean absolute gap": result.mean_absolute_gap,
        "share inside interval": result.inside,
        "measured hours": result.seconds / 3600,
    }
    if json:
        print_json({**snake_case(facts), "rows": _records(result.picks.reset_index())})
        return
    print_pairs([(key, f"{value:.4g}" if isinstance(value, float) else value) for key, value in facts.items()])
    print_text("")
    shown = result.picks.reset_index()
    print_table(list(shown.columns), [[_cell(value) for value in row] for row in shown.itertuples(index=False)])


def _records(frame: pandas.DataFrame) -> list[dict[str, Any]]:
    """Rows with None for what is missing."""
    plain = frame.astype(object)
    return [
        {str(key): value for key, value in row.items()} for row in plain.where(plain.notna(), None).to_dict("records")
    ]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "-" if value != value else f"{value:.3f}"
    return "-" if str(value) == "<NA>" else str(value)


def _names(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]
