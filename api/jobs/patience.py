"""Waiting on behalf of a job: for as long as it is wanted and has time, and for a Triton that is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import TypeVar

from api.jobs import records
from api.jobs.records import Job
from api.jobs.room import Room
from api.providers.breaker import Verdict
from bridge.errors import (
    DeadlineMissed,
    JobCancelled,
    JobFailed,
    OutOfMemory,
    ServerUnavailable,
    StorageUnavailable,
)
from bridge.registry import Tier

T = TypeVar("T")

MOST_FAULTS = 3
"""Failures of a Triton that is ready otherwise: after so many this request is the cause, and the job fails."""
_WATCH_SECONDS = 0.25
"""Between two looks whether a running job was cancelled [s]."""
_OUTAGE_SECONDS = 1.0
"""Between two calls of a server that is away [s]."""
_LEAST_SECONDS = 0.1
"""The time of a call that can't be made in time any more [s]."""


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
        in_time(job, room.clock())
        asked, well = False, await (room.backend.ready() if faults else room.readiness.told())
        try:
            return await while_active(room, job, _called(room, ask, alone=faults > 0))
        except StorageUnavailable:
            raise
        except ServerUnavailable as fault:
            room.readiness.doubt()
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
            in_time(job, room.clock())
            if not await room.database.read(lambda connection: records.is_active(connection, job.id)):
                raise JobCancelled("The job was cancelled.")
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def seconds_left(room: Room, job: Job) -> float:
    """Return how long a call for the job may take [s]; a finisher has all of the time that is left."""
    if job.order["tier"] == Tier.BASIC.value:
        return room.settings.timeout
    return max(_LEAST_SECONDS, job.deadline - room.clock())


def in_time(job: Job, now: float) -> None:
    """Check that the job's time is not over.

    Raises:
        DeadlineMissed: it is.
    """
    if now > job.deadline:
        raise DeadlineMissed("The job's time is over. Please send it again.")
