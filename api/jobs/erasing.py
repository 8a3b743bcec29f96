"""What is deleted, and when: photos and results whose time is over, and everything of a customer who asks for it."""

from __future__ import annotations

import asyncio
import hmac
import uuid
from typing import Any

import sqlalchemy as sa

from api.jobs import cache, records
from api.jobs.envelope import Json, ok
from api.jobs.queue import ERASE, ERRANDS_QUEUE
from api.jobs.records import JOBS, Job, State
from api.jobs.room import Room
from api.providers import budget
from api.security import idempotency, usage
from api.storage.database import METADATA, insert_new
from api.webhooks import delivery

ERASURES = sa.Table(
    "erasures",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("user", sa.String),  # null once it is done: then only the hash is left
    sa.Column("user_hash", sa.String, nullable=False),
    sa.Column("asked", sa.Float, nullable=False),
    sa.Column("done", sa.Float),
    sa.Column("pictures", sa.Integer),  # how many were deleted
)


_STOP_SECONDS = 1.0
"""What a step needs to notice that its job is over [s]: four of its looks. After that it writes nothing more."""


async def forget_pictures(room: Room, job: Job, now: float) -> None:
    """Delete what a job keeps no longer: the photos first, the result when its time is over too."""
    order = job.order
    if job.results_until is not None and job.results_until < now:
        await room.blobs.delete(job.folder)
        changes: Json = {"inputs_until": None, "results_until": None, "result": None}
        await room.database.run(lambda connection: cache.forget(connection, job=job.id))
        await _forget_workflows(room, job)
    else:
        kept = [order["person"], *order["garments"], *([order["mask"]] if order["mask"] else [])]
        for picture in kept:
            await room.blobs.delete(picture["key"])
        changes = {"inputs_until": None}
    await room.database.run(lambda c: c.execute(sa.update(JOBS).where(JOBS.c.id == job.id).values(changes)))


async def _forget_workflows(room: Room, job: Job) -> None:
    """Delete what the engine keeps of a job that is over: its steps' outcomes hold reports and names of pictures."""
    messages = await room.database.run(lambda c: delivery.deliveries_of(c, job.tenant, job.id))
    sent = [message for message in messages if message.state != "pending"]
    turns = [f"{message.id}-{turn}" for message in sent for turn in range(message.attempts + 1)]
    await room.queue.delete([job.id, *turns])


async def ask_to_erase(room: Room, tenant: str, user: str) -> str:
    """Begin to erase a customer; return the errand's id. Asking again is another errand, and harmless."""
    now = room.clock()
    errand = uuid.uuid4().hex  # nothing of the user: it stays
    hashed = hash_of(room.settings.key, tenant, user)

    def ask(connection: sa.Connection) -> None:
        if insert_new(connection, ERASURES, id=errand, tenant=tenant, user=user, user_hash=hashed, asked=now):
            room.queue.put(connection, ERRANDS_QUEUE, ERASE, errand, None)

    await room.database.run(ask)
    return errand


def hash_of(key: bytes, tenant: str, user: str) -> str:
    """Return what stays of a customer who was erased: the proof that it was done.

    Without the service's secret nobody can try names against it; a plain hash of a short name hides nothing.

    Args:
        key: the service's secret; with another one the proof can't be found again.
        tenant: whose customer it was.
        user: the tenant's name of the customer.
    """
    mine = hmac.digest(key, b"erasures", "sha256")
    return hmac.digest(mine, f"{tenant}\n{user}".encode(), "sha256").hex()


async def read_erasure(room: Room, tenant: str, errand: str) -> sa.Row[Any] | None:
    """Return the row of a tenant's errand, None when there is none."""
    if not records.ID.fullmatch(errand):
        return None
    theirs = sa.and_(ERASURES.c.id == errand, ERASURES.c.tenant == tenant)
    return await room.database.run(
        lambda connection: connection.execute(sa.select(ERASURES).where(theirs)).one_or_none()
    )


async def erase_user(room: Room, errand: str) -> Json:
    """Cancel a customer's jobs and delete pictures, results and rows; what stays is a hash and two times."""
    row = await room.database.run(
        lambda connection: connection.execute(sa.select(ERASURES).where(ERASURES.c.id == errand)).one()
    )
    if row.done is not None:
        return ok(row.pictures)
    theirs = sa.and_(JOBS.c.tenant == row.tenant, JOBS.c.user == row.user)
    now = room.clock()

    def stop(connection: sa.Connection) -> list[str]:
        for job in records.active(connection, tenant=row.tenant, user=row.user):
            records.end(connection, job.id, State.CANCELLED, now)
        cache.forget(connection, user=(row.tenant, row.user))
        return list(connection.execute(sa.select(JOBS.c.id).where(theirs)).scalars())

    jobs = await room.database.run(stop)
    for job in jobs:
        await room.queue.cancel(job)
    await asyncio.sleep(_STOP_SECONDS)
    pictures = await room.blobs.delete(records.user_folder(row.tenant, row.user))
    await room.queue.delete(jobs)

    def finish(connection: sa.Connection) -> None:
        named = sa.select(JOBS.c.id).where(theirs)
        idempotency.forget(connection, f"{row.tenant}/{row.user}", named)
        budget.forget(connection, named)
        connection.execute(sa.delete(JOBS).where(theirs))
        usage.forget(connection, row.tenant, row.user)
        for job in jobs:
            delivery.forget(connection, job)
        done = {"user": None, "done": now, "pictures": pictures}
        connection.execute(sa.update(ERASURES).where(ERASURES.c.id == errand).values(done))

    await room.database.run(finish)
    return ok(pictures)
