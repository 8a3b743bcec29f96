"""Where jobs are handed in and asked for: it takes, refuses, shows and cancels; it executes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from api.jobs import records
from api.jobs.ending import conclude
from api.jobs.envelope import fault_of
from api.jobs.erasing import forget_pictures
from api.jobs.order import Order, Stored, Wishes
from api.jobs.queue import JOBS_QUEUE, TRYON
from api.jobs.records import Job, State
from api.jobs.room import Room
from api.providers import budget
from api.security import bystanders, idempotency, quotas
from api.security.caller import Caller
from api.security.ingest import Clean, clean, clean_mask
from api.security.tenants import Tenant
from api.telemetry import traces
from api.telemetry.logs import bind_contextvars
from bridge.errors import DeadlineMissed, ImageError, NotFound, RateLimited, ServerUnavailable

T = TypeVar("T")

_WAIT_SECONDS = 0.2
"""Between two looks at a job that another process executes [s]."""
_SECONDS_EACH = 2.0
"""What a job takes, before the first one has shown it [s]."""
_EVENTS_SECONDS = 0.2
"""Between two looks for news of a job [s]."""
HAND_IN_SECONDS = 25.0
"""How long a caller waits for the provider's id [s]: below the half minute after which proxies hang up."""
OVER = {state.value for state in State if state.over}
"""The stages that no other follows."""
GRACE_SECONDS = 5.0
"""After its deadline somebody has so long to end a job [s]."""
CANCEL_GRACE = 30.0
"""After its deadline DBOS cancels a workflow so much later: the job's own end comes first [s]."""


@dataclass(frozen=True)
class Uploads:
    """The pictures of a request, encoded, as they came."""

    person: bytes
    garments: tuple[bytes, ...]
    mask: bytes = b""


@dataclass(frozen=True)
class Claim:
    """An ``Idempotency-Key`` and the request that it came with."""

    key: str
    route: str  # method and path


@dataclass(frozen=True)
class Accepted:
    """A job that was handed in, now or before."""

    job: str
    replayed: bool = False


@dataclass(frozen=True)
class _Pictures:
    """The pictures of a request as they may be stored."""

    person: Clean
    garments: Sequence[Clean]
    mask: Clean | None
    person_index: int


class Desk:
    """One per process; all state is in the database."""

    def __init__(self, room: Room) -> None:
        """Serve the jobs of a room."""
        self._room = room

    async def accept(
        self,
        caller: Caller,
        user: str,
        wishes: Wishes,
        uploads: Uploads,
        claim: Claim | None = None,
        seconds: float | None = None,
    ) -> Accepted:
        """Take a job: once this returns, it will end, whatever process dies.

        Args:
            caller: whose job it is.
            user: the tenant's name of its customer, where the caller is none; empty: nobody's.
            wishes: what to do with the pictures.
            uploads: the pictures.
            claim: makes a repeated request find the job of the first.
            seconds: the time the job has; None: as the settings say.

        Raises:
            ImageError: a picture can't be used; nothing was stored.
            Bystanders: the photo shows others, and the tenant wants no such photos.
            KeyReused: the key came with another request.
            RateLimited: the tenant asks too often, or too much of its waits already.
            QuotaSpent: the tenant's month is used up.
            ServerUnavailable: too much waits altogether; ``retry_after`` says when to come again.
        """
        room = self._room
        now = room.clock()
        tenant, user = caller.tenant, caller.user or user
        bind_contextvars(tenant=tenant.id)
        room.tenants.price(tenant, wishes.tier)  # refuses a tier that the plan does not hold
        if claim:
            idempotency.check_key(claim.key)
        await room.database.run(lambda connection: self._admit(connection, tenant, wishes, now))
        pictures = await self._cleaned(tenant, wishes, uploads)
        job = uuid.uuid4().hex
        folder = records.folder(tenant.id, user, job)
        kept = False
        try:
            order = await self._stored(wishes, pictures, folder)
            accepted = await room.database.run(
                lambda c: self._enter(
                    c, caller, user, job, order, claim, seconds or room.settings.job_seconds
                )
            )
            kept = not accepted.replayed
            bind_contextvars(job=accepted.job)
        finally:
            if not kept:
                await room.blobs.delete(folder)
        return accepted

    async def _cleaned(self, tenant: Tenant, wishes: Wishes, uploads: Uploads) -> _Pictures:
        """Judge and clean the pictures; nothing is stored yet."""
        photos = enumerate(uploads.garments, start=1)
        guarded, garments = await asyncio.gather(
            self._guarded(tenant, wishes, uploads.person),
            asyncio.gather(*(_named(_garment(number), clean(data)) for number, data in photos)),
        )
        mask = await _named("The mask", clean_mask(uploads.mask, guarded.photo))
        return _Pictures(guarded.photo, garments, mask, guarded.person_index)

    async def _guarded(self, tenant: Tenant, wishes: Wishes, person: bytes) -> bystanders.Guarded:
        return await bystanders.guard(
            self._room.backend,
            await _named("The person's photo", clean(person)),
            wishes.person_index,
            tenant.bystanders,
            self._room.settings.timeout,
        )

    async def _stored(self, wishes: Wishes, pictures: _Pictures, folder: str) -> Order:
        """Store the pictures and return the order that names them."""
        return Order(
            **wishes.model_dump() | {"person_index": pictures.person_index},
            person=await self._store(f"{folder}/person", pictures.person),
            garments=tuple(
                [await self._store(f"{folder}/garment-{i}", one) for i, one in enumerate(pictures.garments)]
            ),
            mask=await self._store(f"{folder}/mask", pictures.mask) if pictures.mask else None,
        )

    async def _store(self, name: str, picture: Clean) -> Stored:
        key = f"{name}.{picture.media_type.rpartition('/')[2]}"
        await self._room.blobs.put(key, picture.data)
        return Stored(key=key, sha256=picture.sha256)

    def _enter(
        self,
        connection: sa.Connection,
        caller: Caller,
        user: str,
        job: str,
        order: Order,
        claim: Claim | None,
        seconds: float,
    ) -> Accepted:
        """Write the job, its key and its workflow in one transaction, or find the job of an earlier request."""
        room, tenant = self._room, caller.tenant
        now = room.clock()
        if claim:
            earlier = idempotency.claim(
                connection,
                caller.owner,
                claim.key,
                claim.route,
                order.fingerprint(user),
                job,
                now,
            )
            if isinstance(earlier, idempotency.Replay):
                return Accepted(earlier.job, replayed=True)
        quotas.count(
            connection, tenant, now
        )  # also keeps the tenant's others waiting, so that the room is exact
        self._check_room(connection, tenant)
        records.create(
            connection,
            job,
            now,
            tenant=tenant.id,
            user=user,
            order=order.model_dump(mode="json"),
            snapshot=room.pipeline.snapshot(tenant.profile),
            deadline=now + seconds,
            traceparent=traces.current(),
        )
        room.queue.put(connection, JOBS_QUEUE, TRYON, job, seconds + CANCEL_GRACE)
        return Accepted(job)

    def _admit(self, connection: sa.Connection, tenant: Tenant, wishes: Wishes, now: float) -> None:
        """Refuse at once what will be refused, before anything is done for it."""
        quotas.take(connection, tenant, wishes.tier, now)
        self._check_room(connection, tenant)

    def _check_room(self, connection: sa.Connection, tenant: Tenant) -> None:
        """Refuse what would wait too long: better now than later."""
        most = self._room.settings.most_queued
        if records.counts(connection, tenant.id)[State.QUEUED] >= tenant.limits.queued:
            wait = RateLimited("So many of your jobs wait already. Please wait for one to end.")
            raise _later(wait, self._turn(connection))
        if records.counts(connection)[State.QUEUED] >= most:
            full = ServerUnavailable("The fitting room is full. Please try again later.")
            raise _later(full, self._turn(connection) * most / 10)

    def _turn(self, connection: sa.Connection) -> float:
        """Return how often a job's turn comes [s]."""
        return (records.seconds_each(connection) or _SECONDS_EACH) / self._room.settings.workers

    async def find(self, caller: Caller, job: str) -> Job:
        """Return a job of the caller's.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        found = None
        if records.ID.fullmatch(job):  # PostgreSQL takes no NUL, not even in a question
            found = await self._room.database.read(
                lambda connection: records.read(connection, job, caller.tenant.id)
            )
        if found is None or caller.user not in (None, found.user):
            raise NotFound("There is no job of that id.")
        return found

    async def position(self, job: Job) -> int | None:
        """Return how many jobs are before this one; None once it runs."""
        return await self._room.database.read(lambda connection: records.position(connection, job))

    async def wait(self, caller: Caller, job: str) -> Job:
        """Return a job once it is over.

        Raises:
            DeadlineMissed: its time is, and nobody ended it: no worker runs.
        """
        event = self._room.ended.setdefault(job, asyncio.Event())
        try:
            while not (found := await self.find(caller, job)).state.over:
                if self._room.clock() > found.deadline + GRACE_SECONDS:
                    raise DeadlineMissed("Nobody works on this now. Please try again later.")
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(event.wait(), _WAIT_SECONDS)
            return found
        finally:
            self._room.ended.pop(job, None)

    async def cancel(self, caller: Caller, job: str) -> Job:
        """Cancel a job, and the model that works on it; one that is over stays as it is.

        One that runs looks at its row and ends by itself.
        """
        found = await self.find(caller, job)
        if await conclude(self._room, found, State.CANCELLED) and found.state is State.QUEUED:
            await self._room.queue.cancel(job)
        return await self.find(caller, job)

    async def handed_in(self, caller: Caller, job: str) -> budget.Held | None:
        """Return a job's task at a provider, once that has taken it; None when that takes long.

        Raises:
            VfrError: the job ended before; the sentence says why.
        """
        deadline = self._room.clock() + HAND_IN_SECONDS
        while self._room.clock() < deadline:
            task = await self._room.database.read(lambda c: budget.held(c, job))
            if task and task.external_id:
                return task
            found = await self.find(caller, job)
            if found.problem is not None:
                raise fault_of({"error": found.problem}) or NotFound("The job ended without a word.")
            if found.state.over:
                return None
            await asyncio.sleep(_WAIT_SECONDS)
        return None

    async def wake(self, job: str, hint: bytes) -> None:
        """Let a job that waits for a provider look now; a job that does not wait is left alone."""
        if await self._room.database.read(lambda connection: records.is_active(connection, job)):
            await self._room.queue.wake(job, hashlib.sha256(hint).hexdigest()[:16])

    async def give_up(self, caller: Caller, job: str) -> None:
        """Stop waiting for a job: cancel what still runs, and delete its photos."""
        found = await self.cancel(caller, job)
        await forget_pictures(self._room, found, self._room.clock())

    async def has_news(self, job: Job, after: int) -> bool:
        """Tell whether something happens, or happened, to a job after the event of that number."""
        if not job.state.over:
            return True
        return bool(await self._room.database.read(lambda c: records.events(c, job.id, after)))

    async def news(
        self, caller: Caller, job: str, after: int
    ) -> AsyncIterator[Sequence[sa.Row[tuple[object, ...]]]]:
        """Yield what happens to a job, from the event after that number to its end; empty while nothing does."""
        await self.find(caller, job)
        while True:
            active, found = await self._room.database.read(partial(_news, job, after))
            yield found
            if not active:
                return
            after = found[-1].number if found else after
            await asyncio.sleep(_EVENTS_SECONDS)


def _news(job: str, after: int, connection: sa.Connection) -> tuple[bool, list[sa.Row[Any]]]:
    """Return whether there may be more; asked first, so that the last event is not overlooked."""
    return records.is_active(connection, job), records.events(connection, job, after)


async def _named(what: str, cleaning: Awaitable[T]) -> T:
    """Wait for a picture to be cleaned; an error says which one it was."""
    try:
        return await cleaning
    except ImageError as fault:
        raise type(fault)(f"{what} can't be used. {fault}") from fault


def _garment(number: int) -> str:
    return "The garment's photo" if number == 1 else f"Photo {number} of the garment"


def _later(refusal: RateLimited | ServerUnavailable, seconds: float) -> RateLimited | ServerUnavailable:
    refusal.retry_after = max(1.0, seconds)
    return refusal
