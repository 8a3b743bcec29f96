"""What every route shares, from the app's start to its end: the doors to server, database, pictures and jobs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from api.backend import Backend
from api.jobs.counters import Counters
from api.jobs.desk import Desk
from api.jobs.queue import Queue
from api.jobs.readiness import Readiness
from api.jobs.records import Job
from api.jobs.room import Room
from api.jobs.weights import Weights
from api.jobs.worker import working
from api.problems import ClientGone
from api.providers.base import Provider
from api.providers.breaker import Breaker
from api.providers.gemini import Gemini
from api.providers.kling import Kling
from api.providers.settings import GeminiSettings, KlingSettings
from api.quality.policy import load_pipeline
from api.security.caller import Authenticator
from api.security.reads import Reads
from api.security.ssrf import Guard
from api.security.tenants import load_tenants
from api.settings import Role, Settings
from api.storage.blobs import Blobs
from api.storage.database import Database
from api.storage.links import Links
from api.telemetry import traces
from api.telemetry.metrics import Metrics
from bridge.errors import RateLimited, ServerUnavailable

T = TypeVar("T")

TRITON_REST = 2.0
"""How long a Triton that failed is left alone before a probe [s]."""
STREAM_RETRY_SECONDS = 5.0
"""After which another stream of events may be asked for [s]: about what a job takes, whose end ends its stream."""
PICTURE_BYTES = 32 * 2**20
"""The largest picture that is fetched from a provider [bytes]."""


@dataclass
class Service:
    """One per app, from its start to its end."""

    room: Room
    desk: Desk
    authenticator: Authenticator
    reads: Reads
    metrics: Metrics
    waiting: int = 0  # requests that wait for Triton now
    streams: Counter[str] = field(default_factory=Counter)  # of events that are open now, by tenant

    @property
    def backend(self) -> Backend:
        """The inference server."""
        return self.room.backend

    @property
    def settings(self) -> Settings:
        """What the environment says."""
        return self.room.settings

    @property
    def blobs(self) -> Blobs:
        """The store of pictures."""
        return self.room.blobs

    @property
    def links(self) -> Links:
        """What makes and reads links to pictures."""
        return self.room.links

    def link(self, job: Job, picture: str) -> str:
        """Return a link to a job's picture that holds for a while, and never longer than the picture."""
        until = self.room.clock() + self.settings.link_seconds
        return self.links.sign(picture, min(until, job.results_until or until))

    def check_streams(self, tenant: str) -> None:
        """Check that a tenant may open another stream of events.

        Raises:
            RateLimited: it has enough of them open.
        """
        if self.streams[tenant] >= self.settings.most_streams:
            refusal = RateLimited(
                "You watch so many jobs already. Please close a stream, or ask for the job itself."
            )
            refusal.retry_after = STREAM_RETRY_SECONDS
            raise refusal

    @contextmanager
    def streaming(self, tenant: str) -> Iterator[None]:
        """Count a stream of events while it is open."""
        self.streams[tenant] += 1
        try:
            yield
        finally:
            self.streams[tenant] -= 1

    async def attend(self, request: Request, work: Coroutine[Any, Any, T]) -> T:
        """Do the work for as long as the caller waits and while there is room.

        Raises:
            ServerUnavailable: too many wait already; nothing was begun.
            ClientGone: the caller hung up; the work was cancelled.
        """
        if self.waiting >= self.settings.max_in_flight:
            work.close()
            raise ServerUnavailable("The fitting room is full. Please try again in a few seconds.")
        self.waiting += 1
        try:
            with self.metrics.in_flight.track_inprogress():
                return await _unless_gone(request, work)
        finally:
            self.waiting -= 1


@asynccontextmanager
async def opened(settings: Settings, backend: Backend, metrics: Metrics) -> AsyncIterator[Service]:
    """Open everything that a service needs; a worker's part too, unless the role is ``api``.

    Raises:
        ConfigError: a file or a variable says something that can't be done.
        StorageUnavailable: database or pictures can't be reached.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(traces.exporting(settings.role.value))
        database = Database(settings.database)
        stack.callback(database.close)
        queue = await asyncio.to_thread(_prepared, database, settings.workers)
        stack.callback(queue.close)
        tenants = load_tenants(settings.tenants)
        guard = Guard(allow_private=settings.allow_private_urls)
        blobs = Blobs(settings.blobs)
        providers = await _providers(stack, guard, blobs)
        room = Room(
            settings=settings,
            database=database,
            blobs=blobs,
            links=Links(settings.key, settings.public_url),
            queue=queue,
            backend=backend,
            counters=Counters(backend),
            readiness=Readiness(backend),
            weights=Weights(backend),
            tenants=tenants,
            pipeline=load_pipeline(settings.pipeline),
            guard=guard,
            triton=Breaker("The inference server", rest=TRITON_REST),
            metrics=metrics,
            providers=providers,
            circuits={name: Breaker(name) for name in providers},
        )
        if settings.role is not Role.API:
            await stack.enter_async_context(working(room))
        yield Service(room, Desk(room), Authenticator(settings, tenants, database), Reads(tenants), metrics)


def _prepared(database: Database, workers: int) -> Queue:
    database.create()
    return Queue(database, workers)


async def _providers(stack: AsyncExitStack, guard: Guard, blobs: Blobs) -> dict[str, Provider]:
    """Open the accounts that the environment names, the preferred one first."""

    async def fetch(url: str) -> bytes:
        return await guard.fetch(url, most_bytes=PICTURE_BYTES)

    found: dict[str, Provider] = {}
    if (kling := KlingSettings()).configured:
        found["kling"] = await stack.enter_async_context(Kling(kling, fetch))
    if (gemini := GeminiSettings()).configured:
        found["gemini"] = await stack.enter_async_context(Gemini(gemini, blobs))
    return found


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_hang_up(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _of(request: Request) -> Service:
    # Asynchronous, since FastAPI would take a thread for a plain function.
    service: Service = request.app.state.service
    return service


Serving = Annotated[Service, Depends(_of)]
"""A route's parameter of this type receives the app's service."""
