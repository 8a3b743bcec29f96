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
LANES = 6
"""A sleeve's end may run aslant: it is measured in so many lanes along the arm."""
CUFF = 0.02
"""A sleeve reaches this share of a bone past the place where all but its outermost pixels end."""
BESIDE = 1.25
"""Skin further beside the arm than this many of its half widths is not the arm's: a bare waist, which is covered."""
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
        side, place, aside = _whose(np.stack([at[1], at[0]], 1).astype(np.float32) * STEP, body)
        # As far as its own sleeve reaches, an arm is inside the garment, whatever part of it lies there.
        cuffs = np.stack([_cuff(pieces, part, pair) for part, pair in zip(_SLEEVES, body.arms, strict=True)])
        bare = place > np.maximum(cuffs[side, _lane(aside)] + CUFF, ARMPIT)
        front[at] = bare & ((np.abs(aside) < BESIDE) | (small[at] == Label.HANDS))
    whole = np.repeat(np.repeat(front, STEP, 0), STEP, 1)[: targets.shape[0], : targets.shape[1]]
    return whole & one_of(targets, (Label.ARMS, Label.HANDS))


def _whose(points: Floats, body: Body) -> tuple[npt.NDArray[np.intp], Floats, Floats]:
    """Which arm points [n, 2] belong to, and where on it they lie.

    Returns:
        0 left or 1 right; the place: 0 shoulder, 1 elbow, 2 wrist, and on to the hand; how far beside the bone
        in half widths of the arm; each [n].
    """
    places, asides, gaps = (
        np.stack(values) for values in zip(*(_along(points, pair) for pair in body.arms), strict=True)
    )
    side, every = np.argmin(gaps, 0), np.arange(len(points))
    return side, places[side, every], asides[side, every]


def _along(points: Floats, pair: tuple[Limb, Limb]) -> tuple[Floats, Floats, Floats]:
    """Place of points [n, 2] along an arm, how far beside its bones in half widths, and their distance [px]."""
    (upper, u), (fore, v) = (part.normalised(points) for part in pair)
    # A hand is as long as half a forearm; it still counts as the forearm's.
    past = [
        np.maximum(np.maximum(-upper, upper - 1), 0) * pair[0].length,
        np.maximum(np.maximum(-fore, fore - 1.6), 0) * pair[1].length,
    ]
    gap = [np.hypot(u * pair[0].half.mean(), past[0]), np.hypot(v * pair[1].half.mean(), past[1])]
    first = gap[0] <= gap[1]
    place = np.where(first, np.clip(upper, 0, 1), 1 + np.clip(fore, 0, 2))
    return place, np.where(first, u, v), np.minimum(gap[0], gap[1])


def _lane(aside: Floats) -> npt.NDArray[np.intp]:
    """Which of ``LANES`` lanes along an arm, from one edge to the other."""
    return np.clip((aside + 1) / 2 * LANES, 0, LANES - 1).astype(np.intp)


def _cuff(pieces: Bytes, part: Part, pair: tuple[Limb, Limb]) -> Floats:
    """Where along its arm a sleeve ends, in each lane [LANES]; 0 without a sleeve."""
    rows, columns = np.nonzero(pieces == part)
    if len(rows) < 16:
        return np.zeros(LANES, np.float32)
    place, aside, _ = _along(np.stack([columns, rows], 1).astype(np.float32) * STEP, pair)
    lane = _lane(aside)
    ends = [np.percentile(place[lane == k], 97) if (lane == k).any() else np.nan for k in range(LANES)]
    # Where the garment's body lies over the sleeve, the next lane tells.
    known = np.nonzero(np.isfinite(ends))[0]
    return np.interp(np.arange(LANES), known, np.array(ends)[known]).astype(np.float32)
