"""``ganas list`` and ``ganas info``: what there is by name."""

from __future__ import annotations

import inspect
import itertools
import re
import sys
from dataclasses import MISSING, fields
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from ganas.bench.benchmark import Benchmark
from ganas.bench.metric import Metric
from ganas.bench.registry import is_benchmark, load_benchmark
from ganas.bench.surrogate.models import model_class, model_title
from ganas.cli.names import REGISTRIES, kinds_of
from ganas.cli.output import Json, example, print_items, print_json, print_pairs, print_table, print_text, snake_case
from ganas.data.page_words import epochs_in_words
from ganas.data.sources import not_converted
from ganas.plugins import load_strategy
from ganas.spaces.errors import GanasError, RunNotMeasured, unknown_name
from ganas.spaces.registry import load_space

_PLURALS = {"space": "spaces", "benchmark": "benchmarks", "strategy": "strategies", "surrogate": "surrogates"}


def add_commands(app: typer.Typer) -> None:
    """Add ``list`` and ``info``."""
    app.command("list", epilog=example("ganas list strategies"))(list_names)
    app.command("info", epilog=example("ganas info nasbench201-cifar10"))(info)


def list_names(
    kind: Annotated[
        str | None, typer.Argument(metavar="KIND", help="spaces, benchmarks, strategies or surrogates; all without it.")
    ] = None,
    json: Json = False,
) -> None:
    """List what there is by name, and which distribution gives it."""
    if kind is not None and kind not in _PLURALS.values():
        raise unknown_name("kind", kind, _PLURALS.values())
    rows = [
        {
            "kind": _PLURALS[name],
            "name": entry.name,
            "title": _title(name, entry.name),
            "distribution": entry.origin,
            "version": entry.version,
        }
        for name, registry in REGISTRIES.items()
        if kind in (None, _PLURALS[name])
        for entry in registry.entries().values()
    ]
    if json:
        print_json(rows)
    elif not sys.stdout.isatty():
        columns = ["kind", "name", "title", "distribution", "version"]
        print_table(columns, [[row[column] for column in columns] for row in rows])
    else:
        plural, cells = "", list[list[str]]()
        for row in rows:
            if row["kind"] != plural:
                plural = row["kind"]
                cells.append([plural, "", ""])
            cells.append([f"  {row['name']}", row["title"], f"{row['distribution']} {row['version']}".strip()])
        print_table(["name", "title", "from"], cells)


def _title(kind: str, name: str) -> str:
    """The one line about an entry; a plug-in that cannot be loaded says so and hides nothing else."""
    try:
        if kind == "space":
            return load_space(name).title
        if kind == "strategy":
            return load_strategy(name).title
        if kind == "surrogate":
            return model_title(name)
        return _benchmark_title(name)
    except GanasError as error:
        return f"cannot be loaded: {error}"
    except AttributeError as error:
        # An abstract attribute that a plug-in did not set is missing, not empty.
        return f"is not complete: {error}"


def _benchmark_title(name: str) -> str:
    from ganas.bench.surrogate.benchmark import SurrogateBenchmark
    from ganas.bench.training.benchmark import TrainerBenchmark
    from ganas.data.catalog import card, card_names

    if name in card_names():
        return card(name).title
    benchmark = load_benchmark(name)
    if isinstance(benchmark, SurrogateBenchmark):
        return benchmark.card.title
    if isinstance(benchmark, TrainerBenchmark):
        return benchmark.title
    return f"{benchmark.kind} of {benchmark.space.name}: {', '.join(benchmark.metrics)}"


def info(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A space, benchmark, strategy or surrogate.")],
    json: Json = False,
) -> None:
    """Say what a name stands for.

    For a space its size and operations, for a benchmark how much of the space it holds, its metrics, runs, trials and
    known defects, for a strategy its settings and its diagnostics, for the model of a surrogate what it reads. Where a
    space and a benchmark share the name, all of both.
    """
    facts_of = {"space": _space, "benchmark": _benchmark, "strategy": _strategy, "surrogate": _surrogate}
    said = {kind: facts_of[kind](name) for kind in kinds_of(name)}
    if json:
        objects = [{"kind": _PLURALS[kind], "name": name, **snake_case(facts)} for kind, facts in said.items()]
        print_json(objects if len(objects) > 1 else objects[0])
        return
    for number, (kind, facts) in enumerate(said.items()):
        if len(said) > 1:
            print_text(("\n" if number else "") + f"{kind} {name}\n")
        _print_facts(facts)


def _print_facts(facts: dict[str, Any]) -> None:
    print_pairs([(key, _in_words(value)) for key, value in facts.items() if not isinstance(value, list) or not value])
    for key, value in facts.items():
        if isinstance(value, list) and value:
            print_text(f"\n{key}")
            if isinstance(value[0], dict):
                # Most tables know of no runs or seeds: in a terminal, their columns would take the room of the others.
                columns = [name for name in value[0] if name not in _OFTEN_EMPTY or any(item[name] for item in value)]
                rows = [[_cell(item, column) for column in columns] for item in value]
                for row, before in reversed([*zip(rows[1:], rows, strict=False)]):
                    if sys.stdout.isatty() and "run" in columns and row[0] == before[0]:
                        row[-1] = ""  # the metric of another run, described in the line above
                print_table(columns, rows)
            else:
                print_items(value)


_OFTEN_EMPTY = ("run", "seeds")


def _cell(item: dict[str, Any], column: str) -> Any:
    if column not in _OFTEN_EMPTY:
        return item[column]
    value = item[column]
    return ", ".join(map(str, value)) or "-" if isinstance(value, tuple) else value or "-"


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        held, size = value["held"], value["of"]
        return f"all {held:,}" if held == size else f"{held:,}" if size is None else f"{held:,} of {size:,}"
    return f"{value:,}" if isinstance(value, int) else str(value or "none")


def _space(name: str) -> dict[str, Any]:
    space = load_space(name)
    choices = sorted(set(space.choices))
    waiting = None if is_benchmark(name) else not_converted(name)
    return {
        "title": space.title,
        "size": space.size,
        "nodes": f"at most {space.max_nodes}, inputs and outputs included",
        "genotype": f"{len(space.choices)} positions with {' or '.join(map(str, choices))} choices each",
        "decisions": f"{len(space.decisions)} to build an architecture step by step",
        "parameters": "closed formula" if space.has_parameter_count else "no closed formula",
        # A table of the same name, or of a file of the same name, that could be had.
        **({} if waiting is None else {"benchmarks": str(waiting)}),
        "operations": list(space.operations),
    }


def _benchmark(name: str) -> dict[str, Any]:
    from ganas.bench.measured_table import MeasuredTable
    from ganas.bench.surrogate.benchmark import SurrogateBenchmark
    from ganas.bench.training.benchmark import TrainerBenchmark
    from ganas.cli.surrogate_facts import surrogate_facts
    from ganas.cli.trainer_facts import protocol_table, trainer_facts
    from ganas.data.catalog import card, card_names

    benchmark = load_benchmark(name)
    splits = {metric.split for metric in benchmark.metrics.values()}
    facts: dict[str, Any] = {
        "title": f"{benchmark.kind} of {benchmark.space.name}",
        "type": benchmark.kind,
        "space": benchmark.space.name,
        "objective": benchmark.objective,
        "test values": "held" if "test" in splits else f"not held by this {benchmark.kind}",
        "source": benchmark.source,
    }
    if isinstance(benchmark, MeasuredTable):
        facts["architectures"] = {"held": benchmark.num_rows, "of": benchmark.space.size}
        facts["trials"] = benchmark.trial_meaning
        facts["cost metric"] = benchmark.cost
    if benchmark.runs:
        facts["runs"] = f"trainings scheduled for {', '.join(map(str, benchmark.runs))} epochs"
    if benchmark.fidelities():
        facts["fidelities"] = f"{benchmark.fidelity} {epochs_in_words(benchmark.fidelities())}"
    known = card(name) if name in card_names() else None
    if known is not None:
        facts |= {"title": known.title, "licence": known.licence, "citation": known.citation}
    if isinstance(benchmark, SurrogateBenchmark):
        facts |= surrogate_facts(benchmark)
    if isinstance(benchmark, TrainerBenchmark):
        facts |= trainer_facts(benchmark)
    facts["metrics"] = [_metric(metric) for metric in _metrics_by_run(benchmark)]
    if isinstance(benchmark, TrainerBenchmark):
        facts["protocol values"] = protocol_table(benchmark)
    if known is not None:
        counts = [{"trials": trials, "architectures": count} for trials, count in known.trial_counts]
        if counts:
            facts["trial counts"] = counts
        facts["known defects"] = list(known.known_defects)
        if known.notes:
            facts["notes"] = list(known.notes)
    return facts


def _metrics_by_run(benchmark: Benchmark) -> list[Metric]:
    """Every metric, once for each run that it is held in."""
    found = []
    for name, longest in benchmark.metrics.items():
        for run in benchmark.runs if longest.run is not None else ():
            try:
                found.append(benchmark.metric(name, run=run))
            except RunNotMeasured:
                continue  # not every metric is held in every run
        if longest.run is None:
            found.append(longest)
    return found


def _metric(metric: Metric) -> dict[str, Any]:
    return {
        "metric": metric.name,
        "run": metric.run,
        "unit": metric.unit,
        "split": metric.split or "-",
        "better": "higher" if metric.higher_is_better else "lower",
        "epochs": epochs_in_words(metric.epochs) or "-",
        "seeds": metric.seeds,
        "description": metric.description,
    }


def _strategy(name: str) -> dict[str, Any]:
    strategy = load_strategy(name)
    meanings = _attributes(strategy.settings_class.__doc__ or "")
    try:
        types = get_type_hints(strategy.settings_class)
    except NameError:
        types = {}  # a plug-in's annotation that only a type checker can read stands for itself
    settings = [
        {
            "setting": field.name,
            "type": _type_in_words(types.get(field.name, field.type)),
            "default": field.default if field.default is not MISSING else "-",
            "meaning": _plain(meanings.get(field.name, "")),
        }
        for field in fields(strategy.settings_class)
    ]
    about, *details = _paragraphs(_plain(inspect.cleandoc(strategy.__doc__ or "")))
    return {
        "title": strategy.title,
        "about": about,
        "details": details,
        "settings": settings,
        "diagnostics": [{"diagnostic": name, "meaning": title} for name, title in strategy.diagnostic_titles.items()],
    }


def _surrogate(name: str) -> dict[str, Any]:
    model = model_class(name)
    about, *details = _paragraphs(_plain(inspect.cleandoc(model.__doc__ or "")))
    return {"title": model.title, "about": about, "details": details, "reads": list(model.reads)}


def _type_in_words(kind: Any) -> str:
    """A type as one writes its values: ``Literal["a", "b"]`` is ``a | b``."""
    if get_origin(kind) is Literal:
        return " | ".join(map(str, get_args(kind)))
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)


def _paragraphs(text: str) -> list[str]:
    """Paragraphs and items of lists, one line each; at least one."""
    parts = re.split(r"\n\n|\n(?=- |\d+\. )", text.strip())
    return [" ".join(part.split()).removeprefix("- ") for part in parts]


def _plain(text: str) -> str:
    """Without the double backticks that docstrings put around what is typed."""
    return text.replace("``", "")


def _attributes(docstring: str) -> dict[str, str]:
    """What the section ``Attributes`` of a docstring says about each name."""
    lines = inspect.cleandoc(docstring).partition("Attributes:\n")[2].splitlines()
    meanings: dict[str, str] = {}
    name = ""
    for line in itertools.takewhile(lambda line: not line or line.startswith(" "), lines):
        entry = re.match(r" {1,4}(\w+): *(.*)", line)
        if entry is not None:
            name = entry[1]
            meanings[name] = entry[2]
        elif name:
            meanings[name] = f"{meanings[name]} {line.strip()}".strip()
    return meanings
