"""Skin that no camera has seen: the person's own colour on round limbs."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from bridge.compose.body import Body
from bridge.compose.fill import meet
from bridge.compose.hidden import Canvas
from bridge.compose.light import TINTS, Light
from bridge.compose.pixels import (
    LUMA,
    Bits,
    Bytes,
    Floats,
    distance,
    erode,
    largest,
    luma,
    resize,
    smoothstep,
)
from bridge.compose.relief import BESIDE, STEP, nearest_limb, points, relief
from bridge.compose.scene import SKIN, one_of
from bridge.contracts import Label
from bridge.imaging.pushpull import spread

OUTLIER = 0.13
"""Known skin whose chroma or luma is off by this much (RGB) is a lip, a brow, a strand or a jewel."""
SEAM = 0.08
"""Within this, over the same distance, what is left of a difference between seen and painted skin fades."""
SEAM_LIMIT = 0.12
"""A larger difference (RGB) is no difference of light but another thing beside the skin."""
LANES = 9
"""Places across a limb at which its shading is measured."""
PROFILE = 0.3
"""Stronger deviations from the modelled shading are no shading."""
LIMBS = (Label.ARMS, Label.LEGS)
ENOUGH = 1500
"""So many pixels (of the reduced photo) tell a colour."""
UNKNOWN = np.array([0.80, 0.64, 0.55], np.float32)
"""The colour when no skin is seen at all: the middle of the Monk skin tone scale's lighter half."""
LOCAL = 0.5
"""How far the colour of a visible patch of skin is believed, over the distance of the shoulder joints."""


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
    targets, hidden = canvas.targets[::STEP, ::STEP], canvas.hidden[::STEP, ::STEP]
    visible = canvas.picture[::STEP, ::STEP]
    skin = one_of(targets, SKIN)
    shading = relief(targets, body, light)
    shading *= _profiles(visible, shading, targets, hidden, body)
    # The visible skin of hands and faces has shapes of its own: there it is taken as it is.
    own = one_of(targets, (Label.FACE, Label.HANDS))
    flat = visible / _tinted(np.where(own, 1, shading).astype(np.float32))
    known = skin & ~hidden
    inside = erode(known, 1)
    base = _base(flat, inside, targets)
    # What is dark by the model and bright in the photo is skin all the same: the model may be wrong there.
    off = np.minimum(largest(np.abs(flat - base)), largest(np.abs(visible - base)))
    trust = _trust(off, known, targets)
    weight = trust * inside
    # Near visible skin its very colour, so that no seam shows; further away the person's.
    near = np.exp(-distance(weight <= 0.2) / np.float32(LOCAL * body.unit / STEP))
    colour = base + spread(flat - base, weight) * near[..., None]
    painted = np.clip(colour * _tinted(shading), 0, 1).astype(np.float32)
    face = targets == Label.FACE
    reach = SEAM * body.unit / STEP
    rest, sure = skin & ~face, trust > 0.1
    meet(painted, visible, face & ~hidden, face & hidden, reach, (-2 * SEAM_LIMIT, SEAM_LIMIT))
    # The jaw's rim tells how dark the neck is right below it, never how bright.
    meet(painted, visible, face & ~hidden, rest & hidden, reach, (-2 * SEAM_LIMIT, 0))
    meet(painted, visible, rest & sure, rest & hidden, reach, (-2 * SEAM_LIMIT, SEAM_LIMIT))
    return resize(np.clip(painted, 0, 1), canvas.targets.shape)


def _profiles(picture: Floats, shading: Floats, targets: Bytes, hidden: Bits, body: Body) -> Floats:
    """What the visible part of each limb adds to the modelled shading from edge to edge, FP32 [h, w] around 1."""
    gain = np.ones(targets.shape, np.float32)
    brightness = luma(picture) / np.maximum(shading, 0.2)
    for label, limbs in ((Label.ARMS, body.arms), (Label.LEGS, body.legs)):
        at = np.nonzero(targets == label)
        own, u, off = nearest_limb(points(at), [part for pair in limbs for part in pair])
        for side in (0, 1):
            on = (own // 2 == side) & (off < BESIDE)
            seen = on & ~hidden[at]
            if seen.sum() < ENOUGH // 4:
                continue
            gain[at[0][on], at[1][on]] = _profile(u[seen], brightness[at][seen])(u[on])
    return gain


def _profile(u: Floats, brightness: Floats) -> Callable[[Floats], Floats]:
    """The relative brightness over u in [-1, 1], as a function that interpolates it."""
    centres = np.linspace(-0.9, 0.9, LANES)
    lane = np.clip(((u + 1) / 2 * LANES).astype(int), 0, LANES - 1)
    level = np.array(
        [np.median(brightness[lane == k]) if (lane == k).sum() > 8 else np.nan for k in range(LANES)]
    )
    known = np.isfinite(level)
    if known.sum() < LANES // 2:
        return np.ones_like
    relative = np.clip(level[known] / level[known].mean(), 1 - PROFILE, 1 + PROFILE)
    return lambda at: np.interp(at, centres[known], relative).astype(np.float32)


def _tinted(shading: Floats) -> Floats:
    return cast(Floats, np.maximum(shading, 0.2)[..., None] ** TINTS)


def _trust(off: Floats, known: Bits, targets: Bytes) -> Floats:
    """How far each known pixel tells the colour of bare skin, FP32 [h, w] in [0, 1], by how far it is off."""
    trust = known * smoothstep(2 * OUTLIER, OUTLIER, off)
    # A face has make-up and expression, fingers are creased: other skin, where it is seen, knows better.
    return cast(
        Floats, np.where(one_of(targets, (Label.FACE, Label.HANDS)), 0.3 * trust, trust).astype(np.float32)
    )


def _base(flat: Floats, known: Bits, targets: Bytes) -> Floats:
    """The person's skin colour [3]: the brighter half of what is seen, without highlights.

    Limbs tell it best; the face is made up, and fingers are creased and redder than arms.
    """
    seen = flat[:0]
    for labels in (LIMBS, (*LIMBS, Label.NECK, Label.FACE), SKIN):
        seen = flat[known & one_of(targets, labels)]
        if len(seen) >= ENOUGH:
            break
    if len(seen) < 16:
        return UNKNOWN
    brightness = seen @ LUMA
    low, high = np.percentile(brightness, (40, 92))
    return cast(Floats, seen[(brightness >= low) & (brightness <= high)].mean(0))
