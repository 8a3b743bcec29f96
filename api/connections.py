"""Connections: who opens one says soon what for, or loses it."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""How long the head of a request may take to come [s]; 10 is what Apache's mod_reqtimeout begins with."""


class Prompt(H11Protocol):
    """uvicorn's HTTP/1.1, with a limit of time for the head of each request.

    Without it a caller who says nothing, or drips a header, holds a connection for ever ("slowloris"). The body's
    own limit is in :class:`api.middleware.Limited`.
    """

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._begin()

    def data_received(self, data: bytes) -> None:
        """Read, and wait no longer once a head is there as a whole."""
        if self._idle:
            self._begin()
        super().data_received(data)
        if not self._idle:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._end()
        super().connection_lost(exc)

    @property
    def _idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _begin(self) -> None:
        self._limit = self._limit or self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _end(self) -> None:
        if self._limit:
            self._limit.cancel()
            self._limit = None
