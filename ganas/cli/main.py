"""The ``ganas`` command: assembles the commands and turns errors into one line."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from ganas.cli import catalog, checking, collect, data, query, runs, surrogate, train
from ganas.cli.output import example, print_error, print_text
from ganas.spaces.errors import GanasError, closest_match, quote_list
from ganas.spaces.registry import own_version

__all__ = ["app", "main"]

app = typer.Typer(
    name="ganas",
    help="Query neural architecture search benchmarks, and compare search strategies on them.",
    epilog=example(
        "ganas compare --benchmarks nasbench201-cifar10 \\",
        "    --strategies local-search,random-search --seeds 20",
    ),
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for module in (catalog, query, runs, train, collect, checking):
    module.add_commands(app)
app.add_typer(data.app, name="data")
app.add_typer(surrogate.app, name="surrogate")


def _print_version(wanted: bool) -> None:
    if wanted:
        print_text(f"ganas {own_version()}".strip())
        raise typer.Exit


@app.callback()
def _before_every_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exits with 0, with 1 for an error of Ganas and with 2 for a wrong call."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


# Typer turns Ctrl-C into this exit status, the shell's for a command that a signal ended.
_INTERRUPTED = 130


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit status."""
    try:
        status = app(list(arguments) or ["--help"], standalone_mode=False, prog_name="ganas", obj=list(arguments))
    except GanasError as error:
        print_error(str(error))
        return 1
    except typer.TyperException as error:
        print_error(_usage(error, arguments))
        return int(error.exit_code)
    except typer.Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        status = _INTERRUPTED
    except OSError as error:
        print_error(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return 1
    if status == _INTERRUPTED:
        print_error("interrupted; give the same command again to go on (searches and comparisons: with --out)")
    return status if isinstance(status, int) else 0


def _usage(error: typer.TyperException, arguments: Sequence[str]) -> str:
    message = " ".join(error.format_message().split())
    commands = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    given = next((argument for argument in arguments if not argument.startswith("-")), "")
    if message.startswith("No such command") and given not in commands:
        return f"unknown command {given!r}: known are {quote_list(commands, 20)}{closest_match(given, commands)}"
    if message == "Missing command.":
        return f"a command is missing; see {shlex.join(['ganas', *arguments])} --help"
    return message or "no command was given; see ganas --help"


if __name__ == "__main__":
    main()
