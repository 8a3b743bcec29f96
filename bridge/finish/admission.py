"""How many pictures are worked on at the same time: those whose deadline is nearest begin first.

Rows of several jobs fill a card hardly better than those of one at these resolutions, so that sharing it among equal
jobs makes all of them late (facts: diffusion-cost, 0.4). A few in flight overlap one's waiting with another's work.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from itertools import count

from bridge.errors import DeadlineMissed

DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)
"""Of the job that is running here, on the clock of ``time.monotonic`` [s]; a transport may order calls by it."""


class Admission:
    """At most ``limit`` jobs are in flight; who waits gets a place in the order of deadlines, then of arrival."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._arrivals = count()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def place(self, deadline: float = math.inf) -> AsyncIterator[None]:
        """Hold one of the places.

        Raises:
            DeadlineMissed: the deadline passed while it waited.
        """
        await self._enter(deadline)
        token = DEADLINE.set(deadline)
        try:
            if time.monotonic() > deadline:
                raise DeadlineMissed("The job's time was over before it could begin; please try again later.")
            yield
        finally:
            DEADLINE.reset(token)
            self._leave()

    async def _enter(self, deadline: float) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (deadline, next(self._arrivals), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the place was given at the same moment
                self._leave()
            raise

    def _leave(self) -> None:
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
