"""Which weights the inference server has, so that no picture outlives in the cache those that made it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

from api.backend import Backend
from bridge.contracts import TRYON_BASIC, reached
from bridge.errors import VfrError
from bridge.registry import Tier

LOG = logging.getLogger("vfr.jobs")
FRESH_SECONDS = 60.0
"""For so long what the server told holds [s]: new weights need a new start of a server, which takes as long."""
_BASIC = reached([TRYON_BASIC.name])


class Weights:
    """One per process."""

    def __init__(self, backend: Backend, fresh: float = FRESH_SECONDS) -> None:
        """Know of a server's weights; nothing is asked yet.

        Args:
            backend: the server.
            fresh: how long an answer holds [s].
        """
        self._backend = backend
        self._fresh = fresh
        self._known: Mapping[str, str] = {}
        self._until = 0.0
        self._asking = asyncio.Lock()

    async def of(self, tier: Tier) -> Mapping[str, str]:
        """Return what tells the weights of each model that a tier may use from others, by its name.

        A server that is away is taken for the one that was there; before it was ever there, nothing is known. The tiers
        with a finisher use networks that no contract names, and so all that there are.
        """
        if time.monotonic() >= self._until:
            async with self._asking:
                await self._ask()
        if tier is Tier.BASIC:
            return {name: told for name, told in self._known.items() if name in _BASIC}
        return self._known

    async def _ask(self) -> None:
        if time.monotonic() < self._until:
            return  # another one asked meanwhile
        try:
            self._known = await self._backend.weights()
        except VfrError as error:  # no reason to refuse a job
            LOG.warning("which weights the inference server has could not be asked: %s", error)
        self._until = time.monotonic() + self._fresh
