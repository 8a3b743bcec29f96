"""Filling holes: colours that spread smoothly, and texture that is mirrored into the hole."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from bridge.compose.pixels import (
    Bits,
    Floats,
    around,
    blur,
    dilate,
    distance,
    halve,
    nearest,
    resize,
    sample,
    shade,
    smoothstep,
)
from bridge.imaging.pushpull import spread

DETAIL_SIGMA = 2.0
"""What is finer than a Gaussian of this width [px] counts as texture, what is coarser as colour."""

TILE = 256
"""Grain repeats after so many pixels; nobody sees it."""


def spread_fast(values: Floats, weight: Floats) -> Floats:
    """:func:`spread` on half the resolution: for fields whose detail is added afterwards."""
    small = halve(weight)
    coarse = halve(values * weight[..., None]) / np.maximum(small, 1e-6)[..., None]
    return resize(spread(coarse, np.minimum(small * 2, 1)), weight.shape)


def local_mean(values: Floats, weight: Floats, sigma: float) -> Floats:
    """The weighted mean around each pixel (normalised convolution, Knutsson and Westin 1993)."""
    share = 1 / np.maximum(blur(weight, sigma), 1e-4)
    if values.ndim == 2:
        return blur(values * weight, sigma) * share
    return shade(blur(shade(values, weight), sigma), share)


def detail(picture: Floats, known: Bits, sigma: float = DETAIL_SIGMA) -> Floats:
    """The texture of the known pixels around their local colour, finer than ``sigma`` px; 0 elsewhere."""
    weight = known.astype(np.float32)
    return shade(picture - local_mean(picture, weight, sigma), weight)


def echo(texture: Floats, known: Bits, hole: Bits) -> Floats:
    """Continue a texture into a hole by mirroring it at the hole's edge.

    Each pixel of the hole reads the known texture at its mirror image behind the nearest known pixel; where
    that is unknown as well, the texture fades out.

    Args:
        texture: FP32 [h, w, c], of mean 0, valid where ``known``.
        known: bool [h, w].
        hole: bool [h, w], where a texture is wanted.

    Returns:
        FP32 [h, w, c]; 0 outside the hole.
    """
    if not known.any() or not hole.any():
        return np.zeros_like(texture)
    rows, columns = nearest(known)
    y, x = np.indices(known.shape, np.float32)
    mirror_x, mirror_y = 2 * columns.astype(np.float32) - x, 2 * rows.astype(np.float32) - y
    # The nearest pixel jumps along the hole's skeleton: a little smoothing keeps the texture whole there.
    mirror_x, mirror_y = blur(mirror_x, 2), blur(mirror_y, 2)
    weight = known.astype(np.float32)
    share = sample(weight, mirror_x, mirror_y) * hole
    return cast(Floats, sample(texture, mirror_x, mirror_y) * smoothstep(0.5, 1, share)[..., None])


def meet(
    painted: Floats, seen: Floats, known: Bits, hole: Bits, reach: float, limits: tuple[float, float]
) -> None:
    """Let a painting meet the photo, in place: their difference at the seam fades within ``reach`` px.

    Args:
        painted: FP32 [h, w, 3], changed in the hole and at its edge.
        seen: FP32 [h, w, 3], the photo.
        known: bool [h, w], where the photo shows what is painted.
        hole: bool [h, w], what is painted.
        reach: px at which the difference has faded to 1/e.
        limits: the lowest and the highest difference (RGB) that is one of light; others are cut to it.
    """
    seam = known & dilate(hole, 1.5)
    if not seam.any():
        return
    window = around(seam | hole, 2)
    near = np.exp(-distance(~seam[window]) / np.float32(reach)) * (hole | seam)[window]
    gap = np.clip(seen[window] - painted[window], *limits)
    painted[window] += spread(gap, seam[window].astype(np.float32)) * near[..., None]


def grain_of(picture: Floats, known: Bits) -> float:
    """The standard deviation of the photo's noise, from the lower quartile of the smallest differences.

    Immerkær, "Fast noise variance estimation", 1996, with a quartile instead of the mean, so that texture and
    edges do not count.

    Args:
        picture: FP32 [h, w, 3].
        known: bool [h, w], the pixels that count.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    plane = np.ascontiguousarray(picture[..., 1])
    response = cv2.filter2D(plane, cv2.CV_32F, kernel)[1::3, 1::3]
    inside = cv2.erode(known.view(np.uint8), np.ones((3, 3), np.uint8))[1::3, 1::3] > 0
    found = np.abs(response[inside])
    if found.size < 64:
        return 0.0
    # |N(0, 1)| has its lower quartile at 0.3186; the kernel's norm is 6.
    return float(np.partition(found, found.size // 4)[found.size // 4] / 0.3186 / 6)


def grain(shape: tuple[int, ...], sigma: float, random: np.random.Generator) -> Floats:
    """Grey noise like a developed photo's: Gaussian, a little wider than a pixel. FP32 [h, w, 1]."""
    tile = blur(random.standard_normal((TILE, TILE), np.float32), 0.6)
    # A Gaussian of 0.6 px leaves 0.47 of white noise's deviation.
    repeats = (-(-shape[0] // TILE), -(-shape[1] // TILE))
    return np.tile(tile * np.float32(sigma / 0.47), repeats)[: shape[0], : shape[1], None]
