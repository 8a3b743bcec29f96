"""Hair that a mask hides: strands drawn along the way that the visible ones take."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from bridge.compose.fill import local_mean, meet, spread_fast
from bridge.compose.hidden import Canvas
from bridge.compose.pixels import (
    Bits,
    Floats,
    blur,
    dilate,
    distance,
    erode,
    largest,
    local_max,
    luma,
    resize,
    sample,
)
from bridge.contracts import Label
from bridge.imaging.pushpull import spread

STEP = 2
"""The way of the strands is smooth: it is found on half the resolution."""
HANGING = 0.02
"""Weight of the prior that hair hangs straight down, against the strands that are seen."""
LOCKS = ((5.0, 6, 0.45), (1.8, 6, 0.4), (0.7, 5, 0.25))
"""Locks and strands: width [px], doublings of their length, share of the contrast."""
CONTRAST_SIGMA = 12.0
"""What is finer than this [px] is the contrast of strands, what is coarser the light on the hair."""
SHADE, SHADE_REACH = 0.4, 0.1
"""How much darker hair is right beside the neck, and how far, over the distance of the shoulder joints."""
SEAM = 0.06
"""Within this the visible strands pass into the drawn ones, over the same distance."""
FOREIGN = 0.3
"""Hair's colours differ from their median by less than this (RGB); ears and jewels by more."""
UNKNOWN = np.array([0.22, 0.16, 0.12], np.float32)
"""The colour when no hair is seen: dark brown, the most frequent one."""


def paint_hair(canvas: Canvas, unit: float, random: np.random.Generator) -> Floats:
    """Continue the hair: its colours spread, its strands drawn anew along their way.

    Args:
        canvas: the blanked photo.
        unit: the distance of the shoulder joints [px].
        random: for the strands.

    Returns:
        FP32 [h, w, 3], meaningful where hair is wanted and a few pixels around.
    """
    known = _sure(canvas)
    if known.sum() < 64:
        return np.broadcast_to(UNKNOWN, canvas.picture.shape).astype(np.float32)
    flow = _flow(canvas, known, dilate(canvas.wanted(Label.HAIR), 2) & ~known)
    weight = known.astype(np.float32)
    # Along the visible strands the colour is averaged, so that a chance highlight does not run on and on.
    colour = spread_fast(local_mean(canvas.picture, weight, 3), weight)
    pigment, contrast = _pigment(canvas.picture, known)
    strands = _strands(flow, known.shape, random) * np.float32(contrast)
    painted = (colour + strands[..., None] * pigment) * _inside(canvas, unit)[..., None]
    meet(painted, canvas.picture, canvas.known(Label.HAIR), canvas.wanted(Label.HAIR), SEAM * unit, (-1, 1))
    return np.clip(painted, 0, 1).astype(np.float32)


def _inside(canvas: Canvas, unit: float) -> Floats:
    """The shade that hair has beside the neck, where little light gets; FP32 [h, w]."""
    neck = canvas.targets == Label.NECK
    if not neck.any():
        return np.ones(neck.shape, np.float32)
    return cast(Floats, 1 - SHADE * np.exp(-distance(~neck) / np.float32(SHADE_REACH * unit)))


def _sure(canvas: Canvas) -> Bits:
    """Where hair is seen, without its rim and without ears and jewels that were taken for hair."""
    known = erode(canvas.known(Label.HAIR), 2)
    if not known.any():
        return known
    off = largest(np.abs(canvas.picture - np.median(canvas.picture[known], axis=0)))
    return known & (off < FOREIGN)


def _pigment(picture: Floats, known: Bits) -> tuple[Floats, float]:
    """How RGB changes with luma in this hair [3], and the standard deviation of its strands' luma."""
    colours, brightness = picture[known], luma(picture)
    own = brightness[known]
    centred = own - own.mean()
    slope = (colours - colours.mean(0)).T @ centred / max(float(centred @ centred), 1e-6)
    fine = brightness - local_mean(brightness, known.astype(np.float32), CONTRAST_SIGMA)
    return slope.astype(np.float32), float(fine[known].std())


def _strands(flow: Floats, shape: tuple[int, ...], random: np.random.Generator) -> Floats:
    """Noise drawn out along the flow, FP32 [h, w] of deviation 1.

    Cabral and Leedom, "Imaging vector fields using line integral convolution", 1993; each pass doubles the length.
    """
    height, width = shape[0], shape[1]
    way = resize(flow, (height, width))
    y, x = np.indices((height, width), np.float32)
    total = np.zeros((height, width), np.float32)
    for wide, doublings, share in LOCKS:
        plane = blur(random.standard_normal((height, width), np.float32), wide)
        for doubling in range(doublings):
            reach = np.float32(2**doubling)
            plane = (plane + sample(plane, x + reach * way[..., 0], y + reach * way[..., 1])) / 2
        total += plane * np.float32(share / max(float(plane.std()), 1e-6))
    return total


def _flow(canvas: Canvas, known: Bits, hole: Bits) -> Floats:
    """Unit vectors [h / 2, w / 2, 2] along the strands, upwards.

    The structure tensor of the visible strands (Kass and Witkin, "Analyzing oriented patterns", 1987) and of
    the hair's outline, continued smoothly.
    """
    hair = (known | hole)[::STEP, ::STEP].astype(np.float32)
    inside = erode(known[::STEP, ::STEP], 1)
    brightness = luma(np.ascontiguousarray(canvas.picture[::STEP, ::STEP]))
    strand, outline = _tensor(brightness, 1.0) * inside[..., None], _tensor(blur(hair, 2), 1.0)
    # Strands run along the outline at the sides; at the tips it cuts across them.
    outline *= outline[..., :1] > 0
    tensor = strand / max(float(strand.max()), 1e-6) + 0.5 * outline / max(float(outline.max()), 1e-6)
    tensor[..., 0] += HANGING
    strength = np.hypot(tensor[..., 0], tensor[..., 1])
    weight = (strength / local_max(strength, 9) * (hair > 0)).astype(np.float32)
    smooth = blur(spread(tensor / np.maximum(strength, 1e-6)[..., None], np.minimum(weight, 0.98)), 3)
    # The double angle of the gradient; strands lie across it.
    angle = np.arctan2(smooth[..., 1], smooth[..., 0]) / 2 + np.pi / 2
    along = np.stack([np.cos(angle), np.sin(angle)], 2)
    return cast(Floats, np.where(along[..., 1:] > 0, -along, along).astype(np.float32))


def _tensor(plane: Floats, sigma: float) -> Floats:
    """The gradient's double angle times its squared length, [h, w, 2], averaged."""
    right = cv2.Sobel(plane, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(plane, cv2.CV_32F, 0, 1)
    return blur(cast(Floats, np.stack([right * right - down * down, 2 * right * down], 2)), sigma)
