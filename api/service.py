"""What every route shares: the server, the limits, and the care for callers who hang up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from api.backend import Backend
from api.metrics import Metrics
from api.problems import ClientGone
from api.settings import Settings
from bridge.errors import ServerUnavailable

T = TypeVar("T")


@dataclass
class Service:
    """One per app, from its start to its end."""

    backend: Backend
    settings: Settings
    metrics: Metrics
    waiting: int = 0  # requests that wait for Triton now

    async def attend(self, request: Request, work: Coroutine[Any, Any, T]) -> T:
        """Do the work for as long as the caller waits and while there is room.

        Raises:
            ServerUnavailable: too many wait already; nothing was begun.
            ClientGone: the caller hung up; the work was cancelled.
        """
        if self.waiting >= self.settings.max_in_flight:
            work.close()
            raise ServerUnavailable("The fitting room is full. Please try again in a few seconds.")
        self.waiting += 1
        try:
            with self.metrics.in_flight.track_inprogress():
                return await _unless_gone(request, work)
        finally:
            self.waiting -= 1


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_hang_up(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Serving = Annotated[Service, Depends(_of)]
"""A route's parameter of this type receives the app's service."""
