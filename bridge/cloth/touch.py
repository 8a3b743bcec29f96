"""What touches the garment, and what keeps it in its place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bridge.cloth.dressing import ARMPITS, SHOULDERS
from bridge.cloth.pattern import Cloth, Ints, Sewn, Singles
from bridge.cloth.solver import Held, Surface, nearest, normals_of
from bridge.cloth.wearer import Flat, Floats, Wearer
from bridge.contracts import BodyPart, BodyPoint, Category, Part

_PASSED = (BodyPart.HEAD, BodyPart.LEFT_HAND, BodyPart.RIGHT_HAND)
"""Parts that cloth passes: fingers would catch it, and the photo shows them over it."""
_FEET = {BodyPart.LEFT_FOOT: BodyPoint.LEFT_ANKLE, BodyPart.RIGHT_FOOT: BodyPoint.RIGHT_ANKLE}
_TOES = 0.1
"""How far from the ankle toes are, which it passes as well [m]."""
SLEEVES = (Part.LEFT_SLEEVE, Part.RIGHT_SLEEVE)
"""Pieces that go around an arm."""
_UPPER_ARMS = {
    BodyPart.LEFT_UPPER_ARM: BodyPoint.LEFT_SHOULDER,
    BodyPart.RIGHT_UPPER_ARM: BodyPoint.RIGHT_SHOULDER,
}
_DELTOID = 0.1
"""How far from its joint a shoulder goes over into the arm [m]."""
_NEAR = 0.05
"""How far from the skin what is held may begin [m]."""


def touched(wearer: Wearer, faces: Ints) -> tuple[Surface, Ints]:
    """Return those of a body's triangles [F, 3] that cloth doesn't pass, and their numbers."""
    solid = ~np.isin(wearer.parts, _PASSED)
    for part, ankle in _FEET.items():
        far = np.linalg.norm(wearer.vertices - wearer.landmarks[ankle], axis=1) > _TOES
        solid &= (wearer.parts != part) | ~far
    chosen = np.flatnonzero(solid[faces].any(axis=1)).astype(np.int32)
    return Surface.of(faces[chosen], len(solid), _arms(wearer)), chosen


def _arms(wearer: Wearer) -> npt.NDArray[np.bool_]:
    """Return which vertices of the body are of arms, below the shoulders.

    Only sleeves are held off by them: a hem would be caught at the elbow, and the photo shows arms before the trunk.
    """
    arms = np.isin(wearer.parts, (BodyPart.LEFT_FOREARM, BodyPart.RIGHT_FOREARM))
    for part, shoulder in _UPPER_ARMS.items():
        far = np.linalg.norm(wearer.vertices - wearer.landmarks[shoulder], axis=1) > _DELTOID
        arms |= (wearer.parts == part) & far
    return arms


def fastened(
    garment: Flat, sewn: Sewn, cloth: Cloth, start: Singles, body: Singles, surface: Surface, axes: Floats
) -> Held:
    """Return what keeps the garment in its place, where clasps, elastic and tension do.

    The upper edge of trousers and skirts can't slide up or down; the shoulders' seams can't slide to a side.

    Args:
        garment: the panels.
        sewn: which of their vertices are one.
        cloth: the sewn garment.
        start: FP32 [M, 3], where it is put on.
        body: FP32 [V, 3], the A-pose.
        surface: the body's triangles.
        axes: FP64 [3, 3], the wearer's left, up and forward.
    """
    if garment.category is Category.LOWER:
        vertices, way = _waistband(garment, sewn, cloth), axes[1]
    else:
        vertices, way = _shoulders(garment, sewn), axes[0]
    facing = normals_of(start, cloth.faces)[vertices]
    contact = nearest(start[vertices], facing, body, surface, _NEAR)
    near = contact.triangles >= 0
    triangles, at, vertices = contact.triangles[near], contact.at[near], vertices[near]
    skin = (at[..., None] * body[surface.faces[triangles]]).sum(axis=1)
    return Held(vertices, triangles, at, start[vertices] - skin, way.astype(np.float32))


def _waistband(garment: Flat, sewn: Sewn, cloth: Cloth) -> Ints:
    """Return the vertices of the rim around the waist."""
    edge = rim(cloth.faces)
    heights = garment.vertices[sewn.first, 1]
    return edge[heights[edge] < (heights.min() + heights.max()) / 2]


def rim(faces: Ints) -> Ints:
    """Return the vertices on the edges that only one triangle has; ``faces`` [F, 3]."""
    sides = np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2)
    edges, counts = np.unique(np.sort(sides, axis=1), axis=0, return_counts=True)
    return np.unique(edges[counts == 1]).astype(np.int32)


def _shoulders(garment: Flat, sewn: Sewn) -> Ints:
    """Return the vertices of the seams on the shoulders."""
    one = garment.seams[:, 0]
    height = (garment.middle(*SHOULDERS)[1] + garment.middle(*ARMPITS)[1]) / 2
    chosen = (garment.regions[one] == Part.TORSO) & (garment.vertices[one, 1] < height)
    return np.unique(sewn.vertex_of[one[chosen]])
