"""A PostgreSQL that is thrown away: its own cluster in a folder, on a free port, for measurements and tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg

OWNER = "postgres"
"""Who runs the server for root, whom PostgreSQL refuses."""
START_SECONDS = 30.0
"""The longest wait for the server to answer, or to be gone [s]."""


def binaries() -> Path | None:
    """Return the folder of ``initdb`` and ``postgres``, or None where there is none."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "postgres").exists()), None)


class Postgres:
    """One cluster; who tests outages stops, kills and starts it again."""

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        """Make the cluster; it does not run yet.

        Args:
            folder: an empty one, which is given to the cluster's owner.
            bin_folder: as :func:`binaries` found it.
        """
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
            subprocess.run(  # noqa: S603 - our own command
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
            self._process = subprocess.Popen(  # noqa: S603 - our own command
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

    def kill(self) -> None:
        """Kill the server and all of its processes (SIGKILL): none can say a last word, or hold what the next needs."""
        if self._process:
            self._process.send_signal(signal.SIGSTOP)  # it starts no other while we look
            theirs = psutil.Process(self._process.pid).children()
            self._process.kill()
            for process in theirs:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(theirs, timeout=START_SECONDS)
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
