"""Kling's virtual try-on (Kolors), by its documentation of March 2026.

Sources: app.klingai.com/global/dev, pages virtualTryOn, rateLimits and callbackProtocol; sections of
facts/kling.md are cited as "facts".

A task costs money when it is created, and Kling has no idempotency keys. Hence every task carries our job as
``external_task_id``, and is looked for under that name before it is created, and after every create whose
answer did not arrive.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from urllib.parse import quote

import httpx2
from pydantic import ValidationError

from api.providers.base import Fetch, Order, State, Task
from api.providers.keys import Bearer
from api.providers.kling_codes import ABSENT, STALE, meaning
from api.providers.kling_wire import Answer, Remote, Remotes
from api.providers.pictures import jpeg
from api.providers.settings import KlingSettings
from bridge.errors import RenderFailed, VfrError

LOG = logging.getLogger("vfr.providers")

PATH = "/v1/images/kolors-virtual-try-on"
PAGE, PAGES = 500, 4
"""The longest page of the list, and how many are read: the newest 2000 tasks of the account."""
LOOKS = (1.0, 3.0, 6.0)
"""Pauses before we look for a task whose creation was not answered [s]: it may still be under way."""
CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 30.0
"""The longest wait for a connection and for an answer [s]; renderings run behind the answers."""
FETCH_PAUSES = (1.0, 3.0, 6.0)
"""Before a picture is asked for again [s]: it is paid for already."""
SILENCE_RETRY = 10.0
MIN_SIDE = 300
"""The shortest side that Kling takes [px] (facts 1.3)."""

_UNREADABLE = "Kling's answer can't be understood. Please report this."

Sleep = Callable[[float], Awaitable[None]]


class Kling:
    """One account. To be entered as an asynchronous context, which holds the connections."""

    name = "kling"

    def __init__(
        self,
        settings: KlingSettings,
        fetch: Fetch,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Take the account.

        Args:
            settings: keys, address, model.
            fetch: gets a picture's bytes from the address that Kling names.
            clock: seconds since 1970.
            sleep: waits for that many seconds.

        Raises:
            ConfigError: there are no keys.
        """
        self.timeout, self.cost = settings.timeout, settings.cost
        self.most_parallel = settings.most_parallel
        self._settings, self._fetch, self._sleep = settings, fetch, sleep
        self._bearer = Bearer(settings, clock)
        limits = httpx2.Timeout(min(ANSWER_SECONDS, self.timeout), connect=CONNECT_SECONDS)
        self._client = httpx2.AsyncClient(base_url=settings.url, timeout=limits)

    async def __aenter__(self) -> Kling:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def submit(self, order: Order) -> str:
        """As :meth:`Provider.submit`; a task is looked for twice before it is created: by name, in the list."""
        if found := await self._find(order.job):
            return found
        body = await asyncio.to_thread(_body, order, self._settings.model)
        try:
            return _remote(await self._call("POST", PATH, body)).task_id
        except RenderFailed:  # silence, or an answer of no use: neither says whether there is a task now
            if found := await self._find_late(order.job):
                return found
            raise

    async def poll(self, external_id: str) -> Task:
        """As :meth:`Provider.poll`."""
        return _remote(await self._call("GET", _path(external_id))).task()

    async def fetch(self, task: Task) -> bytes:
        """As :meth:`Provider.fetch`; to be called at once, since Kling deletes its pictures after 30 days."""
        if task.state is not State.DONE or not task.urls:
            raise RenderFailed("There is no picture to fetch: the task is not done.")
        for pause in (*FETCH_PAUSES, None):
            try:
                return await self._fetch(task.urls[0])
            except VfrError as error:  # noqa: PERF203 - it is the loop's point
                LOG.warning("kling's picture of task %s: %s", task.external_id, error)
                if pause is None:
                    raise _passing("Kling's picture can't be fetched. Please try again later.") from error
                await self._sleep(pause)
        raise AssertionError("the last turn returns or raises")

    async def _find_late(self, job: str) -> str | None:
        for pause in LOOKS:
            await self._sleep(pause)
            if found := await self._find(job):
                return found
        return None

    async def _find(self, job: str) -> str | None:
        """Return Kling's id of the job's task, if there is one."""
        answer = await self._call("GET", _path(job), absent=True)
        if answer.code == 0 and (remote := _remote(answer)).answers(job):
            return remote.task_id
        return await self._find_in_list(job)

    async def _find_in_list(self, job: str) -> str | None:
        """As :meth:`_find`; older documentation knows tasks by Kling's own id only, and the list shows ours."""
        for page in range(1, PAGES + 1):
            answer = await self._call("GET", f"{PATH}?pageNum={page}&pageSize={PAGE}")
            tasks = _remotes(answer)
            for remote in tasks:
                if remote.carries(job):
                    return remote.task_id
            if len(tasks) < PAGE:
                break
        return None

    async def _call(
        self, method: str, path: str, body: dict[str, str] | None = None, *, absent: bool = False
    ) -> Answer:
        """Ask Kling; once more with a new token when it calls the old one stale.

        Args:
            method: GET or POST.
            path: below the address of the service.
            body: sent as JSON.
            absent: return Kling's "there is no such task" instead of raising it.

        Raises:
            ProviderError: any other answer than success, or none.
        """
        status, answer = await self._send(method, path, body)
        if (status == 401 or answer.code in STALE) and self._bearer.renew():
            status, answer = await self._send(method, path, body)
        if answer.code == 0 or (absent and (answer.code in ABSENT or status == 404)):
            return answer
        LOG.warning(
            "kling answered %s, code %s, request %.64s: %.200s",
            status,
            answer.code,
            answer.request_id,
            answer.message,
        )
        raise meaning(status, answer.code)

    async def _send(self, method: str, path: str, body: dict[str, str] | None) -> tuple[int, Answer]:
        try:
            reply = await self._client.request(method, path, json=body, headers=self._bearer.header())
        except httpx2.TransportError as error:
            words = f"Kling does not answer ({type(error).__name__}). Please try again later."
            raise _passing(words) from error
        return reply.status_code, Answer.read(reply.content)


def _body(order: Order, model: str) -> dict[str, str]:
    body = {
        "model_name": model,
        "human_image": _encoded(order.person),
        "cloth_image": _encoded(order.garment),
        "external_task_id": order.job,
    }
    return body | ({"callback_url": order.callback_url} if order.callback_url else {})


def _encoded(picture: bytes) -> str:
    """Return base64 without a prefix: Kling refuses data URLs (facts 1.3)."""
    return base64.b64encode(jpeg(picture, MIN_SIDE)).decode()


def _passing(words: str) -> RenderFailed:
    error = RenderFailed(words)
    error.retry_after = SILENCE_RETRY
    return error


def _path(task: str) -> str:
    return f"{PATH}/{quote(task, safe='')}"


def _remote(answer: Answer) -> Remote:
    try:
        return Remote.model_validate(answer.data)
    except ValidationError as error:
        raise RenderFailed(_UNREADABLE) from error


def _remotes(answer: Answer) -> list[Remote]:
    try:
        return Remotes.validate_python(answer.data or [])
    except ValidationError as error:
        raise RenderFailed(_UNREADABLE) from error
