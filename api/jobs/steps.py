"""The steps of a try-on: each may be run again after a crash, and each returns JSON.

A step begins by noting where the job is. When the job is over by then - cancelled, late, or ended by somebody else
who believed this process dead - it stops there, so that nothing is done for nobody.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import sqlalchemy as sa

from api.finishing import dress
from api.jobs import cache, records
from api.jobs.ending import cache_key, conclude
from api.jobs.envelope import Json, error, ok
from api.jobs.order import Order
from api.jobs.patience import in_time, patiently, seconds_left, while_active
from api.jobs.progress import telling
from api.jobs.records import Job, State
from api.jobs.room import Room
from api.quality import policy, retry
from api.telemetry import traces
from api.telemetry.logs import bind_contextvars, bound_contextvars
from bridge.errors import InternalError, JobCancelled, NotFound, StorageUnavailable, VfrError
from bridge.imaging.encode import Format

LOG = logging.getLogger("vfr.jobs")

PROGRESS = {"start": 0.05, "render": 0.3, "retry": 0.6, "escalate": 0.75}
"""How far a job is when a stage begins; the numbers are for people who wait."""

_KEYS = {"attempt_delivery": "delivery", "erase_user": "errand"}
"""What the key of a step names where it is no job."""
_REPEATABLE = ("seed", "expert")
"""What a retry may change of an order itself; the other changes are of the finisher's settings."""
MOST_ATTEMPTS = 2
"""Pictures of our own: the first, and one retry."""
_FOLLOW_SECONDS = 0.1
"""Between two looks at a job that renders the same [s]."""


async def enter(room: Room, key: str, stage: str, detail: Json | None = None) -> Job:
    """Note where a job is and return its row.

    Raises:
        JobCancelled: it is over.
    """
    now = room.clock()
    row = await room.database.run(lambda c: records.step(c, key, stage, PROGRESS[stage], now, detail))
    return _bound(_lively(row))


def _lively(job: Job | None) -> Job:
    if job is None:
        raise JobCancelled("The job is over.")
    return job


def _bound(job: Job) -> Job:
    """Let the log's lines say whose job it is."""
    bind_contextvars(tenant=job.tenant, **traces.ids(job.traceparent))
    return job


async def begin(room: Room, key: str) -> Json:
    """Find the result of the same request, waiting for a job that is rendering it, or else make the first picture.

    The job is over with either, unless the picture does not pass: so most jobs are one step, and its costs.

    Returns:
        ``ok`` with ``over``, and where it is not with the ``attempts`` so far, and with how many are to be ``ours``.
    """
    job, found = await _entered(room, key)
    while not isinstance(found, cache.Lead):
        if isinstance(found, cache.Hit) and await _published_again(room, job, found.result):
            return ok({"over": True})
        in_time(job, room.clock())
        await while_active(room, job, asyncio.sleep(_FOLLOW_SECONDS))
        found = await room.database.run(partial(_claim, room, job))
    if not _ours(job):
        return ok({"over": False, "attempts": [], "ours": 0})
    attempt = await _attempt(room, job, 0, {})
    if attempt["qa"]["passed"]:
        with suppress(StorageUnavailable):  # it is not rendered again for that: the step of publishing waits
            await _done(room, job, attempt, [attempt], cached=False)
            return ok({"over": True})
    return ok({"over": False, "attempts": [attempt], "ours": MOST_ATTEMPTS})


async def _entered(room: Room, key: str) -> tuple[Job, cache.Found]:
    """As :func:`enter` for the first step, and ask in the same transaction who renders."""

    def start(connection: sa.Connection) -> tuple[Job, cache.Found]:
        job = _lively(records.step(connection, key, "start", PROGRESS["start"], room.clock()))
        return job, _claim(room, job, connection)

    job, found = await room.database.run(start)
    return _bound(job), found


def _claim(room: Room, job: Job, connection: sa.Connection) -> cache.Found:
    """Ask who renders what a job asks for, and where it is this one, note that it begins."""
    now = room.clock()
    found = cache.claim(connection, cache_key(job), job.id, job.tenant, job.user, now)
    if isinstance(found, cache.Lead) and _ours(job):
        records.step(connection, job.id, "render", PROGRESS["render"], now, {"attempt": 0})
    return found


def _ours(job: Job) -> bool:
    """Return whether the job's pictures may be of our own."""
    return bool(job.order["external"] != "only")


async def _published_again(room: Room, job: Job, result: Json) -> bool:
    """End a job with the result of another that asked for the same; return False when that one's picture is gone."""
    try:
        picture = await room.blobs.get(result["picture"])
    except NotFound:
        await room.database.run(lambda connection: cache.forget(connection, job=result["job"]))
        return False
    kept = await store(room, job, picture, Format(result["picture"].rpartition(".")[2]))
    await _done(room, job, result | kept, result["attempts"], cached=True)
    return True


async def render(room: Room, key: str, number: int, changes: Json) -> Json:
    """Make another picture, with the changes that the one before called for; ``ok`` with the attempt."""
    job = await enter(room, key, "retry", {"attempt": number})
    return ok(await _attempt(room, job, number, changes))


async def _attempt(room: Room, job: Job, number: int, changes: Json) -> Json:
    """Make a picture, judge it, and say what the next attempt would change.

    Returns:
        The attempt: where its picture is, report, verdict and, when it did not pass, the ``next`` changes.
    """
    order = Order.model_validate(job.order | {name: changes[name] for name in _REPEATABLE if name in changes})
    person = await room.blobs.get(order.person.key)
    garments = tuple([await room.blobs.get(photo.key) for photo in order.garments])
    mask = await room.blobs.get(order.mask.key) if order.mask else b""
    if settings := retry.finish_settings(room.pipeline, order, changes):
        order = order.model_copy(update={"finisher": settings.model_dump(mode="json")})
    wish = order.wish(person, garments, mask)
    begins, ends = (PROGRESS[name] for name in (("retry", "escalate") if number else ("render", "retry")))
    await room.counters.begin()
    async with telling(room, job, number, begins, ends) as watch:
        fitting = await patiently(
            room, job, lambda: dress(room.backend, wish, seconds_left(room, job), watch)
        )
    verdict = room.pipeline.judge(fitting.report, room.tenant(job).profile)
    missed = [failure.metric for failure in verdict.failures]
    return {
        **await store(room, job, fitting.picture, order.format),
        "report": fitting.report.model_dump(mode="json"),
        "qa": verdict.model_dump(mode="json"),
        "seconds": fitting.seconds,
        "stages": dict(fitting.stages or await room.counters.shares()),
        "changes": changes,
        "provider": None,
        "next": retry.retry_changes(room.pipeline, order, fitting.report, missed, number),
    }


async def store(room: Room, job: Job, picture: bytes, form: Format) -> Json:
    """Store a picture under its hash: who writes it once more, even if believed dead, changes nothing.

    Returns:
        What an attempt says of it: ``picture``, which is its key, ``sha256``, and ``media_type``.
    """
    sha256 = hashlib.sha256(picture).hexdigest()
    key = f"{job.folder}/{sha256}.{form.value}"
    await room.blobs.put(key, picture)
    return {"picture": key, "sha256": sha256, "media_type": form.media_type}


async def publish(room: Room, key: str, attempts: list[Json]) -> Json:
    """End a job with its best attempt: the one that passed, else the one that came closest."""
    job = _bound(await room.job(key))
    best = attempts[policy.best([attempt["qa"] for attempt in attempts])]
    await _done(room, job, best, attempts, cached=False)
    return ok()


async def _done(room: Room, job: Job, best: Json, attempts: list[Json], *, cached: bool) -> None:
    told = ("picture", "sha256", "media_type", "report", "qa", "seconds", "stages", "provider")
    result = {
        **{name: best[name] for name in told},
        "job": job.id,
        "attempts": [
            {name: attempt[name] for name in ("qa", "changes", "provider", "seconds")} for attempt in attempts
        ],
        "cached": cached,
    }
    await conclude(room, job, State.DONE, result=result)


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
