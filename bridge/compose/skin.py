"""Skin that no camera has seen: the person's own colour on round limbs."""

from __future__ import annotations

from typing import cast

import numpy as np

from bridge.compose.body import Body
from bridge.compose.fill import local_mean, spread
from bridge.compose.hidden import Canvas
from bridge.compose.light import FALLOFF, TINTS, Light, inflate
from bridge.compose.limb import Limb
from bridge.compose.pixels import LUMA, Bits, Bytes, Floats, blur, distance, erode, resize, smoothstep
from bridge.compose.scene import SKIN, one_of
from bridge.contracts import Label

CHIN_SHADOW = 0.2
"""How much darker the neck is right under the chin."""
CHIN_REACH = 0.16
"""How far down that shadow reaches, over the distance of the shoulder joints."""
CHEST_FLATNESS = 0.45
"""The chest is a flatter cylinder than a limb."""
OUTLIER = 0.13
"""Known skin whose chroma or luma is off by this much (RGB) is a lip, a brow, a strand or a jewel."""
UNKNOWN = np.array([0.80, 0.64, 0.55], np.float32)
"""The colour when no skin is seen at all: the middle of the Monk skin tone scale's lighter half."""
LOCAL = 0.3
"""How far the colour of a visible patch of skin is believed, over the distance of the shoulder joints."""
STEP = 2
"""Skin is smooth: it is painted on half the resolution, its grain is added later."""


def paint_skin(canvas: Canvas, body: Body, light: Light) -> Floats:
    """Paint skin wherever it is wanted.

    The visible skin is divided by its shading, that flat colour is spread under the hidden part, and the
    shading of the hidden part's shape is put on.

    Args:
        canvas: the blanked photo.
        body: the limbs, for the shape.
        light: the photo's light.

    Returns:
        FP32 [h, w, 3], meaningful on wanted skin and a few pixels around.
    """
    targets = canvas.targets[::STEP, ::STEP]
    skin = one_of(targets, SKIN)
    shading = _shading(targets, skin, body, light)
    # The visible skin of hands and faces has shapes of its own: there it is taken as it is.
    own = one_of(targets, (Label.FACE, Label.HANDS))
    flat = canvas.picture[::STEP, ::STEP] / _tinted(np.where(own, 1, shading).astype(np.float32))
    known = erode(skin & ~canvas.hidden[::STEP, ::STEP], 1)
    base, weight = _base(flat, known, targets), _trust(flat, known, targets)
    # Near visible skin its very colour, so that no seam shows; further away the person's.
    near = np.exp(-distance(weight <= 0.5) / np.float32(LOCAL * body.unit / STEP))
    colour = base + spread(flat - base, weight) * near[..., None]
    painted = np.clip(colour * _tinted(shading), 0, 1).astype(np.float32)
    return resize(painted, canvas.targets.shape)


def _tinted(shading: Floats) -> Floats:
    return cast(Floats, np.maximum(shading, 0.2)[..., None] ** TINTS)


def _trust(flat: Floats, known: Bits, targets: Bytes) -> Floats:
    """How far each known pixel tells the colour of bare skin, FP32 [h, w] in [0, 1]."""
    off = np.abs(flat - _base(flat, known, targets)).max(2)
    trust = known * smoothstep(2 * OUTLIER, OUTLIER, off)
    # A face has make-up and expression: other skin, where it is seen, knows better.
    return cast(Floats, np.where(targets == Label.FACE, 0.3 * trust, trust).astype(np.float32))


def _base(flat: Floats, known: Bits, targets: Bytes) -> Floats:
    """The person's skin colour [3]: the brighter half of what is seen, without highlights.

    Fingers are creased and redder than arms, so they count only where nothing else is seen.
    """
    best = known & (targets != Label.HANDS)
    seen = flat[best] if best.sum() >= 200 else flat[known]
    if len(seen) < 16:
        return UNKNOWN
    brightness = seen @ LUMA
    low, high = np.percentile(brightness, (45, 92))
    return cast(Floats, seen[(brightness >= low) & (brightness <= high)].mean(0))


def _shading(targets: Bytes, skin: Bits, body: Body, light: Light) -> Floats:
    """The brightness of every skin pixel by its shape; continued smoothly around."""
    right, down = _normals(targets, skin, body)
    shading = light.on(right, down, FALLOFF) * _under_chin(targets, body)
    weight = skin.astype(np.float32)
    around = local_mean(shading, weight, 3)
    return np.where(skin, shading, np.where(around > 0, around, 1)).astype(np.float32)


def _under_chin(targets: Bytes, body: Body) -> Floats:
    """The face's shadow on the neck."""
    face = targets == Label.FACE
    neck = targets == Label.NECK
    if not face.any() or not neck.any():
        return np.ones(targets.shape, np.float32)
    gap = distance(~face)
    reach = CHIN_REACH * body.unit / STEP
    shadow = CHIN_SHADOW * np.exp(-((gap / reach) ** 2))
    return cast(Floats, 1 - blur((shadow * neck).astype(np.float32), 1))


def _normals(targets: Bytes, skin: Bits, body: Body) -> tuple[Floats, Floats]:
    """The normals' parts to the right and down, smoothed over the joints."""
    normals = np.zeros((*targets.shape, 2), np.float32)
    for label, limbs in ((Label.ARMS, body.arms), (Label.LEGS, body.legs)):
        at = np.nonzero(targets == label)
        normals[at] = _round(_points(at), [part for pair in limbs for part in pair])
    at = np.nonzero(targets == Label.NECK)
    normals[at] = _trunk(_points(at), body)
    hands = targets == Label.HANDS
    if hands.any():
        right, down = inflate(hands, 0.05 * body.unit / STEP)
        normals[hands] = np.stack([right, down], 2)[hands]
    smooth = local_mean(normals, skin.astype(np.float32), max(1.0, 0.015 * body.unit / STEP))
    return smooth[..., 0], smooth[..., 1]


def _points(at: tuple[np.ndarray, ...]) -> Floats:
    return np.stack([at[1], at[0]], 1).astype(np.float32) * STEP


def _round(points: Floats, limbs: list[Limb]) -> Floats:
    """Normals [n, 2] of points on cylinders: each point belongs to the limb in whose middle it lies most."""
    best = np.full(len(points), np.inf, np.float32)
    normals = np.zeros((len(points), 2), np.float32)
    for part in limbs:
        t, u = part.normalised(points)
        beyond = np.maximum(np.maximum(-t, t - 1), 0) * part.length / max(float(part.half.mean()), 1)
        off = u * u + beyond * beyond
        nearer = off < best
        best[nearer] = off[nearer]
        normals[nearer] = np.clip(u[nearer, None], -0.97, 0.97) * part.across
    return normals


def _trunk(points: Floats, body: Body) -> Floats:
    """Normals [n, 2] of the neck's cylinder, passing into the flatter chest's."""
    t, u = body.neck.normalised(points)
    neck = np.clip(u[:, None], -0.95, 0.95) * body.neck.across
    chest = np.clip(body.torso.normalised(points)[1][:, None], -0.95, 0.95) * body.torso.across
    share = smoothstep(0.5, 1.1, t)[:, None]
    return cast(Floats, neck * (1 - share) + CHEST_FLATNESS * chest * share)
