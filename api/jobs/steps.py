"""The steps of a try-on: each may be run again after a crash, and each returns JSON.

A step begins by noting where the job is. When the job is over by then - cancelled, late, or ended by somebody else
who believed this process dead - it stops there, so that nothing is done for nobody.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from functools import partial
from typing import TypeVar

from api.finishing import dress
from api.jobs import cache, records
from api.jobs.ending import cache_key, conclude
from api.jobs.envelope import Json, error, ok
from api.jobs.order import Order
from api.jobs.progress import telling
from api.jobs.records import Job, State
from api.jobs.room import Room
from api.providers.breaker import Verdict
from api.quality import policy, retry
from api.telemetry import traces
from api.telemetry.logs import bind_contextvars, bound_contextvars
from bridge.errors import (
    DeadlineMissed,
    InternalError,
    JobCancelled,
    JobFailed,
    NotFound,
    OutOfMemory,
    ServerUnavailable,
    StorageUnavailable,
    VfrError,
)
from bridge.registry import Tier

T = TypeVar("T")
LOG = logging.getLogger("vfr.jobs")

PROGRESS = {"start": 0.05, "render": 0.3, "retry": 0.6, "escalate": 0.75, "publish": 0.95}
"""How far a job is when a stage begins; the numbers are for people who wait."""

_KEYS = {"attempt_delivery": "delivery", "erase_user": "errand"}
"""What the key of a step names where it is no job."""
_REPEATABLE = ("seed", "expert")
"""What a retry may change of an order itself; the other changes are of the finisher's settings."""
MOST_ATTEMPTS = 2
"""Pictures of our own: the first, and one retry."""
MOST_FAULTS = 3
"""Failures of a Triton that is ready otherwise: after so many this request is the cause, and the job fails."""
_WATCH_SECONDS = 0.25
"""Between two looks whether a running job was cancelled [s]."""
_OUTAGE_SECONDS = 1.0
"""Between two calls of a server that is away [s]."""
_LEAST_SECONDS = 0.1
"""The time of a call that can't be made in time any more [s]."""
_FOLLOW_SECONDS = 0.1
"""Between two looks at a job that renders the same [s]."""


async def enter(room: Room, key: str, stage: str, detail: Json | None = None) -> Job:
    """Note where a job is and return its row.

    Raises:
        JobCancelled: it is over.
    """
    now = room.clock()
    job = await room.database.run(lambda c: records.step(c, key, stage, PROGRESS[stage], now, detail))
    if job is None:
        raise JobCancelled("The job is over.")
    bind_contextvars(tenant=job.tenant, **traces.ids(job.traceparent))
    return job


async def look_up(room: Room, key: str) -> Json:
    """Find the result of the same request, waiting for a job that is rendering it.

    Returns:
        ``ok`` with ``result``, None when this job shall render, and with ``ours``: how many pictures we may make.
    """
    job = await enter(room, key, "start")
    name = cache_key(job)
    while True:
        _in_time(job, room.clock())
        found = await room.database.run(
            lambda connection: cache.claim(connection, name, key, job.tenant, job.user, room.clock())
        )
        if not isinstance(found, cache.Follow):
            result = found.result if isinstance(found, cache.Hit) else None
            return ok({"result": result, "ours": 0 if job.order["external"] == "only" else MOST_ATTEMPTS})
        await while_active(room, job, asyncio.sleep(_FOLLOW_SECONDS))


async def render(room: Room, key: str, number: int, changes: Json) -> Json:
    """Make a picture, judge it, and say what the next attempt would change.

    Returns:
        ``ok`` with the attempt: its picture's key, report, verdict and, when it did not pass, the ``next`` changes.
    """
    job = await enter(room, key, "retry" if number else "render", {"attempt": number})
    order = Order.model_validate(job.order | {name: changes[name] for name in _REPEATABLE if name in changes})
    person = await room.blobs.get(order.person.key)
    garments = tuple([await room.blobs.get(photo.key) for photo in order.garments])
    mask = await room.blobs.get(order.mask.key) if order.mask else b""
    if settings := retry.finish_settings(room.pipeline, order, changes):
        order = order.model_copy(update={"finisher": settings.model_dump(mode="json")})
    wish = order.wish(person, garments, mask)
    begins, ends = (PROGRESS[name] for name in (("retry", "escalate") if number else ("render", "retry")))
    async with telling(room, job, number, begins, ends) as watch:
        fitting = await patiently(room, job, lambda: dress(room.backend, wish, _seconds(room, job), watch))
    picture = f"{job.folder}/attempt-{number}.{order.format.value}"
    await room.blobs.put(picture, fitting.picture)
    verdict = room.pipeline.judge(fitting.report, room.tenant(job).profile)
    missed = [failure.metric for failure in verdict.failures]
    return ok(
        {
            "picture": picture,
            "media_type": order.format.media_type,
            "report": fitting.report.model_dump(mode="json"),
            "qa": verdict.model_dump(mode="json"),
            "seconds": fitting.seconds,
            "stages": dict(fitting.stages),
            "changes": changes,
            "provider": None,
            "next": retry.retry_changes(room.pipeline, order, fitting.report, missed, number),
        }
    )


async def publish(room: Room, key: str, attempts: list[Json]) -> Json:
    """End a job with its best attempt: the one that passed, else the one that came closest."""
    job = await enter(room, key, "publish")
    best = attempts[policy.best([attempt["qa"] for attempt in attempts])]
    return await _done(room, job, best, attempts, cached=False)


async def publish_again(room: Room, key: str, result: Json) -> Json:
    """End a job with the result of another that asked for the same; render when that one's picture is gone."""
    job = await enter(room, key, "publish")
    try:
        return await _done(room, job, result, result["attempts"], cached=True)
    except NotFound:
        await room.database.run(lambda connection: cache.forget(connection, job=result["job"]))
        return ok(None)


async def _done(room: Room, job: Job, best: Json, attempts: list[Json], *, cached: bool) -> Json:
    picture = await room.blobs.get(best["picture"])
    kept = f"{job.folder}/result.{best['picture'].rpartition('.')[2]}"
    await room.blobs.put(kept, picture, once=True)
    result = {
        **{name: best[name] for name in ("media_type", "report", "qa", "seconds", "stages", "provider")},
        "job": job.id,
        "picture": kept,
        "sha256": hashlib.sha256(picture).hexdigest(),
        "attempts": [
            {name: attempt[name] for name in ("qa", "changes", "provider", "seconds")} for attempt in attempts
        ],
        "cached": cached,
    }
    await conclude(room, job, State.DONE, result=result)
    return ok(result)


async def fail(room: Room, key: str, fault: Json) -> Json:
    """End a job with what is in its way."""
    job = await room.job(key)
    await conclude(room, job, State.FAILED, problem=fault)
    return ok(fault)


async def outcome(room: Room, step: Callable[..., Awaitable[Json]], key: str, *arguments: object) -> Json:
    """Run a step of the job, delivery or errand ``key``; return its outcome, or the error that ended it, as a value.

    Raises:
        StorageUnavailable: nothing can be noted either, so the step is to be run again.
    """
    await room.leave_to_others()
    with room.busy(), bound_contextvars(step=step.__name__, **{_KEYS.get(step.__name__, "job"): key}):
        # Who asks for the trace pays a look at the database for it, nobody else.
        asked_by = await room.database.read(partial(records.traceparent, job=key)) if traces.on() else None
        with traces.span(f"step {step.__name__}", asked_by) as span:
            span.attributes[f"vfr.{_KEYS.get(step.__name__, 'job')}"] = key
            found = await _valued(step(room, key, *arguments), step.__name__)
            span.fault = found.get("error", {}).get("code", "")
            return found


async def _valued(step: Awaitable[Json], name: str) -> Json:
    """Return a step's outcome, or its error as a value."""
    try:
        return await step
    except StorageUnavailable:
        raise
    except VfrError as fault:
        return error(fault)
    except Exception as fault:  # a job must end whatever our code does; the log has the details
        LOG.exception("the step %s broke", name)
        return error(InternalError(f"Something is broken on our side ({type(fault).__name__})."))


async def patiently(room: Room, job: Job, call: Callable[[], Awaitable[T]]) -> T:
    """Call Triton, and while it is away wait for it, until the job's deadline.

    A call that a server which was ready did not survive speaks against its pictures; a server that was away before,
    and a circuit that is open, do not. Who is suspected calls alone, so that no two suspects take each other down.

    Raises:
        VfrError: Triton's answer, or the end of the patience.
    """
    faults, asked = 0, False

    async def ask() -> T:
        nonlocal asked
        asked = True
        return await call()

    while True:
        _in_time(job, room.clock())
        asked, well = False, await room.backend.ready()
        try:
            return await while_active(room, job, _called(room, ask, alone=faults > 0))
        except StorageUnavailable:
            raise
        except ServerUnavailable as fault:
            faults += asked and well
            if job.order["waited"] or (faults >= MOST_FAULTS and isinstance(fault, OutOfMemory)):
                raise
        if faults >= MOST_FAULTS:
            raise JobFailed("The server failed on these pictures three times. Please try other ones.")
        await while_active(room, job, asyncio.sleep(_OUTAGE_SECONDS))


async def _called(room: Room, ask: Callable[[], Awaitable[T]], *, alone: bool) -> T:
    async with room.suspects if alone else nullcontext():
        return await room.triton.call(ask, judge_triton)


def judge_triton(fault: BaseException) -> Verdict:
    """Tell the breaker what an error says of Triton: an error of ours is an answer, and so is a card that is full."""
    away = isinstance(fault, ServerUnavailable) and not isinstance(fault, OutOfMemory)
    return Verdict.FAULT if away else Verdict.FINE


async def while_active(room: Room, job: Job, work: Awaitable[T]) -> T:
    """Wait for something as long as the job is wanted; when it is not, cancel what runs."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=_WATCH_SECONDS))[0]:
            _in_time(job, room.clock())
            if not await room.database.read(lambda connection: records.is_active(connection, job.id)):
                raise JobCancelled("The job was cancelled.")
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _seconds(room: Room, job: Job) -> float:
    """Return how long a call for the job may take [s]; a finisher has all of the time that is left."""
    if job.order["tier"] == Tier.BASIC.value:
        return room.settings.timeout
    return max(_LEAST_SECONDS, job.deadline - room.clock())


def _in_time(job: Job, now: float) -> None:
    if now > job.deadline:
        raise DeadlineMissed("The job's time is over. Please send it again.")
