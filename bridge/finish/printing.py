"""Prints and logos, finished once more: each alone, enlarged to a bucket, where its letters are large enough.

At the photo's own size a letter may be smaller than a latent pixel, and the denoiser smears it; the control ``tile``
(ControlNet-Union's ProMax version) holds what it already shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from bridge.finish.canvas import best, fit, protect
from bridge.finish.controls import combine, embed
from bridge.finish.course import Course
from bridge.finish.img2img import Brief, Engine, paint, start
from bridge.finish.job import Bytes
from bridge.finish.settings import Box

MARGIN = 0.15
"""Of a print's longer side, around it: what the denoiser needs to see of the cloth, and where the tile passes over."""

TILE_SCALE = 1.0
"""The control's scale: nothing may move."""


@dataclass(frozen=True)
class Window:
    """A part of a picture: ``left``, ``top``, ``right``, ``bottom`` [px]."""

    left: int
    top: int
    right: int
    bottom: int

    def cut(self, image: Bytes) -> Bytes:
        """Return the part, a view."""
        return image[self.top : self.bottom, self.left : self.right]


def window(box: Box, size: tuple[int, int]) -> Window | None:
    """Return a print's box with its margin, within a picture of a size (width, height); None: it lies outside."""
    left, top, width, height = box
    margin = round(MARGIN * max(width, height))
    found = Window(
        max(left - margin, 0),
        max(top - margin, 0),
        min(left + width + margin, size[0]),
        min(top + height + margin, size[1]),
    )
    return found if found.right - found.left >= 8 and found.bottom - found.top >= 8 else None


async def finish_print(
    engine: Engine, brief: Brief, image: Bytes, part: Window, generator: torch.Generator, course: Course
) -> Bytes:
    """Return a picture uint8 [H, W, 3] with one part of it finished at a bucket's size."""
    piece = np.ascontiguousarray(part.cut(image))
    size = (piece.shape[1], piece.shape[0])
    bucket = best(size, engine.layout.buckets)
    canvas = fit(size, bucket)
    tile = canvas.lay(piece)
    scales = {"tile": TILE_SCALE}
    given = await embed(engine.layout, engine.networks, bucket, {"tile": tile}, scales, engine.device)
    changed = Brief(
        bucket, brief.prompt, brief.adapters, combine(engine.layout, given, bucket, engine.device),
        brief.settings.model_copy(
            update={"denoise": brief.settings.tile_denoise, "steps": brief.settings.tile_steps, "full_schedule": False}
        ),
    )  # fmt: skip
    begun = await start(engine, changed, tile, np.full(tile.shape[:2], 255, np.uint8), generator)
    latent = await paint(engine, changed, begun, generator, course)
    finished = image.copy()
    part.cut(finished)[:] = _passed_over(canvas.take(await engine.decode(latent)), piece)
    return finished


def _passed_over(finished: Bytes, piece: Bytes) -> Bytes:
    """Return the finished piece, which at its rim passes into what was there."""
    inside = np.zeros(piece.shape[:2], np.uint8)
    cv2.rectangle(inside, (1, 1), (piece.shape[1] - 2, piece.shape[0] - 2), 255, cv2.FILLED)
    feather = max(1, round(MARGIN * max(piece.shape[:2]) / 2))
    return protect(finished, piece, piece, inside, feather)
