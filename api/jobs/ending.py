"""How a job ends: once, with all that follows from it in one transaction."""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa

from api.jobs import cache, records
from api.jobs.delivering import announce
from api.jobs.envelope import Json
from api.jobs.noting import note_end
from api.jobs.order import Order
from api.jobs.records import Job, State
from api.jobs.room import Room
from api.providers import budget
from api.security import usage

HOUR, DAY = 3600.0, 86400.0
"""[s]"""


async def conclude(
    room: Room, job: Job, state: State, *, result: Json | None = None, problem: Json | None = None
) -> bool:
    """End a job, keep its result for those who ask the same, count its use, and begin to deliver it.

    Returns:
        False when it was over already: then nothing changes, whoever asks.
    """
    began = room.clock()
    events: list[sa.Row[Any]] = []

    def end(connection: sa.Connection) -> bool:
        now = room.clock()
        kept_until = _kept_until(room, job, now)
        published = None if result is None else began
        if not records.end(
            connection,
            job.id,
            state,
            now,
            result=result,
            problem=problem,
            kept_until=kept_until,
            published=published,
        ):
            return False
        if result is not None and not result["cached"]:
            cache.keep(connection, cache_key(job), job.id, result, kept_until[1])
        if result is not None:
            usage.record(connection, _used(room, connection, job, result, now))
        if result is None:
            cache.forget(connection, job=job.id)
        announce(room, connection, job, state, result, problem, kept_until[1])
        events[:] = records.events(connection, job.id, after=0)
        return True

    ended = await room.tell(end, job.id)
    if ended:
        note_end(room, job, state, result, problem, events)
    return ended


def _used(room: Room, connection: sa.Connection, job: Job, result: Json, now: float) -> usage.Used:
    """Return what a job has used itself: of a picture that another one made, no attempt and nothing outside."""
    tier = Order.model_validate(job.order).tier
    attempts = 0 if result["cached"] else len(result["attempts"])
    units = budget.spent_on(connection, job.id)
    price = room.tenants.price(room.tenant(job), tier)
    return usage.Used(job.id, job.tenant, job.user, tier, attempts, units, price, now)


def _kept_until(room: Room, job: Job, now: float) -> tuple[float, float]:
    """Return how long the photos and the result are kept [Unix seconds]."""
    tenant = room.tenants.named(job.tenant)
    if tenant is None:  # not a customer any more
        return now, now
    if job.order["waited"]:
        return now, now + HOUR
    return now + tenant.keep_inputs * HOUR, now + tenant.keep_results * DAY


def cache_key(job: Job) -> str:
    """Return the name of what a job asks for: the request and the settings it runs by, within its tenant."""
    told = f"{job.tenant}\n{Order.model_validate(job.order).fingerprint()}\n{job.snapshot}"
    return hashlib.sha256(told.encode()).hexdigest()
