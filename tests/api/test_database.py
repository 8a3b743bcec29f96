"""The databases that the tests run on, and what :class:`Database` promises on both."""

import asyncio
import signal
import threading
import time
from contextvars import ContextVar
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.storage.database import METADATA, Database, insert_new, now
from benchmarks.postgres import Postgres
from bridge.errors import ConfigError

NOTES = sa.Table(
    "test_notes", METADATA, sa.Column("id", sa.String(8), primary_key=True), sa.Column("n", sa.Integer)
)


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_a_database_that_restarts_is_waited_for(
    postgres: Postgres, postgres_url: str, *, killed: bool
) -> None:
    """A transaction whose server goes away while it waits is run again, once, when the server is back."""
    database = Database(postgres_url)
    database.run_here(lambda connection: connection.execute(sa.text("CREATE TABLE seen (n int)")))
    postgres.kill() if killed else postgres.stop(signal.SIGINT)
    back = threading.Timer(0.3, postgres.start)
    back.start()
    begun = time.monotonic()
    database.run_here(lambda connection: connection.execute(sa.text("INSERT INTO seen VALUES (1)")))
    back.join()
    count = database.run_here(lambda connection: connection.scalar(sa.text("SELECT count(*) FROM seen")))
    database.close()
    assert count == 1
    assert time.monotonic() - begun >= 0.3


def test_the_tables_are_created_once(database: Database) -> None:
    """Creating them again does no harm, on either kind."""
    database.create()
    assert database.run_here(lambda connection: connection.scalar(sa.text("SELECT 1"))) == 1


def test_tables_of_an_older_version_are_completed(tmp_path: Path) -> None:
    """A column that may be empty is added, once; one that may not is told in words."""
    database = Database(f"sqlite:///{tmp_path / 'old.sqlite'}")
    with database.engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE test_notes (id VARCHAR(8) PRIMARY KEY)"))
        connection.execute(sa.text("INSERT INTO test_notes VALUES ('kept')"))
    database.create()
    database.create()
    assert database.run_here(lambda connection: connection.execute(sa.select(NOTES)).one()) == ("kept", None)
    with database.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE test_notes"))
        connection.execute(sa.text("CREATE TABLE test_notes (n INTEGER)"))
    with pytest.raises(ConfigError, match="test_notes is too old"):
        database.create()
    database.close()


def test_a_row_is_inserted_once_of_values_and_of_expressions(database: Database) -> None:
    """Also by the statement of another row of the same table, which is built once."""
    database.create()
    rows = ({"id": "a", "n": 1}, {"id": "b", "n": sa.literal(1) + 1}, {"id": "a", "n": 3}, {"id": "c"})
    with database.engine.begin() as connection:
        assert [insert_new(connection, NOTES, **row) for row in rows] == [True, True, False, True]
        found = connection.execute(sa.select(NOTES).order_by(NOTES.c.id)).all()
        connection.execute(sa.delete(NOTES))
    assert found == [("a", 1), ("b", 2), ("c", None)]


def test_writers_of_sqlite_wait_in_line(tmp_path: Path) -> None:
    """One at a time within a process, so that none sleeps for SQLite's lock; each knows its caller's context."""
    database, caller = Database(f"sqlite:///{tmp_path / 'line.sqlite'}"), ContextVar[int]("caller")
    inside: list[int] = []
    known: list[int] = []

    def write(connection: sa.Connection) -> None:
        inside.append(1)
        assert len(inside) == 1
        connection.execute(sa.insert(NOTES), {"id": str(caller.get()), "n": 0})
        known.append(caller.get())
        inside.pop()

    async def call(number: int) -> None:
        caller.set(number)
        await database.run(write)

    async def together() -> int:
        await asyncio.gather(*(asyncio.create_task(call(number)) for number in range(20)))
        return await database.read(lambda c: c.scalar(sa.select(sa.func.count()).select_from(NOTES)) or 0)

    database.create()
    assert asyncio.run(together()) == 20
    assert sorted(known) == list(range(20))
    database.close()


def test_sqlite_keeps_little_in_memory(tmp_path: Path) -> None:
    """All connections of a process together: a database that grows does not make the process grow."""
    database = Database(f"sqlite:///{tmp_path / 'little.sqlite'}")
    limit = database.run_here(lambda c: c.scalar(sa.text("PRAGMA soft_heap_limit")))
    database.close()
    assert limit == 8 * 2**20


def test_its_clock(database: Database) -> None:
    """Unix seconds with their fractions, that go on within a transaction, on either kind."""

    def looked(connection: sa.Connection) -> tuple[float, float]:
        first = connection.scalar(sa.select(now()))
        time.sleep(0.05)
        return first, connection.scalar(sa.select(now() - 0.0))

    first, second = database.run_here(looked)
    assert first == pytest.approx(time.time(), abs=2)
    assert 0.02 < second - first < 2


def test_a_row_is_new_once(database: Database) -> None:
    """The first row of a key is written and told as new, on either kind; the next one is neither."""
    told = [database.run_here(lambda c, n=n: insert_new(c, NOTES, id="a", n=n)) for n in (1, 2)]
    assert told == [True, False]
    assert database.run_here(lambda c: c.scalar(sa.select(NOTES.c.n))) == 1


def test_a_reader_waits_for_no_writer(sqlite: Database) -> None:
    """While somebody writes, what was written before is read at once; and it is read as one state."""
    sqlite.run_here(lambda connection: insert_new(connection, NOTES, id="a", n=1))
    count = sa.select(sa.func.count()).select_from(NOTES)

    def write(connection: sa.Connection) -> int | None:
        insert_new(connection, NOTES, id="b", n=2)
        return sqlite.run_here(lambda other: other.scalar(count), reads=True)

    begun = time.monotonic()
    assert sqlite.run_here(write) == 1
    assert time.monotonic() - begun < 5
    assert sqlite.run_here(lambda connection: connection.scalar(count), reads=True) == 2
