"""How wide the panels are cut: what a photo of a filled garment doesn't show.

Shops photograph a garment flat, or filled, as if worn by nobody. Filled, it is seen as wide as the body, which is a
third less than half its girth, while its length and its shoulders are seen as they are. So each panel is made wider,
never narrower, until the garment goes around its wearer.
"""

from __future__ import annotations

import numpy as np

from bridge.cloth.dressing import (
    ARMPITS,
    AXES,
    CHEST,
    CHEST_EASE,
    COLLAR,
    LIMBS,
    SHOULDERS,
    WAIST,
    WAIST_EASE,
    WAISTBAND,
)
from bridge.cloth.wearer import Flat, Floats, Wearer, unit
from bridge.contracts import BodyPart, BodyPoint, Category, GarmentPoint, Part

_SLEEVE_EASE = 1.1
"""The least room of a sleeve: its girth by that of the arm."""
_HIP_EASE, _LEG_EASE = 1.04, 1.08
"""The room of the hips and of a trouser's leg."""
_NECK_EASE = 1.08
"""The room of a collar."""
_HIPS = 0.0
"""Where the hips are fullest, in the measure of :meth:`Wearer.level`."""
_WIDEST = 2.5
"""No panel is made wider than by this."""
_EDGE = 0.8
"""From where on, between an ellipse's middle (0) and its edge (1), it is widened no more: it is seen too steeply."""
_LEVELS = 40
"""At how many heights a tube's edges are looked for."""
_HIP = (GarmentPoint.HIP_LEFT, GarmentPoint.HIP_RIGHT)


def graded(garment: Flat, wearer: Wearer, scale: float) -> Floats:
    """Return the corners [F, 3, 2] of every triangle of the panels, cut for the wearer, y along the warp [m].

    Two triangles that share an edge may give it two lengths, where pieces join; the cloth takes the mean.

    Args:
        garment: the panels as photographed.
        wearer: the body in its A-pose.
        scale: metres of a pixel.
    """
    corners = garment.vertices[garment.faces] * scale
    parts = garment.regions[garment.faces[:, 0]]
    trunk = (
        _lower(garment, wearer, scale)
        if garment.category is Category.LOWER
        else _upper(garment, wearer, scale)
    )
    legs = np.isin(parts, (Part.LEFT_LEG, Part.RIGHT_LEG))  # they are loose tubes, which turn
    rounded = np.where(legs, trunk, _as_on_an_ellipse(_outwards(garment), np.maximum(trunk, 1)))
    for part in np.unique(parts):
        chosen = parts == part
        if part in (Part.LEFT_SLEEVE, Part.RIGHT_SLEEVE):
            across, factor = _sleeve(garment, wearer, Part(int(part)), scale)
        else:
            across, factor = np.array([1.0, 0.0]), rounded[chosen]
        wide = corners[chosen] @ across
        corners[chosen] += ((np.clip(factor, 1, _WIDEST) - 1)[..., None] * wide)[..., None] * across
    return corners


def _outwards(garment: Flat) -> Floats:
    """Return how far each triangle [F] of the trunk lies from its middle, 0, to its edge in the photo, 1."""
    own = ~np.isin(garment.regions, (Part.LEFT_SLEEVE, Part.RIGHT_SLEEVE))
    x, y = garment.vertices[own].T
    level = np.minimum((y - y.min()) / max(np.ptp(y), 1e-9) * _LEVELS, _LEVELS - 1).astype(int)
    known = np.unique(level)
    left = np.interp(level, known, [x[level == n].min() for n in known])
    right = np.interp(level, known, [x[level == n].max() for n in known])
    outwards = np.zeros(len(garment.vertices))
    outwards[own] = np.abs(2 * x - left - right) / np.maximum(right - left, 1e-9)
    return outwards[garment.faces].mean(axis=1)


def _as_on_an_ellipse(outwards: Floats, factor: Floats) -> Floats:
    """Return by how much each triangle must be wider so that all together are wider by ``factor``.

    A tube that is round is seen from the front as wide as it is in its middle, where the print is, and ever narrower
    towards its edges: by sqrt(1 + q^2 u^2 / (1 - u^2)) on an ellipse whose depth is q times its width, ``outwards`` u.
    """
    ratios = np.linspace(0, 4, 81)
    seen = np.minimum(np.linspace(0, 1, 200), _EDGE)
    whole = np.sqrt(1 + np.outer(ratios**2, seen**2 / (1 - seen**2))).mean(axis=1)
    ratio, u = np.interp(factor, whole, ratios), np.minimum(outwards, _EDGE)
    return np.sqrt(1 + ratio**2 * u**2 / (1 - u**2))


def _upper(garment: Flat, wearer: Wearer, scale: float) -> Floats:
    """Return by how much each triangle [F] around the trunk must be wider: what the neck and the chest ask for.

    Nothing at the shoulders, which the size fits already, and all from the armpits on.
    """
    full = max(1.0, CHEST_EASE * wearer.girth(wearer.level(CHEST)) / (2 * scale * garment.width(*ARMPITS)))
    neck = max(1.0, _NECK_EASE * _neck(wearer) / (2 * scale * garment.width(*COLLAR)))
    ends = [garment.middle(*pair)[1] for pair in (COLLAR, SHOULDERS, ARMPITS)]
    return np.interp(garment.vertices[garment.faces, 1].mean(axis=1), ends, (neck, 1.0, full))


def _lower(garment: Flat, wearer: Wearer, scale: float) -> Floats:
    """Return the same of trousers or a skirt: what the waist, the hips and, below the crotch, the legs ask for."""
    places = [(WAIST, 2.0, WAIST_EASE * wearer.girth(wearer.level(WAISTBAND)), garment.middle(*WAIST)[1])]
    if (garment.points[list(_HIP), 2] > 0).all():
        places.append((_HIP, 2.0, _HIP_EASE * wearer.girth(wearer.level(_HIPS)), garment.middle(*_HIP)[1]))
        if garment.points[GarmentPoint.CROTCH, 2] > 0:  # there, each leg has half of the garment's width
            leg = _LEG_EASE * _girth_of(wearer, BodyPart.LEFT_THIGH)
            places.append((_HIP, 1.0, leg, garment.points[GarmentPoint.CROTCH, 1]))
    places.sort(key=lambda place: place[3])
    needed = [girth / (share * scale * garment.width(*pair)) for pair, share, girth, _ in places]
    heights = [height for *_, height in places]
    return np.interp(garment.vertices[garment.faces, 1].mean(axis=1), heights, needed)


def _sleeve(garment: Flat, wearer: Wearer, part: Part, scale: float) -> tuple[Floats, Floats]:
    """Return the direction across a sleeve in its panel, and by how much each triangle [n] of it must be wider.

    Half as much where it is set in, since the armhole is what it is: the rest would be gathered to a puff.
    """
    arm = _girth_of(wearer, LIMBS[part][2])
    root, cuff = (garment.middle(*pair) for pair in AXES[part])
    along = unit(cuff - root)
    across = np.array([-along[1], along[0]])
    ends = [garment.points[list(pair), :2] for pair in AXES[part]]
    width = max(abs(float((outer - inner) @ across)) for outer, inner in ends)
    full = max(1.0, arm * _SLEEVE_EASE / (2 * scale * width))
    faces = garment.faces[garment.regions[garment.faces[:, 0]] == part]
    share = (garment.vertices[faces].mean(axis=1) - root) @ along / np.linalg.norm(cuff - root)
    return across, 1 + (full - 1) * np.clip((1 + share) / 2, 0.5, 1)


def _neck(wearer: Wearer) -> float:
    """Return the neck's girth [m], half way from the shoulders' joints to the ears."""
    ears = wearer.landmarks[[BodyPoint.LEFT_EAR, BodyPoint.RIGHT_EAR]]
    return wearer.girth((wearer.level(1.0) + float(ears[:, 1].mean())) / 2)


def _girth_of(wearer: Wearer, part: BodyPart) -> float:
    """Return the girth of a limb's upper part [m], from its vertices' median distance to their long axis."""
    vertices = wearer.vertices[wearer.parts == part]
    apart = vertices - vertices.mean(axis=0)
    axis = np.linalg.svd(apart, full_matrices=False)[2][0]
    return 2 * np.pi * float(np.median(np.linalg.norm(np.cross(apart, axis), axis=1)))
