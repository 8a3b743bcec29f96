"""The cloth solver: numpy in, numpy out; Taichi stays behind it.

Extended position based dynamics (Macklin, Müller, Chentanez, *XPBD*, 2016) in small steps of one iteration each
(Macklin et al., *Small Steps in Physics Simulation*, 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from types import ModuleType

import numpy as np
import numpy.typing as npt

from bridge.cloth.pattern import Cloth, Ints, Singles
from bridge.errors import DrapeFailed
from bridge.geometry.engine import start

GRAVITY = 9.81
"""[m/s2], along -y: the camera is level."""
_FACING = 0.0
"""The least cosine between cloth and skin that touch; below, the cloth shows them its outer side."""
_FASTEST = 3.0
"""No vertex moves faster: 3 mm in a step of 1 ms, less than half the thickness [m/s]."""
_MOST_CELLS = 2_000_000


@cache
def _kernels() -> tuple[ModuleType, ModuleType]:
    """Return the modules of kernels that search and that move, with Taichi started."""
    start()
    from bridge.cloth import kernels, search

    return search, kernels


@dataclass(frozen=True)
class Surface:
    """The body's triangles.

    Attributes:
        faces: INT32 [F, 3], anticlockwise seen from outside.
        starts: INT32 [V + 1], ``ring[starts[v]:starts[v + 1]]`` are the triangles around vertex v.
        ring: INT32 [3 F].
        arms: bool [F], which triangles hold off sleeves only.
    """

    faces: Ints
    starts: Ints
    ring: Ints
    arms: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, faces: Ints, count: int, arms: npt.NDArray[np.bool_] | None = None) -> Surface:
        """Return the surface of ``faces`` [F, 3] over ``count`` vertices; ``arms`` [count], None: there are none."""
        corners = faces.ravel()
        starts = np.concatenate([[0], np.cumsum(np.bincount(corners, minlength=count))])
        ring = np.argsort(corners, kind="stable") // 3
        only = np.zeros(len(faces), np.bool_) if arms is None else arms[faces].any(axis=1)
        return cls(
            np.ascontiguousarray(faces, np.int32), starts.astype(np.int32), ring.astype(np.int32), only
        )


@dataclass(frozen=True)
class Contact:
    """What of the body is near to points.

    Attributes:
        triangles: INT32 [n], the closest triangle; -1: none within reach.
        depths: FP32 [n], signed distance from the skin [m], negative inside; the reach where there is none.
        normals: FP32 [n, 3], the skin's unit normal there; zeros where there is none.
        at: FP32 [n, 3], barycentric coordinates of the skin's closest point in its triangle.
    """

    triangles: Ints
    depths: Singles
    normals: Singles
    at: Singles


@dataclass(frozen=True)
class Held:
    """Vertices that can't slide up or down the skin, such as a waistband's; they may lift off it and go around it.

    Attributes:
        vertices: INT32 [n].
        triangles: INT32 [n], of the body.
        at: FP32 [n, 3], barycentric coordinates in the triangle.
        offsets: FP32 [n, 3], from that point to the vertex [m].
        up: FP32 [3], the direction.
    """

    vertices: Ints
    triangles: Ints
    at: Singles
    offsets: Singles
    up: Singles

    @classmethod
    def none(cls) -> Held:
        """Return that nothing is held."""
        none, nowhere = np.zeros(0, np.int32), np.zeros((0, 3), np.float32)
        return cls(none, none, nowhere, nowhere, np.array([0, 1, 0], np.float32))


@dataclass(frozen=True)
class Steps:
    """How a stretch of time is simulated.

    Attributes:
        substeps: steps of one frame.
        step: seconds of a step.
        drag: the share of its speed that the cloth loses to the air, by second [1/s].
        friction: Coulomb's coefficient.
        thickness: distance of the cloth's vertices from the skin [m].
        gravity: [m/s2].
        reach: how far from the skin contact is sought; a vertex deeper inside stays there [m].
        pressed: the share of its stiffness with which an edge resists being pressed: 1 is a spring's; less, since
            pressed cloth folds, also where the folds are smaller than an edge.
    """

    substeps: int = 20
    step: float = 1e-3
    drag: float = 2.0
    friction: float = 0.4
    thickness: float = 0.006
    gravity: float = GRAVITY
    reach: float = 0.03
    pressed: float = 0.25


def normals_of(points: Singles, faces: Ints) -> Singles:
    """Return unit normals [n, 3] of the vertices of triangles."""
    out = np.empty_like(points)
    _kernels()[0].normals(points, faces, out)
    return out


def nearest(
    points: Singles,
    facing: Singles,
    body: Singles,
    surface: Surface,
    reach: float,
    sleeves: npt.NDArray[np.bool_] | None = None,
) -> Contact:
    """Return what of a body is near to points.

    Args:
        points: FP32 [n, 3].
        facing: FP32 [n, 3], the cloth's outward unit normals there.
        body: FP32 [V, 3].
        surface: the body's triangles.
        reach: the largest distance [m].
        sleeves: bool [n], which points are of sleeves: an arm is near to no other. None: all of them.
    """
    low, count = points.min(axis=0) - reach, len(points)
    cells = np.maximum(np.ceil((np.ptp(points, axis=0) + 2 * reach) / reach), 1).astype(int)
    size = reach * max(1.0, float(np.cbrt(cells.prod() / _MOST_CELLS)))
    cells = np.maximum(np.ceil(cells * (reach / size)), 1).astype(int)
    starts, items = np.empty(cells.prod() + 1, np.int32), np.empty(len(body), np.int32)
    grid = (*map(float, low), size, *map(int, cells), starts, items)
    _kernels()[0].sort_into_cells(body, *grid)
    found = Contact(
        triangles=np.empty(count, np.int32),
        depths=np.empty(count, np.float32),
        normals=np.empty((count, 3), np.float32),
        at=np.empty((count, 3), np.float32),
    )
    _kernels()[0].nearest(
        points, facing, body, normals_of(body, surface.faces), surface.faces, surface.starts, surface.ring, *grid,
        reach, _FACING, found.triangles, found.depths, found.normals, found.at,
    )  # fmt: skip
    if sleeves is not None:
        passed = (found.triangles >= 0) & ~sleeves & surface.arms[found.triangles]
        found.triangles[passed], found.depths[passed] = -1, reach
        found.normals[passed] = 0
    return found


def simulate(
    cloth: Cloth,
    positions: Singles,
    velocities: Singles,
    motion: Singles,
    surface: Surface,
    steps: Steps,
    held: Held | None = None,
) -> tuple[Singles, Singles]:
    """Return positions and velocities of the cloth after the body went through its motion.

    Args:
        cloth: the constraints.
        positions: FP32 [N, 3], y up [m].
        velocities: FP32 [N, 3] [m/s].
        motion: FP32 [T + 1, V, 3], the body at the ends of T frames [m].
        surface: the body's triangles.
        steps: how time is divided.
        held: vertices that can't slide.

    Raises:
        DrapeFailed: the positions are no numbers any more.
    """
    x, v = np.array(positions, np.float32), np.array(velocities, np.float32)
    before, held = np.empty_like(x), held or Held.none()
    for begin, end in pairwise(motion):
        if not np.isfinite(x).all():
            raise DrapeFailed(
                "The garment's simulation broke down; use a photo of the garment laid flat, or of a person in a "
                "simpler pose."
            )
        contact = nearest(x, normals_of(x, cloth.faces), begin, surface, steps.reach, cloth.sleeves)
        _kernels()[1].advance(
            x, v, before, cloth.inverse_masses, cloth.edges, cloth.rest, cloth.edge_compliance, cloth.hinges,
            cloth.hinge_weights, cloth.hinge_compliance, begin, end, normals_of(end, surface.faces), surface.faces,
            contact.triangles, held.vertices, held.triangles, held.at, held.offsets,
            *map(float, held.up), steps.substeps, steps.step, steps.gravity,
            steps.drag, _FASTEST, cloth.limit, steps.pressed, steps.thickness, steps.friction,
        )  # fmt: skip
    return x, v
