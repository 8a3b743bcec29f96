"""A PostgreSQL that is thrown away: its own cluster in a temporary folder, on a free port."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from api.storage.database import METADATA, Database

OWNER = "postgres"
"""Who runs the server when the tests run as root, which PostgreSQL refuses."""
START_SECONDS = 30.0


def binaries() -> Path | None:
    """Return the folder of ``initdb`` and ``postgres``, or None where there is none."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "postgres").exists()), None)


class Postgres:
    """One cluster; tests of outages stop, kill and start it again."""

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        """Make the cluster; it does not run yet."""
        self.folder = folder
        self._bin = bin_folder
        self._user = OWNER if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        if self._user:
            shutil.chown(folder, self._user)
        self._call(
            "initdb", "-D", str(folder / "data"), "-U", "vfr", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"
        )

    def _call(self, *command: str) -> None:
        """Run one of PostgreSQL's programs to its end, as the cluster's owner."""
        program, *arguments = command
        with (self.folder / "log").open("ab") as log:
            subprocess.run(
                [self._bin / program, *arguments],
                user=self._user,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                check=True,
            )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        options |= {"fsync": "off", "full_page_writes": "off", "max_connections": 200}
        arguments = [f"--{name}={value}" for name, value in options.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.folder / "data", *arguments],
                user=self._user,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop the server: at once and uncleanly (SIGQUIT), or when what runs is rolled back (SIGINT)."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait(START_SECONDS)
            self._process = None

    def url(self, database: str) -> str:
        """Return the address of a database of this cluster."""
        return f"postgresql://vfr@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """Make an empty database and return its address."""
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database with all its files, whoever is still connected."""
        name = url.rpartition("/")[2]
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


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
