"""Trousers and skirts: their ladders in the garment's photo, and on hips and legs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridge.contracts import GarmentPoint
from bridge.warp.body import (
    HIP_HALF_WIDTH,
    LEFT,
    RIGHT,
    THIGH_RADIUS,
    WAIST_HALF_WIDTH,
    Body,
    Points,
    Scalars,
    unit,
)
from bridge.warp.ease import LIMB_GIRTH, TORSO_GIRTH, blur, fill_unknown, snap, worn_half_width
from bridge.warp.garment import HEM, HEM_INNER, HIP, INSET, WAIST, Garment, Numbers, outline
from bridge.warp.limb import Limb

_LEVELS = np.concatenate([
    np.linspace(-0.12, 0.0, 3, endpoint=False),
    np.linspace(0.0, 1.0, 17, endpoint=False),
    np.linspace(1.0, 2.06, 28),
]).astype(np.float32)  # fmt: skip

_VERTICAL = 0.97  # legs lean less than chests do
_SKIRT_SEEN = 0.85  # of what a skirt widens below the hips; the rest hangs in folds
_SKIRT_RISE = 0.42  # from the hips' joints up to a skirt's waist, as a share of the shoulders' width
_RISE_SHARE = 0.30  # of trousers' length at most; wide legs lie against each other below the true crotch
_CROTCH_DROP = 0.24  # of the shoulders' width, below the hips' joints
_LEAVE = 0.25  # levels: over this length a leg's edges turn from the hips to the thigh


@dataclass(frozen=True)
class Lower:
    """The ladder of one trouser leg, from the waist down, or of a whole skirt.

    Attributes:
        level: ``(n,)`` 0 at the waist's top, 1 at the crotch (a skirt's hips), 2 at the hem.
        outer: ``(n, 2)`` on the side seam; of a skirt, the left one [px].
        inner: ``(n, 2)`` on the middle line, then the inseam; of a skirt, the right side seam [px].
    """

    level: Scalars
    outer: Points
    inner: Points

    @property
    def width(self) -> Scalars:
        """The length of each rung ``(n,)`` [px]."""
        return np.asarray(np.abs(self.outer[:, 0] - self.inner[:, 0]), np.float32)

    @property
    def rungs(self) -> Points:
        """The rungs as :class:`bridge.warp.strip.Strip` takes them ``(n, 3, 2)`` [px]."""
        return rungs(self.inner, self.outer)


def rungs(first: Points, last: Points) -> Points:
    """Make straight rungs ``(n, 3, 2)`` of their ends."""
    return np.stack([first, (first + last) / 2, last], axis=1).astype(np.float32)


def cut_leg(garment: Garment, side: int) -> Lower:
    """Lay the ladder of one trouser leg in the garment's photo; both legs share the line down to the crotch."""
    parting = garment.at(GarmentPoint.CROTCH)
    waist, hem, split = garment.middle(WAIST), garment.at(HEM_INNER[side]), crotch_row(garment)
    outer = _side_seam(garment, side, split)
    y = np.interp(_LEVELS, [0, 1, 2], [waist[1], split, hem[1]])
    line = np.interp(y, [waist[1], parting[1], hem[1]], [waist[0], parting[0], hem[0]])
    sign = 1.0 if side == LEFT else -1.0
    seen = outline(garment.mask, (outer[:, 0] + line) / 2, y, -sign) + sign * INSET
    near = np.abs(seen - line) < 0.6 * np.abs(outer[:, 0] - line)
    x = np.where((y > parting[1] + 8) & (_LEVELS < 1.98) & near, seen, line)
    return Lower(_LEVELS, outer, np.stack([x, _continued(y)], axis=1).astype(np.float32))


def crotch_row(garment: Garment) -> float:
    """Return the row of the photo where the legs part, were they held apart [px]."""
    waist, hem = garment.middle(WAIST)[1], garment.middle(HEM_INNER)[1]
    return float(min(garment.at(GarmentPoint.CROTCH)[1], waist + _RISE_SHARE * (hem - waist)))


def cut_skirt(garment: Garment) -> Lower:
    """Lay the ladder of a skirt in its photo."""
    first, last = garment.rows
    hip = float(garment.middle(HIP)[1]) if garment.has(*HIP) else first + 0.35 * (last - first)
    return Lower(_LEVELS, _side_seam(garment, LEFT, hip), _side_seam(garment, RIGHT, hip))


def _side_seam(garment: Garment, side: int, split: float) -> Points:
    """Follow the outline of one side at the levels of :class:`Lower`; ``split`` is the row of level 1."""
    waist, hem = garment.at(WAIST[side]), garment.at(HEM[side])
    y = np.interp(_LEVELS, [0, 1, 2], [waist[1], split, hem[1]])
    names = [pair[side] for pair in (WAIST, HIP, HEM) if garment.has(pair[side])]
    known = sorted((garment.at(p) for p in names), key=lambda p: float(p[1]))
    line = np.interp(y, [p[1] for p in known], [p[0] for p in known])
    sign = 1.0 if side == LEFT else -1.0
    within = line - sign * 0.25 * garment.distance(WAIST)
    seen = outline(garment.mask, within, y, sign) - sign * INSET
    usable = np.flatnonzero((_LEVELS >= 0) & (_LEVELS <= 1.98))
    x = np.interp(np.arange(len(seen)), usable, seen[usable])
    return np.stack([blur(x, 1.0), _continued(y)], axis=1).astype(np.float32)


def _continued(y: Numbers) -> Numbers:
    """Continue the rows above the waist and below the hem at the pace of their neighbours."""
    inside = np.flatnonzero((_LEVELS >= 0) & (_LEVELS <= 2))
    first, last = int(inside[0]), int(inside[-1])
    out = y.copy()
    out[:first] = y[first] - (y[first + 1] - y[first]) * np.arange(first, 0, -1)
    out[last + 1 :] = y[last] + (y[last] - y[last - 1]) * np.arange(1, len(y) - last)
    return out


# --- on the body ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fit:
    """How a lower garment sits.

    Attributes:
        scale: body pixels per pixel of the garment's photo.
        waist: ``(2,)`` the middle of its upper edge [px].
        crotch: ``(2,)`` where the legs part [px].
    """

    scale: float
    waist: Points
    crotch: Points


def fit_lower(body: Body, garment: Garment) -> Fit:
    """Find the scale of trousers or a skirt on the body, and where they begin."""
    hips = body.hips.mean(axis=0)
    usual = HIP_HALF_WIDTH * body.width
    halves = []
    for side in (LEFT, RIGHT):
        reach = body.reach(body.trunk, hips[None], body.outward(side)[None], 1.2 * body.width)
        good = bool(reach.seen[0]) and 0.7 * usual < reach.distance[0] < 1.4 * usual
        halves.append(float(reach.distance[0]) if good else usual)
    flat = garment.distance(HIP) if garment.has(*HIP) else 1.25 * garment.distance(WAIST)
    scale = float(2 * TORSO_GIRTH * 0.92 * np.mean(halves) / flat)
    crotch = hips + body.down * _CROTCH_DROP * body.width
    rise = _SKIRT_RISE * body.width
    if garment.has(GarmentPoint.CROTCH):
        height = float(crotch_row(garment) - garment.middle(WAIST)[1]) * scale * _VERTICAL
        rise = float(np.clip(height - _CROTCH_DROP * body.width, 0.15 * body.width, 0.5 * body.width))
    return Fit(scale, (hips - body.down * rise).astype(np.float32), crotch.astype(np.float32))


def place_leg(body: Body, garment: Garment, leg: Lower, fit: Fit, side: int) -> Points:
    """Lay one trouser leg's rungs; returns ``(n, 3, 2)`` as :attr:`Lower.rungs` [px]."""
    limb = Limb.through(body.leg(side), body.outward(side))
    start = limb.project(fit.crotch)
    inseam = float(garment.at(HEM_INNER[side])[1] - crotch_row(garment)) * fit.scale * _VERTICAL
    end = _settle(start + inseam, limb.end)
    along = (start + (end - start) * np.maximum(leg.level - 1.0, 0.0)).astype(np.float32)
    flat = (leg.width / 2 * fit.scale).astype(np.float32)
    thigh_outer = limb.beside(along, _leg_half_widths(body, limb, along, flat, 1.0))
    to_middle = _to_midline(body, limb, along, side)
    inner_half = _leg_half_widths(body, limb, along, flat, -1.0)
    thigh_inner = limb.beside(
        along, -np.where(flat > 0.8 * to_middle, np.maximum(inner_half, to_middle), inner_half)
    )
    middle = fit.waist + (fit.crotch - fit.waist) * np.minimum(leg.level, 1.0)[:, None]
    hip = _hip_edge(body, leg, middle, fit, side)
    first = int(np.searchsorted(leg.level, 1.0))
    leave = np.clip(1.0 - (leg.level - 1.0) / _LEAVE, 0.0, 1.0)[:, None]
    above = leg.level[:, None] <= 1.0
    inner = np.where(above, middle, thigh_inner + (fit.crotch - thigh_inner[first]) * leave)
    outer = np.where(above, hip, thigh_outer + (hip[first] - thigh_outer[first]) * leave)
    return rungs(inner.astype(np.float32), outer.astype(np.float32))


def _to_midline(body: Body, limb: Limb, along: Scalars, side: int) -> Scalars:
    """Measure from one leg to the line midway to the other, where no gap is seen, else 0 ``(n,)`` [px]."""
    other = Limb.through(body.leg(1 - side), body.outward(1 - side))
    here, there = limb.at(along)[0], other.at(along)[0]
    middle = (here + there) / 2
    height, width = body.matte.shape
    x = np.clip(middle[:, 0], 0, width - 1).astype(np.int32)
    y = np.clip(middle[:, 1], 0, height - 1).astype(np.int32)
    closed = np.minimum.accumulate(body.matte[y, x] > 127)
    return np.where(closed, np.linalg.norm(middle - here, axis=1), 0.0).astype(np.float32)


def _settle(end: float, ankle: float) -> float:
    """Let trousers that end near the ankle end at the ankle; none is dragged far below it."""
    return 1.02 * ankle if 0.9 * ankle < end < 1.25 * ankle else min(end, 1.08 * ankle)


def _hip_edge(body: Body, leg: Lower, middle: Points, fit: Fit, side: int) -> Points:
    """Find where the side seam lies between waist and crotch ``(n, 2)`` [px]."""
    reach = body.reach(
        body.trunk, middle, np.broadcast_to(body.outward(side), middle.shape), 1.3 * body.width
    )
    shares = np.interp(leg.level, [0, 1], [1.02 * WAIST_HALF_WIDTH, HIP_HALF_WIDTH])
    bare = (shares * body.width).astype(np.float32)
    seen = fill_unknown(reach.distance, reach.seen & (reach.distance > 0.6 * bare), bare)
    wanted = worn_half_width(leg.width * np.float32(fit.scale), np.minimum(bare, seen), TORSO_GIRTH)
    half = blur(snap(wanted, seen, np.ones(len(seen), bool)), 1.5)
    return np.asarray(middle + body.outward(side) * half[:, None], np.float32)


def _leg_half_widths(body: Body, limb: Limb, along: Scalars, flat: Scalars, sign: float) -> Scalars:
    """Find how far the worn leg reaches from the bone to one side ``(n,)`` [px]."""
    taper = np.interp(along / limb.end, [0.0, 0.5, 1.0], [1.05, 0.72, 0.5])
    bare = (taper * THIGH_RADIUS * body.width).astype(np.float32)
    origins, normals = limb.at(along)
    reach = body.reach(body.person, origins, normals * sign, 2.0 * THIGH_RADIUS * body.width)
    known = reach.seen & (reach.distance > 0.5 * bare)
    seen = fill_unknown(reach.distance, known, bare)
    wanted = worn_half_width(flat, np.minimum(bare, seen), LIMB_GIRTH)
    return blur(snap(wanted, seen, known, 0.3), 1.5)


def place_skirt(body: Body, skirt: Lower, fit: Fit) -> Points:
    """Lay a skirt's rungs; returns ``(n, 3, 2)`` as :attr:`Lower.rungs` [px]."""
    y = (skirt.outer[:, 1] + skirt.inner[:, 1]) / 2
    drop = ((y - np.interp(0.0, skirt.level, y)) * fit.scale * _VERTICAL).astype(np.float32)
    axis = (fit.waist + unit(np.array([0.0, 1.0], np.float32) + body.down) * drop[:, None]).astype(np.float32)
    left, right = (_skirt_side(body, skirt, fit, axis, drop, side) for side in (LEFT, RIGHT))
    return rungs(right, left)


def _skirt_side(body: Body, skirt: Lower, fit: Fit, axis: Points, drop: Scalars, side: int) -> Points:
    """Find where one side seam of a skirt lies ``(n, 2)`` [px]: on the hips, then hanging by its own cut."""
    flat = (skirt.width / 2 * fit.scale).astype(np.float32)
    hip = max(float((body.hips.mean(axis=0) - fit.waist) @ body.down), 1.0)
    shares = np.interp(drop / hip, [0, 1], [WAIST_HALF_WIDTH, HIP_HALF_WIDTH])
    bare = (shares * body.width).astype(np.float32)
    on_hips = drop < 1.2 * hip
    reach = body.reach(body.trunk, axis, np.broadcast_to(body.outward(side), axis.shape), 1.3 * body.width)
    seen = fill_unknown(reach.distance, reach.seen & on_hips & (reach.distance > 0.6 * bare), bare)
    half = snap(worn_half_width(flat, np.minimum(bare, seen), TORSO_GIRTH), seen, on_hips)
    at = int(np.argmin(np.abs(drop - hip)))
    half = np.where(drop > hip, half[at] + (flat - flat[at]) * _SKIRT_SEEN, half)
    return np.asarray(axis + body.outward(side) * blur(half, 1.5)[:, None], np.float32)
