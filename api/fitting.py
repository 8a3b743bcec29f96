"""One try-on, whoever asks for it: from bytes and words to the call of Triton and back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from pydantic import JsonValue

from api.backend import Backend
from api.schemas import Report
from bridge.contracts import PERCEPTION, TRYON_BASIC, Category, Expert, Fabric
from bridge.errors import BadInput, ImageError
from bridge.imaging.decode import decode_image
from bridge.imaging.encode import Format
from bridge.registry import Tier
from bridge.triton.model import Array, Arrays

GARMENT_PHOTOS = 3
"""How many photos of one garment may be sent; the basic tier works from the first."""


@dataclass(frozen=True)
class Choice:
    """What may be said in one field of a wish: in words, and of a number from where to where."""

    words: str
    least: int | None = None
    most: int | None = None


CHOICES: Mapping[str, Choice] = MappingProxyType(
    {
        "category": Choice("what the garment is; auto: the system decides"),
        "mask": Choice("of the photo's proportions, white where it may change; none: the system decides"),
        "seed": Choice("the seed of whatever is random; -1: from the pictures", -1, 2**63 - 1),
        "person_index": Choice("which person, counted from the largest (0); -1: the largest", -1, 2**31 - 1),
        "expert": Choice(
            "what puts the garment on: bent in 2.5D (warp), or sewn and draped on a body (drape); auto: the "
            "system decides"
        ),
        "height": Choice("the person's height [mm]; 0: unknown", 0, 2500),
        "fabric": Choice("what the garment is made of, for drape; auto: as its photo tells"),
        "tier": Choice("how good: basic, or with the photoreal finisher pro or ultra"),
        "prompt": Choice("what the finished picture shows, in words; empty: the system says it"),
        "negative_prompt": Choice("what it must not show; empty: the system says it"),
        "finisher": Choice(
            'settings of the finisher that differ from the tier\'s: JSON such as {"steps": 30, "denoise": 0.15}'
        ),
    }
)
"""Of the fields that forms and the command line have in common, by their names in :class:`Wish`."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants to see: pictures are encoded bytes, as they were uploaded."""

    person: bytes
    garments: tuple[bytes, ...]  # one garment, the photo from the front first
    category: Category = Category.AUTO
    mask: bytes = b""  # white where the photo may change; empty: the system decides
    seed: int = -1  # -1: from the pictures
    person_index: int = -1  # counted from the largest (0); -1: the largest
    form: Format = Format.PNG
    expert: Expert = Expert.AUTO
    height: int = 0  # the person's, in millimetres; 0: unknown
    fabric: Fabric = Fabric.AUTO
    tier: Tier = Tier.BASIC
    prompt: str = ""  # empty: the system says it
    negative_prompt: str = ""
    finisher: Mapping[str, object] = field(default_factory=dict)  # what differs from the tier's settings

    def arrays(self) -> dict[str, Array]:
        """Return the inputs of ``tryon_basic``."""
        return {
            "person": text(self.person),
            "garment": text(self.garments[0]),
            "category": text(self.category.value.encode()),
            "mask": text(self.mask),
            "person_index": np.array([self.person_index], np.int32),
            "seed": np.array([self.seed], np.int64),
            "format": text(self.form.value.encode()),
            "expert": text(self.expert.value.encode()),
            "height": np.array([self.height], np.int32),
            "fabric": text(self.fabric.value.encode()),
        }


@dataclass(frozen=True)
class Fitting:
    """What came of a wish."""

    picture: bytes  # encoded as the wish said
    report: Report
    seconds: float  # from the call to the answer [s]
    stages: Mapping[str, float] = field(default_factory=dict)  # seconds in each of a finisher's stages


def settings_of(told: str) -> dict[str, JsonValue]:
    """Return the finisher's settings from what a caller wrote; empty: none.

    Raises:
        BadInput: it is no JSON object.
    """
    try:
        found = json.loads(told or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadInput('finisher must be a JSON object such as {"steps": 30, "denoise": 0.15}.')
    return found


def text(data: bytes) -> Array:
    """Return bytes as a tensor of Triton: an object array of one element."""
    return np.array([data], np.object_)


async def try_on(backend: Backend, wish: Wish, timeout: float) -> Fitting:
    """Dress the person by the basic tier.

    Raises:
        VfrError: what was sent can't be used, or the server can't answer; the sentence says what to do.
    """
    await check_unused(wish.garments[1:])
    start = time.perf_counter()
    outputs = await backend.infer(TRYON_BASIC.name, wish.arrays(), ["encoded", "report"], timeout)
    seconds = time.perf_counter() - start
    report = Report.model_validate_json(outputs["report"][0])
    report.warnings.extend(unused(len(wish.garments)))
    return Fitting(outputs["encoded"][0], report, seconds)


async def perceive(backend: Backend, photo: bytes, person_index: int, timeout: float) -> Arrays:
    """Return everything that is known of the photo: the outputs of ``perception``.

    Raises:
        VfrError: as :func:`try_on`.
    """
    arrays = {"photo": text(photo), "person_index": np.array([person_index], np.int32)}
    return await backend.infer(PERCEPTION.name, arrays, None, timeout)


async def check_unused(photos: tuple[bytes, ...]) -> None:
    """Refuse a broken extra photo now, although only a later tier would look at it."""
    for number, data in enumerate(photos, start=2):
        if fault := await asyncio.to_thread(_fault_of, data):
            raise type(fault)(f"Photo {number} of the garment can't be used. {fault}")


def _fault_of(data: bytes) -> ImageError | None:
    try:
        decode_image(data)
    except ImageError as fault:
        return fault
    return None


def unused(photos: int) -> list[str]:
    """Return a warning for each photo that no tier looks at yet."""
    return [
        f"Photo {number} of the garment was not used: the basic tier works from the front alone."
        for number in range(2, photos + 1)
    ]
