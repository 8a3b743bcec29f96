"""A PostgreSQL that is thrown away, and databases on it, as fixtures."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.storage.database import METADATA, Database
from benchmarks.postgres import Postgres, binaries


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running cluster, one for all tests; skips where PostgreSQL is not installed."""
    folder = binaries()
    if not folder:
        pytest.skip("PostgreSQL is not installed (neither initdb on PATH nor /usr/lib/postgresql/*/bin)")
    # Not pytest's own folder: it is closed to the cluster's owner.
    with tempfile.TemporaryDirectory(prefix="vfr-postgres-", ignore_cleanup_errors=True) as place:
        server = Postgres(Path(place), folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The address of an empty PostgreSQL database, a new one for each test."""
    url = postgres.fresh()
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database: the test runs on SQLite, and on PostgreSQL where there is one."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'vfr.sqlite'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """An open SQLite database with the tables of all modules that the test imports."""
    opened = Database(f"sqlite:///{tmp_path / 'tables.sqlite'}")
    opened.create()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def _shared(postgres: Postgres) -> Iterator[Database]:
    """One PostgreSQL database for the tests that leave only rows behind."""
    opened = Database(postgres.fresh())
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """As :func:`sqlite`, and then once more on PostgreSQL; the tables are empty."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite")
        return
    opened: Database = request.getfixturevalue("_shared")
    opened.create()
    yield opened
    with opened.engine.begin() as connection:
        names = ", ".join(
            connection.dialect.identifier_preparer.format_table(one) for one in METADATA.sorted_tables
        )
        connection.execute(sa.text(f"TRUNCATE {names} CASCADE"))
