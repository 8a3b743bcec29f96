"""One database for everything that must survive: SQLite by default, PostgreSQL by ``VFR_DATABASE_URL``.

Every module declares its own tables on :data:`METADATA` and reads and writes them in functions that take a
connection; :meth:`Database.run` calls such a function in a thread, within one transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from bridge.errors import ConfigError, StorageUnavailable

T = TypeVar("T")
METADATA = sa.MetaData()

_BUSY_SECONDS = 30.0
"""How long a writer of SQLite waits for another one [s]."""
_HEAP_BYTES = 8 * 2**20
"""What SQLite keeps in a process, beside the system's own cache of the file."""
_RETRY_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0)
"""Pauses before a transaction whose connection broke is run again [s]: a database restarts within them."""


class Database:
    """A pool of connections to SQLite or PostgreSQL."""

    def __init__(self, url: str) -> None:
        """Open the pool; nothing is connected yet.

        Args:
            url: ``sqlite:///path`` or ``postgresql://…``.
        """
        self.url = sa.make_url(url)
        self._writer: ThreadPoolExecutor | None = None  # None: the loop's own threads
        if self.url.get_backend_name() == "sqlite":
            self.engine = _sqlite(self.url)
            # There is one lock for all who write, and SQLite waits for it by sleeping: a queue of ours takes no time.
            self._writer = ThreadPoolExecutor(1, "database")
        else:
            self.engine = sa.create_engine(
                self.url.set(drivername="postgresql+psycopg"),
                pool_size=10,
                max_overflow=10,
                pool_pre_ping=True,
            )
        self._reading = self.engine.execution_options(reads=True)

    def create(self) -> None:
        """Create what is missing of the tables, and of the columns of tables that an older version made.

        Raises:
            ConfigError: the tables are of a version that this one can't go on from.
            StorageUnavailable: nobody answers at the address.
        """
        try:
            self._complete()
        except DBAPIError as error:
            if not any(word in str(error) for word in ("already exists", "duplicate column")):
                raise _unavailable(error) from error
            self._complete()  # another process was quicker

    def _complete(self) -> None:
        METADATA.create_all(self.engine)
        known = sa.inspect(self.engine)
        for table in METADATA.sorted_tables:
            present = {column["name"] for column in known.get_columns(table.name)}
            for column in table.columns:
                if column.name not in present:
                    self._add(column)

    def _add(self, column: sa.Column[Any]) -> None:
        """Add a column that may be empty to a table that has rows."""
        table = column.table.name
        if not column.nullable:
            raise ConfigError(
                f"The database's table {table} is too old for this version. Please use a new database."
            )
        quote = self.engine.dialect.identifier_preparer.quote
        kind = column.type.compile(self.engine.dialect)
        with self.engine.begin() as connection:
            connection.execute(sa.text(f"ALTER TABLE {quote(table)} ADD COLUMN {quote(column.name)} {kind}"))

    async def run(self, transaction: Callable[[sa.Connection], T]) -> T:
        """Run a function of a connection as one transaction, in a thread; again when the connection broke.

        Raises:
            StorageUnavailable: the database does not come back.
        """
        loop, told = asyncio.get_running_loop(), copy_context()
        return await loop.run_in_executor(self._writer, lambda: told.run(self.run_here, transaction))

    async def read(self, query: Callable[[sa.Connection], T]) -> T:
        """As :meth:`run`, of a function that writes nothing: on SQLite it then waits for nobody who writes."""
        return await asyncio.to_thread(self.run_here, query, reads=True)

    def run_here(self, transaction: Callable[[sa.Connection], T], *, reads: bool = False) -> T:
        """As :meth:`run` or :meth:`read`, in this thread."""
        for pause in (*_RETRY_SECONDS, None):
            try:
                with (self._reading if reads else self.engine).begin() as connection:
                    return transaction(connection)
            except (OperationalError, sa.exc.InterfaceError) as error:  # noqa: PERF203 - it is the loop's point
                if pause is None:
                    raise _unavailable(error) from error
                time.sleep(pause)
        raise AssertionError("the last turn returns or raises")

    def close(self) -> None:
        """Close all connections."""
        if self._writer:
            self._writer.shutdown()
        self.engine.dispose()


class now(FunctionElement[float]):  # noqa: N801 - a function of SQL, named as those of SQLAlchemy are
    """The time by the clock that all processes share [Unix seconds]: PostgreSQL's own, or with SQLite the machine's."""

    type = sa.Float(53)
    inherit_cache = True


@compiles(now, "postgresql")
def _on_postgresql(*_: object, **__: object) -> str:
    return "extract(epoch FROM clock_timestamp())::float8"  # now() would be when the transaction began


@compiles(now, "sqlite")
def _on_sqlite(*_: object, **__: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"  # the Julian day on which Unix time begins


def insert_new(connection: sa.Connection, table: sa.Table, **values: Any) -> bool:  # noqa: ANN401 - a row's values
    """Insert a row of values, or expressions, unless its key is taken; return whether it was inserted."""
    statement = _insert_new(connection.dialect.name, table)
    if computed := {name: value for name, value in values.items() if isinstance(value, sa.ClauseElement)}:
        statement = statement.values(computed)
        values = {name: value for name, value in values.items() if name not in computed}
    # Without the option SQLAlchemy does not ask PostgreSQL how many rows an INSERT wrote.
    return connection.execute(statement, values, execution_options={"preserve_rowcount": True}).rowcount > 0


@cache
def _insert_new(dialect: str, table: sa.Table) -> sa.Insert:
    """Build the statement, which takes longer than to run it."""
    module: Any = __import__(f"sqlalchemy.dialects.{dialect}", fromlist=["insert"])
    statement: sa.Insert = module.insert(table).on_conflict_do_nothing()
    return statement


def _sqlite(url: sa.URL) -> sa.Engine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url.set(drivername="sqlite"), connect_args={"timeout": _BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # SQLAlchemy's BEGIN below replaces the driver's own
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        # Of all connections of the process together, DBOS's too: each would keep 2 MiB of a database that grows.
        connection.execute(f"PRAGMA soft_heap_limit={_HEAP_BYTES}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A reader that turns writer would be refused at once in WAL, whatever the time-out (SQLite's docs).
        reads = connection.get_execution_options().get("reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _unavailable(error: Exception) -> StorageUnavailable:
    return StorageUnavailable(f"The database can't be used now ({type(error).__name__}). Please try again.")
