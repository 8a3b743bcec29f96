"""The fake providers, running, and pictures for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import numpy as np
import pytest
from pydantic import SecretStr

from api.providers.base import Order
from api.providers.settings import KlingSettings
from bridge.contracts import Category
from bridge.errors import UrlRefused
from bridge.imaging.encode import Format, encode_image
from tests.api.providers import fake_kling
from tests.api.providers.fake_kling import FakeKling, Script
from tests.api.providers.kling_rules import ACCESS_KEY, SECRET_KEY
from tests.api.providers.serving import served


@dataclass
class Site:
    """A running fake."""

    url: str
    kling: FakeKling

    def settings(self, **fields: object) -> KlingSettings:
        """Return the settings of its account, with a pair of keys unless ``fields`` say otherwise."""
        pair = {"access_key": SecretStr(ACCESS_KEY), "secret_key": SecretStr(SECRET_KEY)}
        return KlingSettings.model_validate({"base_url": self.url, **pair, **fields})

    def script(self, **fields: object) -> None:
        """Tell the fake how to behave."""
        self.kling.script = Script.model_validate(self.kling.script.model_dump() | fields)


@pytest.fixture(scope="session")
def _running() -> Iterator[Site]:
    kling = FakeKling()
    with served(fake_kling.app_of(kling)) as url:
        yield Site(url, kling)


@pytest.fixture
def site(_running: Site) -> Site:
    """A fake Kling that knows nothing of the tests before; its tasks take 50 ms."""
    _running.kling.__init__(script=Script(delay=0.05))  # type: ignore[misc]
    return _running


def picture(width: int = 320, height: int = 400, colour: tuple[int, int, int] = (200, 30, 40)) -> bytes:
    """Return a PNG of one colour."""
    return encode_image(np.full((height, width, 3), colour, np.uint8), Format.PNG)


@pytest.fixture
def order() -> Order:
    """What is handed in: a grey person, a red garment."""
    return Order(
        job="0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        person=picture(colour=(120, 120, 120)),
        garment=picture(),
        category=Category.UPPER,
    )


async def download(url: str) -> bytes:
    """Get a picture; stands where the guarded fetcher is, and fails as that one does."""
    async with httpx2.AsyncClient() as client:
        answer = await client.get(url)
    if answer.is_error:
        raise UrlRefused(f"{url} answered {answer.status_code}.")
    return answer.content
