"""``ganas list`` and ``ganas info``: what there is by name."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Annotated, Any

import typer

from ganas.bench.registry import BENCHMARKS, load_benchmark
from ganas.cli.output import Json, print_json, print_pairs, print_table, print_text
from ganas.plugins import STRATEGIES, load_strategy
from ganas.spaces.errors import GanasError, unknown_name
from ganas.spaces.registry import SPACES, load_space

KINDS = {"spaces": SPACES, "benchmarks": BENCHMARKS, "strategies": STRATEGIES}


def add_commands(app: typer.Typer) -> None:
    """Add ``list`` and ``info``."""
    app.command("list", epilog="Example: ganas list strategies")(list_names)
    app.command("info", epilog="Example: ganas info nasbench201-cifar10")(info)


def list_names(
    kind: Annotated[str | None, typer.Argument(help="spaces, benchmarks or strategies; all without it.")] = None,
    json: Json = False,
) -> None:
    """List what there is by name, and which distribution gives it."""
    if kind is not None and kind not in KINDS:
        raise unknown_name("kind", kind, KINDS)
    rows = [
        {
            "kind": name,
            "name": entry.name,
            "title": _title(name, entry.name),
            "distribution": entry.origin,
            "version": entry.version,
        }
        for name in ([kind] if kind else KINDS)
        for entry in KINDS[name].entries().values()
    ]
    if json:
        print_json(rows)
    else:
        columns = ["kind", "name", "title", "distribution", "version"]
        print_table(columns, [[row[column] for column in columns] for row in rows])


def _title(kind: str, name: str) -> str:
    """The one line about an entry; a plug-in that cannot be loaded says so and hides nothing else."""
    try:
        if kind == "spaces":
            return load_space(name).title
        if kind == "strategies":
            return load_strategy(name).title
        benchmark = load_benchmark(name)
        return f"{benchmark.kind} of {benchmark.space.name}: {', '.join(benchmark.metrics)}"
    except GanasError as error:
        return f"cannot be loaded: {error}"


def info(
    name: Annotated[str, typer.Argument(help="A space, benchmark or strategy.")],
    json: Json = False,
) -> None:
    """Say what a name stands for: size, metrics and their splits, settings, known defects."""
    found = [kind for kind, registry in KINDS.items() if name in registry.entries()]
    if not found and ":" not in name:
        raise unknown_name("name", name, [entry for registry in KINDS.values() for entry in registry.entries()])
    kind = found[0] if found else "strategies"
    facts = {"spaces": _space, "benchmarks": _benchmark, "strategies": _strategy}[kind](name)
    if json:
        print_json({"kind": kind, "name": name, **facts})
        return
    print_pairs([(key, value) for key, value in facts.items() if not isinstance(value, list)])
    for key, value in facts.items():
        if isinstance(value, list) and value:
            print_text(f"\n{key}")
            if isinstance(value[0], dict):
                print_table(list(value[0]), [list(item.values()) for item in value])
            else:
                for item in value:
                    print_text(f"  - {item}")


def _space(name: str) -> dict[str, Any]:
    space = load_space(name)
    return {
        "title": space.title,
        "size": space.size,
        "nodes": f"at most {space.max_nodes}, inputs and outputs included",
        "genotype": f"{len(space.choices)} positions with {', '.join(map(str, space.choices))} choices",
        "decisions": f"{len(space.decisions)} to build an architecture step by step",
        "parameters": "closed formula" if space.has_parameter_count else "no closed formula",
        "operations": list(space.operations),
    }


def _benchmark(name: str) -> dict[str, Any]:
    from ganas.data.catalog import cards

    benchmark = load_benchmark(name)
    metrics = [
        {
            "metric": metric.name,
            "unit": metric.unit,
            "split": metric.split or "-",
            "better": "higher" if metric.higher_is_better else "lower",
            "epochs": ", ".join(map(str, metric.epochs)) or "-",
            "description": metric.description,
        }
        for metric in benchmark.metrics.values()
    ]
    splits = {metric.split for metric in benchmark.metrics.values()}
    facts: dict[str, Any] = {
        "kind": benchmark.kind,
        "space": benchmark.space.name,
        "objective": benchmark.objective,
        "test values": "held" if "test" in splits else "not held by this table",
        "source": benchmark.source,
    }
    card = cards().get(name)
    if card is not None:
        facts |= {"title": card.title, "licence": card.licence, "citation": card.citation}
    facts["metrics"] = metrics
    if card is not None:
        facts["known defects"] = list(card.known_defects)
    return facts


def _strategy(name: str) -> dict[str, Any]:
    strategy = load_strategy(name)
    settings = [
        {
            "setting": field.name,
            "type": field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type)),
            "default": field.default if field.default is not MISSING else "-",
        }
        for field in fields(strategy.settings_class)
    ]
    about = [line.strip() for line in (strategy.__doc__ or "").strip().splitlines()]
    return {"title": strategy.title, "about": " ".join(filter(None, about)), "settings": settings}
