"""``ganas search``, ``compare``, ``report`` and ``demo``: everything that runs studies."""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganas.bench.registry import load_benchmark
from ganas.cli.output import Json, Progress, print_error, print_json, print_pairs, print_table, print_text
from ganas.experiment import Experiment, StudySummary, parse_seeds, run_experiment
from ganas.spaces.errors import InvalidSetting

if TYPE_CHECKING:
    import pandas

Budget = Annotated[int, typer.Option(help="Counted queries of a study.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of the run; the same command goes on where it stopped.")]
Signal = Annotated[str, typer.Option(help="mean over trials, or one trial at random for each query.")]
Jobs = Annotated[int, typer.Option(help="Worker processes.")]

DEMO_BENCHMARK = "nasbench201-cifar10"
DEMO_STRATEGIES = ("random-search", "regularized-evolution", "local-search")


def add_commands(app: typer.Typer) -> None:
    """Add ``search``, ``compare``, ``report`` and ``demo``."""
    app.command("search", epilog="Example: ganas search nasbench201-cifar10 --strategy local-search --budget 150")(
        search
    )
    app.command(
        "compare",
        epilog="Example: ganas compare --benchmarks nasbench201-cifar10,nasbench201-cifar100 --strategies "
        "random-search,regularized-evolution --set regularized-evolution.population_size=10,50 --seeds 30 "
        "--budget 200 --jobs 2 --out runs/populations",
    )(compare)
    app.command("report", epilog="Example: ganas report runs/populations")(report)
    app.command("demo", epilog="Example: ganas demo")(demo)


def search(
    benchmark: Annotated[str, typer.Argument(help="Name of a benchmark; see ganas list benchmarks.")],
    strategy: Annotated[str, typer.Option(help="Name of a strategy; see ganas list strategies.")],
    budget: Budget = 150,
    seed: Annotated[int, typer.Option(help="Seed of the study.")] = 0,
    metric: Annotated[str | None, typer.Option(help="What to improve; the objective without it.")] = None,
    signal: Signal = "mean",
    settings: Annotated[list[str] | None, typer.Option("--set", help="A setting, as field=value.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Keep the study here, and go on from it.")] = None,
    json: Json = False,
) -> None:
    """Run one strategy on one benchmark and print the best architecture that it found."""
    given = dict(_assignment(text) for text in settings or [])
    experiment = Experiment((benchmark,), (strategy,), (seed,), budget, metric, _signal(signal), {strategy: given})
    with tempfile.TemporaryDirectory() as scratch:
        folder = out if out is not None else Path(scratch)
        _run(experiment, folder, jobs=1, title=f"{strategy} on {benchmark}")
        trace = _trace(folder, experiment)
    found = _best_row(trace, load_benchmark(benchmark).metric(metric).higher_is_better)
    facts: dict[str, Any] = {
        "benchmark": benchmark,
        "strategy": strategy,
        "seed": seed,
        "metric": load_benchmark(benchmark).metric(metric).name,
        "unit": load_benchmark(benchmark).metric(metric).unit,
        "signal": signal,
        "queries": len(trace),
        "best value": None if found is None else found["value"],
        "best architecture": None if found is None else found["architecture"],
        "found at query": None if found is None else found["query"],
        "simulated hours": float(trace["simulated_seconds"].iloc[-1]) / 3600 if len(trace) else 0.0,
    }
    if json:
        print_json({**facts, "trace": trace.drop(columns=["study", "wall_seconds"]).to_dict("records")})
    else:
        print_pairs(list(facts.items()))


def compare(
    experiment: Annotated[Path | None, typer.Argument(help="An experiment file (TOML) instead of the options.")] = None,
    benchmarks: Annotated[str | None, typer.Option(help="Names, separated by commas.")] = None,
    strategies: Annotated[str | None, typer.Option(help="Names, separated by commas.")] = None,
    seeds: Annotated[str, typer.Option(help="A count (30), a range (100-199) or a list (1,5,9).")] = "30",
    budget: Budget = 150,
    metric: Annotated[str | None, typer.Option(help="What to improve; the objective without it.")] = None,
    signal: Signal = "mean",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="strategy.field=value, or values by commas for a grid.")
    ] = None,
    stop_at_optimum: Annotated[
        bool, typer.Option("--stop-at-optimum", help="End a study when it has found the best known value.")
    ] = False,
    jobs: Jobs = 1,
    out: Out = Path("runs/compare"),
    report: Annotated[bool, typer.Option(help="Write the report at the end.")] = True,
    json: Json = False,
) -> None:
    """Compare strategies on benchmarks over seeds, and write a report."""
    if experiment is not None:
        if benchmarks is not None or strategies is not None or settings:
            raise InvalidSetting("give an experiment file or --benchmarks, --strategies and --set, not both")
        grid = Experiment.from_toml(experiment)
    else:
        if benchmarks is None or strategies is None:
            raise InvalidSetting("--benchmarks and --strategies are needed, or an experiment file")
        grid = Experiment(
            _names(benchmarks),
            _names(strategies),
            parse_seeds(seeds),
            budget,
            metric,
            _signal(signal),
            _strategy_settings(settings or []),
            stop_at_optimum,
        )
    _run(grid, out, jobs=jobs, title="compare")
    _finish(out, json=json, report=report)


def report(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    json: Json = False,
) -> None:
    """Write the report of a run: HTML, Markdown and CSV."""
    _finish(run, json=json, report=True)


def demo(
    out: Out = Path("runs/demo"),
    jobs: Jobs = 2,
    json: Json = False,
) -> None:
    """Compare three strategies on the real NAS-Bench-201 table and write the report; offline, within a minute."""
    grid = Experiment((DEMO_BENCHMARK,), DEMO_STRATEGIES, tuple(range(3)), 150)
    _run(grid, out, jobs=jobs, title="demo")
    _finish(out, json=json, report=True)


# --- shared ----------------------------------------------------------------------------------------------------------


def _run(experiment: Experiment, out: Path, *, jobs: int, title: str) -> None:
    queries = 0

    def progress(done: int, _: int, newest: StudySummary | None) -> None:
        nonlocal queries
        note = ""
        if newest is not None:
            queries += newest.queries
            note = f"{newest.config}: best {newest.best:.6g} after {newest.queries} queries"
        bar.update(done, note)

    opened = {name: load_benchmark(name) for name in experiment.benchmarks}
    with Progress(title, len(experiment.studies(opened)), "studies") as bar:
        run_experiment(experiment, out, jobs=jobs, progress=progress, command=_command())


def _command() -> str:
    return shlex.join(["ganas", *sys.argv[1:]])


def _finish(run: Path, *, json: bool, report: bool) -> None:
    """Write the report and print its summary table and where it is."""
    if not report:
        print_json({"run": str(run)}) if json else print_text(f"run: {run}")
        return
    from ganas.report.run import report_run

    files = report_run(run)
    rows = _read_summary(files.summary_csv)
    if json:
        print_json({"run": str(run), "report": str(files.html), "summary": rows})
        return
    print_table(list(_SUMMARY), [[show(row) for show in _SUMMARY.values()] for row in rows])
    print_text(f"report: {files.html}")


def _quantile(text: str, budget: str) -> str:
    return f">{budget}" if text == "inf" else f"{float(text):.0f}" if text else "-"


# The report has every figure; a terminal has room for these.
_SUMMARY: dict[str, Callable[[Mapping[str, str]], str]] = {
    "benchmark": lambda row: row["benchmark"],
    "strategy": lambda row: row["strategy"],
    "seeds": lambda row: row["seeds"],
    "mean best": lambda row: f"{float(row['best_mean']):.3f}",
    "mean regret": lambda row: f"{float(row['regret_budget']):.3f}",
    "reached optimum": lambda row: f"{100 * float(row['share_reached']):.0f}%" if row["share_reached"] else "-",
    "median queries": lambda row: _quantile(row["queries_median"], row["budget"]),
}


def _read_summary(path: Path) -> list[dict[str, str]]:
    import csv

    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _trace(folder: Path, experiment: Experiment) -> pandas.DataFrame:
    from ganas.store import Store

    (config,) = experiment.studies({name: load_benchmark(name) for name in experiment.benchmarks})
    with Store(folder, create=False) as store:
        evaluations = store.evaluations()
    return evaluations[evaluations["study"] == config.key].reset_index(drop=True)


def _best_row(trace: pandas.DataFrame, higher_is_better: bool) -> dict[str, Any] | None:
    values = trace["value"].astype(float)
    if not values.notna().any():
        print_error("no evaluation succeeded; see the column failure of the trace (--json)")
        return None
    row = trace.iloc[int((values if higher_is_better else -values).argmax())]
    return {str(name): row[name] for name in trace.columns}


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _signal(text: str) -> Any:
    """The experiment checks the value; this only satisfies its type."""
    return text


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidSetting(f"--set takes field=value, not {text!r}")
    return name.strip(), value.strip()


def _strategy_settings(texts: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    settings: dict[str, dict[str, list[str]]] = {}
    for text in texts:
        path, values = _assignment(text)
        strategy, dot, field = path.rpartition(".")
        if not dot:
            raise InvalidSetting(f"--set takes strategy.field=value here, not {text!r}")
        settings.setdefault(strategy, {})[field] = values.split(",")
    return settings
