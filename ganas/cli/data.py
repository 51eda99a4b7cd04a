"""``ganas data``: the tables and where they come from."""

from __future__ import annotations

from typing import Annotated

import typer

from ganas.cli.output import Json, example, print_json, print_table
from ganas.data.catalog import card, cards, table_path, verify
from ganas.spaces.errors import DataError

app = typer.Typer(
    help="List and verify the data behind the benchmarks.",
    epilog=example("ganas data verify"),
    rich_markup_mode=None,
)


@app.command("list", epilog=example("ganas data list"))
def list_tables(json: Json = False) -> None:
    """List the tables with size and licence."""
    rows = []
    for name, entry in cards().items():
        path = table_path(entry)
        rows.append(
            {
                "name": name,
                "state": ("embedded" if entry.embedded else "cached") if path.exists() else "missing",
                "rows": entry.rows,
                "bytes": entry.bytes,
                "licence": entry.licence,
                "sha256": entry.sha256[:12],
            }
        )
    if json:
        print_json(rows)
    else:
        columns = ["name", "state", "rows", "bytes", "licence", "sha256"]
        print_table(columns, [[row[column] for column in columns] for row in rows])


@app.command("verify", epilog=example("ganas data verify nasbench201-cifar10"))
def verify_tables(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Tables to verify; all without it.")] = None,
    json: Json = False,
) -> None:
    """Recompute hashes, counts and best values of the tables.

    Fails with one line about everything that is not as the table's card says.
    """
    chosen = {name: card(name) for name in names} if names else cards()
    findings = {name: verify(entry) for name, entry in chosen.items()}
    if json:
        print_json(findings)
    else:
        print_table(["table", "verified"], [[name, finding] for name, found in findings.items() for finding in found])
    if not findings:
        raise DataError("there is no table to verify")
