"""The garment's photo as a texture: the wall behind it painted over, and no finer than it will be seen."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from bridge.errors import WrongTensor
from bridge.imaging.pushpull import spread
from bridge.splat.surface import Floats, Pixels

_FINENESS = 1.2
"""Pixels of the texture per pixel of the photo: with fewer it blurs, with more it flickers."""
_SURE = 250
"""A pixel of the mask from here on shows the garment alone."""
_COARSE = 4
"""How many times coarser the picture is from which the colours beyond the edge come."""


def texture_of(image: Pixels, mask: Pixels, magnification: float) -> tuple[Pixels, Floats]:
    """Make the texture.

    The photo is shrunk first, each pixel to the mean of the garment below it (Williams 1983, "Pyramidal parametrics",
    with one level made to measure), then its colours are continued outward, so that edges show no wall.

    Args:
        image: GARMENT_IMAGE, UINT8 [h, w, 3].
        mask: GARMENT_MASK, UINT8 [h, w].
        magnification: how many pixels of the person's photo a pixel of it becomes.

    Returns:
        UINT8 [h', w', 3], and FP32 [2]: how many of its pixels one of the photo is, along x and y.

    Raises:
        WrongTensor: the mask has another size than the photo, or shows no garment.
    """
    if mask.shape != image.shape[:2] or not mask.size:
        raise WrongTensor("garment_mask differs in size from garment_image; send both of one photo.")
    sure = cv2.erode(cv2.threshold(mask, _SURE - 1, 255, cv2.THRESH_BINARY)[1], np.ones((3, 3), np.uint8))
    if not sure.any():
        raise WrongTensor("garment_mask shows no garment; send a photo in which the garment is seen whole.")
    height, width = mask.shape
    share = min(1.0, magnification * _FINENESS)
    size = max(2, round(width * share)), max(2, round(height * share))
    known = cast(Pixels, cv2.resize(sure, size, interpolation=cv2.INTER_AREA))
    sums = cast(
        Pixels, cv2.resize(cv2.bitwise_and(image, image, mask=sure), size, interpolation=cv2.INTER_AREA)
    )
    return _continued(sums, known), np.array((size[0] / width, size[1] / height), np.float32)


def _continued(sums: Pixels, known: Pixels) -> Pixels:
    """Return colours [h, w, 3] for which ``sums`` are colours times ``known`` [h, w], 255 where all is known.

    What isn't is filled from a coarse picture: only a pixel or two beyond the edge are ever looked at.
    """
    height, width = known.shape
    coarse = max(1, width // _COARSE), max(1, height // _COARSE)
    weight = cv2.resize(known, coarse, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    colours = cv2.resize(sums, coarse, interpolation=cv2.INTER_AREA).astype(np.float32)
    filled = spread(colours / np.maximum(weight, 1e-3)[..., None], weight)
    wide = cv2.resize(cv2.convertScaleAbs(filled), (width, height), interpolation=cv2.INTER_LINEAR)
    lacking = cv2.merge([cv2.bitwise_not(known)] * 3)
    return cast(Pixels, cv2.add(sums, cv2.multiply(wide, lacking, scale=1 / 255)))
