"""What lies in front of the new garment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bridge.compose.body import Body
from bridge.compose.limb import Limb
from bridge.compose.pixels import Bits, Bytes, Floats
from bridge.compose.scene import one_of
from bridge.contracts import Category, Label, Part

ARMPIT = 0.35
"""Down to this share of the upper arm the garment's body lies over the arm (its shoulder); below, the arm over it."""
CUFF = 0.06
"""A sleeve reaches this share of a bone past the place where all but its outermost pixels end."""
ASTRAY = 0.2
"""An arm's skin lies nearer to its bone than this, over the distance of the shoulder joints."""
STEP = 2

_ALWAYS = (Label.FACE, Label.HAIR, Label.ACCESSORY)
_SLEEVES = (Part.LEFT_SLEEVE, Part.RIGHT_SLEEVE)


def in_front(targets: Bytes, parts: Bytes, body: Body, category: Category) -> Bits:
    """Where something lies in front of the new garment.

    Face, hair and bags always do. A hand or an arm that is seen does, except its own sleeve over it and the
    garment's body over its shoulder. Under a new lower garment shoes and an untucked top do.

    Args:
        targets: UINT8 [h, w] of Label, what is seen without the new garment.
        parts: UINT8 [h, w] of Part, the new garment.
        body: the limbs.
        category: what the new garment is.

    Returns:
        bool [h, w].
    """
    front = one_of(targets, _ALWAYS)
    if category is not Category.UPPER:
        front |= targets == Label.SHOES
    if category is Category.LOWER:
        front |= targets == Label.UPPER
    return front | _arms_in_front(targets, parts, body)


def _arms_in_front(targets: Bytes, parts: Bytes, body: Body) -> Bits:
    """The rule for arms and hands, on half the resolution."""
    small, pieces = targets[::STEP, ::STEP], parts[::STEP, ::STEP]
    front = np.zeros(small.shape, bool)
    at = np.nonzero(one_of(small, (Label.ARMS, Label.HANDS)))
    if len(at[0]):
        side, place, gap = _whose(np.stack([at[1], at[0]], 1).astype(np.float32) * STEP, body)
        # As far as its own sleeve reaches, an arm is inside the garment, whatever part of it lies there.
        cuffs = [_reach(pieces, part, pair) for part, pair in zip(_SLEEVES, body.arms, strict=True)]
        bare = place > np.maximum(np.array(cuffs)[side] + CUFF, ARMPIT)
        # Skin far from any arm, such as a bared waist, is no arm in front of anything.
        front[at] = bare & ((gap < ASTRAY * body.unit) | (small[at] == Label.HANDS))
    whole = np.repeat(np.repeat(front, STEP, 0), STEP, 1)[: targets.shape[0], : targets.shape[1]]
    return whole & one_of(targets, (Label.ARMS, Label.HANDS))


def _whose(points: Floats, body: Body) -> tuple[npt.NDArray[np.intp], Floats, Floats]:
    """Which arm points [n, 2] belong to, where on it, and how far from its bone.

    Returns:
        0 left or 1 right; the place: 0 shoulder, 1 elbow, 2 wrist, and on to the hand; the distance [px].
    """
    gaps, places = (
        np.stack(values) for values in zip(*(_along(points, pair) for pair in body.arms), strict=True)
    )
    side = np.argmin(gaps, 0)
    every = np.arange(len(points))
    return side, places[side, every], gaps[side, every]


def _along(points: Floats, pair: tuple[Limb, Limb]) -> tuple[Floats, Floats]:
    """Distance of points [n, 2] from an arm's bones [px] and their place along it."""
    (upper, v), (fore, w) = pair[0].place(points), pair[1].place(points)
    # A hand is as long as half a forearm; it still counts as the forearm's.
    past = [
        np.maximum(np.maximum(-upper, upper - 1), 0) * pair[0].length,
        np.maximum(np.maximum(-fore, fore - 1.6), 0) * pair[1].length,
    ]
    gap = [np.hypot(v, past[0]), np.hypot(w, past[1])]
    place = np.where(gap[0] <= gap[1], np.clip(upper, 0, 1), 1 + np.clip(fore, 0, 2))
    return np.minimum(gap[0], gap[1]), place.astype(np.float32)


def _reach(pieces: Bytes, part: Part, pair: tuple[Limb, Limb]) -> float:
    """Where along its arm a sleeve ends; 0 without one."""
    rows, columns = np.nonzero(pieces == part)
    if len(rows) < 16:
        return 0.0
    return float(np.percentile(_along(np.stack([columns, rows], 1).astype(np.float32) * STEP, pair)[1], 95))
