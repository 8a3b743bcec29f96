"""What the steps of jobs need, gathered once per process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from api.backend import Backend
from api.jobs.counters import Counters
from api.jobs.queue import Queue
from api.jobs.readiness import Readiness
from api.jobs.records import Job, read
from api.jobs.weights import Weights
from api.providers.base import Provider
from api.providers.breaker import Breaker
from api.quality.policy import Pipeline
from api.security.ssrf import Guard
from api.security.tenants import Tenant, Tenants
from api.settings import Settings
from api.storage.blobs import Blobs
from api.storage.database import Database
from api.storage.links import Links
from api.telemetry.metrics import Metrics
from bridge.errors import JobFailed


@dataclass
class Room:
    """The doors that lead out of a job: everything it may touch."""

    settings: Settings
    database: Database
    blobs: Blobs
    links: Links
    queue: Queue
    backend: Backend
    counters: Counters
    readiness: Readiness
    weights: Weights
    tenants: Tenants
    pipeline: Pipeline
    guard: Guard
    triton: Breaker
    metrics: Metrics = field(default_factory=Metrics)
    providers: Mapping[str, Provider] = field(default_factory=dict)
    circuits: Mapping[str, Breaker] = field(default_factory=dict)  # of the providers, by name
    clock: Callable[[], float] = time.time
    suspects: asyncio.Lock = field(default_factory=asyncio.Lock)  # of requests that may have killed Triton
    closing: bool = False
    steps: int = 0  # that run in this process now
    ended: dict[str, asyncio.Event] = field(
        default_factory=dict
    )  # of jobs that callers of this process wait for

    async def job(self, key: str) -> Job:
        """Return a job's row.

        Raises:
            JobFailed: it was erased.
        """
        found = await self.database.read(lambda connection: read(connection, key))
        if found is None:
            raise JobFailed("The job was erased.")
        return found

    def tenant(self, job: Job) -> Tenant:
        """Return whose job it is.

        Raises:
            ConfigError: the tenants' file does not know it any more.
        """
        return self.tenants[job.tenant]

    async def leave_to_others(self) -> None:
        """Wait for ever once this process is leaving: what it does not begin, another worker does."""
        if self.closing:
            await asyncio.Event().wait()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count a step that runs."""
        self.steps += 1
        try:
            yield
        finally:
            self.steps -= 1

    async def tell(self, change: Callable[[sa.Connection], bool], job: str) -> bool:
        """Run a transaction that may end a job, and wake whoever waits for it here."""
        changed = await self.database.run(change)
        if changed and (waiting := self.ended.get(job)):
            waiting.set()
        return changed


_HERE: list[Room] = []


def open_room(room: Room) -> None:
    """Let this process's workflows use a room: there is one at a time, as there is one DBOS."""
    _HERE[:] = [room]


def here() -> Room:
    """Return this process's room."""
    return _HERE[0]
