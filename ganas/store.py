"""The experiment store: every study and every counted query, in SQLite (or any database that SQLAlchemy reaches).

Three tables. ``studies`` has a row for each study, keyed by a hash of what defines it, so that the same study has the
same key in every run. ``evaluations`` has a row for each counted query. ``diagnostics`` has a row for each value that
a strategy said of itself at a query. Nothing in them depends on the order in which studies ran, except wall seconds,
timestamps and process ids.

Durability follows cost: look-ups are committed at the end of a study and at least once a second (SQLite in WAL mode;
a killed process loses only what a resumed study replays to the same bits).
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, OperationalError

from ganas.spaces.errors import StoreError

if TYPE_CHECKING:
    import pandas

__all__ = ["FILE_NAME", "Store"]

FILE_NAME = "store.sqlite"
"""Name of the store in the folder of a run."""

_SCHEMA = "2"

_metadata = sql.MetaData()

META = sql.Table(
    "meta",
    _metadata,
    sql.Column("key", sql.String, primary_key=True),
    sql.Column("value", sql.Text, nullable=False),
)

STUDIES = sql.Table(
    "studies",
    _metadata,
    sql.Column("study", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("benchmark", sql.String, nullable=False),
    sql.Column("strategy", sql.String, nullable=False),
    sql.Column("variant", sql.String, nullable=False),
    sql.Column("settings", sql.Text, nullable=False),
    sql.Column("seed", sql.BigInteger, nullable=False),
    sql.Column("budget", sql.Integer, nullable=False),
    sql.Column("metric", sql.String, nullable=False),
    sql.Column("signal", sql.String, nullable=False),
    sql.Column("stop_at_optimum", sql.Boolean, nullable=False),
    sql.Column("space", sql.String, nullable=False),
    sql.Column("source", sql.String, nullable=False),
    sql.Column("versions", sql.Text, nullable=False),
    sql.Column("state", sql.String, nullable=False),
    sql.Column("stop", sql.String),
    sql.Column("queries", sql.Integer, nullable=False),
    sql.Column("simulated_seconds", sql.Float, nullable=False),
    sql.Column("wall_seconds", sql.Float, nullable=False),
    sql.Column("started_at", sql.String, nullable=False),
    sql.Column("finished_at", sql.String),
    sql.Column("process_id", sql.Integer, nullable=False),
)

EVALUATIONS = sql.Table(
    "evaluations",
    _metadata,
    sql.Column("study", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("query", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("architecture", sql.Text, nullable=False),
    sql.Column("value", sql.Float),
    sql.Column("simulated_seconds", sql.Float, nullable=False),
    sql.Column("wall_seconds", sql.Float, nullable=False),
    sql.Column("trial", sql.Integer),
    sql.Column("fidelity", sql.Integer),
    sql.Column("failure", sql.Text),
    # The key is the order of reading: without a row id SQLite keeps one tree instead of two.
    sqlite_with_rowid=False,
)

DIAGNOSTICS = sql.Table(
    "diagnostics",
    _metadata,
    sql.Column("study", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("query", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("name", sql.String, primary_key=True),
    sql.Column("value", sql.Float),
    sqlite_with_rowid=False,
)

# Diagnostics are not among them: no result depends on them, and their last digits may be those of another processor.
_REPLAYED = ("architecture", "value", "simulated_seconds", "trial", "fidelity", "failure")


class Store:
    """Opens or creates the store of a run.

    Args:
        location: Folder of the run, or the URL of a database.
        create: Whether to create what is not there.

    Raises:
        StoreError: There is no store and ``create`` is false, or what is there is not a store of this version.
    """

    def __init__(self, location: str | Path, *, create: bool = True) -> None:
        text = str(location)
        if "://" in text:
            url, self.name = text, text
        else:
            path = Path(location) / FILE_NAME
            if not path.exists() and not create:
                raise StoreError(f"there is no store in {location}: {FILE_NAME} is missing")
            if Path(location).is_file():
                raise StoreError(f"{location} is a file: the folder of a run is wanted")
            path.parent.mkdir(parents=True, exist_ok=True)
            url, self.name = f"sqlite:///{path}", str(location)
        self._engine = sql.create_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _prepare_sqlite)
        try:
            self._connection = self._engine.connect()
            found = self._prepare_tables()
        except (DatabaseError, OperationalError) as error:
            raise StoreError(f"{self.name} does not hold a store of Ganas: {error.orig}") from None
        if found != _SCHEMA:
            self.close()
            raise StoreError(f"the store in {self.name} has schema {found}, this version reads {_SCHEMA}")
        # Damage in the middle of a file shows only when that part is read.
        event.listen(self._engine, "handle_error", self._refuse)

    def _refuse(self, context: sql.ExceptionContext) -> None:
        # An interrupt in the middle of a statement comes here too, and is no damage.
        if isinstance(context.original_exception, Exception):
            raise StoreError(f"the store in {self.name} cannot be read: {context.original_exception}")

    def _prepare_tables(self) -> str:
        """Make the tables where there are none and return the schema; a store of another one is left as it is."""
        # Asking and creating are two steps: inside the write lock two processes cannot both create.
        with self._writing():
            found = None
            if sql.inspect(self._connection).has_table(META.name):
                found = self._connection.execute(sql.select(META.c.value).where(META.c.key == "schema")).scalar()
            if found is None or found == _SCHEMA:
                _metadata.create_all(self._connection)
            if found is None:
                self._connection.execute(sql.insert(META), {"key": "schema", "value": _SCHEMA})
        return _SCHEMA if found is None else str(found)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction that holds the write lock from its start."""
        if self._engine.dialect.name == "sqlite":
            self._connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(DatabaseError):  # an interrupt may have closed the connection already
                self._connection.rollback()
            raise
        self._connection.commit()

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- meta ------------------------------------------------------------------------------------------------------

    def read_meta(self, key: str) -> Any:
        """The JSON value kept under ``key``, or None."""
        text = self._connection.execute(sql.select(META.c.value).where(META.c.key == key)).scalar()
        self._connection.rollback()
        return None if text is None else json.loads(text)

    def write_meta(self, key: str, value: Any) -> None:
        """Keep a JSON value under ``key``."""
        with self._writing():
            self._connection.execute(sql.delete(META).where(META.c.key == key))
            self._connection.execute(sql.insert(META), {"key": key, "value": json.dumps(value, sort_keys=True)})

    # --- writing -----------------------------------------------------------------------------------------------------

    def finished(self) -> set[int]:
        """Keys of the studies that are done."""
        rows = self._connection.execute(sql.select(STUDIES.c.study).where(STUDIES.c.state == "finished"))
        keys = {int(key) for key in rows.scalars()}
        self._connection.rollback()
        return keys

    def stored_trace(self, study: int) -> list[dict[str, Any]]:
        """The evaluations of a study that are stored, in order."""
        query = sql.select(EVALUATIONS).where(EVALUATIONS.c.study == study).order_by(EVALUATIONS.c.query)
        rows = [dict(row._mapping) for row in self._connection.execute(query)]
        self._connection.rollback()
        return rows

    def write(
        self,
        study: Mapping[str, Any],
        evaluations: Sequence[Mapping[str, Any]],
        diagnostics: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Commit the row of a study, its new evaluations and their diagnostics, together.

        Args:
            study: A value for every column of ``studies``; replaces the row of the same key.
            evaluations: Rows of ``evaluations`` that are not stored yet.
            diagnostics: Rows of ``diagnostics`` at the queries of these evaluations.
        """
        with self._writing():
            self._connection.execute(sql.delete(STUDIES).where(STUDIES.c.study == study["study"]))
            self._connection.execute(sql.insert(STUDIES), dict(study))
            if evaluations:
                self._connection.execute(sql.insert(EVALUATIONS), [dict(row) for row in evaluations])
            if diagnostics:
                self._connection.execute(sql.insert(DIAGNOSTICS), [dict(row) for row in diagnostics])

    # --- reading -----------------------------------------------------------------------------------------------------

    def studies(self) -> pandas.DataFrame:
        """One row a study, by benchmark and variant in the order in which the experiment named them, then by seed."""
        columns = (STUDIES.c.benchmark, STUDIES.c.strategy, STUDIES.c.variant, STUDIES.c.seed)
        frame = self._frame(sql.select(STUDIES).order_by(*columns))
        named = self.read_meta("order") or {}
        # What is not named comes last, in the order of the alphabet: sorting is stable.
        for column in ("variant", "benchmark"):
            rank = {text: place for place, text in enumerate(named.get(column, []))}
            frame = frame.sort_values(column, key=lambda texts, rank=rank: texts.map(rank), kind="stable")
        return frame.reset_index(drop=True)

    def evaluations(self, columns: Sequence[str] | None = None) -> pandas.DataFrame:
        """One row a counted query, ordered by study and query; all columns or those named."""
        wanted = [EVALUATIONS.c[name] for name in columns] if columns is not None else [EVALUATIONS]
        return self._frame(sql.select(*wanted).order_by(EVALUATIONS.c.study, EVALUATIONS.c.query))

    def diagnostics(self) -> pandas.DataFrame:
        """One row a value that a strategy said of itself (study, query, name, value), ordered by the first three."""
        keys = (DIAGNOSTICS.c.study, DIAGNOSTICS.c.query, DIAGNOSTICS.c.name)
        return self._frame(sql.select(DIAGNOSTICS).order_by(*keys)).astype({"value": "float64"})

    def _frame(self, query: sql.Select[Any]) -> pandas.DataFrame:
        import pandas

        result = self._connection.execute(query)
        names = list(result.keys())
        rows = result.fetchall()
        self._connection.rollback()
        return pandas.DataFrame.from_records([tuple(row) for row in rows], columns=names)


def check_replay(stored: Sequence[Mapping[str, Any]], replayed: Sequence[Mapping[str, Any]], study: str) -> None:
    """Compare what is stored of a study with what running it again gives, as far as both go.

    Raises:
        StoreError: They differ: another version or another machine made the store.
    """
    for old, new in zip(stored, replayed, strict=False):
        for name in _REPLAYED:
            if not _same(old[name], new[name]):
                raise StoreError(
                    f"the stored trace of {study} differs from its replay at query {old['query']}: {name} is "
                    f"{old[name]!r} in the store and {new[name]!r} now; use another folder for this version"
                )


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, float) and isinstance(new, float) and math.isnan(old) and math.isnan(new):
        return True
    return bool(old == new)


def _prepare_sqlite(connection: Any, _: object) -> None:
    # Transactions are begun by hand (BEGIN IMMEDIATE), so the driver must not begin its own.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=60000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
