"""The pro tier behind its contract: the basic tier's picture, what is known of it drawn as controls, the finisher."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import BODY_DEPTH, BODY_NORMALS, CONTRACTS, FIT_BODY, Category
from bridge.errors import JobCancelled, VfrError
from bridge.finish.job import Finished, Job, Progress, Watch
from bridge.imaging.encode import encode_image
from bridge.triton.finishing import Desk, described, job
from bridge.triton.model import Array, Arrays, Models
from bridge.triton.streaming import Caller

PROMPTS: Mapping[Category, str] = {
    Category.UPPER: "a studio photo of a person wearing a top",
    Category.LOWER: "a studio photo of a person wearing the lower garment",
    Category.DRESS: "a studio photo of a person wearing a dress",
}
"""What the picture shows when the request doesn't say it; the adapter for fabric knows the garment itself."""
_QUALITY = ", sharp fabric texture, natural folds, soft even light"
NEGATIVE_PROMPT = (
    "blurry, melted edges, extra fingers, painted skin, plastic, watermark, text that is not on the garment"
)
DRAFT_SIDE = 512
"""Long side of the geometry's picture that is shown while the finisher works [px]."""


@dataclass(frozen=True)
class ProTryon:
    """Fulfils :data:`bridge.contracts.TRYON_PRO`; ``models`` are those that the contract calls."""

    desk: Desk
    models: Models

    async def __call__(self, arrays: Arrays, caller: Caller) -> Arrays:
        """Dress the person, draw the controls, finish, score.

        Raises:
            VfrError: what any of the models says; the person's body need not be found, the finisher then works
                without its controls.
        """
        self.desk.settings.read(
            bytes(arrays["settings"][0]).decode(errors="replace")
        )  # refused before any work
        seen = {**arrays, **await self._ask("tryon_basic_stages", caller, arrays)}
        caller.send(_part({"stage": "draft"}, preview=encode_image(_reduced(seen["result"], DRAFT_SIDE))))
        seen |= await self._body(caller, seen)
        seen |= await self._ask("guides", caller, seen)
        finished = await self.desk.finisher.run(self._job(seen), _telling(caller), caller.cancelled)
        seen["result"] = finished.image
        scored = await self._ask("score", caller, seen)
        encoded = await self._ask("encode", caller, {**seen, "format": arrays["format"]})
        report = _joined(scored["report"], finished)
        return _part({"stage": "finished"}, encoded=encoded["encoded"][0], report=report)

    async def _ask(self, model: str, caller: Caller, known: Arrays) -> dict[str, Array]:
        if caller.cancelled():
            raise JobCancelled("The job was cancelled.")
        wanted = {tensor.name: known[tensor.name] for tensor in CONTRACTS[model].inputs}
        return dict(await asyncio.to_thread(self.models[model], **wanted))

    async def _body(self, caller: Caller, seen: Arrays) -> Mapping[str, Array]:
        """Return the body's maps; they are empty of a person to whom no body can be fitted."""
        try:
            body = await self._ask(FIT_BODY.name, caller, seen)
            return await self._ask("body_maps", caller, {**seen, **body})
        except JobCancelled:
            raise
        except VfrError:
            size = seen["matte"].shape
            return {
                BODY_DEPTH.name: np.zeros(size, np.float32),
                BODY_NORMALS.name: np.zeros((*size, 3), np.float32),
            }

    def _job(self, seen: Arrays) -> Job:
        """Return the finisher's job; the face's embedding has no model yet that may be sold."""
        category = Category(seen["garment_category"][0].decode())
        prompt = bytes(seen["prompt"][0]) or (PROMPTS[category] + _QUALITY).encode()
        avoided = bytes(seen["negative_prompt"][0]) or NEGATIVE_PROMPT.encode()
        return job(
            {
                **seen,
                "prior": seen["result"],
                "photo": seen["image"],
                "prompt": np.array([prompt], np.object_),
                "negative_prompt": np.array([avoided], np.object_),
                "face_embedding": np.zeros((0, 512), np.float32),
                "face_crop": np.zeros((0, 0, 3), np.uint8),
            },
            self.desk.settings,
        )


def _telling(caller: Caller) -> Watch:
    """Return what sends each step of the finisher to the caller."""

    def watch(progress: Progress) -> None:
        caller.send(_part(*described(progress)))

    return watch


def _reduced(picture: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Return the picture with a long side of at most ``side`` [px]."""
    height, width = picture.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _joined(scored: Array, finished: Finished) -> bytes:
    return json.dumps({**json.loads(scored[0]), "finish": finished.report}, ensure_ascii=False).encode()


def _part(
    event: Mapping[str, object], preview: bytes = b"", encoded: bytes = b"", report: bytes = b""
) -> Arrays:
    """Return a part of the answer; only the last one has a picture and a report."""
    parts = {"event": json.dumps(event).encode(), "preview": preview, "encoded": encoded, "report": report}
    return {name: np.array([value], np.object_) for name, value in parts.items()}
