"""What keeps a job from being left behind by a process that died.

Every worker writes down that it lives. Whoever finds a worker silent gives its jobs to the others; whoever finds a job
that is late, or that was given up, ends it. Being wrong is harmless: DBOS lets only one process write a job's steps,
and a job's row ends once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from dbos import DBOS
from dbos._dbos import _get_dbos_instance
from dbos._utils import INTERNAL_QUEUE_NAME

from api.jobs import cache, heartbeat, records
from api.jobs.ending import conclude
from api.jobs.envelope import error
from api.jobs.queue import given_up
from api.jobs.room import Room
from api.security import idempotency
from bridge.errors import DeadlineMissed, JobFailed, StorageUnavailable, VfrError

LOG = logging.getLogger("vfr.jobs")

BEATS, SWEEPS = 7.5, 3.0
"""Signs of life, and looks for those of others, within the time after which a silent worker is believed dead."""
FORGET_SECONDS = 60.0


class Sweeper:
    """One per worker; they need not agree on anything."""

    def __init__(self, room: Room, name: str) -> None:
        """Sweep for a worker of that name."""
        self._room = room
        self._name = name
        self._idle: set[str] = set()  # our workflows of which nothing ran here when we looked last
        self._dead = room.settings.dead_seconds

    async def run(self) -> None:
        """Beat and sweep until cancelled; the database being away stops neither for good."""
        beat, sweep = self._dead / BEATS, self._dead / SWEEPS
        await asyncio.gather(
            self._every(beat, self.beat),
            self._every(sweep, self.recover),
            self._every(sweep, self.recover_own),
            self._every(sweep, self.reap),
            self._every(FORGET_SECONDS, self.forget),
        )

    async def _every(self, pause: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await work()
            except Exception as fault:  # whatever it was, the next turn may succeed
                LOG.warning("sweeping failed: %s", fault, exc_info=not isinstance(fault, VfrError))
            await asyncio.sleep(pause)

    async def beat(self) -> None:
        """Write down that this worker lives."""
        await self._room.database.run(lambda connection: heartbeat.beat(connection, self._name))

    async def sign_off(self) -> None:
        """Say that this worker is gone, so that others need not wait for its silence."""
        with suppress(StorageUnavailable):  # then they wait
            await self._room.database.run(lambda connection: heartbeat.sign_off(connection, self._name))

    async def recover(self) -> list[str]:
        """Give the jobs of silent workers to whoever lives; return those workers."""
        pending = await DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
        # Afterwards: who took one of these has given a sign of life before.
        lively = await self._room.database.read(lambda connection: heartbeat.alive(connection, self._dead))
        silent = sorted({str(workflow.executor_id) for workflow in pending} - lively - {self._name})
        if silent:
            theirs = [workflow.workflow_id for workflow in pending if workflow.executor_id in silent]
            await self._room.database.run(lambda connection: cache.let_go(connection, theirs))
            LOG.warning("the jobs of %s are given to others", ", ".join(silent))
            # DBOS's only open way that keeps a workflow's deadline and its count of recoveries (facts 1.5).
            await asyncio.to_thread(DBOS._recover_pending_workflows, silent)
        return silent

    async def recover_own(self) -> list[str]:
        """Take up what was dropped in this very process; return those workflows.

        DBOS drops a workflow when it can write down neither a step nor an error, as on a disk that is full: then it is
        ours for ever, and nothing runs. What was so twice in a row was dropped; what has just begun was not.
        """
        dbos = _get_dbos_instance()
        pending = await DBOS.list_workflows_async(
            status="PENDING", executor_id=self._name, load_input=False, load_output=False
        )
        idle = {workflow.workflow_id for workflow in pending} - set(dbos._active_workflows_set.activeList())
        dropped, self._idle = sorted(idle & self._idle), idle
        for key in dropped:
            LOG.warning("the workflow of %s was dropped and is taken up again", key)
            # As DBOS does for a dead worker, but for one workflow alone; it keeps its queue.
            await asyncio.to_thread(
                dbos._sys_db.reenqueue_for_recovery, key, [self._name], INTERNAL_QUEUE_NAME
            )
        return dropped

    async def reap(self) -> None:
        """End the jobs that nobody will end: late ones, and those whose workflow was given up."""
        room = self._room
        now = room.clock()
        for job in await room.database.read(lambda c: records.overdue(c, now - records.GRACE_SECONDS)):
            await self._fail(job, DeadlineMissed("The job's time is over. Please send it again."))
        for key, word in (await room.database.read(given_up)).items():
            LOG.error("the workflow of job %s was given up: %s", key, word)
            job = await room.job(key)
            await self._fail(job, JobFailed("The job could not be finished. Please try other pictures."))

    async def _fail(self, job: records.Job, why: VfrError) -> None:
        """End a job; one that can't be ended must not keep the others from it."""
        try:
            await conclude(self._room, job, records.State.FAILED, problem=error(why)["error"])
        except VfrError as fault:
            LOG.warning("job %s can't be ended: %s", job.id, fault)

    async def forget(self) -> None:
        """Delete photos and results whose time is over, and workers that are long gone."""
        from api.jobs.erasing import forget_pictures

        now = self._room.clock()
        while due := await self._room.database.read(lambda connection: records.forgotten(connection, now)):
            for job in due:
                await forget_pictures(self._room, job, now)
        await self._room.database.run(lambda connection: heartbeat.forget(connection, 100 * self._dead))
        await self._room.database.run(lambda connection: idempotency.prune(connection, now))
