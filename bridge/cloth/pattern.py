"""The sewn garment as masses and constraints: what the solver is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bridge.cloth.fabric import Material
from bridge.cloth.wearer import Floats

Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

_LEAST_AREA = 1e-9
"""Keeps the bending weights of slivers finite [m2]."""


@dataclass(frozen=True)
class Cloth:
    """A surface of ``N`` masses: XPBD's constraints with their compliances.

    Attributes:
        faces: INT32 [F, 3].
        inverse_masses: FP32 [N], [1/kg]; 0: never moves.
        edges: INT32 [E, 2].
        rest: FP32 [E], lengths at rest [m].
        edge_compliance: FP32 [E], [m/N].
        hinges: INT32 [H, 4], the two ends of an inner edge, then the two corners that face it.
        hinge_weights: FP32 [H, 4], whose weighted sum of corners [1] vanishes where the hinge is flat.
        hinge_compliance: FP32 [H], by the squared length of that sum [m/N].
        limit: the largest strain of an edge.
        sleeves: bool [N], whether arms hold a vertex off; the others only what is not an arm.
    """

    faces: Ints
    inverse_masses: Singles
    edges: Ints
    rest: Singles
    edge_compliance: Singles
    hinges: Ints
    hinge_weights: Singles
    hinge_compliance: Singles
    limit: float
    sleeves: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sewn:
    """Which vertices of the panels became one.

    Attributes:
        vertex_of: INT32 [N], the sewn garment's vertex of every vertex of the panels.
        first: INT32 [M], one vertex of the panels for every vertex of the sewn garment.
    """

    vertex_of: Ints
    first: Ints


def sew(count: int, seams: Ints) -> Sewn:
    """Return the ``count`` vertices of panels with those of each seam's pair made one."""
    into = np.arange(count)
    while True:  # a vertex may be sewn more than once: the smallest number spreads along its seams
        before = into.copy()
        least = np.minimum(into[seams[:, 0]], into[seams[:, 1]])
        np.minimum.at(into, seams[:, 0], least)
        np.minimum.at(into, seams[:, 1], least)
        if np.array_equal(into, before):
            break
    first, vertex_of = np.unique(into, return_inverse=True)
    return Sewn(vertex_of.astype(np.int32), first.astype(np.int32))


def cloth_of(
    corners: Floats,
    faces: Ints,
    sewn: Sewn,
    material: Material,
    sleeves: npt.NDArray[np.bool_] | None = None,
) -> Cloth:
    """Return the cloth whose shape at rest is the flat panels.

    Args:
        corners: FP64 [F, 3, 2], the corners of the panels' triangles [m], y along the warp.
        faces: INT32 [F, 3], their vertices.
        sewn: which of the vertices are one.
        material: the fabric.
        sleeves: bool [N], the panels' vertices that arms hold off; None: all of them.
    """
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]) / 2
    joined = sewn.vertex_of[faces]
    masses = np.bincount(joined.ravel(), np.repeat(areas / 3, 3), len(sewn.first)) * material.density
    edges, sides = _edges(joined)
    spans = np.roll(corners, -1, axis=1) - corners
    rest = np.bincount(sides.ravel(), np.linalg.norm(spans, axis=2).ravel()) / np.bincount(sides.ravel())
    stiffness = np.bincount(sides.ravel(), (_modulus(spans, material) * areas[:, None]).ravel())
    hinges, weights, bending = _hinges(joined, sides, rest, areas, material)
    one, two = _mixed(len(edges)), _mixed(len(hinges))
    held_off = np.ones(len(sewn.vertex_of)) if sleeves is None else sleeves
    return Cloth(
        faces=joined.astype(np.int32),
        inverse_masses=(1 / np.maximum(masses, 1e-9)).astype(np.float32),
        edges=edges[one].astype(np.int32),
        rest=rest[one].astype(np.float32),
        edge_compliance=(rest**2 / stiffness)[one].astype(np.float32),
        hinges=hinges[two].astype(np.int32),
        hinge_weights=weights[two].astype(np.float32),
        hinge_compliance=(1 / bending)[two].astype(np.float32),
        limit=material.limit,
        sleeves=np.bincount(sewn.vertex_of, held_off) > 0,
    )


def _mixed(count: int) -> npt.NDArray[np.intp]:
    """Return an order of constraints in which neighbours don't follow each other.

    A sweep along the mesh would prefer a direction, and each step would wait for the one before: it takes twice the
    time.
    """
    return np.random.default_rng(0).permutation(count)


def _edges(faces: Ints) -> tuple[Ints, Ints]:
    """Return the edges [E, 2], and of every triangle the numbers [F, 3] of its sides 01, 12, 20."""
    sides = np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2)
    edges, number = np.unique(np.sort(sides, axis=1), axis=0, return_inverse=True)
    return edges, number.reshape(-1, 3)


def _modulus(spans: Floats, material: Material) -> Floats:
    """Return the tensile stiffness [F, 3] along every side [N/m].

    An orthotropic sheet's off-axis modulus without coupling of warp and weft (Jones, *Mechanics of Composite
    Materials*, 1999, section 2.6); an edge's spring has it times its triangles' areas by its squared length (Van
    Gelder, *Approximate simulation of elastic membranes by triangulated spring meshes*, 1998).
    """
    squares = spans**2 / (spans**2).sum(axis=2, keepdims=True)
    across, along = squares[..., 0], squares[..., 1]
    return 1 / (across**2 / material.weft + along**2 / material.warp + across * along / material.shear)


def _hinges(
    faces: Ints, sides: Ints, rest: Floats, areas: Floats, material: Material
) -> tuple[Ints, Floats, Floats]:
    """Return every inner edge's four corners, their weights and the stiffness [N/m].

    The isometric bending energy of Bergou et al., *A quadratic bending model for inextensible surfaces* (2006): a
    constant quadratic form of the corners, from cotangents of the panel's angles. Its factor is such that a cylinder
    of curvature k holds the energy B k^2 / 2 of each area.
    """
    order = np.argsort(sides.ravel(), kind="stable")
    number = sides.ravel()[order]
    pair = np.flatnonzero(number[1:] == number[:-1])
    left, right = order[pair], order[pair + 1]
    triangle, side = np.stack([left, right]) // 3, np.stack([left, right]) % 3
    begin, end = faces[triangle[0], side[0]], faces[triangle[0], (side[0] + 1) % 3]
    apex = faces[triangle, (side + 2) % 3]
    lengths = rest[sides]
    edge = lengths[triangle, side]
    after, prior = lengths[triangle, (side + 1) % 3], lengths[triangle, (side + 2) % 3]
    area = np.maximum(areas[triangle], _LEAST_AREA)
    # cotangents at the edge's ends, as seen along the left triangle's side
    at_begin = (edge**2 + prior**2 - after**2) / (4 * area)
    at_end = (edge**2 + after**2 - prior**2) / (4 * area)
    at_begin[1], at_end[1] = at_end[1].copy(), at_begin[1].copy()  # the right triangle runs the other way
    weights = np.column_stack(
        [at_end.sum(axis=0), at_begin.sum(axis=0), -(at_begin + at_end)[0], -(at_begin + at_end)[1]]
    )
    bending = material.bending / area.sum(axis=0)
    return np.column_stack([begin, end, apex[0], apex[1]]), weights, bending
