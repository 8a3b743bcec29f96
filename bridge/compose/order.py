"""What lies in front of the new garment."""

from __future__ import annotations

import numpy as np

from bridge.compose.body import Body
from bridge.compose.limb import Limb
from bridge.compose.pixels import Bits, Bytes, Floats
from bridge.compose.scene import one_of
from bridge.contracts import Category, Label, Part

ARMPIT = 0.35
"""Down to this share of the upper arm the garment's body lies over the arm (its shoulder); below, the arm over it."""
CUFF = 0.12
"""A sleeve may reach this share of a bone past the place where most of it ends."""
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
        side, place = _whose(np.stack([at[1], at[0]], 1).astype(np.float32) * STEP, body)
        reach = [_reach(pieces, part, pair) for part, pair in zip(_SLEEVES, body.arms, strict=True)]
        own = pieces[at] == np.array(_SLEEVES)[side]
        over_own = place > np.array(reach)[side] + CUFF
        front[at] = np.where(own, over_own, place > ARMPIT)
    whole = np.repeat(np.repeat(front, STEP, 0), STEP, 1)[: targets.shape[0], : targets.shape[1]]
    return whole & one_of(targets, (Label.ARMS, Label.HANDS))


def _whose(points: Floats, body: Body) -> tuple[np.ndarray, Floats]:
    """Which arm (0 left, 1 right) points [n, 2] belong to, and where: 0 shoulder, 1 elbow, 2 wrist, on to the hand."""
    gaps, places = zip(*(_along(points, pair) for pair in body.arms), strict=True)
    side = np.argmin(np.stack(gaps), 0)
    return side, np.stack(places)[side, np.arange(len(points))]


def _along(points: Floats, pair: tuple[Limb, Limb]) -> tuple[Floats, Floats]:
    """Distance of points [n, 2] from an arm [px] and their place along it."""
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
    return float(np.percentile(_along(np.stack([columns, rows], 1).astype(np.float32) * STEP, pair)[1], 90))
