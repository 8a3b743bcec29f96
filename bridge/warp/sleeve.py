"""Sleeves: their ladders in the garment's photo, and along the arms."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from bridge.warp.body import ARM_RADIUS, Body, Flags, Points, Scalars, unit
from bridge.warp.ease import LIMB_GIRTH, blur, fill_unknown, snap, worn_half_width
from bridge.warp.garment import ARMPIT, CUFF_INNER, CUFF_OUTER, INSET, SHOULDER, Garment, Image
from bridge.warp.limb import Limb
from bridge.warp.torso import Fit

_T = np.concatenate([np.linspace(0.0, 0.25, 14, endpoint=False), np.linspace(0.25, 1.12, 22)]).astype(
    np.float32
)
# Over these lengths a sleeve turns from the armhole to the arm, as shares of the shoulders' width: at once over the
# round of the shoulder, slowly below it.
_LEAVE_OUTER = 0.20
_LEAVE_INNER = 0.45
_TOUCH = 0.30  # of the shoulders' width: a sleeve this near to the torso may lie against it
_SNAP = 0.5  # sleeves vary more than torsos; see bridge.warp.ease.snap


@dataclass(frozen=True)
class Sleeve:
    """One sleeve's ladder, from the armhole to a little past the cuff.

    Attributes:
        t: ``(n,)`` 0 at the armhole, 1 at the cuff.
        outer: ``(n, 2)`` on the edge that comes from the shoulder [px].
        inner: ``(n, 2)`` on the edge that comes from the armpit [px].
    """

    t: Scalars
    outer: Points
    inner: Points

    @property
    def outer_length(self) -> float:
        """From the shoulder's tip to the cuff along the outer edge [px]."""
        return float(_arc(self.outer[self.t <= 1])[-1])

    @property
    def axis(self) -> Points:
        """The sleeve's direction in the photo, from the armhole's middle to the cuff's, unit ``(2,)``."""
        cuff = int(np.searchsorted(self.t, 1.0))
        return unit((self.outer[cuff] + self.inner[cuff]) - (self.outer[0] + self.inner[0]))

    @property
    def slant(self) -> float:
        """How much further along the sleeve the cuff's outer end lies than its inner end [px]."""
        cuff = int(np.searchsorted(self.t, 1.0))
        return float((self.outer[cuff] - self.inner[cuff]) @ self.axis)

    @property
    def half_width(self) -> Scalars:
        """Half the sleeve's width across its axis ``(n,)`` [px]; towards the armhole, where rungs slant, the arm's."""
        across = self.outer - self.inner
        width = np.abs(across[:, 0] * self.axis[1] - across[:, 1] * self.axis[0])
        arm = int(np.searchsorted(self.t, 0.4))
        width[:arm] = width[arm]
        return np.asarray(width / 2, np.float32)

    @property
    def rungs(self) -> Points:
        """The rungs as :class:`bridge.warp.strip.Strip` takes them ``(n, 3, 2)`` [px]."""
        return np.stack([self.outer, (self.outer + self.inner) / 2, self.inner], axis=1)


def _arc(curve: Points) -> Scalars:
    """Measure a curve ``(n, 2)`` from its start to each point ``(n,)`` [px]."""
    steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)]).astype(np.float32)


def cut_sleeve(garment: Garment, side: int) -> Sleeve:
    """Lay the ladder of one sleeve in the garment's photo."""
    outer = _chord(garment.at(SHOULDER[side]), garment.at(CUFF_OUTER[side]))
    inner = _chord(garment.at(ARMPIT[side]), garment.at(CUFF_INNER[side]))
    middle, across = (outer + inner) / 2, unit(outer - inner)
    half = np.asarray(np.linalg.norm(outer - inner, axis=1) / 2, np.float32)
    ease = np.clip(np.minimum(_T / 0.06, (1.0 - _T) / 0.08), 0.0, 1.0)  # both ends stay on their landmarks
    outer_limit = _to_outline(garment.mask, middle, across, half, 1.9)
    inner_limit = _to_outline(garment.mask, middle, -across, half, 1.45)
    out = np.minimum(half + (outer_limit - half) * ease, outer_limit)
    inn = np.minimum(half + (inner_limit - half) * ease, inner_limit)
    return Sleeve(
        _T,
        (middle + across * out[:, None]).astype(np.float32),
        (middle - across * inn[:, None]).astype(np.float32),
    )


def _chord(start: Points, end: Points) -> Points:
    return np.asarray(start + (end - start) * _T[:, None], np.float32)


def _to_outline(mask: Image, origins: Points, directions: Points, usual: Scalars, most: float) -> Scalars:
    """Walk from each origin until the mask ends, at most ``most`` times the usual distance.

    A walk that never leaves the cloth, as where a sleeve lies on the torso, yields the usual distance.
    """
    steps = np.arange(0.0, float(most * usual.max()) + 2.0, dtype=np.float32)
    points = (origins[:, None] + directions[:, None] * steps[None, :, None] - 0.5).astype(np.float32)
    inside = cv2.remap(mask, points[..., 0], points[..., 1], cv2.INTER_LINEAR) > 127
    inside[:, 0] = True
    end = np.where(inside.all(axis=1), np.inf, (~inside).argmax(axis=1))
    return np.where(end <= most * usual, end - INSET, usual).astype(np.float32)


def place_sleeve(body: Body, sleeve: Sleeve, fit: Fit, torso: Points, side: int) -> Points:
    """Lay a sleeve's rungs along the arm; returns ``(n, 3, 2)`` as :attr:`Sleeve.rungs` [px].

    Its length and width are the garment's, at the torso's scale; close to the wrist, to the arm's silhouette or to
    the torso beside it, it takes theirs. ``torso`` holds the torso's rungs on the body ``(n, 3, 2)``.
    """
    arm = Limb.through(body.arm(side), body.outward(side))
    outer = _Edge.beside(body, arm, sleeve, fit, fit.tips[side], 1.0)
    inner = _Edge.beside(body, arm, sleeve, fit, fit.armpits[side], -1.0)
    inner = inner.touching(_filled(torso, body.matte.shape), body)
    # The outer edge, which nothing hides in either photo, says how long the sleeve is.
    slant = float(np.clip(sleeve.slant * fit.scale, -0.3 * body.width, 0.3 * body.width))
    cuff = _settle(outer.reach(sleeve.outer_length * fit.scale) - slant / 2, arm.end)
    ends = [outer.pick(cuff + slant / 2, sleeve.t), inner.pick(cuff - slant / 2, sleeve.t)]
    return np.stack([ends[0], (ends[0] + ends[1]) / 2, ends[1]], axis=1).astype(np.float32)


def _settle(end: float, wrist: float) -> float:
    """Let a sleeve that ends near the wrist end at the wrist: arms differ in length more than long sleeves do."""
    return 0.98 * wrist if 0.86 * wrist < end < 1.35 * wrist else min(end, 1.1 * wrist)


@dataclass(frozen=True)
class _Edge:
    """The curve that one edge of a sleeve follows.

    Attributes:
        curve: ``(n, 2)`` from the armhole to past the wrist [px].
        along: ``(n,)`` where each point lies along the arm [px].
        inward: ``(n, 2)`` the unit vectors towards the body's middle.
    """

    curve: Points
    along: Scalars
    inward: Points

    @classmethod
    def beside(cls, body: Body, arm: Limb, sleeve: Sleeve, fit: Fit, start: Points, sign: float) -> _Edge:
        """Follow the arm on its outer side (``sign`` 1) or inner side (-1) from the armhole's end ``start``."""
        along = np.linspace(max(arm.project(start), 0.0), arm.length[-1], 160, dtype=np.float32)
        done = (along - along[0]) / max(sleeve.outer_length * fit.scale, 1.0)
        flat = np.interp(done, sleeve.t, sleeve.half_width * fit.scale).astype(np.float32)
        curve = arm.beside(along, sign * _half_widths(body, arm, along, flat, sign))
        if sign > 0:
            curve = _round_shoulder(curve, along, start, body, arm.at(np.zeros(1, np.float32))[0][0])
        else:
            curve = _leave_armpit(curve, along, start, body.width)
        return cls(curve, along, -arm.at(along)[1])

    def touching(self, torso: Flags, body: Body) -> _Edge:
        """Return the edge moved on to the torso where no gap is seen between them.

        An arm that hangs against the body presses its sleeve against the torso's cloth.
        """
        to_torso = body.reach(~torso, self.curve, self.inward, _TOUCH * body.width)
        to_gap = body.reach(body.person, self.curve, self.inward, _TOUCH * body.width)
        near = (to_torso.distance < _TOUCH * body.width - 2) & (to_gap.distance >= to_torso.distance)
        move = np.where(near, to_torso.distance + 2 * INSET, 0.0)
        return replace(self, curve=(self.curve + self.inward * blur(move, 4.0)[:, None]).astype(np.float32))

    def reach(self, length: float) -> float:
        """Return how far along the arm one comes by following the curve for ``length`` [px]."""
        return float(np.interp(length, _arc(self.curve), self.along))

    def pick(self, end: float, t: Scalars) -> Points:
        """Return the points at equal steps of ``t``, which is 1 at ``end`` along the arm."""
        arc = _arc(self.curve)
        at = float(np.interp(end, self.along, arc)) * t
        return np.stack([np.interp(at, arc, self.curve[:, k]) for k in (0, 1)], axis=1).astype(np.float32)


def _filled(rungs: Points, shape: tuple[int, ...]) -> Flags:
    """Draw the area that a ladder ``(n, 3, 2)`` covers ``(h, w)``."""
    area = np.zeros(shape, np.uint8)
    outline = np.concatenate([rungs[:, 0], rungs[::-1, 2]]).round().astype(np.int32)
    cv2.fillPoly(area, [outline[:, None]], (1,))
    return np.asarray(area > 0)


def _round_shoulder(curve: Points, along: Scalars, tip: Points, body: Body, joint: Points) -> Points:
    """Let the outer edge begin at the shoulder's tip and go over the round of the shoulder onto the arm.

    A quadratic Bezier curve whose control point is the corner between shoulder and arm; where the silhouette of the
    shoulder is near, the silhouette.
    """
    last = int(np.searchsorted(along, along[0] + _LEAVE_OUTER * body.width))
    end, direction = curve[last], unit(curve[last + 2] - curve[last])
    corner = end - direction * 0.9 * float((end - tip) @ direction)
    u = np.linspace(0.0, 1.0, last + 1)[:, None]
    arc = ((1 - u) ** 2 * tip + 2 * u * (1 - u) * corner + u**2 * end).astype(np.float32)
    radius = np.linalg.norm(arc - joint, axis=1).astype(np.float32)
    ray = unit(arc - joint)
    reach = body.reach(body.person, np.broadcast_to(joint, ray.shape), ray, 1.6 * float(radius.max()))
    ends = np.minimum(u[:, 0], 1 - u[:, 0]) > 0.02
    radius = np.where(ends, snap(radius, reach.distance, reach.seen, _SNAP), radius)
    return np.concatenate([joint + ray * radius[:, None], curve[last + 1 :]]).astype(np.float32)


def _leave_armpit(curve: Points, along: Scalars, armpit: Points, width: float) -> Points:
    """Let the inner edge begin at the armpit and come gradually to the arm."""
    leave = np.clip(1.0 - (along - along[0]) / (_LEAVE_INNER * width), 0.0, 1.0)[:, None] ** 2
    return np.asarray(curve + (armpit - curve[0]) * leave, np.float32)


def _half_widths(body: Body, arm: Limb, along: Scalars, flat: Scalars, sign: float) -> Scalars:
    """Find how far the worn sleeve reaches from the arm's middle to one side ``(n,)`` [px]."""
    taper = np.interp(along / max(arm.end, 1.0), [0.0, 0.5, 1.0], [1.05, 0.9, 0.62])
    bare = (taper * ARM_RADIUS * body.width).astype(np.float32)
    origins, normals = arm.at(along)
    reach = body.reach(body.person, origins, normals * sign, 2.2 * ARM_RADIUS * body.width)
    known = reach.seen & (reach.distance > 0.5 * bare)
    seen = fill_unknown(reach.distance, known, bare)
    wanted = worn_half_width(flat, np.minimum(bare, seen), LIMB_GIRTH)
    half = np.maximum(snap(wanted, seen, known, _SNAP), np.minimum(seen, 1.15 * bare))
    return blur(half, 8.0)
