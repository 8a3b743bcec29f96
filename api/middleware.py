"""What surrounds every request: its id, its measure, its limits.

Plain ASGI rather than Starlette's base class, which hides that a caller hung up.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.security.caller import identify
from api.telemetry import traces
from api.telemetry.logs import bound_contextvars
from api.telemetry.metrics import Metrics
from api.telemetry.traces import Span
from bridge.errors import VfrError

LOG = logging.getLogger("vfr.requests")

PROBES = ("/healthz", "/readyz", "/metrics")
"""What machines ask every few seconds, and nobody wants to read about."""
_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
PLAIN_BYTES = 2**20
"""The largest body that is no multipart form with pictures [bytes]: JSON is read as a whole, and grows in memory."""


class Observed:
    """Gives every request an id (the caller's ``X-Request-ID`` where it has a sane one), measures and traces it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        known = given if _ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = known
        with bound_contextvars(request_id=known):
            if scope["path"] in PROBES:
                await self._measured(scope, receive, send, Span(scope["method"]))
                return
            with traces.span(scope["method"], headers.get("traceparent"), "server") as span:
                await self._measured(scope, receive, send, span)

    async def _measured(self, scope: Scope, receive: Receive, send: Send, span: Span) -> None:
        state = scope["state"]
        status = 500

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = state["request_id"]
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        start = time.perf_counter()
        try:
            await self._app(scope, receive, send_marked)
        except Exception:
            state["code"] = "internal"
            raise
        finally:
            self._record(scope, status, time.perf_counter() - start, span)

    def _record(self, scope: Scope, status: int, seconds: float, span: Span) -> None:
        # Unknown paths share one name: a label must not grow with what strangers type.
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.latency.labels(route, str(status)).observe(seconds)
        if "code" in scope["state"]:
            self._metrics.failures.labels(route, scope["state"]["code"]).inc()
        if scope["path"] not in PROBES:
            _tell(scope, span, route, status, seconds)


def _tell(scope: Scope, span: Span, route: str, status: int, seconds: float) -> None:
    """Complete the span and write a line: with the route and never the path, which may hold the token of a link."""
    state, method = scope["state"], scope["method"]
    told = {"method": method, "route": route, "status": status, "seconds": round(seconds, 4)}
    code = {"code": state["code"]} if "code" in state else {}
    caller = {"tenant": state["caller"].tenant.id} if "caller" in state else {}
    LOG.info("a request is answered", extra=told | code | caller)
    span.name = f"{method} {route}"
    span.attributes |= {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
        "vfr.request_id": state["request_id"],
    }
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        span.fault = state.get("code", str(status))


class Limited:
    """Refuses a body that is too large or comes too slowly, while it is read and whatever its headers claim.

    Pictures are read from callers who are known alone: who has no key fills no disk.

    A sender who drips a byte now and then would otherwise hold a connection, and what was read, for ever
    ("slowloris"); so the whole body has one limit of time.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, self._max_bytes, self._seconds)

        async def receive_limited() -> Message:
            return await body.next(receive)

        async def send_closing(message: Message) -> None:
            if message["type"] == "http.response.start" and not body.complete:
                # What is still under way would be read as the next request, or dripped for ever.
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, receive_limited, send_closing)


class _Body:
    """A request's body on its way in."""

    def __init__(self, scope: Scope, max_bytes: int, seconds: float) -> None:
        headers = Headers(scope=scope)
        self.complete = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        pictures = headers.get("content-type", "").lower().startswith("multipart/")
        self._stranger = Request(scope) if pictures else None
        self._most = max_bytes if pictures else min(max_bytes, PLAIN_BYTES)
        self._seconds = seconds
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._read = 0

    async def next(self, receive: Receive) -> Message:
        """Return the next message.

        Raises:
            HTTPException: 401, a stranger's pictures; 413, too large; 408, too slow.
        """
        if self.complete:  # what comes now is the end of the connection, whenever that is
            return await receive()
        if self._stranger:
            await _recognised(self._stranger)
            self._stranger = None
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await receive()
        except TimeoutError as error:
            words = (
                f"The request did not come within {self._seconds:g} seconds. Please send smaller pictures."
            )
            raise HTTPException(408, words) from error
        self._read += len(message.get("body", b""))
        if self._read > self._most:
            words = f"The request is larger than {self._most / 2**20:g} MiB. Please send smaller pictures."
            raise HTTPException(413, words)
        self.complete = not message.get("more_body", False)
        return message


async def _recognised(request: Request) -> None:
    try:
        await identify(request)
    except VfrError as fault:  # FastAPI lets HTTPException alone through while it reads a form
        raise HTTPException(fault.http_status, str(fault)) from fault
