"""How well a garment lies: out of the skin, and how far it is stretched."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from bridge.cloth.pattern import Cloth, Ints, Singles
from bridge.cloth.solver import Contact, Surface, nearest, normals_of
from bridge.cloth.wearer import Floats

_Real = TypeVar("_Real", np.float32, np.float64)

_ROUNDS = 3
_DEEPEST = 0.02
"""How deep a place in the body is looked for [m]; deeper, what lies between two vertices spans a crease."""
GAP = 0.002
"""How far vertices, and the middles of edges and triangles, are pushed off the skin in the end [m]."""
_LOST = 0.05
"""How deep a vertex is looked for that the solver left inside [m]."""
FARTHEST = 0.1
"""Up to where the distance from the skin is told [m]."""
_SMALLEST = 1e-12
"""Keeps the strain of a triangle without area finite [m2]."""


def outside(worn: Singles, cloth: Cloth, body: Singles, surface: Surface) -> Singles:
    """Return the garment [M, 3] pushed out of the skin: vertices first, then what shows between them."""
    x = worn.copy()
    vertices, *between = elements(cloth)
    for places in ([vertices, *between],) * _ROUNDS + ([vertices],) * _ROUNDS:
        push, count = np.zeros_like(x), np.zeros(len(x), np.float32)
        for corners in places:
            contact = near(x, cloth, corners, body, surface)
            low = np.flatnonzero((contact.triangles >= 0) & (contact.depths < GAP))
            wanted = (GAP - contact.depths[low])[:, None] * contact.normals[low]
            for column in corners[low].T:
                np.add.at(push, column, wanted)
                np.add.at(count, column, 1)
        if not count.any():
            break
        x += push / np.maximum(count, 1)[:, None]
    return x


def deepest(worn: Singles, cloth: Cloth, body: Singles, surface: Surface) -> tuple[float, float]:
    """Return how deep the garment's vertices lie in the body [m], 0 if none does, and the share of them that do.

    Depth counts below the skin that the cloth's inner side faces: where the body's own limbs run into each other,
    cloth between them is in neither.
    """
    contact = near(worn, cloth, elements(cloth)[0], body, surface)
    depths = np.where(contact.triangles >= 0, contact.depths, 1.0)
    return max(0.0, -float(depths.min())), float((depths < 0).mean())


def clearances(worn: Singles, cloth: Cloth, body: Singles, surface: Surface) -> Contact:
    """Return the skin that each of the garment's vertices [M, 3] has on its inner side, up to :data:`FARTHEST`."""
    return nearest(worn, normals_of(worn, cloth.faces), body, surface, FARTHEST, cloth.sleeves)


def strains(rest: Floats, worn: Singles, faces: Ints) -> Floats:
    """Return the largest stretch [F] of each triangle: the greater singular value of its deformation, less 1.

    Args:
        rest: FP64 [F, 3, 2], the corners of the panels' triangles [m].
        worn: FP32 [N, 3], the vertices [m].
        faces: INT32 [F, 3].
    """
    now = worn[faces].astype(np.float64)
    a, b = (rest[:, 1] - rest[:, 0]).T, (rest[:, 2] - rest[:, 0]).T
    area = a[0] * b[1] - a[1] * b[0]
    area = np.where(np.abs(area) < _SMALLEST, _SMALLEST, area)
    one, two = now[:, 1] - now[:, 0], now[:, 2] - now[:, 0]
    along_x = (one * b[1][:, None] - two * a[1][:, None]) / area[:, None]
    along_y = (two * a[0][:, None] - one * b[0][:, None]) / area[:, None]
    xx, yy = (along_x**2).sum(axis=1), (along_y**2).sum(axis=1)
    xy = (along_x * along_y).sum(axis=1)
    greater = (xx + yy) / 2 + np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    return np.maximum(np.sqrt(greater) - 1, 0)


def elements(cloth: Cloth) -> tuple[Ints, Ints, Ints]:
    """Return vertices [n, 1], edges [n, 2] and triangles [n, 3] by their corners."""
    return np.arange(len(cloth.inverse_masses), dtype=np.int32)[:, None], cloth.edges, cloth.faces


def near(x: Singles, cloth: Cloth, corners: Ints, body: Singles, surface: Surface) -> Contact:
    """Return the skin near vertices, or near the middles of edges and triangles."""
    facing, places = (middle(values, corners) for values in (normals_of(x, cloth.faces), x))
    reach = _LOST if corners.shape[1] == 1 else _DEEPEST
    return nearest(places, facing, body, surface, reach, cloth.sleeves[corners].any(axis=1))


def middle(values: npt.NDArray[_Real], corners: Ints) -> npt.NDArray[_Real]:
    """Return the means [n, 3] of the ``values`` [M, 3] at corners [n, c]; quicker than ``mean`` of so few."""
    total = values[corners[:, 0]]
    for column in corners.T[1:]:
        total += values[column]
    total /= corners.shape[1]
    return total
