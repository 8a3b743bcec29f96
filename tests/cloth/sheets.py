"""Plain sheets, and simple bodies to lay them on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bridge.cloth.fabric import Material
from bridge.cloth.pattern import Cloth, Ints, Singles, cloth_of, sew
from bridge.cloth.solver import Steps, Surface, simulate
from bridge.cloth.wearer import Floats

MATERIAL = Material(
    density=0.2,
    warp=1000,
    weft=1000,
    shear=500,
    bending=1e-6,
    friction=0.4,
    thickness=0.005,
    limit=0.1,
)
UNSEWN = np.zeros((0, 2), np.int32)
NOBODY = np.full((3, 3), 100.0, np.float32), np.array([[0, 1, 2]], np.int32)
"""A body too far away to touch."""


def grid(width: float, height: float, edge: float) -> tuple[Floats, Ints]:
    """A rectangle [m] of nearly equilateral triangles with straight sides, from the origin."""
    columns, rows = round(width / edge), max(1, round(height / edge / 0.87))
    places, number = [], {}
    for row in range(rows + 1):
        line = np.arange(columns + 1.0) if row % 2 == 0 else np.r_[0, np.arange(columns) + 0.5, columns]
        for k, x in enumerate(line):
            number[row, k] = len(places)
            places.append((x * width / columns, row * height / rows))
    faces = []
    for row in range(rows):
        even = row if row % 2 == 0 else row + 1
        odd = row + 1 if row % 2 == 0 else row
        flip = slice(None) if row % 2 == 0 else slice(None, None, -1)
        for k in range(columns + 1):
            faces.append([number[odd, k], number[even, k], number[odd, k + 1]][flip])
            if k < columns:
                faces.append([number[even, k], number[even, k + 1], number[odd, k + 1]][flip])
    return np.array(places), np.array(faces, np.int32)


def disc(radius: float, rings: int) -> tuple[Floats, Ints]:
    """A disc [m] around the origin, of rings of 6, 12, 18... vertices."""
    places, starts = [(0.0, 0.0)], [0]
    for ring in range(1, rings + 1):
        starts.append(len(places))
        turn = np.arange(6 * ring) * 2 * np.pi / (6 * ring)
        places += [(radius * ring / rings * np.cos(t), radius * ring / rings * np.sin(t)) for t in turn]
    faces = []
    for ring in range(1, rings + 1):
        outer, inner = 6 * ring, max(1, 6 * (ring - 1))
        for k in range(outer):
            sector, step = divmod(k, ring)
            here = starts[ring - 1] + (sector * (ring - 1) + step) % inner
            faces.append((starts[ring] + k, starts[ring] + (k + 1) % outer, here))
            if step > 0:
                before = starts[ring - 1] + (sector * (ring - 1) + step - 1) % inner
                faces.append((starts[ring] + k, here, before))
    return np.array(places), np.array(faces, np.int32)


def cloth(
    flat: Floats, faces: Ints, material: Material, pinned: npt.NDArray[np.bool_] | None = None
) -> Cloth:
    """A sheet as the solver takes it; what is pinned never moves."""
    made = cloth_of(flat[faces], faces, sew(len(flat), UNSEWN), material)
    if pinned is None:
        return made
    return replace(made, inverse_masses=np.where(pinned, 0, made.inverse_masses).astype(np.float32))


def fall(
    sheet: Cloth,
    start: Floats | Singles,
    frames: int,
    steps: Steps,
    body: tuple[Singles, Ints] = NOBODY,
    velocity: Singles | None = None,
) -> tuple[Singles, Singles]:
    """Positions and velocities of a sheet after some frames on a body that stands still."""
    vertices, faces = body
    x = np.ascontiguousarray(start, np.float32)
    v = np.zeros_like(x) if velocity is None else velocity
    motion = np.repeat(vertices[None], frames + 1, axis=0)
    return simulate(sheet, x, v, motion, Surface.of(faces, len(vertices)), steps)


def sphere(radius: float, rings: int = 32) -> tuple[Singles, Ints]:
    """A ball around the origin, between circles of latitude."""
    down, turn = np.linspace(0, np.pi, rings + 1), np.arange(2 * rings) * np.pi / rings
    circles = np.stack(
        [
            np.sin(down)[:, None] * np.cos(turn),
            np.repeat(np.cos(down)[:, None], len(turn), 1),
            np.sin(down)[:, None] * np.sin(turn),
        ],
        axis=-1,
    )
    corner = np.arange((rings + 1) * len(turn)).reshape(rings + 1, -1)
    corner[0], corner[-1] = corner[0, 0], corner[-1, 0]
    a, b, c, d = corner[:-1], np.roll(corner[:-1], -1, 1), corner[1:], np.roll(corner[1:], -1, 1)
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])
    proper = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    return (radius * circles.reshape(-1, 3)).astype(np.float32), faces[proper].astype(np.int32)


def plane(half: float, tilt: float, edge: float = 0.03) -> tuple[Singles, Ints]:
    """A square through the origin, its normal up and turned towards x by ``tilt`` [rad]."""
    flat, faces = grid(2 * half, 2 * half, edge)
    x, z = (flat - half).T
    vertices = np.column_stack([x * np.cos(tilt), -x * np.sin(tilt), -z])
    return vertices.astype(np.float32), faces
