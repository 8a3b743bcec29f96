"""What the callers of the jobs' benchmark send: it is put together once, so that sending costs them little."""

from __future__ import annotations

import io
from dataclasses import dataclass

import httpx2
import numpy as np
from PIL import Image

_SEED = "00000000000000000000"
"""Where the seed stands in the form: as long as the longest one."""


@dataclass(frozen=True)
class Photos:
    """What a request carries."""

    person: bytes
    garment: bytes

    @property
    def form(self) -> Form:
        """The two as they travel."""
        files = {"person": self.person, "garment": self.garment}
        request = httpx2.Request("POST", "http://localhost/", files=files, data={"seed": _SEED})
        return Form(request.read(), request.headers["content-type"])


@dataclass(frozen=True)
class Form:
    """A request's body but for the seed."""

    template: bytes
    media_type: str

    async def send(self, client: httpx2.AsyncClient, seed: int) -> httpx2.Response:
        """Hand in a job; every seed is another one."""
        body = self.template.replace(_SEED.encode(), f"{seed:0{len(_SEED)}}".encode())
        return await client.post("/v1/jobs", content=body, headers={"content-type": self.media_type})


def photos(size: tuple[int, int], seed: int = 0) -> Photos:
    """Return two smooth pictures with a little noise, as photos are, as JPEG.

    Args:
        size: width and height [px].
        seed: of the noise.
    """
    chance = np.random.default_rng(seed)
    return Photos(*(_photo(size, chance) for _ in range(2)))


def _photo(size: tuple[int, int], chance: np.random.Generator) -> bytes:
    coarse = Image.fromarray(chance.integers(0, 255, (8, 6, 3), np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )
    noisy = np.asarray(coarse, np.float32) + chance.normal(0, 2, (size[1], size[0], 3))
    buffer = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
