"""Servers that a command line starts, finds and stops."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rich.console import Console

from api.operation import bound
from api.settings import Settings

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

FIND_SECONDS = 1.0
"""How long a server on this machine may take to say that it is there [s]."""


@contextmanager
def open_triton(server: str | None, say: Console) -> Iterator[str]:
    """Give the address of a Triton.

    Args:
        server: one that runs, as ``host:port``; None: the one that the settings name where it runs, else one
            that is started here and ends with the ``with`` block.
        say: where progress goes.

    Raises:
        ServerUnavailable: it can't be started; the sentence says why.
    """
    usual = Settings().triton_url
    if server:
        yield server
    elif asyncio.run(_answers(usual)):
        say.print(f"Using the Triton at {usual}.")
        yield usual
    else:
        say.print("No Triton runs here, so one is started for this call; `vfr serve` keeps one running.")
        with embedded(say, models=["tryon_basic"]) as url:
            yield url


@contextmanager
def embedded(say: Console, *, grpc_port: int = 0, models: Sequence[str] | None = None) -> Iterator[str]:
    """Run the embedded Triton and give its address.

    Args:
        say: where progress goes.
        grpc_port: where it listens; 0 takes a free port.
        models: the ones to load, with those that they need; None: all.
    """
    from api.telemetry.traces import ENDPOINT
    from bridge.triton.embedded import EmbeddedTriton
    from bridge.triton.ports import Ports
    from bridge.triton.startup import Progress

    with say.status("Starting Triton …") as status:

        def show(step: Progress) -> None:
            status.update(f"Starting Triton … {step.ready} of {step.total} models are ready")

        ports, collector = Ports(grpc=grpc_port), os.environ.get(ENDPOINT)
        triton = EmbeddedTriton(models=models, ports=ports, progress=show, collector=collector)
        triton.__enter__()
    try:
        say.print(f"Triton is ready after {triton.ready_seconds:.1f} s; KServe v2 over gRPC at {triton.url}.")
        yield triton.url
    finally:
        triton.__exit__(None, None, None)


def listen(settings: Settings, say: Console) -> None:
    """Serve REST and the page until Ctrl-C or SIGTERM.

    Raises:
        ServerUnavailable: the port is taken.
    """
    from api.app import create_app
    from api.telemetry import logs

    logs.configure()
    with bound(settings.host, settings.port, "--port") as listener:
        host, port = listener.getsockname()[:2]
        say.print(
            f"REST at http://{host}:{port} - open it to try it, /docs to read it. Ctrl-C stops everything."
        )
        with suppress(KeyboardInterrupt):  # uvicorn lets it through once all is answered
            server(create_app(settings)).run(sockets=[listener])


def server(app: FastAPI) -> uvicorn.Server:
    """Return what serves an app to the world."""
    import uvicorn

    from api.connections import Prompt

    return uvicorn.Server(
        uvicorn.Config(
            app, http=Prompt, ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=10
        )
    )


def work(settings: Settings, say: Console) -> None:
    """Execute jobs until Ctrl-C or SIGTERM; what runs then is finished, or left to other workers.

    Raises:
        ConfigError: a file or a variable says something that can't be done.
        ServerUnavailable: the database or the store of pictures can't be reached, or the port is taken.
    """
    from api.telemetry import logs

    logs.configure()
    asyncio.run(_working(settings, say))


async def _working(settings: Settings, say: Console) -> None:
    from api.app import connect_triton
    from api.operation import operated
    from api.service import opened
    from api.telemetry.metrics import Metrics

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        connect_triton(settings) as backend,
        opened(settings, backend, Metrics()) as service,
        operated(service),
    ):
        say.print(f"Executing up to {settings.workers} jobs at once. Ctrl-C leaves what is left to others.")
        await stop.wait()


async def _answers(url: str) -> bool:
    from api.app import connect_triton

    async with connect_triton(Settings(triton_url=url)) as backend:
        try:
            return await asyncio.wait_for(backend.ready(), FIND_SECONDS)
        except asyncio.TimeoutError:
            return False
