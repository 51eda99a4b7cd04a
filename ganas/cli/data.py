"""``ganas data``: the tables and where they come from."""

from __future__ import annotations

import shlex
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from ganas.cli.output import Json, Progress, example, print_json, print_note, print_pairs, print_table
from ganas.data.card import Card, content_digest
from ganas.data.catalog import card, card_names, check_files, home, verify
from ganas.data.convert.official import convert_official, locate
from ganas.data.fetch import checked_by, fetch
from ganas.data.sources import downloaded, downloads, source, source_of, sources
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

    A table is embedded (it comes with Ganas), cached (converted), missing (not converted yet) or damaged; an official
    file, a source, is downloaded or missing.
    """
    rows = [*_table_rows(), *_source_rows()]
    if json:
        print_json(rows)
        return
    for row in rows:
        row["size"] = "-" if row["state"] == "missing" and row["kind"] == "table" else size_in_words(row["bytes"])
    columns = ["name", "kind", "state", "rows", "size", "licence", "sha256", "from"]
    if sys.stdout.isatty():
        # Beside the names there is not much room.
        wide = shutil.get_terminal_size().columns >= 100
        columns = ["name", "state", "rows", "size", *(["licence"] if wide else []), "from"]
    cells = [["-" if row[column] is None else row[column] for column in columns] for row in rows]
    if sys.stdout.isatty():
        begins = sum(row["kind"] == "table" for row in rows)
        heading = [""] * (len(columns) - 1)
        cells = [["tables", *heading], *cells[:begins], ["", *heading], ["sources", *heading], *cells[begins:]]
    print_table(columns, cells)
    for row in rows:
        if row["reason"] is not None:
            print_note(f"{row['name']} is damaged: {row['reason']}")
    print_note(f"converted tables and downloads are in {home()}; GANAS_HOME names another folder")


def _table_rows() -> list[dict[str, Any]]:
    """The tables that there are, then those that official files become."""
    present = card_names()
    waiting = [(name, entry) for entry in sources().values() for name in entry.makes if name not in present]
    missing = [
        {**_NO_TABLE, "name": name, "state": "missing", "licence": entry.licence, "from": entry.name}
        for name, entry in waiting
    ]
    return [*map(_table_row, present), *missing]


_NO_TABLE: dict[str, Any] = {
    "name": "",
    "kind": "table",
    "state": "",
    "rows": None,
    "bytes": None,
    "licence": None,
    "sha256": None,
    "from": None,
    "path": None,
    "reason": None,
    "makes": [],
}


def _table_row(name: str) -> dict[str, Any]:
    made_of = source_of(name)
    try:
        entry = card(name)
    except DataError as error:
        # One card that cannot be read hides no other table.
        origin = None if made_of is None else made_of.name
        return {**_NO_TABLE, "name": name, "state": "damaged", "from": origin, "reason": str(error)}
    row = {
        **_NO_TABLE,
        "name": name,
        "state": "embedded" if entry.embedded else "cached",
        "rows": entry.rows,
        "bytes": entry.bytes,
        "licence": entry.licence,
        "sha256": content_digest(entry)[:12],
        "from": entry.source.package if made_of is None else made_of.name,
        "path": str(entry.folder),
    }
    try:
        check_files(entry)
    except DataError as error:
        row |= {"state": "damaged", "reason": str(error)}
    return row


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
                "from": "a direct link" if entry.urls else "by hand",
                "path": str(downloads() / entry.files[0] if path is None else path),
                "reason": None,
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
        "checked": checked_by(wanted, path),
        "makes": wanted.makes,
        "next": f"ganas data convert {shlex.quote(str(path))}",
    }
    if json:
        print_json(facts)
    else:
        print_pairs([(key, ", ".join(value) if isinstance(value, tuple) else value) for key, value in facts.items()])


@app.command("convert", epilog=example("ganas data convert NATS-tss-v1_0-3ffb9-simple"))
def convert_source(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="An official file, the directory in its place, or a source that is fetched."
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Which source it is; told by its name or content without it."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace tables of the same names.")] = False,
    json: Json = False,
) -> None:
    """Make tables of an official file.

    The file is read piece by piece and nothing in it is run. The tables appear when they are whole; a conversion that
    fails or is stopped leaves none.
    """
    found, which = locate(path, name)
    with Progress(f"convert {found.absolute().name}", 100, "percent") as bar:
        made = convert_official(
            found, which.name, overwrite=overwrite, progress=lambda done: bar.update(int(100 * done))
        )
    for note in dict.fromkeys(note for one in made for note in one.notes):
        print_note(f"Warning: {note}")
    rows = [
        {"name": one.name, "rows": one.rows, "bytes": one.bytes, "folder": str(one.folder), "notes": one.notes}
        for one in made
    ]
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
    verbose: Annotated[bool, typer.Option("--verbose", help="Print each thing that was confirmed.")] = False,
    json: Json = False,
) -> None:
    """Recompute hashes, counts and best values of the tables.

    Prints a line a table; --verbose and --json have each thing that was confirmed. Fails at the end with one line about
    all that is not as the cards say.
    """
    opened: dict[str, Card] = {}
    findings: dict[str, list[str]] = {}
    wrong: dict[str, str] = {}
    known = card_names()
    for name in names or []:
        if name not in known:
            card(name)  # which says what is meant
    for name in dict.fromkeys(names or known):
        try:
            opened[name] = card(name)
            findings[name] = verify(opened[name])
        except DataError as error:
            wrong[name] = str(error)
    if json:
        rows = {name: {**_verified(opened[name]), "confirmed": found} for name, found in findings.items()}
        print_json({**rows, **{name: {"state": "damaged", "reason": reason} for name, reason in wrong.items()}})
    elif findings and verbose:
        print_table(["table", "verified"], [[name, finding] for name, found in findings.items() for finding in found])
    elif findings:
        print_table(["table", "state", "source"], [_in_a_line(name, opened[name]) for name in findings])
    if wrong:
        raise DataError("; ".join(wrong.values()))
    if not findings:
        raise DataError("there is no table to verify")


def _verified(entry: Card) -> dict[str, Any]:
    source = f"table:{content_digest(entry)[:12]}"
    return {"state": "verified", "source": source, "rows": entry.rows, "files": 1 + len(entry.arrays)}


def _in_a_line(name: str, entry: Card) -> list[str]:
    facts = _verified(entry)
    plural = "s" if facts["files"] > 1 else ""
    return [name, f"verified, {entry.rows:,} rows, {facts['files']} file{plural}", facts["source"]]
