"""The few image operations that every painter needs, typed.

Conventions: a **picture** is FP32 [h, w, 3], sRGB-coded RGB in [0, 1]; a **plane** is FP32 [h, w];
**bits** are bool [h, w].
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int32]
Window = tuple[slice, slice]
"""Rows and columns."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of R, G and B in the luma of sRGB-coded values (ITU-R BT.601)."""
WIDE = 3
"""A wider structuring element than this [px] costs more than a distance transform."""


def to_unit(image: Bytes) -> Floats:
    """Bytes 0..255 to FP32 0..1."""
    return cast(Floats, image * np.float32(1 / 255))


def to_bytes(picture: Floats) -> Bytes:
    """FP32 0..1 to the nearest bytes; what lies outside is clipped."""
    return cast(Bytes, cv2.convertScaleAbs(np.maximum(picture, 0), alpha=255))


def blur(array: Floats, sigma: float) -> Floats:
    """Blur a plane or a picture with a Gaussian of ``sigma`` px; wide ones work on a reduced copy."""
    if sigma <= 0:
        return array
    height, width = array.shape[:2]
    factor = max(1, int(sigma / 4))
    if factor == 1:
        return cast(Floats, cv2.GaussianBlur(array, (0, 0), sigma))
    small = cv2.resize(
        array, (max(1, width // factor), max(1, height // factor)), interpolation=cv2.INTER_AREA
    )
    return resize(cast(Floats, cv2.GaussianBlur(small, (0, 0), sigma / factor)), (height, width))


def resize(array: Floats, shape: tuple[int, ...]) -> Floats:
    """Resample to the height and width of ``shape``: averages when it shrinks, bilinear when it grows."""
    way = cv2.INTER_AREA if shape[0] < array.shape[0] else cv2.INTER_LINEAR
    return cast(Floats, cv2.resize(array, (shape[1], shape[0]), interpolation=way))


def halve(array: Floats) -> Floats:
    """Average blocks of 2x2 px; an odd last row or column joins its neighbour."""
    return resize(array, (max(1, array.shape[0] // 2), max(1, array.shape[1] // 2)))


def luma(picture: Floats) -> Floats:
    """The luma of a picture, [0, 1]."""
    return cast(Floats, cv2.transform(picture, LUMA[None]).reshape(picture.shape[:2]))


def disc(radius: float) -> Bytes:
    """A round structuring element."""
    side = 2 * max(0, round(radius)) + 1
    return cast(Bytes, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


def dilate(bits: Bits, radius: float) -> Bits:
    """Grow by ``radius`` px."""
    if radius > WIDE:
        return distance(~bits) <= radius if bits.any() else bits
    return cv2.dilate(bits.view(np.uint8), disc(radius)) > 0


def erode(bits: Bits, radius: float) -> Bits:
    """Shrink by ``radius`` px; the picture's border does not eat into it."""
    if radius > WIDE:
        return distance(bits) > radius if not bits.all() else bits
    return cv2.erode(bits.view(np.uint8), disc(radius), borderValue=(1,)) > 0


def soft(bits: Bits, sigma: float) -> Floats:
    """Bits as a plane of coverage whose steps are rounded and about ``2 sigma`` px wide."""
    plane = blur(bits.astype(np.float32), 2 * sigma)
    return cast(Floats, np.clip((plane - 0.5) * 2 + 0.5, 0, 1))


def smoothstep(low: float, high: float, plane: Floats) -> Floats:
    """0 below ``low``, 1 above ``high`` (or the other way round), Hermite's cubic between."""
    share = np.clip((plane - np.float32(low)) / np.float32(high - low), 0, 1)
    return cast(Floats, share * share * (3 - 2 * share))


def distance(bits: Bits) -> Floats:
    """Distance [px] of every set pixel to the nearest one that is not set; 0 outside."""
    return cast(Floats, cv2.distanceTransform(bits.view(np.uint8), cv2.DIST_L2, 5))


def nearest(bits: Bits) -> tuple[Ints, Ints]:
    """Row and column of the set pixel that is nearest to each pixel; ``bits`` must not be empty."""
    labels = cv2.distanceTransformWithLabels(
        (~bits).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )[1]
    rows, columns = np.nonzero(bits)
    table = np.zeros((2, len(rows) + 1), np.int32)
    at = labels[rows, columns]
    table[0, at], table[1, at] = rows, columns
    return table[0][labels], table[1][labels]


def sample(array: Floats, x: Floats, y: Floats) -> Floats:
    """Bilinear values at pixel indices (x, y): whole numbers are pixel centres; beyond the border it mirrors."""
    return cast(
        Floats, cv2.remap(array, x, y, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    )


def mix(below: Floats, above: Floats, alpha: Floats) -> Floats:
    """Lay ``above`` over ``below`` with straight ``alpha`` [h, w]."""
    return cast(Floats, cv2.blendLinear(above, below, alpha, 1 - alpha))


def shade(picture: Floats, gain: Floats) -> Floats:
    """Multiply every channel of a picture by a plane."""
    return cast(Floats, cv2.multiply(picture, cv2.merge([gain] * picture.shape[2])))


def largest(picture: Floats) -> Floats:
    """The largest of the three channels."""
    return cast(Floats, np.maximum(np.maximum(picture[..., 0], picture[..., 1]), picture[..., 2]))


def local_max(plane: Floats, radius: int) -> Floats:
    """The largest value within a square of ``radius`` px around each pixel, at least 1e-6."""
    return cast(Floats, np.maximum(cv2.dilate(plane, np.ones((2 * radius + 1,) * 2, np.uint8)), 1e-6))


def around(bits: Bits, margin: float) -> Window:
    """The box around ``bits``, ``margin`` px wider where the picture goes on; ``bits`` must not be empty."""
    rows, columns = np.nonzero(bits.any(1))[0], np.nonzero(bits.any(0))[0]
    wide = round(margin)
    return (
        slice(max(int(rows[0]) - wide, 0), min(int(rows[-1]) + wide + 1, bits.shape[0])),
        slice(max(int(columns[0]) - wide, 0), min(int(columns[-1]) + wide + 1, bits.shape[1])),
    )
