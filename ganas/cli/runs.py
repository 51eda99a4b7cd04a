"""``ganas search``, ``compare``, ``report`` and ``demo``: everything that runs studies."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ganas.bench.registry import load_benchmark
from ganas.bench.shared_weights.benchmark import SharedWeightsBenchmark
from ganas.bench.training.benchmark import TrainerBenchmark
from ganas.bench.training.loop import Progress as TrainingProgress
from ganas.bench.training.task import Task
from ganas.cli.output import (
    Json,
    Progress,
    example,
    print_error,
    print_json,
    print_pairs,
    print_text,
    snake_case,
)
from ganas.cli.summary import print_summary, read_summary
from ganas.cli.trace import best_row, read_trace, why_nothing_succeeded
from ganas.cli.train import progress_note
from ganas.experiment import Experiment, parse_seeds
from ganas.running import StudySummary, run_experiment
from ganas.spaces.errors import InvalidSetting

Budget = Annotated[int, typer.Option(metavar="N", help="Counted queries of a study.")]
Metric = Annotated[
    str | None, typer.Option(metavar="NAME", help="What to improve; the benchmark's objective without it.")
]
Out = Annotated[
    Path,
    typer.Option("--out", metavar="FOLDER", help="Where the run is kept; the same command goes on where it stopped."),
]
Signal = Annotated[
    str, typer.Option(metavar="mean|random", help="The mean over trials, or one trial drawn for each query.")
]
Jobs = Annotated[int, typer.Option(metavar="N", help="Worker processes.")]

DEMO_BENCHMARK = "nasbench201-cifar10"
DEMO_STRATEGIES = ("ganas", "local-search", "regularized-evolution", "random-search")


def add_commands(app: typer.Typer) -> None:
    """Add ``search``, ``compare``, ``report`` and ``demo``."""
    app.command(
        "search",
        epilog=example("ganas search nasbench201-cifar10 --strategy local-search --budget 150"),
    )(search)
    app.command(
        "compare",
        epilog=example(
            "ganas compare --benchmarks nasbench201-cifar10,nasbench201-cifar100 \\",
            "    --strategies random-search,regularized-evolution \\",
            "    --set regularized-evolution.population_size=10,50 \\",
            "    --seeds 30 --budget 200 --jobs 2 --out runs/populations",
        ),
    )(compare)
    app.command("report", epilog=example("ganas report runs/populations"))(report)
    app.command("demo", epilog=example("ganas demo"))(demo)


def search(
    context: typer.Context,
    benchmark: Annotated[str, typer.Argument(metavar="BENCHMARK", help="A name of ganas list benchmarks.")],
    strategy: Annotated[str, typer.Option(metavar="NAME", help="A name of ganas list strategies.")],
    budget: Budget = 150,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the study.")] = 0,
    metric: Metric = None,
    signal: Signal = "mean",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="A setting of the strategy; repeatable.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Keep the study here, and go on from it.")
    ] = None,
    json: Json = False,
) -> None:
    """Run one strategy on one benchmark.

    Prints the best architecture that it found; with --json the whole trace as well, diagnostics included. The exit
    status is 1 when no evaluation succeeded.
    """
    given: dict[str, str] = {}
    for text in settings or []:
        field, value = _assignment(text)
        if field in given:
            raise InvalidSetting(f"--set gives {field!r} twice")
        given[field] = value
    experiment = Experiment((benchmark,), (strategy,), (seed,), budget, metric, _signal(signal), {strategy: given})
    with tempfile.TemporaryDirectory() as scratch:
        folder = out if out is not None else Path(scratch)
        _run(experiment, folder, jobs=1, title=f"{strategy} on {benchmark}", typed=context.obj)
        (config,) = experiment.studies({benchmark: load_benchmark(benchmark)})
        trace = read_trace(folder, config)
    found = best_row(trace, load_benchmark(benchmark).metric(metric).higher_is_better)
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
        print_json({**snake_case(facts), "trace": trace.to_dict("records")})
    else:
        facts["simulated hours"] = f"{facts['simulated hours']:.1f}"
        print_pairs([(name, "-" if value is None else value) for name, value in facts.items()])
    if found is None:
        print_error(why_nothing_succeeded(trace))
        raise typer.Exit(1)


def compare(
    context: typer.Context,
    experiment: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="An experiment (TOML) instead of the options that describe one."),
    ] = None,
    benchmarks: Annotated[str | None, typer.Option(metavar="NAMES", help="Benchmarks, separated by commas.")] = None,
    strategies: Annotated[str | None, typer.Option(metavar="NAMES", help="Strategies, separated by commas.")] = None,
    seeds: Annotated[
        str, typer.Option(metavar="SEEDS", help="A count (30), a range (100-199) or a list (1,5,9).")
    ] = "30",
    budget: Budget = 150,
    metric: Metric = None,
    signal: Signal = "mean",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="STRATEGY.FIELD=VALUE",
            help="A setting; several values, separated by commas, are compared with each other. Repeatable.",
        ),
    ] = None,
    stop_at_optimum: Annotated[
        bool, typer.Option("--stop-at-optimum", help="End a study when it has found the best known value.")
    ] = False,
    one_at_a_time: Annotated[
        bool,
        typer.Option("--one-at-a-time", help="Ablate: the defaults, and each value of --set alone, not their grid."),
    ] = False,
    jobs: Jobs = 1,
    out: Out = Path("runs/compare"),
    report: Annotated[bool, typer.Option(help="Write the report at the end.")] = True,
    json: Json = False,
) -> None:
    """Compare strategies on benchmarks, and write a report."""
    if experiment is not None:
        # What is left at its default is not given: the file says it.
        given = [name for name in _IN_THE_FILE if _is_typed(context, name)]
        if given:
            options = ", ".join("--" + _IN_THE_FILE[name] for name in given)
            raise InvalidSetting(f"{experiment} describes the experiment: {options} cannot be given beside it")
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
            one_at_a_time,
        )
    _run(grid, out, jobs=jobs, title="compare", typed=context.obj)
    _finish(out, json=json, report=report)


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


_IN_THE_FILE = {
    "benchmarks": "benchmarks",
    "strategies": "strategies",
    "seeds": "seeds",
    "budget": "budget",
    "metric": "metric",
    "signal": "signal",
    "settings": "set",
    "stop_at_optimum": "stop-at-optimum",
    "one_at_a_time": "one-at-a-time",
}


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
    json: Json = False,
) -> None:
    """Write the report of a run: HTML, Markdown and CSV."""
    _finish(run, json=json, report=True)


def demo(
    context: typer.Context,
    out: Out = Path("runs/demo"),
    jobs: Jobs = 2,
    json: Json = False,
) -> None:
    """Compare GA-NAS with three others on the real NAS-Bench-201.

    Offline and within a minute: three seeds each, 150 queries, on CIFAR-10, and a report of it. Needs the extra torch.
    """
    grid = Experiment((DEMO_BENCHMARK,), DEMO_STRATEGIES, tuple(range(3)), 150)
    _run(grid, out, jobs=jobs, title="demo", typed=context.obj)
    _finish(out, json=json, report=True)


# --- shared ----------------------------------------------------------------------------------------------------------


def _run(experiment: Experiment, out: Path, *, jobs: int, title: str, typed: Sequence[str]) -> None:
    finished, note = 0, ""

    def progress(done: int, _: int, newest: StudySummary | None) -> None:
        nonlocal finished, note
        finished = done
        if newest is not None:
            note = f"best {newest.best:.6g} by {newest.config}"
        bar.update(done, note)

    def training(task: Task, trained: TrainingProgress) -> None:
        bar.update(finished, ", ".join(part for part in (note, f"training: {progress_note(trained, task)}") if part))

    opened = {name: load_benchmark(name) for name in experiment.benchmarks}
    total = len(experiment.studies(opened))
    with Progress(title, total, "study" if total == 1 else "studies") as bar, ExitStack() as stack:
        for benchmark in opened.values():
            # Workers in other processes tell nothing of a training.
            if isinstance(benchmark, TrainerBenchmark | SharedWeightsBenchmark) and jobs == 1:
                benchmark.progress = partial(training, benchmark.task)
                stack.callback(setattr, benchmark, "progress", None)
        run_experiment(experiment, out, jobs=jobs, progress=progress, command=shlex.join(["ganas", *typed]))


def _finish(run: Path, *, json: bool, report: bool) -> None:
    """Write the report and print its summary table and where it is."""
    if not report:
        print_json({"run": str(run)}) if json else print_text(f"run: {run}")
        return
    from ganas.report.run import report_run

    files = report_run(run)
    rows = read_summary(files.summary_csv)
    if json:
        print_json({"run": str(run), "report": str(files.html), "summary": rows})
        return
    print_summary(rows)
    print_text(f"report: {files.html}")


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
        if field in settings.setdefault(strategy, {}):
            raise InvalidSetting(f"--set gives {path!r} twice: separate its values by commas")
        settings[strategy][field] = values.split(",")
    return settings
