"""``ganas list`` and ``ganas info``: what there is by name."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

import ganas
from ganas.bench.registry import load_benchmark
from ganas.bench.surrogate.models import model_title
from ganas.cli.facts import (
    benchmark_facts,
    dataset_facts,
    space_facts,
    strategy_facts,
    surrogate_model_facts,
)
from ganas.cli.names import REGISTRIES, kinds_of
from ganas.cli.output import Json, example, print_items, print_json, print_pairs, print_table, print_text, snake_case
from ganas.data.datasets import datasets
from ganas.plugins import load_strategy
from ganas.spaces.errors import GanasError, unknown_name
from ganas.spaces.registry import load_space

_PLURALS = {
    "space": "spaces",
    "benchmark": "benchmarks",
    "strategy": "strategies",
    "surrogate": "surrogates",
    "dataset": "datasets",
}


def add_commands(app: typer.Typer) -> None:
    """Add ``list`` and ``info``."""
    app.command("list", epilog=example("ganas list strategies"))(list_names)
    app.command("info", epilog=example("ganas info nasbench201-cifar10"))(info)


def list_names(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="KIND", help="spaces, benchmarks, strategies, surrogates or datasets; all without it."),
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
    if kind in (None, "datasets"):
        # Data sets are no plug-ins: the readers of their files are part of Ganas.
        rows += [
            {
                "kind": "datasets",
                "name": known.name,
                "title": known.title + ("" if known.missing() is None else " (files not at hand)"),
                "distribution": "ganas",
                "version": ganas.__version__,
            }
            for known in datasets().values()
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
    from ganas.bench.shared_weights.benchmark import SharedWeightsBenchmark
    from ganas.bench.surrogate.benchmark import SurrogateBenchmark
    from ganas.bench.training.benchmark import TrainerBenchmark
    from ganas.data.catalog import card, card_names

    if name in card_names():
        return card(name).title
    benchmark = load_benchmark(name)
    if isinstance(benchmark, SurrogateBenchmark):
        return benchmark.card.title
    if isinstance(benchmark, TrainerBenchmark | SharedWeightsBenchmark):
        return benchmark.title
    return f"{benchmark.kind} of {benchmark.space.name}: {', '.join(benchmark.metrics)}"


_FACTS = {
    "space": space_facts,
    "benchmark": benchmark_facts,
    "strategy": strategy_facts,
    "surrogate": surrogate_model_facts,
    "dataset": dataset_facts,
}


def info(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A space, benchmark, strategy, surrogate or data set.")],
    json: Json = False,
) -> None:
    """Say what a name stands for.

    For a space its size and operations, for a benchmark how much of the space it holds, its metrics, runs, trials and
    known defects, for a strategy its settings and its diagnostics, for the model of a surrogate what it reads, for a
    data set its files. Where a space and a benchmark share the name, all of both.
    """
    said = {kind: _FACTS[kind](name) for kind in (["dataset"] if name in datasets() else kinds_of(name))}
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
    if isinstance(value, int):
        # Nobody reads a number of a hundred digits.
        digits = len(str(value))
        return f"{value:,}" if digits <= 30 else f"about {str(value)[0]}.{str(value)[1:3]} x 10^{digits - 1}"
    return str(value or "none")
