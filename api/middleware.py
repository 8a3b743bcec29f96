"""What surrounds every request: its id, its measure, its limit.

Plain ASGI rather than Starlette's base class, which hides that a caller hung up.
"""

from __future__ import annotations

import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics

_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)


class Observed:
    """Gives every request an id (the caller's ``X-Request-ID`` where it has a sane one) and measures it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        state = scope.setdefault("state", {})
        state["request_id"] = given if _ID.fullmatch(given) else uuid.uuid4().hex
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
            self._record(scope, status, time.perf_counter() - start)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        # Unknown paths share one name: a label must not grow with what strangers type.
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.latency.labels(route, str(status)).observe(seconds)
        if "code" in scope["state"]:
            self._metrics.failures.labels(route, scope["state"]["code"]).inc()


class Limited:
    """Refuses a body beyond the limit while it is read, whatever its ``Content-Length`` claims."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_bytes:
                limit = f"{self._max_bytes // 2**20} MiB"
                raise HTTPException(413, f"The request is larger than {limit}. Please send smaller pictures.")
            return message

        await self._app(scope, receive_counted, send)
