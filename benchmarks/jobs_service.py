"""The service as processes of its own, in front of a Triton that costs nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import psutil
import yaml

from benchmarks.postgres import Postgres, binaries
from benchmarks.stub import stub_triton
from bridge.errors import ServerUnavailable

START_SECONDS = 60.0
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Running:
    """A service that answers."""

    url: str
    api: psutil.Process
    worker: psutil.Process | None

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor's time that the processes of the service have used [s]: ``pictures`` read them."""
        pictures = sum(map(_cpu, self.api.children(recursive=True)))
        worker = {"worker": _cpu(self.worker)} if self.worker else {}
        return {"api": _cpu(self.api), "pictures": pictures} | worker

    def memory_mb(self) -> dict[str, float]:
        """Return the resident memory of API and worker [MiB]; the picture readers are not counted."""
        names = ("api", "worker")
        return {name: one.memory_info().rss / 2**20 for name, one in zip(names, self._roots(), strict=False)}

    def _roots(self) -> list[psutil.Process]:
        return [one for one in (self.api, self.worker) if one]


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Give the address of an empty database.

    Args:
        kind: ``sqlite`` or ``postgres``.
        folder: where it may lie.

    Raises:
        ServerUnavailable: PostgreSQL is not installed.
    """
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'vfr.sqlite'}"
        return
    if not (programs := binaries()):
        raise ServerUnavailable("PostgreSQL is not installed; --database sqlite needs none.")
    with TemporaryDirectory(prefix="vfr-postgres-", ignore_cleanup_errors=True) as place:
        server = Postgres(Path(place), programs)
        server.start()
        try:
            yield server.fresh()
        finally:
            server.stop()


@contextmanager
def service(kind: str, *, worker: bool, queued: int | None = None) -> Iterator[Running]:
    """Run API, worker, database and the stub until the end of the block.

    Args:
        kind: of the database.
        worker: whether jobs are executed at all.
        queued: how many jobs may wait; None: as many as come.

    Raises:
        ServerUnavailable: something does not start.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="vfr-jobs-")))
        triton = stack.enter_context(stub_triton())
        address = stack.enter_context(database(kind, folder))
        env = _environment(folder, address, triton.url, queued)
        serve = ["serve", "--role", "api", "--triton-url", triton.url]
        api = stack.enter_context(_process(serve, env, folder / "api.log"))
        url = f"http://127.0.0.1:{env['VFR_PORT']}"
        _wait(url, api, folder / "api.log")
        executing = None
        if worker:
            executing = stack.enter_context(_process(["worker"], env, folder / "worker.log"))
            _wait_said(executing, folder / "worker.log")
        yield Running(url, api, executing)


def _environment(folder: Path, address: str, triton: str, queued: int | None) -> dict[str, str]:
    limits = {"requests_per_minute": 10_000_000, "queued": queued or 1_000_000}
    tenant = {"id": "local", "plan": "payg", "anonymous": True, "bystanders": "allow", "limits": limits}
    plans = {"payg": {"prices": {"basic": 0.02}}}
    (folder / "tenants.yaml").write_text(yaml.safe_dump({"plans": plans, "tenants": [tenant]}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {
        **os.environ,
        "VFR_DATA": str(folder),
        "VFR_DATABASE_URL": address,
        "VFR_BLOBS_URL": (folder / "blobs").as_uri(),
        "VFR_SECRET": "benchmark-" * 4,
        "VFR_TENANTS": str(folder / "tenants.yaml"),
        "VFR_TRITON_URL": triton,
        "VFR_PORT": str(port),
        "VFR_MOST_QUEUED": "1000000",
        "VFR_WORKERS": "8",
        "VFR_JOB_SECONDS": "86400",
    }


@contextmanager
def _process(arguments: list[str], env: dict[str, str], log: Path) -> Iterator[psutil.Process]:
    with log.open("wb") as output:
        command = [sys.executable, "-m", "api.cli", *arguments]
        process = subprocess.Popen(command, env=env, stdout=output, stderr=output)  # noqa: S603 - our own
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, api: psutil.Process, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and api.is_running() and api.status() != psutil.STATUS_ZOMBIE:
        with suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/healthz").status_code == httpx2.codes.OK:
                return
        time.sleep(0.1)
    raise ServerUnavailable(f"The API does not start: {log.read_text()[-500:]}")


def _wait_said(worker: psutil.Process, log: Path) -> None:
    """Wait until a worker says that it executes jobs."""
    deadline = time.monotonic() + START_SECONDS
    while "Executing" not in log.read_text():
        if time.monotonic() > deadline or worker.status() == psutil.STATUS_ZOMBIE:
            raise ServerUnavailable(f"The worker does not start: {log.read_text()[-500:]}")
        time.sleep(0.1)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
