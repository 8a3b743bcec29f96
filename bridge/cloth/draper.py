"""The ``drape`` model: the sewn garment put on the body, simulated while the body takes its pose."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bridge.cloth import solver
from bridge.cloth.dressing import ARMPITS, COLLAR, SHOULDERS, WAIST, put_on, size
from bridge.cloth.fabric import Material, materials
from bridge.cloth.fit import clearances, deepest, outside, strains
from bridge.cloth.grading import graded
from bridge.cloth.pattern import Cloth, Ints, Singles, cloth_of, sew
from bridge.cloth.refine import Dressed, refined
from bridge.cloth.solver import Held, Steps, Surface
from bridge.cloth.touch import SLEEVES, fastened, touched
from bridge.cloth.wearer import Flat, Floats, Wearer
from bridge.contracts import BodyPoint, Category, Fabric, Panel
from bridge.errors import DrapeFailed, WrongTensor

MOST_VERTICES = 20_000
"""The most vertices of a garment."""
MOST_TRIANGLES = 60_000
"""The most triangles of a body."""
_STRIDE = 0.025
"""How far the body moves in a frame, at most [m]; half of what a contact's triangle is good for."""
_MOST_FRAMES = 24
_DRESSING, _RESTING = 7, 9
"""Frames in which the garment falls onto the A-pose, and in which it comes to rest on the last one."""
_DRESSED = Steps(substeps=25, drag=20.0, reach=0.05)
_MOVING = Steps(substeps=25, drag=5.0)
_AT_REST = Steps(substeps=25, drag=12.0)
_SLIPPED_ON = 0.2
"""The share of its friction that a garment has while it is put on: who dresses pulls it straight."""
_TRUNK = [BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER, BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP]
_SHORTEST = 0.1
"""No person's trunk is shorter [m]."""
_STILL = 0.05
"""The median speed of a garment at rest: 1 mm in a frame [m/s]."""
_DRAWN = 0.12
"""The largest mean strain of a garment that lies as it should; above, it is caught somewhere."""
_SKIN = 1e-3
"""How deep in the skin it may lie [m]."""
_TORN = 2.0
"""The mean strain of a simulation that came apart."""


class Draper:
    """Fulfils :data:`bridge.contracts.DRAPE`. Stateless once the kernels are compiled."""

    def __init__(self) -> None:
        """Compile the kernels, so that the first request is as quick as the others."""
        corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], np.float32)
        faces = np.array([[0, 1, 2], [2, 1, 3]], np.int32)
        cloth = cloth_of(
            corners[faces, :2].astype(float),
            faces,
            sew(4, np.zeros((0, 2), np.int32)),
            materials()[Fabric.KNIT],
        )
        still = np.stack([corners, corners])
        solver.simulate(cloth, corners + 1, 0 * corners, still, Surface.of(faces, 4), Steps(substeps=1))

    def __call__(
        self,
        *,
        body_motion: Singles,
        body_faces: Ints,
        body_parts: npt.NDArray[np.uint8],
        body_landmarks: Singles,
        garment_category: npt.NDArray[np.object_],
        garment_points: Singles,
        garment_vertices: Singles,
        garment_faces: Ints,
        garment_panels: npt.NDArray[np.uint8],
        garment_regions: npt.NDArray[np.uint8],
        garment_seams: Ints,
        garment_fabric: npt.NDArray[np.object_],
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Drape the garment; inputs and outputs as in the contract.

        Raises:
            DrapeFailed: a mesh is too large or broken, or the simulation came apart.
            WrongTensor: there is no such fabric.
        """
        _check(body_motion, body_faces, body_landmarks, garment_vertices, garment_faces)
        garment = Flat(
            vertices=garment_vertices.astype(np.float64),
            faces=garment_faces,
            back=garment_panels == Panel.BACK,
            regions=garment_regions,
            seams=garment_seams,
            points=garment_points.astype(np.float64),
            category=Category(garment_category[0].decode()),
        )
        _check_points(garment)
        wearer = Wearer.of(body_motion[0], body_parts, body_landmarks[0])
        material = material_of(garment_fabric[0])
        return drape(garment, wearer, body_motion, body_landmarks[1], body_faces, material)


def material_of(name: bytes) -> Material:
    """Return a fabric's numbers; empty: knit.

    Raises:
        WrongTensor: there is no such fabric.
    """
    try:
        return materials()[Fabric(name.decode() or Fabric.KNIT.value)]
    except (ValueError, KeyError):
        known = ", ".join(fabric.value for fabric in materials())
        raise WrongTensor(f"fabric is none of {known}.") from None


@dataclass(frozen=True)
class Fallen:
    """A garment after the simulation.

    Attributes:
        dressed: garment and wearer, around the origin and y up.
        coarse: FP32 [M, 3], where the garment came to rest, pushed out of the skin [m].
        speed: its median speed there [m/s].
        frames: how many were simulated.
        upright: FP64 [3, 3], the frame's axes in the camera frame.
        skin: INT32 [f], the numbers of the body's triangles that cloth doesn't pass.
    """

    dressed: Dressed
    coarse: Singles
    speed: float
    frames: int
    upright: Floats
    skin: Ints


def drape(
    garment: Flat, wearer: Wearer, motion: Singles, landmarks: Singles, body_faces: Ints, material: Material
) -> dict[str, npt.NDArray[np.generic]]:
    """Drape a garment on a body in motion, as :class:`Draper` does.

    Args:
        garment: the flat panels.
        wearer: the body in its A-pose.
        motion: FP32 [T, V, 3], from the A-pose on, in the camera frame [m].
        landmarks: FP32 [33, 3], the body's at the motion's end, in the camera frame [m].
        body_faces: INT32 [F, 3].
        material: the fabric.
    """
    fall = fallen(garment, wearer, motion, landmarks, body_faces, material)
    dressed = fall.dressed
    worn, better = refined(dressed, fall.coarse)
    strain, before = (strains(dressed.rest, x, dressed.cloth.faces) for x in (worn, fall.coarse))
    depth, share = deepest(worn, dressed.cloth, dressed.body, dressed.surface)
    report = {
        "converged": bool(fall.speed < _STILL and strain.mean() < _DRAWN and depth < _SKIN),
        "deepest_penetration_mm": round(1e3 * depth, 3),
        "penetrating_share": round(share, 5),
        "largest_strain": round(float(strain.max()), 4),
        "mean_strain": round(float(strain.mean()), 5),
        "frames": fall.frames,
        "refined": better,
        "coarse_largest_strain": round(float(before.max()), 4),
        "coarse_mean_strain": round(float(before.mean()), 5),
    }
    skin = clearances(worn, dressed.cloth, dressed.body, dressed.surface)
    one = dressed.sewn.vertex_of
    return {
        "draped": (worn[one] @ fall.upright + wearer.origin).astype(np.float32),
        "strain": strain.astype(np.float32),
        "clearance": 1e3 * skin.depths[one],
        "nearest_skin": np.where(skin.triangles < 0, np.int32(-1), fall.skin[skin.triangles])[one],
        "drape_report": np.array([json.dumps(report).encode()], np.object_),
    }


def fallen(
    garment: Flat, wearer: Wearer, motion: Singles, landmarks: Singles, body_faces: Ints, material: Material
) -> Fallen:
    """Return where the simulation leaves a garment; arguments as those of :func:`drape`.

    Raises:
        DrapeFailed: the simulation came apart.
    """
    sewn = sew(len(garment.vertices), garment.seams)
    rest = graded(garment, wearer, size(garment, wearer))
    cloth = cloth_of(rest, garment.faces, sewn, material, np.isin(garment.regions, SLEEVES))
    upright = _upright(wearer)
    # around the origin, single precision is fine enough for the fall of one small step
    path = resampled(((motion - wearer.origin) @ upright.T).astype(np.float32))
    start = ((put_on(garment, wearer) - wearer.origin) @ upright.T)[sewn.first].astype(np.float32)
    surface, skin = touched(wearer, body_faces)
    held = fastened(garment, sewn, cloth, start, path[0], surface, wearer.axes @ upright.T)
    worn, speed = _fall(cloth, start, path, surface, material, held)
    worn = outside(worn, cloth, path[-1], surface)
    strain = strains(rest, worn, cloth.faces)
    if not np.isfinite(worn).all() or float(strain.mean()) > _TORN:
        raise DrapeFailed(
            "The garment's simulation came apart on this body; use a photo of the garment laid flat, or of a person "
            "in a simpler pose."
        )
    marks = (landmarks - wearer.origin) @ upright.T
    dressed = Dressed(garment, sewn, rest, cloth, material, path[-1], surface, marks)
    return Fallen(dressed, worn, speed, _DRESSING + len(path) - 1 + _RESTING, upright, skin)


def _upright(wearer: Wearer) -> Floats:
    """Return the axes [3, 3] of the frame in which y is up, in the camera frame.

    The photo shows how far the wearer leans to a side, and hardly how far towards the camera: neither is the camera
    always level nor does a fit to one photo know. So the wearer is taken to lean to the sides only.
    """
    lean = np.arctan2(wearer.axes[1, 2], wearer.axes[1, 1])
    return np.array([[1, 0, 0], [0, np.cos(lean), np.sin(lean)], [0, -np.sin(lean), np.cos(lean)]])


def _fall(
    cloth: Cloth, start: Singles, path: Singles, surface: Surface, material: Material, held: Held
) -> tuple[Singles, float]:
    """Return where the garment comes to rest on the path's last body [M, 3], and its median speed there [m/s]."""
    x, v = start, np.zeros_like(start)
    for steps, slip, motion in (
        (_DRESSED, _SLIPPED_ON, np.repeat(path[:1], _DRESSING + 1, axis=0)),
        (_MOVING, 1.0, path),
        (_AT_REST, 1.0, np.repeat(path[-1:], _RESTING + 1, axis=0)),
    ):
        worn = replace(steps, friction=slip * material.friction, thickness=material.thickness)
        x, v = solver.simulate(cloth, x, v, motion, surface, worn, held)
    return x, float(np.median(np.linalg.norm(v, axis=1)))


def resampled(motion: Singles) -> Singles:
    """Return a motion [T, V, 3] in steps in which no vertex moves farther than a stride, if 24 are enough."""
    if len(motion) < 2:
        return motion
    strides = np.linalg.norm(np.diff(motion, axis=0), axis=2).max(axis=1)
    along = np.concatenate([[0.0], np.cumsum(strides)])
    count = int(np.clip(np.ceil(along[-1] / _STRIDE), 1, _MOST_FRAMES))
    places = np.interp(np.linspace(0, along[-1], count + 1), along, np.arange(len(motion)))
    before = np.minimum(places.astype(int), len(motion) - 2)
    share = (places - before).astype(np.float32)[:, None, None]
    return np.ascontiguousarray((1 - share) * motion[before] + share * motion[before + 1])


def _check(motion: Singles, body_faces: Ints, landmarks: Singles, vertices: Singles, faces: Ints) -> None:
    """Refuse meshes that are too large, empty or broken, and a body without a trunk."""
    if len(vertices) > MOST_VERTICES or len(body_faces) > MOST_TRIANGLES:
        raise DrapeFailed(
            f"A garment of {len(vertices)} vertices on a body of {len(body_faces)} triangles is too much to "
            f"simulate; send at most {MOST_VERTICES} and {MOST_TRIANGLES}."
        )
    if not (len(faces) and len(body_faces) and len(motion)):
        raise DrapeFailed(
            "The garment or the body is empty; send both with triangles, and at least one pose."
        )
    if not all(np.isfinite(a).all() for a in (motion, landmarks, vertices)):
        raise DrapeFailed("The garment's or the body's coordinates are no numbers; fit them again.")
    for triangles, count in ((faces, len(vertices)), (body_faces, motion.shape[1])):
        if not 0 <= triangles.min() <= triangles.max() < count:
            raise DrapeFailed("A triangle of the garment or the body names a vertex that doesn't exist.")
    trunk = landmarks[0, _TRUNK]
    if (
        min(np.linalg.norm(trunk[:2].mean(axis=0) - trunk[2:].mean(axis=0)), np.ptp(trunk, axis=0).max())
        < _SHORTEST
    ):
        raise DrapeFailed("The body's shoulders and hips lie in one place; fit the body again.")


def _check_points(garment: Flat) -> None:
    """Refuse a garment that lacks the landmarks that tell its size."""
    pairs = (WAIST,) if garment.category is Category.LOWER else (SHOULDERS, ARMPITS, COLLAR)
    if any((garment.points[list(pair), 2] <= 0).any() or garment.width(*pair) < 1 for pair in pairs):
        raise DrapeFailed(
            "The garment's waistband, or its shoulders and armpits, were not found; use a photo that shows it flat "
            "and whole."
        )
