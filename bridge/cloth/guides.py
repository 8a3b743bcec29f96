"""Where a dressed garment's landmarks and seams should lie, as far as the fitted body tells.

The shoulders' tips and the neckline are drawn to the body's own. The hem is not: how deep it hangs follows from the
garment's length, and stretching it to a place would only hide a wrong size. Nor is the garment's outline compared with
the photo's: that shows the person in another garment.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bridge.cloth.dressing import AXES, COLLAR, DELTOID, LIMBS, SHOULDERS
from bridge.cloth.pattern import Ints, Sewn
from bridge.cloth.terms import Guide
from bridge.cloth.touch import SLEEVES, rim
from bridge.cloth.wearer import Flat, Floats, unit
from bridge.contracts import BodyPoint, Category, GarmentPoint, Part

_AROUND = 0.08
"""How far around a landmark the cloth is drawn with it, by the shoulders' breadth in the photo."""
_SURE = 0.04
"""A landmark that lies farther off than this [m] is one that was not found; it is left where it is."""
_FEWEST = 4
"""Fewer vertices of a seam say nothing of its course."""
_ELBOWS = {
    Part.LEFT_SLEEVE: BodyPoint.LEFT_ELBOW,
    Part.RIGHT_SLEEVE: BodyPoint.RIGHT_ELBOW,
}
_UPPER = 0.5
"""The share of the upper arm along which a seam's direction is taken."""


def landmarks(garment: Flat, sewn: Sewn, x: Floats, marks: Floats, weight: float) -> Guide:
    """Return what draws the shoulders' tips, and the neckline's middle, sideways to the body's.

    Args:
        garment: the panels.
        sewn: which of their vertices are one.
        x: FP64 [M, 3], the garment as it lies [m].
        marks: FP64 [33, 3], the body's landmarks [m].
        weight: of a vertex [1/m2].
    """
    joints = marks[[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER]]
    left, breadth = unit(joints[0] - joints[1]), float(np.linalg.norm(joints[0] - joints[1]))
    side, middle = x @ left, float(joints.mean(axis=0) @ left)
    moved = []
    collar = [_near(garment, sewn, point) for point in COLLAR]
    tips = [_near(garment, sewn, point) for point in SHOULDERS]
    if all(map(len, collar)):
        found = float(np.mean([side[near].mean() for near in collar]))
        moved += [(near, middle - found) for near in collar]
    if np.isin(garment.regions, SLEEVES).any():
        outwards = zip(tips, (1, -1), strict=True)
        moved += [
            (near, middle + sign * (breadth / 2 + DELTOID) - side[near].mean())
            for near, sign in outwards
            if len(near)
        ]
    sure = [(near, shift) for near, shift in moved if abs(shift) < _SURE]
    vertices = np.concatenate([np.zeros(0, np.int32), *(near for near, _ in sure)])
    wanted = np.concatenate([np.zeros(0), *(side[near] + shift for near, shift in sure)])
    return Guide(vertices, np.tile(left, (len(vertices), 1)), wanted, np.full(len(vertices), weight))


def straight_sleeves(garment: Flat, sewn: Sewn, x: Floats, marks: Floats, weight: float) -> Guide:
    """Return what keeps the sleeves' seams from winding around the arms; arguments as above.

    A seam goes on down the arm in the plane in which it begins at the shoulder; at the elbow that plane turns as the
    arm does, by the shortest way.
    """
    rows = [
        _straight(garment, sewn, x, marks, part) for part in SLEEVES if garment.category is not Category.LOWER
    ]
    vertices = np.concatenate([np.zeros(0, np.int32), *(row[0] for row in rows)])
    directions = np.concatenate([np.zeros((0, 3)), *(row[1] for row in rows)])
    wanted = np.concatenate([np.zeros(0), *(row[2] for row in rows)])
    return Guide(vertices, directions, wanted, np.full(len(vertices), weight))


def neckline(garment: Flat, sewn: Sewn, faces: Ints) -> npt.NDArray[np.bool_]:
    """Tell of each sewn vertex [M] whether it is of the ring around the neck.

    Args:
        garment: the panels.
        sewn: which of their vertices are one.
        faces: INT32 [F, 3], the sewn triangles.
    """
    found = np.zeros(len(sewn.first), np.bool_)
    if garment.category is Category.LOWER or (garment.points[list(COLLAR), 2] <= 0).any():
        return found
    places = garment.vertices[sewn.first]
    x = garment.points[list(COLLAR), 0]
    lowest = garment.points[[*SHOULDERS, GarmentPoint.COLLAR_FRONT], 1].max()
    edge = rim(faces)
    there = (places[edge, 0] >= x.min()) & (places[edge, 0] <= x.max()) & (places[edge, 1] <= lowest)
    found[edge[there]] = True
    return found


def _near(garment: Flat, sewn: Sewn, point: GarmentPoint) -> Ints:
    """Return the sewn vertices around a landmark; none where the garment has no such landmark."""
    away = np.linalg.norm(garment.vertices - garment.points[point, :2], axis=1)
    near = away < _AROUND * garment.width(*SHOULDERS)
    near[away.argmin()] = True
    return np.unique(sewn.vertex_of[near & (garment.points[point, 2] > 0)])


def _straight(garment: Flat, sewn: Sewn, x: Floats, marks: Floats, part: Part) -> tuple[Ints, Floats, Floats]:
    """Return the vertices [n] of a sleeve's seams, the normals [n, 3] of their planes and the wanted places [n]."""
    one = garment.seams[:, 0]
    one = one[garment.regions[one] == part]
    seam, first = np.unique(sewn.vertex_of[one], return_index=True)
    upper = _on_outer_side(garment, one[first], part)
    shoulder, elbow, wrist = marks[[LIMBS[part][0], _ELBOWS[part], LIMBS[part][1]]]
    above, below = unit(elbow - shoulder), unit(wrist - elbow)
    along = (x[seam] - shoulder) @ above / np.linalg.norm(elbow - shoulder)
    begin = along < _UPPER
    one, other = begin & upper, begin & ~upper
    if one.sum() < _FEWEST:
        return np.zeros(0, np.int32), np.zeros((0, 3)), np.zeros(0)
    outwards = (x[seam[one]] - shoulder).mean(axis=0)
    if other.sum() >= _FEWEST:  # a sleeve that lies on the trunk in its photo has no seam there
        outwards -= (x[seam[other]] - shoulder).mean(axis=0)
    normal = unit(np.cross(above, outwards))
    turned = normal - (normal @ below) / (1 + above @ below) * (above + below)
    past = (x[seam] - elbow) @ (above + below) > 0
    directions = np.where(past[:, None], turned, normal)
    return seam, directions, directions @ elbow


def _on_outer_side(garment: Flat, vertices: Ints, part: Part) -> npt.NDArray[np.bool_]:
    """Tell of each vertex [n] of a sleeve whether it is on the side that begins at the shoulder's tip."""
    root, cuff = (garment.middle(*pair) for pair in AXES[part])
    across = np.array([root[1] - cuff[1], cuff[0] - root[0]])
    shoulder = garment.points[AXES[part][0][0], :2]
    return np.sign((garment.vertices[vertices] - root) @ across) == np.sign((shoulder - root) @ across)
