"""The REST service. Importing this module does nothing; :func:`create_app` makes one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from api import problems
from api.backend import Backend
from api.middleware import Limited, Observed
from api.operation import operated
from api.routes import artifacts, health, jobs, page, parse, providers, results, tryon, usage, users
from api.service import opened
from api.settings import Settings
from api.telemetry import traces
from api.telemetry.metrics import Metrics

Connect = Callable[[Settings], AbstractAsyncContextManager[Backend]]
"""Opens the way to the inference server and closes it again."""

DESCRIPTION = """A person's photo and a garment's photo in, a photo of that person wearing it out.

`POST /v1/tryon` waits for the picture. `POST /v1/jobs` answers at once; the job then ends exactly once, whatever
breaks, and is followed by its events, its webhook, or by asking.

Every failure is a problem of RFC 9457 whose `detail` says what to do and whose `code` is stable:
`GET /problems` lists them. Pictures are JPEG, PNG or WebP, at most 32 MiB and 25 megapixels each."""


@asynccontextmanager
async def connect_triton(settings: Settings) -> AsyncIterator[Backend]:
    """Open the gRPC client of the server that the settings name."""
    from bridge.triton.client import AsyncTritonClient

    async with AsyncTritonClient(settings.triton_url, headers=traces.headers) as client:
        yield client


def create_app(settings: Settings | None = None, connect: Connect = connect_triton) -> FastAPI:
    """Make the service.

    Args:
        settings: where the server is and what is accepted; None: from the environment.
        connect: how the server is reached; tests pass a stand-in.
    """
    known = settings or Settings()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            connect(known) as backend,
            opened(known, backend, metrics) as service,
            operated(service),
        ):
            app.state.service = service
            yield

    app = FastAPI(title="Neurose VFR", version="0.1.0", description=DESCRIPTION, lifespan=lifespan)
    app.add_middleware(Limited, max_bytes=known.max_upload_mb * 2**20, seconds=known.upload_seconds)
    app.add_middleware(Observed, metrics=metrics)
    problems.install(app)
    for routes in (tryon, jobs, results, users, usage, providers, parse, artifacts, health, page):
        app.include_router(routes.router)
    if known.metrics_port is None:
        app.include_router(health.numbers)
    return app
