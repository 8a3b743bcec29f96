"""A stand-in for Triton behind the API's seam, and the service on top of it."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory

import numpy as np
from fastapi import FastAPI
from PIL import Image

from api.app import create_app
from api.settings import Settings
from bridge.errors import ServerUnavailable
from bridge.imaging.decode import decode_image
from bridge.imaging.encode import encode_image, to_format
from bridge.imaging.intake import take_in
from bridge.registry.finisher import NETWORK
from bridge.triton.model import Arrays
from bridge.triton.streams import Part
from bridge.triton.wire import ModelStatistics, ModelStatus

REPORT = {
    "scores": {"protected_identity": 1.0, "leak_iou": 1.0, "coverage": 0.9, "hem_visible": None},
    "warnings": ["The photo shows 2 people; the largest was dressed."],
    "category": "upper",
    "expert": "warp",
    "route": {"expert": "warp", "why": "It was asked for.", "mesh": None, "body": None, "drape": None},
    "seed": 7,
    "people": 2,
    "person_index": 0,
    "sizes": {"photo": [160, 200], "garment": [160, 200]},
    "not_measured": {},
}


@dataclass
class ScriptedTriton:
    """Decodes and encodes in earnest, and returns the photo as the result, or does what ``act`` says."""

    act: Callable[[Arrays], None] | None = None
    failing: str = ""
    delay: float = 0.0
    cancelled: bool = False
    calls: int = 0
    asked: list[Arrays] = field(default_factory=list)
    painted: bool = True  # whether a checkpoint of the finisher is installed
    weighing: Mapping[str, str] | None = field(
        default_factory=lambda: {"pose_detection": "1:a", NETWORK: "1:b"}
    )  # None: it can't be asked

    async def infer(
        self, model: str, arrays: Arrays, outputs: Sequence[str] | None = None, timeout: float | None = None
    ) -> Arrays:
        if model == "faces":
            return faces(arrays)
        self.asked.append(arrays)
        if self.act:
            self.act(arrays)
        try:
            await asyncio.sleep(self.delay)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        self.calls += 1
        return perception(arrays) if model == "perception" else tryon(arrays)

    async def stream(
        self, model: str, arrays: Arrays, timeout: float | None = None
    ) -> AsyncGenerator[Part, None]:
        """Tell of each step of the finisher; the answer is that of the basic tier."""
        last = await self.infer(model, arrays, None, timeout)
        for event, preview in COURSE:
            yield part(event, preview)
        yield finished(arrays, last)

    async def ready(self) -> bool:
        return not self.failing

    async def model_statuses(self) -> list[ModelStatus]:
        face = ModelStatus("face", ready=not self.failing, reason=self.failing)
        finisher = [ModelStatus(NETWORK, ready=True, reason="")] * self.painted
        return [ModelStatus("warp", ready=True, reason=""), face, *finisher]

    async def weights(self) -> Mapping[str, str]:
        if self.weighing is None:
            raise ServerUnavailable("The inference server is away.")
        return self.weighing

    async def statistics(self) -> Mapping[str, ModelStatistics]:
        return {
            "warp": ModelStatistics(self.calls, self.calls, 0, 0.25 * self.calls, 0.0, 0.0),
            "tryon_basic": ModelStatistics(self.calls, self.calls, 0, 0.5 * self.calls, 0.0, 0.0),
            "idle": ModelStatistics(3, 3, 1, 1.0, 0.5, 0.5),
        }


def part(
    event: Mapping[str, object], preview: bytes = b"", encoded: bytes = b"", report: bytes = b""
) -> Part:
    """Return a part of the answer of ``tryon_pro``."""
    values = {
        "event": json.dumps(event).encode(),
        "preview": preview,
        "encoded": encoded,
        "report": report,
    }
    return Part({name: np.array([value], object) for name, value in values.items()}, last=bool(report))


def finished(arrays: Arrays, answer: Arrays) -> Part:
    """Return the last part: the basic tier's answer, with what a finisher adds to its report."""
    settings = json.loads(arrays["settings"][0])
    finish = {"executed_steps": 7, "bucket": "1024x1344", "settings": settings, "seconds": {"denoise": 0.5}}
    report = json.loads(answer["report"][0]) | {"finish": finish}
    return part({"stage": "finished"}, encoded=answer["encoded"][0], report=json.dumps(report).encode())


def faces(arrays: Arrays) -> Arrays:
    """Return one person whose face is all that is seen."""
    height, width = arrays["image"].shape[:2]
    box = np.array([0, 0, width, height], np.float32)
    return {
        "box": box,
        "face_box": box,
        "other_faces": np.zeros((0, 4), np.float32),
    }


def tryon(arrays: Arrays) -> Arrays:
    """Return the person as she came."""
    taken = take_in(*(arrays[name][0] for name in ("person", "garment", "mask", "format")))
    encoded = encode_image(taken.person, to_format(arrays["format"][0].decode()))
    return {"encoded": np.array([encoded], object), "report": np.array([json.dumps(REPORT).encode()], object)}


def perception(arrays: Arrays) -> Arrays:
    """Return a person whose upper half is hair and whose lower half is a dress."""
    image = decode_image(arrays["photo"][0])
    labels = np.full(image.shape[:2], 8, np.uint8)
    labels[: len(labels) // 2] = 1
    points = np.linspace(0, 1, 33 * 4, dtype=np.float32).reshape(33, 4)
    return {
        "image": image,
        "labels": labels,
        "matte": np.full_like(labels, 255),
        "keypoints": points,
        "coco17": points[:17, :3],
        "body25": points[:25, :3],
        "box": np.array([0, 0, 160, 200], np.float32),
        "people": np.array([1], np.int32),
        "face_score": np.array([0.5], np.float32),
    }


def app_on(triton: object, **settings: object) -> FastAPI:
    """Return the service on a stand-in, with an empty database and store of its own."""
    folder = TemporaryDirectory(prefix="vfr-test-")

    @asynccontextmanager
    async def connect(_: Settings) -> AsyncIterator[object]:
        with folder:
            yield triton

    return create_app(Settings(**{"data": folder.name} | settings), connect)


def photo(
    width: int = 160, height: int = 200, form: str = "PNG", mode: str = "RGB", **options: object
) -> bytes:
    """Return a picture of two colours."""
    picture = Image.new("RGB", (width, height), (200, 30, 40))
    picture.paste((20, 90, 160), (0, 0, width // 2, height))
    buffer = io.BytesIO()
    picture.convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


COURSE = (
    ({"stage": "draft"}, photo(32, 40)),
    ({"stage": "encode", "step": 0, "steps": 0, "seconds": 0.1}, b""),
    *(({"stage": "denoise", "step": k, "steps": 7, "seconds": 0.1 * k}, photo(8, 10)) for k in range(1, 8)),
    ({"stage": "decode", "step": 0, "steps": 0, "seconds": 0.9}, b""),
)
"""What the finisher tells on its way: event and preview."""
