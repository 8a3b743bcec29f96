"""The port for those who run the service: ``/healthz``, ``/readyz`` and ``/metrics``, apart from what callers reach."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from bridge.errors import ServerUnavailable

if TYPE_CHECKING:
    from api.service import Service


@asynccontextmanager
async def operated(service: Service) -> AsyncIterator[None]:
    """Answer on the settings' ``metrics_port`` for as long as the block runs; without one do nothing.

    Raises:
        ServerUnavailable: the port is taken.
    """
    settings = service.settings
    if settings.metrics_port is None:
        yield
        return
    import uvicorn
    from fastapi import FastAPI

    from api.routes import health

    class Guest(uvicorn.Server):
        """A server that leaves the signals to whoever owns the process."""

        @contextmanager
        def capture_signals(self) -> Generator[None]:
            yield

    app = FastAPI(openapi_url=None)
    app.include_router(health.router)
    app.include_router(health.numbers)
    app.state.service = service
    config = uvicorn.Config(
        app, ws="none", lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    with bound(settings.host, settings.metrics_port, "VFR_METRICS_PORT") as listener:
        server = Guest(config)
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving


@contextmanager
def bound(host: str, port: int, option: str) -> Iterator[socket.socket]:
    """Listen.

    Args:
        host: the address.
        port: 0 takes a free one.
        option: what names another port.

    Raises:
        ServerUnavailable: the port is taken.
    """
    try:
        listener = socket.create_server((host, port), reuse_port=False)
    except OSError as error:
        words = f"{host}:{port} can't be listened on ({error.strerror}). Choose another {option}."
        raise ServerUnavailable(words) from error
    with listener:
        # Who accepts of it inherits this. asyncio does it only for sockets that say they are TCP, which this one does
        # not; without it an answer waits for the caller's delayed acknowledgement, 40 ms (RFC 1122, 4.2.3.2).
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener
