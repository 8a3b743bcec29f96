"""How a flat, sewn garment is put on a body before the simulation begins.

The two panels of a garment lie on each other in its photo. They are scaled to the body, their sleeves and legs are
turned to the body's limbs, and the whole is blown up like a balloon around them: what is sewn stays closed, so that
no seam has to travel through the body, as happens where flat panels are placed before and behind the body and
pulled together (Volino and Magnenat-Thalmann, *Virtual Clothing*, 2000).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridge.cloth.wearer import TRUNK, Flat, Floats, Wearer, unit
from bridge.contracts import BodyPart, BodyPoint, Category, GarmentPoint, Part

CHEST_EASE = 1.06
"""The least room of an upper garment: girth of the garment by girth of the chest."""
WAIST_EASE = 1.03
"""The room of a waistband."""
_STRAPS = 0.7
"""How far apart the middles of straps lie at most, by the distance of the shoulders' joints: farther out, the
shoulder slopes too steeply for them."""
DELTOID = 0.025
"""How far the shoulder's tip, where a sleeve is set in, lies outside its joint [m]: the biacromial breadth of ISO 7250
(about .38 m) and the joints' distance (.33 m) differ by twice that."""
_CLEARANCE = 0.02
"""Air between the body and the garment before it falls [m]."""
_SMOOTHING = 12
"""Rounds of averaging that join torso and sleeve, each over the neighbours of a vertex."""
CHEST, WAISTBAND = 0.7, 0.25
"""Where the fullest chest and a waistband are, between the hips' joints (0) and the shoulders' (1)."""
_INSIDE = (*TRUNK, BodyPart.LEFT_CALF, BodyPart.RIGHT_CALF)
"""What a garment's front and back have between them."""
_LEVELS = 40
"""Slices of the trunk whose depth is taken."""
_STRIPE = 0.012
"""Half the width of the stripe across a shoulder whose top is sought [m]."""
_THICKEST = 0.9
"""The quantile of a limb's radius that a sleeve must clear."""
COLLAR = (GarmentPoint.COLLAR_LEFT, GarmentPoint.COLLAR_RIGHT)
SHOULDERS = (GarmentPoint.SHOULDER_LEFT, GarmentPoint.SHOULDER_RIGHT)
ARMPITS = (GarmentPoint.ARMPIT_LEFT, GarmentPoint.ARMPIT_RIGHT)
WAIST = (GarmentPoint.WAIST_LEFT, GarmentPoint.WAIST_RIGHT)
LIMBS = {
    Part.LEFT_SLEEVE: (BodyPoint.LEFT_SHOULDER, BodyPoint.LEFT_WRIST, BodyPart.LEFT_UPPER_ARM),
    Part.RIGHT_SLEEVE: (BodyPoint.RIGHT_SHOULDER, BodyPoint.RIGHT_WRIST, BodyPart.RIGHT_UPPER_ARM),
    Part.LEFT_LEG: (BodyPoint.LEFT_HIP, BodyPoint.LEFT_ANKLE, BodyPart.LEFT_THIGH),
    Part.RIGHT_LEG: (BodyPoint.RIGHT_HIP, BodyPoint.RIGHT_ANKLE, BodyPart.RIGHT_THIGH),
}
"""For each piece that goes around a limb: where the limb begins and ends, and the thickest part of it."""
AXES = {
    Part.LEFT_SLEEVE: (
        (GarmentPoint.SHOULDER_LEFT, GarmentPoint.ARMPIT_LEFT),
        (GarmentPoint.CUFF_OUTER_LEFT, GarmentPoint.CUFF_INNER_LEFT),
    ),
    Part.RIGHT_SLEEVE: (
        (GarmentPoint.SHOULDER_RIGHT, GarmentPoint.ARMPIT_RIGHT),
        (GarmentPoint.CUFF_OUTER_RIGHT, GarmentPoint.CUFF_INNER_RIGHT),
    ),
    Part.LEFT_LEG: (
        (GarmentPoint.HIP_LEFT, GarmentPoint.CROTCH),
        (GarmentPoint.HEM_LEFT, GarmentPoint.HEM_INNER_LEFT),
    ),
    Part.RIGHT_LEG: (
        (GarmentPoint.HIP_RIGHT, GarmentPoint.CROTCH),
        (GarmentPoint.HEM_RIGHT, GarmentPoint.HEM_INNER_RIGHT),
    ),
}
"""For each such piece: the garment's landmarks whose middles are the ends of its axis."""


@dataclass(frozen=True)
class Hung:
    """How the photo's pixels become the wearer's plane: x to the wearer's left, y up [m].

    Attributes:
        scale: metres of a pixel.
        anchor: FP64 [2], the pixel that comes to x = 0.
        height: its height in the plane [m].
    """

    scale: float
    anchor: Floats
    height: float

    def __call__(self, pixels: Floats) -> Floats:
        """Return the places in the plane of points [..., 2] of the photo."""
        return (pixels - self.anchor) * (self.scale, -self.scale) + (0, self.height)


@dataclass(frozen=True)
class Tube:
    """What a piece of the garment is blown up around.

    Attributes:
        plane: FP64 [n, 2], the piece's vertices in the wearer's plane [m].
        middle: FP64 [n], z of the body's middle there [m].
        depth: FP64 [n], half of what the body takes in z there, with air [m].
        width: FP64 [n], half of the piece's own width, flat [m].
    """

    plane: Floats
    middle: Floats
    depth: Floats
    width: Floats


def size(garment: Flat, wearer: Wearer) -> float:
    """Return the metres of one pixel of the garment's photo: the size in which the wearer would buy it.

    A garment with sleeves fits the shoulders, where its own end. Another one fits the chest or the waist; whether
    the photo shows it flat, half its girth wide, or filled as by an invisible doll, as wide as the body, can't be
    told, so that it is taken half way. None is longer than to the floor. :mod:`bridge.cloth.grading` gives it the
    room that a filled garment's photo doesn't show.
    """
    longest = _longest(garment, wearer)
    if garment.category is Category.LOWER:
        level, waist = wearer.level(WAISTBAND), garment.width(*WAIST)
        flat = WAIST_EASE * wearer.girth(level) / (2 * waist)
        if np.isin(garment.regions, (Part.LEFT_LEG, Part.RIGHT_LEG)).any():
            return min(flat, longest)
        return min((flat + wearer.breadth(level) / waist) / 2, longest)
    joints = wearer.landmarks[[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER]]
    if np.isin(garment.regions, (Part.LEFT_SLEEVE, Part.RIGHT_SLEEVE)).any():
        breadth = float(np.linalg.norm(joints[0] - joints[1])) + 2 * DELTOID
        return min(breadth / garment.width(*SHOULDERS), longest)
    chest, armpits = wearer.level(CHEST), garment.width(*ARMPITS)
    flat = CHEST_EASE * wearer.girth(chest) / (2 * armpits)
    return min((flat + wearer.breadth(chest) / armpits) / 2, longest)


def _longest(garment: Flat, wearer: Wearer) -> float:
    """Return the scale [m/px] in which the garment reaches the floor."""
    top = wearer.level(WAISTBAND if garment.category is Category.LOWER else 1.0)
    return (top - wearer.floor()) / float(np.ptp(garment.vertices[:, 1]))


def put_on(garment: Flat, wearer: Wearer) -> Floats:
    """Return where every vertex of the garment is before it falls, [N, 3] in the camera frame [m]."""
    hung = _hang(garment, wearer)
    plane = hung(garment.vertices)
    plane[:, 0] *= _together(garment, wearer, hung.scale)
    shape = _trunk(garment, wearer, plane, hung.scale)
    for part in LIMBS:
        chosen = garment.regions == part
        if chosen.any():
            tube = _limb(garment, wearer, part, hung, plane[chosen])
            plane[chosen] = tube.plane
            shape[chosen] = np.column_stack([tube.middle, tube.depth, tube.width])
    middle, depth, width = _smooth(shape, garment).T
    inward = np.minimum(_to_seam(garment) * hung.scale / width, 1)
    bulge = depth * np.sqrt(1 - (1 - inward) ** 2)
    return wearer.placed(np.column_stack([plane, middle + np.where(garment.back, -bulge, bulge)]))


def _hang(garment: Flat, wearer: Wearer) -> Hung:
    """Hang a garment from the waistband's height, or from the shoulders, a little above them."""
    scale = size(garment, wearer)
    if garment.category is Category.LOWER:
        return Hung(scale, garment.middle(*WAIST), wearer.level(WAISTBAND))
    loose = Hung(scale, garment.middle(*COLLAR), 0.0)
    seam = loose(garment.points[[*COLLAR, *SHOULDERS], :2])
    return Hung(scale, loose.anchor, max(_top(wearer, x) - y for x, y in seam) + _CLEARANCE / 2)


def _together(garment: Flat, wearer: Wearer, scale: float) -> Floats:
    """Return by how much every vertex [N] of a garment with straps is nearer to the wearer's middle than in its photo.

    Straps that lie outwards in the photo are brought together to where shoulders carry them, those of the armpits'
    height not at all.
    """
    sleeved = np.isin(garment.regions, (Part.LEFT_SLEEVE, Part.RIGHT_SLEEVE)).any()
    if garment.category is Category.LOWER or sleeved:
        return np.ones(len(garment.vertices))
    joints = wearer.landmarks[[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER]]
    apart = scale * (garment.width(*COLLAR) + garment.width(*SHOULDERS)) / 2
    nearer = min(1.0, _STRAPS * float(np.linalg.norm(joints[0] - joints[1])) / apart)
    ends = garment.middle(*SHOULDERS)[1], garment.middle(*ARMPITS)[1]
    return np.interp(garment.vertices[:, 1], ends, (nearer, 1.0))


def _top(wearer: Wearer, x: float) -> float:
    """Return the height of the shoulder's upper side at ``x`` [m]; beside the body, that of the joints."""
    near = (wearer.parts == BodyPart.TORSO) & (np.abs(wearer.vertices[:, 0] - x) < _STRIPE)
    return float(wearer.vertices[near, 1].max(initial=wearer.level(1.0)))


def _trunk(garment: Flat, wearer: Wearer, plane: Floats, scale: float) -> Floats:
    """Return middle, depth and width [N, 3] of the tube around the trunk at every vertex of the garment."""
    heights = plane[:, 1]
    levels = np.linspace(heights.min(), heights.max(), _LEVELS)
    ends = np.array([(z.min(), z.max()) for z in (wearer.slice(level, _INSIDE)[:, 1] for level in levels)])
    middle = np.interp(heights, levels, ends.mean(axis=1))
    depth = np.interp(heights, levels, np.diff(ends)[:, 0] / 2) + _CLEARANCE
    pair = WAIST if garment.category is Category.LOWER else ARMPITS
    return np.column_stack([middle, depth, np.full(len(plane), garment.width(*pair) * scale / 2)])


def _limb(garment: Flat, wearer: Wearer, part: Part, hung: Hung, plane: Floats) -> Tube:
    """Turn a sleeve or a leg around its hinge onto the limb's line, and return the tube around it."""
    begin, end, thickest = LIMBS[part]
    joint, tip = wearer.landmarks[begin], wearer.landmarks[end]
    along = unit((tip - joint)[:2])
    hinge, cuff = (hung(garment.middle(*pair)) for pair in AXES[part])
    from_joint = (hinge - joint[:2]) @ along
    turned = (plane - hinge) @ _rotation(unit(cuff - hinge), along).T + joint[:2] + from_joint * along
    share = (turned - joint[:2]) @ along / np.linalg.norm((tip - joint)[:2])
    middle = joint[2] + np.clip(share, 0, 1) * (tip - joint)[2]
    depth = _radius(wearer.vertices[wearer.parts == thickest], joint, tip) + _CLEARANCE
    opening = garment.width(*AXES[part][0]) * hung.scale / 2
    return Tube(turned, middle, np.full(len(plane), depth), np.full(len(plane), opening))


def _rotation(source: Floats, target: Floats) -> Floats:
    """Return the rotation [2, 2] of the plane that turns one direction into another."""
    cosine, sine = source @ target, source[0] * target[1] - source[1] * target[0]
    return np.array([[cosine, -sine], [sine, cosine]])


def _radius(vertices: Floats, joint: Floats, tip: Floats) -> float:
    """Return how far from its axis a limb reaches [m]: the quantile, since the shoulder and the hip don't count."""
    away = np.linalg.norm(np.cross(vertices - joint, unit(tip - joint)), axis=1)
    return float(np.quantile(away, _THICKEST))


def _to_seam(garment: Flat) -> Floats:
    """Return how far every vertex lies from the nearest seam of its panel [px]."""
    distance = np.empty(len(garment.vertices))
    for side in (False, True):
        here = np.flatnonzero(garment.back == side)
        sewn = garment.vertices[np.intersect1d(here, garment.seams.ravel())]
        apart = garment.vertices[here, None] - sewn[None]
        distance[here] = np.sqrt((apart**2).sum(axis=2).min(axis=1))
    return distance


def _smooth(values: Floats, garment: Flat) -> Floats:
    """Return values [N, c] of the vertices, each averaged with its neighbours', so that the pieces join."""
    edges = np.concatenate([garment.faces[:, [0, 1]], garment.faces[:, [1, 2]], garment.faces[:, [2, 0]]])
    ends = np.concatenate([edges, edges[:, ::-1]])
    count = np.bincount(ends[:, 0], minlength=len(values))[:, None] + 1.0
    for _ in range(_SMOOTHING):
        total = values.copy()
        np.add.at(total, ends[:, 0], values[ends[:, 1]])
        values = total / count
    return values
