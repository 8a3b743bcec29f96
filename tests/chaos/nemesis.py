"""What goes wrong, and when: a schedule that a seed decides."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import httpx2

from tests.chaos.house import House

PAUSE = (1.0, 3.0)
"""Between two strokes [s]."""
FREEZE = (1.0, 6.0)
"""How long most frozen workers are frozen [s]."""
LONG_FREEZE = 20.0
"""And one in six: so long that the others believe it dead, and it comes back as a zombie [s]."""
FULL_SECONDS = (0.5, 4.0)
OUTAGE_SECONDS = (0.1, 2.5)
"""How long the database is away, or locked by somebody else [s]."""

LIFE = 8.0
"""So long a process lived at least before it is killed [s]: who dies while it starts has nothing to lose."""

WEIGHTS = {"worker": 6, "api": 3, "triton": 1, "database": 2, "freeze": 3, "full disk": 2, "kling": 4}
"""How often each happens, relative to the others."""


class Nemesis:
    """Strikes one after the other until it is cancelled; what it began, it ends."""

    def __init__(self, house: House, seed: int) -> None:
        self._house = house
        self._chance = random.Random(seed)  # noqa: S311 - it must be the same again
        self._running: set[asyncio.Future[None]] = set()
        self.struck: Counter[str] = Counter()

    async def run(self) -> None:
        """Strike for ever."""
        strokes: dict[str, Callable[[], Awaitable[None]]] = {
            "worker": self._worker,
            "api": self._api,
            "triton": self._triton,
            "database": self._database,
            "freeze": self._freeze,
            "full disk": self._full_disk,
            "kling": self._kling,
        }
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        while True:
            await asyncio.sleep(self._chance.uniform(*PAUSE))
            await strokes[self._chance.choices(names, weights)[0]]()

    async def end(self) -> None:
        """Wait for what is under way, and leave a world without faults."""
        await asyncio.gather(*self._running)
        for member in (self._house.api, *self._house.workers):
            member.signal(signal.SIGCONT)
            member.starve(hungry=False)
        await self._tell_kling({"callbacks": "once", "lost": 0, "late": 0, "broken": 0, "missing": 0})

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return sum(self.struck[name] for name in ("worker", "api", "triton", "database"))

    async def _worker(self) -> None:
        worker = self._chance.choice(self._house.workers)
        self.struck["worker"] += worker.age > LIFE and worker.signal(signal.SIGKILL)

    async def _api(self) -> None:
        api = self._house.api
        self.struck["api"] += api.age > LIFE and api.signal(signal.SIGKILL)

    async def _triton(self) -> None:
        self.struck["triton"] += self._house.triton.kill()

    async def _database(self) -> None:
        seconds = self._chance.uniform(*OUTAGE_SECONDS)
        if postgres := self._house.postgres:

            async def die() -> None:
                await asyncio.to_thread(postgres.kill)
                await asyncio.sleep(seconds)
                await asyncio.to_thread(postgres.start)

            await asyncio.shield(
                self._begin("database", die())
            )  # whoever cancels us gets it back all the same
        else:
            await asyncio.to_thread(_hold, self._house.database_url.removeprefix("sqlite:///"), seconds)
            self.struck["locked"] += 1

    async def _freeze(self) -> None:
        worker = self._chance.choice(self._house.workers)
        seconds = LONG_FREEZE if self._chance.random() < 1 / 6 else self._chance.uniform(*FREEZE)

        async def freeze() -> None:
            worker.signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            worker.signal(signal.SIGCONT)

        self._begin("freeze", freeze())

    async def _full_disk(self) -> None:
        members = [self._house.api, *self._house.workers]
        seconds = self._chance.uniform(*FULL_SECONDS)

        async def fill() -> None:
            for member in members:
                member.starve(hungry=True)
            await asyncio.sleep(seconds)
            for member in members:
                member.starve(hungry=False)

        self._begin("full disk", fill())

    async def _kling(self) -> None:
        chance = self._chance
        await self._tell_kling(
            {
                "callbacks": chance.choice(["once", "lost", "twice", "backwards"]),
                "lost": chance.choice([0, 0, 1]),
                "late": chance.choice([0, 0, 1]),
                "hang": chance.choice([0.0, 1.0, 4.0]),
                "broken": chance.choice([0, 0, 0, 1]),
                "missing": chance.choice([0, 0, 1]),
            }
        )
        self.struck["kling"] += 1

    async def _tell_kling(self, wish: dict[str, object]) -> None:
        async with httpx2.AsyncClient() as client:
            await client.post(f"{self._house.kling}/_control", json=wish)

    def _begin(self, name: str, stroke: Awaitable[None]) -> asyncio.Future[None]:
        self.struck[name] += 1
        task = asyncio.ensure_future(stroke)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task


def _hold(path: str, seconds: float) -> None:
    """Keep SQLite's only lock for a while, as a backup would."""
    connection = sqlite3.connect(path, timeout=30)
    try:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.rollback()
    finally:
        connection.close()
