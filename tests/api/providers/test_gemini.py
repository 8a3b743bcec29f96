"""The second provider behind the same seam: at once, and yet never paid twice."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr

from api.providers.base import Order, Provider, State
from api.providers.gemini import Gemini
from api.providers.kling import Kling
from api.providers.settings import GeminiSettings
from api.storage.blobs import Blobs
from bridge.errors import ConfigError, ExternalBadInput, ExternalRateLimit, ProviderError, RenderFailed
from tests.api.providers import fake_gemini
from tests.api.providers.conftest import Site, download
from tests.api.providers.fake_gemini import API_KEY, FakeGemini, fault
from tests.api.providers.serving import served

T = TypeVar("T")


@dataclass
class Google:
    """The running fake, and a store of pictures."""

    url: str
    fake: FakeGemini
    blobs: Blobs

    def __call__(self, work: Callable[[Gemini], Awaitable[T]], **settings: object) -> T:
        """Run some calls on a client of the account."""
        known = {"base_url": self.url, "api_key": SecretStr(API_KEY), **settings}

        async def run() -> T:
            async with Gemini(GeminiSettings.model_validate(known), self.blobs) as gemini:
                return await work(gemini)

        return asyncio.run(run())


@pytest.fixture
def google(tmp_path: Path) -> Iterator[Google]:
    """A fake that has made nothing yet."""
    fake = FakeGemini()
    with served(fake_gemini.app_of(fake)) as url:
        yield Google(url, fake, Blobs((tmp_path / "blobs").as_uri()))


@pytest.mark.parametrize("which", ["kling", "gemini"])
def test_the_seam(site: Site, google: Google, order: Order, which: str) -> None:
    """Whoever knows the seam alone gets a picture from either provider, and pays once for two calls."""

    async def dress(provider: Provider, wanted: Order) -> bytes:
        external = await provider.submit(wanted)
        assert await provider.submit(wanted) == external
        while (task := await provider.poll(external)).state is State.RUNNING:
            await asyncio.sleep(0.02)
        assert (task.state, task.units, task.external_id) == (State.DONE, provider.cost, external)
        return await provider.fetch(task)

    async def with_kling() -> bytes:
        async with Kling(site.settings(), download) as kling:
            return await dress(kling, order)

    result = asyncio.run(with_kling()) if which == "kling" else google(lambda gemini: dress(gemini, order))
    pixels = np.asarray(Image.open(io.BytesIO(result)))
    assert np.abs(pixels[200, 160].astype(int) - (200, 30, 40)).max() < 8
    assert google.fake.made + len(site.kling.tasks) == 1


def test_the_request(google: Google, order: Order) -> None:
    """Gemini is told what kind of garment it is, and the picture is kept among the job's blobs."""
    kept = google(lambda gemini: gemini.submit(replace(order, prefix="tenants/a/jobs/b")))
    assert kept == "tenants/a/jobs/b/gemini"
    assert asyncio.run(google.blobs.names("tenants/a/jobs/b")) == [kept]
    assert "garment for the upper body" in google.fake.prompts[0]
    assert google.fake.models == ["gemini-3.1-flash-image"]


def test_silence_is_not_asked_again(google: Google, order: Order) -> None:
    """Nobody knows whether an answer that never came was charged: the task stays open, and nothing is paid."""
    google.fake.delay = 30.0

    async def run(gemini: Gemini) -> None:
        with pytest.raises(RenderFailed) as caught:
            await gemini.submit(order)
        assert caught.value.retry_after is None
        again = await gemini.submit(order)
        assert (await gemini.poll(again)).state is State.RUNNING

    google(run, timeout=0.4)
    assert google.fake.made == 1


BLOCKED = {"promptFeedback": {"blockReason": "OTHER"}}
UNSAFE = {"candidates": [{"finishReason": "IMAGE_SAFETY"}]}
TALK = {"candidates": [{"content": {"parts": [{"text": "No."}]}, "finishReason": "NO_IMAGE"}]}
GARBLED = {"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "?"}}]}}]}
LATER = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "22s"}
REFUSALS: list[tuple[int, dict[str, Any], type[ProviderError], float | None]] = [
    (200, BLOCKED, ExternalBadInput, None),
    (200, UNSAFE, ExternalBadInput, None),
    (200, TALK, RenderFailed, None),
    (200, GARBLED, RenderFailed, None),
    (400, fault(400, "INVALID_ARGUMENT"), ExternalBadInput, None),
    (400, fault(400, "FAILED_PRECONDITION"), ProviderError, None),
    (402, fault(402, "RESOURCE_EXHAUSTED"), ProviderError, None),
    (403, fault(403, "PERMISSION_DENIED"), ProviderError, None),
    (404, fault(404, "NOT_FOUND"), ProviderError, None),
    (429, fault(429, "RESOURCE_EXHAUSTED", LATER), ExternalRateLimit, 22.0),
    (429, fault(429, "RESOURCE_EXHAUSTED"), ExternalRateLimit, 30.0),
    (503, fault(503, "UNAVAILABLE"), RenderFailed, 10.0),
    (502, {}, RenderFailed, 10.0),
]


def test_refusals(google: Google, order: Order) -> None:
    """Each refusal has its class and pause; none was charged, so the order may come again and is rendered then."""

    async def run(gemini: Gemini) -> None:
        for status, body, kind, pause in REFUSALS:
            google.fake.refusals = [(status, body)]
            with pytest.raises(ProviderError) as caught:
                await gemini.submit(order)
            assert (type(caught.value), caught.value.retry_after) == (kind, pause), body
        assert (await gemini.poll(await gemini.submit(order))).state is State.DONE

    google(run)
    assert google.fake.made == 1


def test_keys(google: Google, order: Order) -> None:
    """A wrong key is the operator's matter, although Google calls it an invalid argument; so is none at all."""
    with pytest.raises(ProviderError, match="key") as caught:
        google(lambda gemini: gemini.submit(order), api_key=SecretStr("wrong"))
    assert type(caught.value) is ProviderError
    with pytest.raises(ConfigError, match="GEMINI_API_KEY"):
        Gemini(GeminiSettings(), google.blobs)


def test_a_picture_that_is_gone(google: Google) -> None:
    """An id that nothing is kept for is a failed task."""
    task = google(lambda gemini: gemini.poll("gemini/unknown"))
    assert (task.state, task.urls) == (State.FAILED, ())
