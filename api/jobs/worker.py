"""A process that executes jobs: DBOS launched with our queues, a heartbeat, and the sweeper."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from dbos import DBOS

from api.jobs import workflows  # noqa: F401 - registers them
from api.jobs.envelope import JsonSerializer
from api.jobs.queue import APPLICATION, VERSION, system_url
from api.jobs.room import Room, open_room
from api.jobs.sweeper import Sweeper

_LISTEN_SECONDS = 0.5
"""Between two looks for a provider's callback, on SQLite [s]; its pictures take ten seconds at least."""
_DRAIN_PAUSE = 0.05
_THREADS = {"sqlite": 4, "postgresql": 20}
"""Of the loop, most of which ask the database: who waits for SQLite's one lock only takes the others' turns."""


@asynccontextmanager
async def working(room: Room) -> AsyncIterator[str]:
    """Execute jobs until the end of the block; gives this worker's name.

    The name is new in every process: who used an old one again would strand what the old one left behind.
    """
    name = f"worker-{secrets.token_hex(8)}"
    open_room(room)
    DBOS(
        config={
            "name": APPLICATION,
            "system_database_url": system_url(room.database),
            "application_version": VERSION,
            "executor_id": name,
            "serializer": JsonSerializer(),
            "run_migrations": False,  # the queue's door did it
            "sys_db_pool_size": 10,
            "notification_listener_polling_interval_sec": _LISTEN_SECONDS,
            "log_level": "WARNING",
            "max_executor_threads": _THREADS[room.database.engine.dialect.name],
        }
    )
    sweeper = Sweeper(room, name)
    await sweeper.beat()  # before it takes a job: others would believe an unknown worker dead
    DBOS.launch()  # here and not in a thread: so it runs workflows on this loop, where the doors were opened
    sweeping = asyncio.create_task(sweeper.run())
    try:
        yield name
    finally:
        await _drained(room)
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
        await sweeper.sign_off()
        await _destroyed()


async def _drained(room: Room) -> None:
    """Begin no step more, and wait for those that run, but not for ever: others take over what is left."""
    room.closing = True
    deadline = time.monotonic() + room.settings.drain_seconds
    while room.steps and time.monotonic() < deadline:
        await asyncio.sleep(_DRAIN_PAUSE)


async def _destroyed() -> None:
    """End DBOS, which took the loop's threads and would leave it with none."""
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(ThreadPoolExecutor(1), DBOS.destroy)
    loop.set_default_executor(ThreadPoolExecutor())
