"""What each model takes, from Triton's own counters: read seldom, for all try-ons that end meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress

from api.backend import Backend
from bridge.contracts import TRYON_BASIC
from bridge.errors import ServerUnavailable
from bridge.triton.wire import ModelStatistics

Statistics = Mapping[str, ModelStatistics]

SHARED_SECONDS = 0.25
"""For so long a reading holds for others too [s]: a try-on that is alone takes longer, and gets one of its own."""
COUNT_PAUSE = 0.005
"""Between two readings, until the counters hold the try-on [s]."""
COUNT_ATTEMPTS = 6
"""Readings after which it is left out."""
_IDLE = ModelStatistics(requests=0, executions=0, failures=0, total=0.0, queued=0.0, computed=0.0)


class Counters:
    """One per process."""

    def __init__(self, backend: Backend) -> None:
        """Read the counters of a server; nothing is asked yet."""
        self._backend = backend
        self._last: Statistics | None = None
        self._read_at = 0.0
        self._shares: Mapping[str, float] = {}
        self._reading = asyncio.Lock()

    async def begin(self) -> None:
        """Read what was before the first try-on, if the server answers."""
        if self._last is None:
            with suppress(ServerUnavailable):
                self._last = await self._backend.statistics()

    async def shares(self) -> Mapping[str, float]:
        """Return the seconds of each model per try-on, of those that ended since the last reading; none if it fails."""
        async with self._reading:
            if time.monotonic() - self._read_at > SHARED_SECONDS:
                before = self._last or {}
                try:
                    self._last = await self._counted(before)
                except ServerUnavailable:
                    return {}
                self._shares, self._read_at = spent(before, self._last), time.monotonic()
            return self._shares

    async def _counted(self, before: Statistics) -> Statistics:
        """Read once the counters hold another try-on: Triton counts it only after it answered it."""
        known = before.get(TRYON_BASIC.name, _IDLE).requests
        after = await self._backend.statistics()
        for _ in range(COUNT_ATTEMPTS):
            if after.get(TRYON_BASIC.name, _IDLE).requests > known:
                break
            await asyncio.sleep(COUNT_PAUSE)
            after = await self._backend.statistics()
        return after


def spent(before: Statistics, after: Statistics) -> dict[str, float]:
    """Return the seconds of each model per try-on between two readings; models that rested are left out."""
    pairs = {name: (before.get(name, _IDLE), now) for name, now in after.items()}
    busy = {
        name: now.total - then.total for name, (then, now) in pairs.items() if now.requests > then.requests
    }
    then, now = pairs.get(TRYON_BASIC.name, (_IDLE, _IDLE))
    return {name: seconds / max(1, now.requests - then.requests) for name, seconds in busy.items()}
