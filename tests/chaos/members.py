"""Processes that are started again whenever they die, and what can be done to them."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bridge.errors import ServerUnavailable
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.ports import Ports

RESTART_SECONDS = 0.3
"""Between a death and the next start [s], as of a supervisor without patience."""
LIKELY_ORDERLY = 20.0
"""How long a process may take to stop when it is asked to [s]."""


class Member:
    """One process of the service, which leads a session of its own."""

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._command, self._env, self._log = command, env, log
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._began = 0.0

    def start(self) -> None:
        """Start it, and again whenever it ends."""
        self._keeper = asyncio.create_task(self._live())

    async def _live(self) -> None:
        while True:
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, env=self._env, stdout=log, stderr=log, start_new_session=True
                )
            self._began = time.monotonic()
            await self._process.wait()
            await asyncio.sleep(RESTART_SECONDS)

    @property
    def age(self) -> float:
        """How long ago it started [s]."""
        return time.monotonic() - self._began

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal to the process and all that it started; return whether it lived."""
        if self._process is None or self._process.returncode is not None:
            return False
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
            return True
        return False

    def starve(self, *, hungry: bool) -> None:
        """Let every write to a file fail, as on a full disk, or no longer."""
        if self._process is None or self._process.returncode is not None:
            return
        _, hard = resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE)
        with suppress(ProcessLookupError):
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (0 if hungry else hard, hard))

    async def stop(self) -> None:
        """End it for good: politely at first."""
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self.signal(signal.SIGCONT)
        if self.signal(signal.SIGTERM) and self._process:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), LIKELY_ORDERLY)
        self.signal(signal.SIGKILL)


class Triton:
    """An embedded Triton on one port, started again when it, or one of its models, has died."""

    def __init__(self, repository: Path, port: int, log: Path) -> None:
        self._repository, self._port, self._log = repository, port, log
        self._server: EmbeddedTriton | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Start it, and again whenever it ends."""
        self._keeper = asyncio.create_task(asyncio.to_thread(self._live))

    def _live(self) -> None:
        while not self._stopping:
            with suppress(ServerUnavailable):  # the port is still held by what was killed
                server = EmbeddedTriton(
                    self._repository, models=["tryon_basic"], ports=Ports(grpc=self._port), log=self._log
                )
                with server:
                    self._server = server
                    while server.healthy() and not self._stopping:
                        time.sleep(RESTART_SECONDS)
            self._server = None
            time.sleep(RESTART_SECONDS)

    def kill(self) -> bool:
        """Kill the server; return whether it lived."""
        server = self._server
        if server is None:
            return False
        with suppress(ServerUnavailable, ProcessLookupError):
            os.kill(server.pid, signal.SIGKILL)
            return True
        return False

    async def stop(self) -> None:
        """End it for good."""
        self._stopping = True
        if self._keeper:
            await self._keeper


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
