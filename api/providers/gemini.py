"""Gemini as a renderer: a picture model that edits by words, asked to put the garment on the person.

Sources: ai.google.dev/api/generate-content, /gemini-api/docs/image-generation and /gemini-api/docs/troubleshooting.

Gemini answers at once and remembers nothing. So the picture is kept in the job's own blobs, under the name
that is the external id, and an empty blob of that name is put there before Gemini is asked. Whoever finds it
does not ask again: silence may have been paid for. Only an answer without a picture takes it away.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from types import TracebackType
from typing import Protocol

import httpx2

from api.providers.base import Order, State, Task
from api.providers.gemini_wire import Content, Generation, Inline, Part, Reply, Request, refusal
from api.providers.pictures import jpeg
from api.providers.settings import GeminiSettings
from bridge.contracts import Category
from bridge.errors import ConfigError, NotFound, RenderFailed

LOG = logging.getLogger("vfr.providers")

CONNECT_SECONDS = 5.0
MIN_SIDE = 300
"""The shortest side that is sent [px]: Gemini names no limit, so Kling's holds for both."""

_WORDS = {
    Category.AUTO: "garment",
    Category.UPPER: "garment for the upper body",
    Category.LOWER: "garment for the lower body",
    Category.DRESS: "dress",
}
_PROMPT = (
    "The first picture is a photo of a person, the second one shows a {garment}. Return the first photo with "
    "the person wearing exactly this {garment} in place of the clothes that it replaces. Keep the person's "
    "face, hair, skin, body shape and pose, the other clothes, the background, the light and the framing as "
    "they are. Keep the colour, the pattern, the print and the cut of the {garment}. Return one photo only."
)


class Shelf(Protocol):
    """Where pictures are kept; ``api.storage.blobs.Blobs`` is one."""

    async def put(self, key: str, data: bytes, *, once: bool = False) -> bool:
        """Write a blob; with ``once`` return False, and change nothing, when there is one of that key."""
        ...

    async def get(self, key: str) -> bytes:
        """Read a blob.

        Raises:
            NotFound: there is none of this key.
        """
        ...

    async def delete(self, prefix: str) -> int:
        """Delete a blob."""
        ...


class Gemini:
    """One account. To be entered as an asynchronous context, which holds the connections."""

    name = "gemini"

    def __init__(self, settings: GeminiSettings, shelf: Shelf) -> None:
        """Take the account.

        Args:
            settings: key, address, model.
            shelf: keeps the pictures between ``submit`` and ``fetch``.

        Raises:
            ConfigError: there is no key.
        """
        if settings.api_key is None:
            raise ConfigError("Gemini has no key. Please set GEMINI_API_KEY.")
        self.timeout, self.cost = settings.timeout, settings.cost
        self.most_parallel = settings.most_parallel
        self._model, self._shelf = settings.model, shelf
        self._client = httpx2.AsyncClient(
            base_url=settings.base_url.rstrip("/"),
            timeout=httpx2.Timeout(self.timeout, connect=CONNECT_SECONDS),
            headers={"x-goog-api-key": settings.api_key.get_secret_value()},
        )

    async def __aenter__(self) -> Gemini:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def submit(self, order: Order) -> str:
        """As :meth:`Provider.submit`; takes as long as the rendering does."""
        key = f"{order.prefix}/gemini" if order.prefix else f"gemini/{order.job}"
        request = await asyncio.to_thread(_request, order)
        if not await self._shelf.put(key, b"", once=True):
            return key
        reply = await self._ask(request)
        picture = reply.picture()
        if picture is None:
            await self._shelf.delete(key)
            LOG.warning("gemini answered %s: %.200s", reply.status, reply.words())
            raise refusal(reply)
        await self._shelf.put(key, picture)
        return key

    async def poll(self, external_id: str) -> Task:
        """As :meth:`Provider.poll`."""
        try:
            picture = await self._shelf.get(external_id)
        except NotFound:
            return Task(
                external_id, State.FAILED, reason="Gemini was never asked, or its picture has expired"
            )
        if not picture:
            return Task(external_id, State.RUNNING)
        return Task(external_id, State.DONE, urls=(external_id,), units=self.cost)

    async def fetch(self, task: Task) -> bytes:
        """As :meth:`Provider.fetch`."""
        if task.state is not State.DONE:
            raise RenderFailed("There is no picture to fetch: the task is not done.")
        return await self._shelf.get(task.external_id)

    async def _ask(self, request: Request) -> Reply:
        path = f"/v1beta/models/{self._model}:generateContent"
        try:
            answer = await self._client.post(path, json=request.model_dump(exclude_none=True, by_alias=True))
        except httpx2.TransportError as error:
            # Without ``retry_after``: it may have been rendered and charged, and can't be looked for.
            raise RenderFailed(f"Gemini does not answer ({type(error).__name__}).") from error
        return Reply.read(answer.status_code, answer.content)


def _request(order: Order) -> Request:
    prompt = _PROMPT.format(garment=_WORDS[order.category])
    parts = [Part(text=prompt), _part(order.person), _part(order.garment)]
    return Request(contents=[Content(parts=parts)], generationConfig=Generation())


def _part(picture: bytes) -> Part:
    data = base64.b64encode(jpeg(picture, MIN_SIDE)).decode()
    return Part(inlineData=Inline(mimeType="image/jpeg", data=data))
