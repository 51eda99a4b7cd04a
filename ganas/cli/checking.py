"""``ganas check``: the conformance kit, on a name."""

from __future__ import annotations

from typing import Annotated

import typer

from ganas.bench.registry import BENCHMARKS
from ganas.cli.output import Json, print_json, print_table
from ganas.plugins import STRATEGIES
from ganas.spaces.errors import unknown_name
from ganas.spaces.registry import SPACES

KINDS = ("space", "benchmark", "strategy")


def add_commands(app: typer.Typer) -> None:
    """Add ``check``."""
    app.command("check", epilog="Example: ganas check mystrategy.py:MyStrategy --kind strategy")(check)


def check(
    plugin: Annotated[str, typer.Argument(help="A registered name, module:attribute or file.py:attribute.")],
    kind: Annotated[str | None, typer.Option(help="space, benchmark or strategy, where the name does not say.")] = None,
    json: Json = False,
) -> None:
    """Run the conformance kit on a space, a benchmark or a strategy; the status is 1 when a check fails."""
    from ganas import testing

    if kind is not None and kind not in KINDS:
        raise unknown_name("kind", kind, KINDS)
    kind = kind or _kind(plugin)
    outcomes = {
        "space": testing.space_outcomes,
        "benchmark": testing.benchmark_outcomes,
        "strategy": testing.strategy_outcomes,
    }[kind](plugin)
    if json:
        print_json([{"check": o.check, "outcome": o.outcome, "message": o.message} for o in outcomes])
    else:
        print_table(["check", "outcome", "message"], [[o.check, o.outcome, o.message] for o in outcomes])
    if any(outcome.failed for outcome in outcomes):
        raise typer.Exit(1)


def _kind(plugin: str) -> str:
    registries = {"space": SPACES, "benchmark": BENCHMARKS, "strategy": STRATEGIES}
    for kind, registry in registries.items():
        if plugin in registry.entries():
            return kind
    if ":" in plugin:
        from ganas.bench.benchmark import Benchmark
        from ganas.spaces.space import Space

        target = STRATEGIES.load(plugin)
        if isinstance(target, type) and issubclass(target, Space):
            return "space"
        return "benchmark" if not isinstance(target, type) or issubclass(target, Benchmark) else "strategy"
    raise unknown_name("plug-in", plugin, [name for registry in registries.values() for name in registry.entries()])
