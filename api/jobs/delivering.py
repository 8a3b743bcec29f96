"""How a tenant hears of the end of a job.

A message per endpoint is written down as the job ends, and sent for days if need be.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import partial
from typing import Any

import sqlalchemy as sa

from api.jobs.envelope import Json, ok
from api.jobs.queue import DELIVER, DELIVERIES_QUEUE
from api.jobs.records import Job, State
from api.jobs.room import Room
from api.security.tenants import Endpoint as Receiver
from api.webhooks import delivery
from api.webhooks.events import Done, Event, Failed, JobDone, JobFailed
from bridge.errors import ConfigError

LOG = logging.getLogger("vfr.jobs")

LINK_DAYS = 3.5
"""How long a message's link holds [days]: as long as the message may be under way."""
_DAY = 86400.0


def announce(
    room: Room,
    connection: sa.Connection,
    job: Job,
    state: State,
    result: Json | None,
    problem: Json | None,
    until: float,
) -> None:
    """Write the messages of a job's end, in the transaction that ends it; who cancels a job knows it already.

    ``until`` is how long its picture is kept [Unix seconds]: no link in a message holds longer.
    """
    tenant = room.tenants.named(job.tenant)
    if state is State.CANCELLED or tenant is None or not tenant.webhooks:  # None: not a customer any more
        return
    now = room.clock()
    event = _event(room, job, result, problem, now, min(until, now + LINK_DAYS * _DAY))
    for endpoint in tenant.webhooks:
        if message := delivery.enqueue(connection, job.tenant, job.id, endpoint.url, event, now):
            room.queue.put(connection, DELIVERIES_QUEUE, DELIVER, message.id, None, turn=0)


async def attempt_delivery(room: Room, key: str, number: int) -> Json:
    """Send a message once more, and enqueue the next attempt if it does not arrive.

    Args:
        room: what a step may touch.
        key: of the message.
        number: of the attempts that were made before.

    Returns:
        ``ok`` with the ``pause`` before the next attempt [s]; None when there is none.
    """
    row = await room.database.run(partial(_due, key, number))
    tenant = room.tenants.named(row.tenant) if row else None
    known = (
        [endpoint for endpoint in tenant.webhooks if endpoint.url == row.endpoint] if tenant and row else []
    )
    if row is None or not known:  # erased, not wanted any more, or not in the tenant's terms any more
        return ok({"pause": None})
    made = number + 1
    outcome = await _attempted(room, known[0], delivery.Message(row.id, row.body.encode()))
    room.metrics.webhooks.labels(outcome.kind).inc()
    pause = delivery.pause_after(made, outcome, random.random())  # noqa: S311 - it only spreads the load
    now = room.clock()

    def note(connection: sa.Connection) -> None:
        delivery.record(connection, key, made, outcome, pause, now)
        if pause is not None:
            room.queue.put(connection, DELIVERIES_QUEUE, DELIVER, key, None, turn=made, pause=pause)

    await room.database.run(note)
    return ok({"pause": pause})


async def _attempted(room: Room, receiver: Receiver, message: delivery.Message) -> delivery.Outcome:
    """Send a message; a secret that is missing today may be there tomorrow."""

    async def post(
        url: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> tuple[int, Mapping[str, str]]:
        answer = await room.guard.post(url, body, headers, seconds=seconds)
        return answer.status, answer.headers

    try:
        endpoint = delivery.Endpoint(receiver.url, (receiver.secret(),))
        return await delivery.attempt(post, endpoint, message, room.clock())
    except ConfigError as fault:
        LOG.error("a message can't be signed: %s", fault)
        return delivery.Outcome("retry", why="The message could not be signed.")


def _due(key: str, number: int, connection: sa.Connection) -> sa.Row[Any] | None:
    """Return a message that is still to be sent, unless this attempt was noted already: the next one is enqueued."""
    if not delivery.is_due(connection, key):
        return None
    mine = sa.and_(delivery.DELIVERIES.c.id == key, delivery.DELIVERIES.c.attempts <= number)
    return connection.execute(sa.select(delivery.DELIVERIES).where(mine)).one_or_none()


def _event(
    room: Room, job: Job, result: Json | None, problem: Json | None, now: float, until: float
) -> Event:
    at = datetime.fromtimestamp(now, timezone.utc)
    url = f"{room.settings.public_url.rstrip('/')}/v1/jobs/{job.id}"
    if result is None:
        told = problem or {}
        return JobFailed(
            timestamp=at, data=Failed(job=job.id, url=url, code=told["code"], detail=told["detail"])
        )
    return JobDone(
        timestamp=at,
        data=Done(
            job=job.id,
            url=url,
            image=room.links.sign(result["picture"], until),
            image_expires=datetime.fromtimestamp(until, timezone.utc),
            media_type=result["media_type"],
            sha256=result["sha256"],
        ),
    )
