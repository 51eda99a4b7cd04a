"""``ganas data``: the tables and where they come from."""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from ganas.cli.output import Json, Progress, example, print_json, print_pairs, print_table
from ganas.data.card import table_path
from ganas.data.catalog import card, cards, verify
from ganas.data.convert.official import convert_official
from ganas.data.fetch import checked_by, fetch
from ganas.data.sources import downloaded, source, sources
from ganas.data.tables import file_sha256
from ganas.data.transfer import size_in_words
from ganas.spaces.errors import DataError

app = typer.Typer(
    help="List, fetch, convert and verify the data behind the benchmarks.",
    epilog=example("ganas data verify"),
    rich_markup_mode=None,
)


@app.command("list", epilog=example("ganas data list"))
def list_tables(json: Json = False) -> None:
    """List the tables and the official files that tables are made of.

    A table is embedded (it comes with Ganas), cached (converted) or missing; an official file, a source, is
    downloaded or missing.
    """
    rows = [*_table_rows(), *_source_rows()]
    if json:
        print_json(rows)
        return
    for row in rows:
        row["size"] = size_in_words(row["bytes"])
    columns = ["name", "kind", "state", "rows", "size", "licence", "sha256"]
    print_table(columns, [["-" if row[column] is None else row[column] for column in columns] for row in rows])


def _table_rows() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "kind": "table",
            "state": ("embedded" if entry.embedded else "cached") if table_path(entry).exists() else "missing",
            "rows": entry.rows,
            "bytes": entry.bytes,
            "licence": entry.licence,
            "sha256": entry.sha256[:12],
            "makes": [],
        }
        for name, entry in cards().items()
    ]


def _source_rows() -> list[dict[str, Any]]:
    rows = []
    for name, entry in sources().items():
        path = downloaded(entry)
        rows.append(
            {
                "name": name,
                "kind": "source",
                "state": "missing" if path is None else "downloaded",
                "rows": None,
                "bytes": path.stat().st_size if path is not None and path.is_file() else entry.bytes,
                "licence": entry.licence,
                "sha256": entry.sha256 and entry.sha256[:12],
                "makes": entry.makes,
            }
        )
    return rows


@app.command("fetch", epilog=example("ganas data fetch nasbench101-only108"))
def fetch_source(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A source that `ganas data list` shows.")],
    mirror: Annotated[
        str | None, typer.Option(metavar="URL", help="Address or folder that holds the file, instead of its host.")
    ] = None,
    json: Json = False,
) -> None:
    """Load an official file and check its digest.

    A call that was interrupted goes on where it stopped. Where the host has no direct link, the command fails with
    the steps to take by hand.
    """
    wanted = source(name)
    megabyte = 10**6
    with ExitStack() as stack:
        bars: list[Progress] = []

        def show(done: int, total: int | None) -> None:
            if not bars:
                whole = -(-(total or wanted.bytes or 0) // megabyte)
                bars.append(stack.enter_context(Progress(f"fetch {name}", whole, "MB")))
            bars[0].update(done // megabyte)

        path = fetch(wanted, mirror=mirror, progress=show)
    facts = {
        "name": name,
        "path": str(path),
        "bytes": path.stat().st_size,
        "sha256": wanted.sha256 or file_sha256(path),
        "checked": checked_by(wanted),
        "makes": wanted.makes,
        "next": f"ganas data convert {shlex.quote(str(path))}",
    }
    if json:
        print_json(facts)
    else:
        print_pairs([(key, ", ".join(value) if isinstance(value, tuple) else value) for key, value in facts.items()])


@app.command("convert", epilog=example("ganas data convert NATS-tss-v1_0-3ffb9-simple"))
def convert_source(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="An official file, or the directory in its place.")],
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Which source it is; told by its name without it.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace tables of the same names.")] = False,
    json: Json = False,
) -> None:
    """Make tables of an official file.

    The file is read piece by piece and nothing in it is run. The tables appear when they are whole; a conversion that
    fails or is stopped leaves none.
    """
    with Progress(f"convert {path.name}", 100, "percent") as bar:
        made = convert_official(path, name, overwrite=overwrite, progress=lambda done: bar.update(int(100 * done)))
    rows = [{"name": one.name, "rows": one.rows, "bytes": one.bytes, "folder": str(one.folder)} for one in made]
    if json:
        print_json(rows)
        return
    print_table(
        ["table", "rows", "size", "folder"],
        [[one.name, one.rows, size_in_words(one.bytes), str(one.folder)] for one in made],
    )


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
