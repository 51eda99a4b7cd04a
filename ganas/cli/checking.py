"""``ganas check``: the conformance kit, on a name."""

from __future__ import annotations

from typing import Annotated

import typer

from ganas.cli.names import REGISTRIES, kind_of
from ganas.cli.output import Json, example, print_json, print_table
from ganas.spaces.errors import unknown_name


def add_commands(app: typer.Typer) -> None:
    """Add ``check``."""
    app.command("check", epilog=example("ganas check my_strategy.py:MyStrategy"))(check)


def check(
    plugin: Annotated[
        str, typer.Argument(metavar="NAME", help="A registered name, file.py:attribute or module:attribute.")
    ],
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="space, benchmark, strategy or surrogate, where the name does not say it."),
    ] = None,
    json: Json = False,
) -> None:
    """Run the conformance kit on something of your own.

    The exit status is 1 when a check fails.
    """
    from ganas import testing

    if kind is not None and kind not in REGISTRIES:
        raise unknown_name("kind", kind, REGISTRIES)
    outcomes = {
        "space": testing.space_outcomes,
        "benchmark": testing.benchmark_outcomes,
        "strategy": testing.strategy_outcomes,
        "surrogate": testing.surrogate_outcomes,
    }[kind or kind_of(plugin)](plugin)
    if json:
        print_json([{"check": o.check, "outcome": o.outcome, "message": o.message} for o in outcomes])
    else:
        print_table(["check", "outcome", "message"], [[o.check, o.outcome, o.message] for o in outcomes])
    if any(outcome.failed for outcome in outcomes):
        raise typer.Exit(1)
