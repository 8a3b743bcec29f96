"""Whether Triton is ready, asked once for all jobs that begin within a moment."""

from __future__ import annotations

import asyncio
import time

from api.backend import Backend

SHARED_SECONDS = 0.25
"""For so long its word holds [s]: less than a rendering, in which a server may die as well."""


class Readiness:
    """One per process."""

    def __init__(self, backend: Backend) -> None:
        """Watch a server; nothing is asked yet."""
        self._backend = backend
        self._until = 0.0
        self._asking = asyncio.Lock()

    async def told(self) -> bool:
        """Tell whether the server is ready, or was a moment ago."""
        async with self._asking:
            if time.monotonic() >= self._until and await self._backend.ready():
                self._until = time.monotonic() + SHARED_SECONDS
            return time.monotonic() < self._until

    def doubt(self) -> None:
        """Believe no earlier word: a call failed."""
        self._until = 0.0
