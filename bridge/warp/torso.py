"""The torso of an upper garment or a dress: its ladder in the garment's photo, and on the body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridge.contracts import Category, Label
from bridge.warp.body import (
    CHEST_HALF_WIDTH,
    HIP_HALF_WIDTH,
    LEFT,
    RIGHT,
    WAIST_HALF_WIDTH,
    Body,
    Points,
    Scalars,
    unit,
)
from bridge.warp.ease import TORSO_GIRTH, blur, fill_unknown, snap, worn_half_width
from bridge.warp.garment import ARMPIT, COLLAR, HEM, HIP, INSET, SHOULDER, WAIST, Garment, Numbers, outline

_LEVELS = np.concatenate([
    np.linspace(-1.0, 0.0, 8, endpoint=False),
    np.linspace(0.0, 1.0, 10, endpoint=False),
    np.linspace(1.0, 2.15, 30),
]).astype(np.float32)  # fmt: skip

# As shares of the joints' distance, inward of the joints: a sleeve's armhole at the armpit, and beyond it the crease
# between chest and arm, where a garment without sleeves ends.
_ARMHOLE_INWARD = 0.05
_CREASE = 0.05
_HIDDEN_REACH = 1.3  # of the expected half width: how far the torso is believed to reach beneath an arm
_ASYMMETRY = 1.12  # how much further one side of a garment's torso may reach than the other
_ARMPIT_DROP = 0.27  # the armpits' place between the shoulders' tips and the hips
_SHOULDER_SEAMS = 1.07  # between the sleeves' seams over the shoulders, as a share of the joints' distance
_NECKLINE = 0.505  # between the neckline's ends, likewise: 0.50 to 0.51 on worn crew necks
_VERTICAL = 0.94  # cloth on a body is seen a little shorter than flat: it leans over chest and hips
# Measured on worn and flat pairs, as affine maps of their prints: above the armpits a garment leans back, and its
# height is seen at this share of its width's scale.
_CHEST_SEEN = 0.86
_SHOULDERS_SEEN = 0.6  # likewise of what lies above the shoulders' tips, at the sides
# How high cloth rests above the joints, over the distance from the middle: at the neck and at the shoulder's tip, as
# shares of the joints' distance.
_SHOULDER_LINE = ([0.25, 0.46], [0.265, 0.165])


@dataclass(frozen=True)
class Torso:
    """The torso's ladder in the garment's photo.

    Rung ``i`` lies at ``level[i]``: -1 is a little above the collar, 0 the shoulders' tips, 1 the armpits, 2 the
    hem, beyond 2 a little below it; between these, levels are linear in y.

    Attributes:
        level: ``(n,)``, rising.
        edges: ``(2, n, 2)`` the left and the right ends of the rungs [px].
        centre: ``(n, 2)`` [px].
    """

    level: Scalars
    edges: Points
    centre: Points

    @property
    def rungs(self) -> Points:
        """The rungs as :class:`bridge.warp.strip.Strip` takes them ``(n, 3, 2)`` [px]."""
        return np.stack([self.edges[RIGHT], self.centre, self.edges[LEFT]], axis=1)

    @property
    def half_width(self) -> Scalars:
        """Half the length of each rung ``(n,)`` [px]."""
        return np.asarray(np.linalg.norm(self.edges[LEFT] - self.edges[RIGHT], axis=1) / 2, np.float32)

    def drop(self, start: float) -> Scalars:
        """Return how far each rung's centre lies below level ``start`` ``(n,)`` [px], negative above."""
        origin = float(np.interp(start, self.level, self.centre[:, 1]))
        return np.asarray(self.centre[:, 1] - origin, np.float32)


def cut_torso(garment: Garment) -> Torso:
    """Lay the ladder of an upper garment or a dress in its photo."""
    edges = np.stack([_edge(garment, side) for side in (LEFT, RIGHT)])
    if all(garment.sleeved):
        _even_out(edges)
    return Torso(_LEVELS, edges, edges.mean(axis=0).astype(np.float32))


def _even_out(edges: Points) -> None:
    """Narrow rungs whose one side reaches much further than the other, in place: there a sleeve hangs beside it."""
    centre = float(np.median(edges[:, :, 0].mean(axis=0)))
    half = np.abs(edges[:, :, 0] - centre)
    least = half.min(axis=0)
    half = np.minimum(half, _ASYMMETRY * least)
    edges[LEFT, :, 0], edges[RIGHT, :, 0] = centre + half[LEFT], centre - half[RIGHT]


def _edge(garment: Garment, side: int) -> Points:
    """Find where the rungs end on one side; see :class:`Torso` for the levels."""
    tip, armpit, hem = (garment.at(pair[side]) for pair in (SHOULDER, ARMPIT, HEM))
    first, last = garment.rows
    margin = 0.04 * (last - first)
    y = np.interp(_LEVELS, [-1, 0, 1, 2], [first - margin, tip[1], armpit[1], hem[1]])
    below = _LEVELS > 2
    y[below] = hem[1] + (_LEVELS[below] - 2) / 0.15 * max(margin, last - hem[1] + margin)
    x = np.where(_LEVELS <= 1, _armhole(garment, side), _side(garment, y, side))
    return np.stack([x, y], axis=1).astype(np.float32)


def _armhole(garment: Garment, side: int) -> Numbers:
    """Find the x of the rungs' ends at and above the armpit."""
    tip, armpit = garment.at(SHOULDER[side]), garment.at(ARMPIT[side])
    if garment.sleeved[side]:
        return np.interp(_LEVELS, [0, 1], [tip[0], armpit[0]])  # the chord: the sleeve begins there
    # Without a sleeve the photo's own outline cuts the armhole; the rungs only have to reach beyond it.
    outermost = max(tip[0], armpit[0]) + 4.0 if side == LEFT else min(tip[0], armpit[0]) - 4.0
    return np.full(len(_LEVELS), outermost, np.float64)


def _side(garment: Garment, y: Numbers, side: int) -> Numbers:
    """Find the x of the torso's outline at rows ``y`` below the armpit.

    The mask's own outline, seen from the middle; where a sleeve hangs against the torso and hides it, the line
    through the landmarks.
    """
    names = [pair[side] for pair in (ARMPIT, WAIST, HIP, HEM) if garment.has(pair[side])]
    known = sorted((garment.at(p) for p in names), key=lambda p: float(p[1]))
    line = np.interp(y, [p[1] for p in known], [p[0] for p in known])
    centre = float(garment.middle(HEM)[0])
    sign = 1.0 if side == LEFT else -1.0
    # A deep neckline or a gap may lie in the middle, so the walk starts nearer to the side.
    start = centre + 0.7 * (line - centre)
    seen = outline(garment.mask, start, y, sign) - sign * INSET
    limit = np.abs(line - centre) * (1.08 if garment.sleeved[side] else 1.4) + 3.0
    hem = garment.at(HEM[side])[1] - 2.0
    nothing = np.abs(seen - start) < 2 * INSET
    x = np.where((np.abs(seen - centre) > limit) | nothing | (y > hem), line, seen)
    if (y <= hem).any():
        x[y > hem] = x[y <= hem][-1]
    return blur(x, 1.0).astype(np.float64)


# --- on the body ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fit:
    """How an upper garment sits on the torso.

    Attributes:
        scale: body pixels per pixel of the garment's photo.
        tips: ``(2, 2)`` where the armholes begin at the shoulders, left and right [px].
        armpits: ``(2, 2)`` where they end [px].
    """

    scale: float
    tips: Points
    armpits: Points


def fit_upper(body: Body, garment: Garment) -> Fit:
    """Find the scale of an upper garment or a dress on the body, and where its armholes come to lie."""
    tips = shoulder_tips(body)
    if not any(garment.sleeved):
        return _fit_sleeveless(body, garment, tips)
    scale = _SHOULDER_SEAMS * body.width / garment.distance(SHOULDER)
    armhole = float(garment.middle(ARMPIT)[1] - garment.middle(SHOULDER)[1])
    loose = _looseness(body, garment, scale)
    down_the_arm = 0.5 * max(loose - 1.0, 0.0) * body.width
    outward = np.stack([body.outward(LEFT), body.outward(RIGHT)])
    tips = _onto_silhouette(body, tips + down_the_arm * (0.8 * outward + 0.6 * body.down))
    return Fit(scale * loose, tips, armpits(body, tips, scale * loose * armhole * _VERTICAL))


def _onto_silhouette(body: Body, tips: Points) -> Points:
    """Move shoulder tips ``(2, 2)`` [px] up or down onto the silhouette, where it is near."""
    start = (tips + 0.12 * body.width * body.down).astype(np.float32)
    reach = body.reach(body.person, start, np.stack([-body.down, -body.down]), 0.24 * body.width)
    return np.where(reach.seen[:, None], start - body.down * reach.distance[:, None], tips).astype(np.float32)


def _looseness(body: Body, garment: Garment, scale: float) -> float:
    """Tell how much wider than the body a garment's shoulders are cut; 1 is a sleeve set in at the shoulder's tip.

    Shoulders are cut from narrow to dropped, necklines to the neck's size: their ratio tells the cut. Both being
    uncertain, the geometric mean of the two scales is taken.
    """
    if not garment.has(*COLLAR):
        return 1.0
    by_neck = _NECKLINE * body.width / garment.distance(COLLAR)
    return float(np.sqrt(np.clip(by_neck / scale, 0.8, 1.45)))


def _fit_sleeveless(body: Body, garment: Garment, tips: Points) -> Fit:
    """Without sleeves the chest decides the scale, with a little ease, and the straps lie where they reach."""
    scale = 1.06 * 2 * TORSO_GIRTH * CHEST_HALF_WIDTH * body.width / garment.distance(ARMPIT)
    across = float(np.linalg.norm(tips[LEFT] - tips[RIGHT]))
    strap = min(1.0, scale * garment.distance(SHOULDER) / across)
    middle = tips.mean(axis=0)
    # The shoulder rises towards the neck by about a third of the way inwards.
    straps = middle + (tips - middle) * strap - body.down * (0.33 * (1 - strap) * across / 2)
    return Fit(scale, straps.astype(np.float32), armpits(body, tips, 0.0))


def shoulder_tips(body: Body) -> Points:
    """Find where a set-in sleeve's seam crosses the shoulders' top ``(2, 2)`` [px].

    From the joint up to the silhouette; a side that hair or a bag hides takes the other's distance.
    """
    outward = np.stack([body.outward(LEFT), body.outward(RIGHT)])
    up = np.stack([-body.down, -body.down])
    start = body.shoulders - 0.04 * body.width * outward
    solid = body.person & ~np.isin(body.labels, (Label.HAIR, Label.FACE))
    reach = body.reach(solid, start, up, 0.34 * body.width)
    usual = 0.17 * body.width
    good = reach.seen & (reach.distance > 0.4 * usual) & (reach.distance < 1.7 * usual)
    distance = np.where(good, reach.distance, reach.distance[good].mean() if good.any() else usual)
    return np.asarray(start + up * distance[:, None], np.float32)


def armpits(body: Body, tips: Points, armhole: float) -> Points:
    """Find the bottoms of the armholes ``(2, 2)`` [px], from the shoulders' tips.

    They lie at the body's armpits, or lower where the garment's own ``armhole`` [px] is higher than the body's.
    """
    drop = _ARMPIT_DROP * max(
        float((body.hips.mean(axis=0) - tips.mean(axis=0)) @ body.down), 1.2 * body.width
    )
    drop = float(np.clip(armhole, drop, 1.9 * drop))
    pits = []
    for side in (LEFT, RIGHT):
        arm = unit(body.arm(side)[1] - body.arm(side)[0])
        raised = float(np.clip(arm @ body.outward(side), 0.0, 1.0))
        below = float((tips[side] - body.shoulders[side]) @ body.down) + drop * (1.0 - 0.25 * raised)
        inward = _ARMHOLE_INWARD * body.width * (1.0 - raised) * body.outward(side)
        pits.append(body.shoulders[side] + body.down * below - inward)
    return np.stack(pits).astype(np.float32)


def place_torso(body: Body, garment: Garment, torso: Torso, fit: Fit) -> Points:
    """Lay the torso's rungs on the body; returns ``(n, 3, 2)`` as :attr:`Torso.rungs` [px]."""
    drop = torso.drop(1.0) * fit.scale * _VERTICAL
    axis = _axis(body, fit, drop)
    seams = [
        axis + body.outward(side) * _half_widths(body, garment, torso, fit, axis, side)[:, None]
        for side in (LEFT, RIGHT)
    ]
    sides = [
        _place_side(body, torso, fit, seams[side], side, sleeved=garment.sleeved[side])
        for side in (LEFT, RIGHT)
    ]
    middle = (sides[LEFT] + sides[RIGHT]) / 2
    if any(garment.sleeved) and garment.has(*COLLAR):  # straps have no neckline of their own to hang from
        lower = _front(body, garment, torso, fit) - (middle - body.shoulders.mean(axis=0)) @ body.down
        lower[torso.level > 1] = np.interp(1.0, torso.level, lower)
        fade = np.interp(torso.level, [1.0, 1.6], [1.0, 0.0])
        middle = middle + body.down * (lower * fade)[:, None]
    return np.stack([sides[RIGHT], middle, sides[LEFT]], axis=1).astype(np.float32)


def _front(body: Body, garment: Garment, torso: Torso, fit: Fit) -> Scalars:
    """Tell how far below the shoulders' joints the rungs' middles lie ``(n,)`` [px], down to the armpits.

    The neckline hangs from where its ends rest on the shoulders, not from the sleeves' seams.
    """
    out = garment.distance(COLLAR) / 2 * fit.scale / body.width
    rest = float(np.interp(out, *_SHOULDER_LINE)) * body.width
    below = torso.centre[:, 1] - garment.middle(COLLAR)[1]
    return np.asarray(_CHEST_SEEN * fit.scale * below - rest, np.float32)


def _axis(body: Body, fit: Fit, drop: Scalars) -> Points:
    """Follow the torso's middle line from the armpits down; below the hips it hangs."""
    start, hips = fit.armpits.mean(axis=0), body.hips.mean(axis=0)
    to_hips = max(float((hips - start) @ body.down), 1.0)
    hanging = unit(np.array([0.0, 1.0], np.float32) + 0.5 * body.down)
    along = (hips - start) * (np.minimum(drop, to_hips) / to_hips)[:, None]
    return np.asarray(start + along + hanging * np.maximum(drop - to_hips, 0.0)[:, None], np.float32)


def _place_side(body: Body, torso: Torso, fit: Fit, seam: Points, side: int, *, sleeved: bool) -> Points:
    """Lay the rungs' ends of one side ``(n, 2)`` [px]: the armhole's chord, then the side seam.

    A sleeve's armhole ends at the arm's root; without a sleeve it runs into the side seam, within the crease
    between chest and arm.
    """
    level = torso.level
    at_armpit = np.stack([np.interp(1.0, level, seam[:, k]) for k in (0, 1)])
    armpit = fit.armpits[side]
    if not sleeved:
        crease = armpit - _CREASE * body.width * body.outward(side)
        armpit = at_armpit + min(float((crease - at_armpit) @ body.outward(side)), 0.0) * body.outward(side)
    leave = np.interp(level, [1.0, 1.25], [1.0, 0.0])[:, None]
    below = seam + (armpit - at_armpit) * leave
    chord = fit.tips[side] + (armpit - fit.tips[side]) * np.clip(level, 0, 1)[:, None]
    above = _SHOULDERS_SEEN * fit.scale * np.minimum(torso.drop(0.0), 0.0)[:, None] * body.down
    return np.where(level[:, None] <= 1, chord + above, below).astype(np.float32)


def _half_widths(body: Body, garment: Garment, torso: Torso, fit: Fit, axis: Points, side: int) -> Scalars:
    """Find how far the worn garment reaches from the axis to one side ``(n,)`` [px]."""
    to_hips = max(float((body.hips.mean(axis=0) - fit.armpits.mean(axis=0)) @ body.down), 1.0)
    down = (axis - fit.armpits.mean(axis=0)) @ body.down / to_hips  # 0 at the armpits, 1 at the hips
    shares = np.interp(down, [0, 0.55, 1.0], [CHEST_HALF_WIDTH, WAIST_HALF_WIDTH, HIP_HALF_WIDTH])
    bare = (shares * body.width).astype(np.float32)
    flat = torso.half_width * fit.scale
    on_torso = (down <= 1.1) & (torso.level >= 1.0)
    reach = body.reach(body.trunk, axis, np.broadcast_to(body.outward(side), axis.shape), 1.3 * body.width)
    known = reach.seen & on_torso & (reach.distance > 0.6 * bare)
    seen = fill_unknown(
        reach.distance, known, np.maximum(bare, np.where(on_torso & reach.blocked, 0.9 * reach.distance, 0.0))
    )
    half = snap(worn_half_width(flat, np.minimum(bare, seen), TORSO_GIRTH), seen, on_torso)
    # Up to an arm that hides its edge, nothing but the torso was seen; a bulky old garment isn't the torso.
    hidden = np.minimum(reach.distance + 2 * INSET, _HIDDEN_REACH * np.maximum(bare, half))
    half = np.where(on_torso & reach.blocked, np.maximum(half, hidden), half)
    if garment.category is Category.DRESS:
        half = np.where(down > 1.0, np.maximum(flat * _hang(flat, half, down), 0.9 * half), half)
    return blur(half, 1.5)


def _hang(flat: Scalars, half: Scalars, down: Scalars) -> float:
    """The share of a skirt's flat width that is seen, taken from where it leaves the hips."""
    at = int(np.argmin(np.abs(down - 1.0)))
    return float(np.clip(half[at] / max(float(flat[at]), 1.0), 0.6, 1.0))
