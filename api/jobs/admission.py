"""Admission: what is taken, what is refused, and when a refused caller may come again."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import sqlalchemy as sa

from api.jobs import records
from api.jobs.order import Order, Wishes
from api.jobs.pictures import Uploads, cleaned, stored
from api.jobs.queue import JOBS_QUEUE, TRYON
from api.jobs.records import Placed
from api.jobs.room import Room
from api.jobs.tiers import check_tier
from api.security import idempotency, quotas
from api.security.caller import Caller
from api.security.tenants import Tenant
from api.telemetry import traces
from api.telemetry.logs import bind_contextvars
from bridge.errors import NotFound, RateLimited, ServerUnavailable

_SECONDS_EACH = 2.0
"""What a job takes, before the first one has shown it [s]."""
CANCEL_GRACE = 30.0
"""After its deadline DBOS cancels a workflow so much later: the job's own end comes first [s]."""


@dataclass(frozen=True)
class Claim:
    """An ``Idempotency-Key`` and the request that it came with."""

    key: str
    route: str  # method and path


@dataclass(frozen=True)
class Accepted:
    """A job that was handed in, now or before (``replayed``), and its place."""

    placed: Placed
    replayed: bool = False

    @property
    def id(self) -> str:
        """The job's name."""
        return self.placed.job.id


async def accept(
    room: Room,
    caller: Caller,
    user: str,
    wishes: Wishes,
    uploads: Uploads,
    claim: Claim | None = None,
    seconds: float | None = None,
) -> Accepted:
    """Take a job: once this returns, it will end, whatever process dies.

    Args:
        room: this process's.
        caller: whose job it is.
        user: the tenant's name of its customer, where the caller is none; empty: nobody's.
        wishes: what to do with the pictures.
        uploads: the pictures.
        claim: makes a repeated request find the job of the first.
        seconds: the time the job has; None: as the settings say.

    Raises:
        ImageError: a picture can't be used; nothing was stored.
        Bystanders: the photo shows others, and the tenant wants no such photos.
        ArtifactMissing: the server has no weights for the tier.
        BadInput: the finisher's settings can't be used.
        KeyReused: the key came with another request.
        RateLimited: the tenant asks too often, or too much of its waits already.
        QuotaSpent: the tenant's month is used up.
        ServerUnavailable: too much waits altogether; ``retry_after`` says when to come again.
    """
    now = room.clock()
    tenant, user = caller.tenant, caller.user or user
    bind_contextvars(tenant=tenant.id)
    room.tenants.price(tenant, wishes.tier)  # refuses a tier that the plan does not hold
    await check_tier(room.backend, room.pipeline, wishes)
    if claim:
        idempotency.check_key(claim.key)
    await room.database.run(lambda connection: _admit(room, connection, tenant, wishes, now))
    pictures = await cleaned(room, tenant, wishes, uploads)
    job = uuid.uuid4().hex
    folder = records.folder(tenant.id, user, job)
    kept = False
    try:
        order = await stored(room, wishes, pictures, folder)
        snapshot = room.pipeline.snapshot(tenant.profile, await room.weights.of(wishes.tier))
        accepted = await room.database.run(
            lambda c: _enter(room, c, caller, user, job, order, snapshot, claim, seconds)
        )
        kept = not accepted.replayed
        bind_contextvars(job=accepted.id)
    finally:
        if not kept:
            await room.blobs.delete(folder)
    return accepted


def _enter(
    room: Room,
    connection: sa.Connection,
    caller: Caller,
    user: str,
    job: str,
    order: Order,
    snapshot: str,
    claim: Claim | None,
    seconds: float | None,
) -> Accepted:
    """Write the job, its key and its workflow in one transaction, or find the job of an earlier request."""
    tenant = caller.tenant
    now = room.clock()
    if claim:
        earlier = idempotency.claim(
            connection,
            caller.owner,
            claim.key,
            claim.route,
            order.fingerprint(user=user, consent=order.consent, seconds=seconds),
            job,
            now,
        )
        if isinstance(earlier, idempotency.Replay):
            return Accepted(_placed(connection, earlier.job), replayed=True)
    quotas.count(connection, tenant, now)  # also keeps the tenant's others waiting, so that the room is exact
    _check_room(room, connection, tenant)
    lasting = seconds or room.settings.job_seconds
    records.create(
        connection,
        job,
        now,
        tenant=tenant.id,
        user=user,
        order=order.model_dump(mode="json"),
        snapshot=snapshot,
        deadline=now + lasting,
        traceparent=traces.current(),
    )
    room.queue.put(connection, JOBS_QUEUE, TRYON, job, lasting + CANCEL_GRACE)
    return Accepted(_placed(connection, job))


def _placed(connection: sa.Connection, job: str) -> Placed:
    if found := records.placed(connection, job):
        return found
    raise NotFound("The job of this key was erased.")


def _admit(room: Room, connection: sa.Connection, tenant: Tenant, wishes: Wishes, now: float) -> None:
    """Refuse at once what will be refused, before anything is done for it."""
    quotas.take(connection, tenant, wishes.tier, now)
    _check_room(room, connection, tenant)


def _check_room(room: Room, connection: sa.Connection, tenant: Tenant) -> None:
    """Refuse what would wait too long: better now than later."""
    most = room.settings.most_queued
    mine, everybodys = records.waiting(connection, tenant.id)
    if mine >= tenant.limits.queued:
        wait = RateLimited("So many of your jobs wait already. Please wait for one to end.")
        raise _later(wait, _turn(room, connection))
    if everybodys >= most:
        full = ServerUnavailable("The fitting room is full. Please try again later.")
        raise _later(full, _turn(room, connection) * most / 10)


def _turn(room: Room, connection: sa.Connection) -> float:
    """Return how often a job's turn comes [s]."""
    return (records.seconds_each(connection) or _SECONDS_EACH) / room.settings.workers


def _later(refusal: RateLimited | ServerUnavailable, seconds: float) -> RateLimited | ServerUnavailable:
    refusal.retry_after = max(1.0, seconds)
    return refusal
