"""The body under the clothes: bones with widths, from landmarks and from the skin that is seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from bridge.compose.limb import Limb, limb, measured
from bridge.compose.pixels import Bytes, Floats, smoothstep
from bridge.compose.scene import Scene
from bridge.contracts import BodyPoint, Category, Label

UPPER_ARM = (0.12, 0.115, 0.10)
FOREARM = (0.10, 0.10, 0.065)
THIGH = (0.27, 0.24, 0.17)
CALF = (0.16, 0.16, 0.09)
NECK = (0.15, 0.15, 0.165)
TORSO = (0.56, 0.54, 0.50, 0.46, 0.44, 0.48, 0.54)
"""Half widths over the distance of the shoulder joints, evenly along the bone (rounded from ANSUR II's
circumferences; the torso from the shoulders past the waist to the hips)."""
FINGER = 0.17
"""Half a finger's width over the distance of the index's and the little finger's knuckles."""
WAIST = 0.74
"""Where trousers end: this share of the way from the shoulders to the hip joints."""
TUCKED = 0.12
"""A garment that ends this little below the waist is tucked in."""
DEEP = 0.3
"""A wrist this much further from the camera than its shoulder, over the distance of the joints, lies deep."""
ASTRAY = 1.4
"""An arm's skin lies nearer to its bone than so many of its half widths."""
CHEST = 4
"""The bin of the torso (of 16) at the height of the armpits."""
SLOPE = 0.05
"""The shoulder's skin lies at most this far above the joint's round, over the distance of the joints."""
THROAT = 0.24
"""The trapezius meets the neck this far above the shoulders' line, over their distance."""


@dataclass(frozen=True)
class Body:
    """The limbs of one person in one window."""

    arms: tuple[tuple[Limb, Limb], tuple[Limb, Limb]]  # left, right: upper arm, forearm
    legs: tuple[tuple[Limb, Limb], tuple[Limb, Limb]]  # left, right: thigh, calf
    fingers: tuple[Limb, ...]  # of the hands that are seen
    torso: Limb  # the middle of the shoulders to the middle of the hips
    throat: Floats  # [n, 2], the outermost points of the neck that is seen
    neck: Limb  # the chin to the middle of the shoulders
    hidden: tuple[bool, bool]  # left, right: the forearm is behind the back
    waist: float  # where trousers end, as the torso's t
    unit: float  # the distance of the shoulder joints [px]


def find_body(scene: Scene) -> Body:
    """Put widths on the bones."""
    p, unit = scene.points, scene.unit
    shoulders = (p[BodyPoint.LEFT_SHOULDER] + p[BodyPoint.RIGHT_SHOULDER]) / 2
    hips = (p[BodyPoint.LEFT_HIP] + p[BodyPoint.RIGHT_HIP]) / 2
    torso = _trunk(scene, limb(shoulders, hips, _times(TORSO, unit)))
    return Body(
        arms=_pairs(scene, (BodyPoint.LEFT_SHOULDER, BodyPoint.LEFT_ELBOW, BodyPoint.LEFT_WRIST), Label.ARMS),
        legs=_pairs(scene, (BodyPoint.LEFT_HIP, BodyPoint.LEFT_KNEE, BodyPoint.LEFT_ANKLE), Label.LEGS),
        fingers=tuple(bone for hand in scene.hands for bone in _fingers(hand)),
        torso=torso,
        throat=_throat(scene, torso),
        neck=limb(_chin(scene, shoulders), shoulders, _times(NECK, unit)),
        hidden=(
            _behind(scene, BodyPoint.LEFT_SHOULDER, BodyPoint.LEFT_WRIST),
            _behind(scene, BodyPoint.RIGHT_SHOULDER, BodyPoint.RIGHT_WRIST),
        ),
        waist=_waist(scene, torso),
        unit=unit,
    )


def _fingers(hand: Floats) -> list[Limb]:
    """The bones of the thumb and the fingers, from MediaPipe's 21 points of a hand."""
    half = FINGER * float(np.linalg.norm(hand[5] - hand[17]))
    return [
        limb(hand[joint], hand[joint + 1], (half, half))
        for knuckle in (1, 5, 9, 13, 17)
        for joint in range(knuckle, knuckle + 3)
    ]


def _trunk(scene: Scene, plain: Limb) -> Limb:
    """The torso, at the waist as wide as the trousers that are seen, and towards the chest as bodies are."""
    seen = _seen(scene, Label.LOWER)
    t = plain.place(seen)[0]
    seen = seen[(t > WAIST - 0.3) & (t < 1)]
    fitted = measured(plain, seen, (0.75, 1.3))
    share = smoothstep(0.3, 0.8, np.linspace(0, 1, len(plain.half), dtype=np.float32))
    return replace(plain, centre=share * fitted.centre, half=plain.half + share * (fitted.half - plain.half))


def _seen(scene: Scene, label: Label) -> Floats:
    """Every ninth pixel [n, 2] of a label."""
    rows, columns = np.nonzero(scene.labels[::3, ::3] == label)
    return np.stack([columns, rows], 1).astype(np.float32) * 3


def _throat(scene: Scene, torso: Limb) -> Floats:
    """The points where the visible neck is widest, above the shoulders' line; none if no neck is seen."""
    seen = _seen(scene, Label.NECK)
    t, v = torso.place(seen)
    seen, v = seen[t < 0.1], v[t < 0.1]
    return seen[[np.argmin(v), np.argmax(v)]] if len(seen) else seen


def _times(shares: tuple[float, ...], unit: float) -> tuple[float, ...]:
    return tuple(share * unit for share in shares)


def _pairs(
    scene: Scene, left: tuple[BodyPoint, BodyPoint, BodyPoint], label: Label
) -> tuple[tuple[Limb, Limb], tuple[Limb, Limb]]:
    """Both arms or both legs; the right one's points follow the left one's in BodyPoint."""
    seen = _seen(scene, label)
    bones = [[scene.points[point + side] for point in left] for side in (0, 1)]
    gaps = [np.minimum(_gap(seen, a, b), _gap(seen, b, c)) for a, b, c in bones]
    widths = (UPPER_ARM, FOREARM) if label is Label.ARMS else (THIGH, CALF)
    sides = []
    for (a, b, c), own in zip(bones, (gaps[0] <= gaps[1], gaps[1] < gaps[0]), strict=True):
        first, second = (_times(width, scene.unit) for width in widths)
        sides.append((measured(limb(a, b, first), seen[own]), measured(limb(b, c, second), seen[own])))
    return sides[0], sides[1]


def _gap(points: Floats, start: Floats, end: Floats) -> Floats:
    """Distance [n] of points [n, 2] to the segment from ``start`` to ``end``."""
    bone = end - start
    t = np.clip((points - start) @ bone / max(float(bone @ bone), 1e-3), 0, 1)
    return np.linalg.norm(points - start - t[:, None] * bone, axis=1).astype(np.float32)


def _behind(scene: Scene, shoulder: BodyPoint, wrist: BodyPoint) -> bool:
    """Whether a forearm is behind the back: its wrist lies deep, and no hand is seen there."""
    if scene.depth[wrist] - scene.depth[shoulder] < DEEP * scene.unit:
        return False
    hand = np.linalg.norm(_seen(scene, Label.HANDS) - scene.points[wrist], axis=1)
    return bool((hand > 0.5 * scene.unit).all())


def _chin(scene: Scene, shoulders: Floats) -> Floats:
    if scene.jaw is not None:
        return scene.jaw[len(scene.jaw) // 2]
    mouth = (scene.points[BodyPoint.MOUTH_LEFT] + scene.points[BodyPoint.MOUTH_RIGHT]) / 2
    nose = scene.points[BodyPoint.NOSE]
    # The chin lies about one and a half times as far below the mouth as the mouth below the nose's tip.
    chin = mouth + 1.5 * (mouth - nose)
    return np.where(chin[1] < shoulders[1], chin, shoulders - [0, 0.5 * scene.unit]).astype(np.float32)


def _waist(scene: Scene, torso: Limb) -> float:
    """Where the trousers end, as the torso's t.

    Their top edge, where it is seen: it lies high, or skin is seen above it. Else the old garment hangs over
    it, and they end where trousers do.
    """
    t, v = torso.place(_seen(scene, Label.LOWER))
    middle = t[np.abs(v) < 0.3 * scene.unit]
    if len(middle) < 32:
        return WAIST
    top = float(np.percentile(middle, 1))
    skin, beside = torso.place(_seen(scene, Label.NECK))
    bared = np.abs(beside) < 0.3 * scene.unit
    bared &= (skin < top + 0.1) & (skin > top - 0.1)
    return top if top < WAIST + TUCKED or bared.sum() >= 32 else WAIST


def without_stray_arms(labels: Bytes, body: Body) -> Bytes:
    """See skin far from every arm as the trunk's: a bared waist moves and hides as the trunk does.

    Args:
        labels: UINT8 [h, w] of Label.
        body: the limbs.

    Returns:
        UINT8 [h, w].
    """
    rows, columns = np.nonzero(labels == Label.ARMS)
    at = np.stack([columns, rows], 1).astype(np.float32)
    off = np.full(len(at), np.inf, np.float32)
    for pair in body.arms:
        for part in pair:
            t, u = part.normalised(at)
            beyond = np.maximum(np.maximum(-t, t - 1), 0) * part.length / max(float(part.half.mean()), 1)
            np.minimum(off, np.hypot(u, beyond), out=off)
    stray = (off > ASTRAY) & (np.abs(body.torso.normalised(at)[1]) < 1.2)
    tidy = labels.copy()
    tidy[rows[stray], columns[stray]] = Label.NECK
    return tidy


def bare(body: Body, matte: Bytes, category: Category) -> Bytes:
    """What would be seen of the person if the old garment were taken off.

    Args:
        body: the limbs.
        matte: UINT8 [h, w]; the body lies inside.
        category: the garment that is taken off.

    Returns:
        UINT8 [h, w] of Label: BACKGROUND, NECK, ARMS, LEGS, and LOWER or UPPER, the other garment that goes on
        under the one that is taken off.
    """
    plan = np.zeros(matte.shape, np.uint8)
    if category is not Category.UPPER:
        _draw_legs(plan, body)
    if category is Category.LOWER:
        _draw_torso(plan, body, above=Label.UPPER, below=Label.LEGS)
    else:
        _draw_torso(plan, body, Label.NECK, Label.LOWER if category is Category.UPPER else Label.LEGS)
        _fill(plan, _yoke(body), Label.NECK)
        _fill(plan, body.neck.outline(), Label.NECK)
        for pair, behind in zip(body.arms, body.hidden, strict=True):
            _draw_limbs(plan, pair[:1] if behind else pair, Label.ARMS)
    return np.where(matte >= 128, plan, Label.BACKGROUND).astype(np.uint8)


def _draw_legs(plan: Bytes, body: Body) -> None:
    for pair in body.legs:
        _draw_limbs(plan, pair, Label.LEGS)


def _draw_limbs(plan: Bytes, limbs: tuple[Limb, ...], label: Label) -> None:
    """Bones and their joints: discs round off what the strips leave open."""
    for part in limbs:
        _fill(plan, part.outline(), label)
        for joint, at in ((part.start, 0), (part.end, -1)):
            x, y = joint + part.centre[at] * part.across
            cv2.circle(
                plan, (round(float(x)), round(float(y))), round(float(part.half[at])), (int(label),), -1
            )


def _draw_torso(plan: Bytes, body: Body, above: Label, below: Label) -> None:
    """The trunk, cut at the waist, and continued to the crotch below the hip joints."""
    trunk = np.zeros_like(plan)
    _fill(trunk, body.torso.outline(), Label.NECK)
    hips = body.torso.outline()[[len(body.torso.half) - 1, len(body.torso.half)]]
    _fill(trunk, np.concatenate([hips, hips[::-1] + 0.3 * body.unit * body.torso.along]), Label.NECK)
    rows, columns = np.nonzero(trunk)
    t = body.torso.place(np.stack([columns, rows], 1).astype(np.float32))[0]
    plan[rows, columns] = np.where(t < body.waist, above, below)


def _yoke(body: Body) -> Floats:
    """The shoulders: the hull of the neck's foot, the rounds of the shoulders and the chest between the armpits."""
    along, across = body.torso.along, body.torso.across
    throat = body.torso.start - along * THROAT * body.unit
    side = across * NECK[-1] * body.unit
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], 1)
    # Cloth lies thinly on the shoulders, so skin reaches as high as the old garment did; the matte cuts it.
    rounds = [pair[0].start - SLOPE * body.unit * along + pair[0].half[0] * circle for pair in body.arms]
    armpits = body.torso.outline()[[CHEST, -1 - CHEST]]
    hull = cv2.convexHull(
        np.concatenate([[throat + side, throat - side], body.throat, *rounds, armpits]).astype(np.float32)
    )
    return np.asarray(hull.reshape(-1, 2), np.float32)


def _fill(plan: Bytes, polygon: Floats, label: Label) -> None:
    cv2.fillPoly(plan, [np.round(polygon * 8).astype(np.int32)], (int(label),), shift=3)
