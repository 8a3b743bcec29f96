"""Where jobs are asked for: it shows, tells, cancels and wakes; it executes nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import sqlalchemy as sa

from api.jobs import records
from api.jobs.ending import conclude
from api.jobs.envelope import fault_of
from api.jobs.erasing import forget_pictures
from api.jobs.records import Job, Placed, State
from api.jobs.room import Room
from api.providers import budget
from api.security.caller import Caller
from bridge.errors import DeadlineMissed, NotFound

_WAIT_SECONDS = 0.2
"""Between two looks at a job that another process executes [s]."""
_EVENTS_SECONDS = 0.2
"""Between two looks for news of a job [s]."""
HAND_IN_SECONDS = 25.0
"""How long a caller waits for the provider's id [s]: below the half minute after which proxies hang up."""
OVER = {state.value for state in State if state.over}
"""The stages that no other follows."""


class Desk:
    """One per process; all state is in the database."""

    def __init__(self, room: Room) -> None:
        """Serve the jobs of a room."""
        self._room = room

    async def find(self, caller: Caller, job: str) -> Job:
        """Return a job of the caller's.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        return (await self.placed(caller, job)).job

    async def placed(self, caller: Caller, job: str) -> Placed:
        """As :meth:`find`, with the job's place."""
        found = None
        if records.ID.fullmatch(job):  # PostgreSQL takes no NUL, not even in a question
            found = await self._room.database.read(lambda c: records.placed(c, job, caller.tenant.id))
        if found is None or caller.user not in (None, found.job.user):
            raise NotFound("There is no job of that id.")
        return found

    async def wait(self, caller: Caller, job: str) -> Job:
        """Return a job once it is over.

        Raises:
            DeadlineMissed: its time is, and nobody ended it: no worker runs.
        """
        event = self._room.ended.setdefault(job, asyncio.Event())
        try:
            while not (found := await self.find(caller, job)).state.over:
                if self._room.clock() > found.deadline + records.GRACE_SECONDS:
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
