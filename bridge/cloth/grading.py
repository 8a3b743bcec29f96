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
    LIMBS,
    WAIST,
    WAIST_EASE,
    WAISTBAND,
    radius,
)
from bridge.cloth.wearer import Flat, Floats, Wearer, unit
from bridge.contracts import Category, GarmentPoint, Part

_SLEEVE_EASE = 1.2
"""The least room of a sleeve: its girth by that of the arm."""
_HIP_EASE = 1.04
_HIPS = 0.0
"""Where the hips are fullest, in the measure of :meth:`Wearer.level`."""
_WIDEST = 2.5
"""No panel is made wider than by this."""
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
    trunk = _trunk(garment, wearer, scale)
    for part in np.unique(parts):
        chosen = parts == part
        if part in (Part.LEFT_SLEEVE, Part.RIGHT_SLEEVE):
            across, factor = _sleeve(garment, wearer, Part(int(part)), scale)
        else:
            across, factor = np.array([1.0, 0.0]), trunk
        wide = corners[chosen] @ across
        corners[chosen] += ((np.clip(factor, 1, _WIDEST) - 1) * wide)[..., None] * across
    return corners


def _trunk(garment: Flat, wearer: Wearer, scale: float) -> float:
    """Return by how much the panels around the trunk must be wider."""
    if garment.category is not Category.LOWER:
        room = 2 * scale * garment.width(*ARMPITS)
        return CHEST_EASE * wearer.girth(wearer.level(CHEST)) / room
    waist = WAIST_EASE * wearer.girth(wearer.level(WAISTBAND)) / (2 * scale * garment.width(*WAIST))
    if (garment.points[list(_HIP), 2] <= 0).any():
        return waist
    return max(waist, _HIP_EASE * wearer.girth(wearer.level(_HIPS)) / (2 * scale * garment.width(*_HIP)))


def _sleeve(garment: Flat, wearer: Wearer, part: Part, scale: float) -> tuple[Floats, float]:
    """Return the direction across a sleeve in its panel, and by how much it must be wider."""
    begin, end, thickest = LIMBS[part]
    arm = radius(wearer.vertices[wearer.parts == thickest], wearer.landmarks[begin], wearer.landmarks[end])
    along = unit(garment.middle(*AXES[part][1]) - garment.middle(*AXES[part][0]))
    across = np.array([-along[1], along[0]])
    shoulder, armpit = garment.points[list(AXES[part][0]), :2]
    return across, _SLEEVE_EASE * np.pi * arm / (scale * abs(float((shoulder - armpit) @ across)))
