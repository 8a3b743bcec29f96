"""A shop's mannequin in an A-pose, made of tubes: exactly symmetric, everything about it known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bridge.cloth.wearer import Floats, Wearer
from bridge.contracts import BodyPart, BodyPoint

AROUND, ALONG, CAP = 24, 20, 5
LEFT = {
    BodyPoint.LEFT_EAR: (0.07, 0.72, 0.0),
    BodyPoint.LEFT_SHOULDER: (0.17, 0.48, 0.0),
    BodyPoint.LEFT_ELBOW: (0.37, 0.28, 0.0),
    BodyPoint.LEFT_WRIST: (0.55, 0.10, 0.0),
    BodyPoint.LEFT_HIP: (0.09, 0.0, 0.0),
    BodyPoint.LEFT_KNEE: (0.11, -0.42, 0.0),
    BodyPoint.LEFT_ANKLE: (0.12, -0.82, 0.0),
}
"""Landmarks of the left side, [m] from the hips' middle: to the left, up, forward."""
TRUNK = [
    (0.02, -0.11), (0.11, -0.09), (0.145, -0.06), (0.16, 0.0), (0.15, 0.1), (0.135, 0.2), (0.15, 0.28), (0.16, 0.36),
    (0.155, 0.46), (0.13, 0.51), (0.08, 0.545), (0.055, 0.57), (0.05, 0.62),
]  # fmt: skip
"""Half the trunk's width at heights [m]."""
CHEST = 0.7
"""Depth of the trunk by its width."""

Mesh = tuple[Floats, npt.NDArray[np.int32], npt.NDArray[np.uint8]]


def tube(middles: Floats, widths: Floats, depths: Floats, part: BodyPart) -> Mesh:
    """A closed tube along ``middles`` [n, 3]: elliptic rings across its direction and z, a point at each end."""
    heading = np.gradient(middles, axis=0)
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    across = np.cross(heading, (0.0, 0.0, 1.0))
    turn = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    rings = middles[:, None] + widths[:, None, None] * np.cos(turn)[None, :, None] * across[:, None]
    rings[..., 2] += depths[:, None] * np.sin(turn)
    count = len(middles)
    corner = np.arange(count * AROUND).reshape(count, AROUND)
    a, b = corner[:-1], corner[1:]
    c, d = np.roll(a, -1, axis=1), np.roll(b, -1, axis=1)
    first, last = count * AROUND, count * AROUND + 1
    faces = [np.stack([a, b, c], -1), np.stack([c, b, d], -1)]
    lids = [np.stack([np.full(AROUND, first), corner[0], np.roll(corner[0], -1)], -1)]
    lids += [np.stack([np.full(AROUND, last), np.roll(corner[-1], -1), corner[-1]], -1)]
    faces = np.concatenate([f.reshape(-1, 3) for f in (*faces, *lids)]).astype(np.int32)
    vertices = np.concatenate([rings.reshape(-1, 3), middles[[0, -1]]])
    volume = np.einsum(
        "ij,ij->i", vertices[faces[:, 0]], np.cross(vertices[faces[:, 1]], vertices[faces[:, 2]])
    )
    faces = faces if volume.sum() > 0 else faces[:, ::-1]
    return vertices, faces, np.full(len(vertices), part, np.uint8)


def limb(points: tuple[BodyPoint, ...], radii: tuple[float, ...], parts: tuple[BodyPart, ...]) -> Mesh:
    """A round tube through landmarks of the left side, its upper end a half ball; one part between each two."""
    joints = np.array([LEFT[point] for point in points])
    share = np.linspace(0, len(parts), ALONG * len(parts))
    lines = np.column_stack([np.interp(share, np.arange(len(joints)), joints[:, k]) for k in range(3)])
    turn = np.linspace(0.2, np.pi / 2, CAP, endpoint=False)
    heading = (joints[1] - joints[0]) / np.linalg.norm(joints[1] - joints[0])
    cap = joints[0] - radii[0] * np.cos(turn)[:, None] * heading
    radius = np.concatenate([radii[0] * np.sin(turn), np.interp(share, np.arange(len(joints)), radii)])
    vertices, faces, names = tube(np.concatenate([cap, lines]), radius, radius, parts[0])
    ring = np.repeat(np.concatenate([np.zeros(CAP), np.minimum(share, len(parts) - 1)]).astype(int), AROUND)
    names[: len(ring)] = np.array(parts, np.uint8)[ring]
    names[-1] = parts[-1]
    return vertices, faces, names


def mirrored(mesh: Mesh) -> Mesh:
    """The same piece on the right."""
    vertices, faces, parts = mesh
    return vertices * (-1, 1, 1), faces[:, ::-1], parts + np.uint8(1)


def mannequin() -> tuple[Floats, npt.NDArray[np.int32], npt.NDArray[np.uint8], Floats]:
    """Vertices [V, 3], faces [F, 3], parts [V] and landmarks [33, 3], two metres before the camera."""
    width, height = np.array(TRUNK).T
    levels = np.linspace(height[0], height[-1], 2 * ALONG)
    half = np.interp(levels, height, width)
    trunk = tube(np.column_stack([0 * levels, levels, 0 * levels]), half, half * CHEST, BodyPart.TORSO)
    left = [
        limb(
            (BodyPoint.LEFT_SHOULDER, BodyPoint.LEFT_ELBOW, BodyPoint.LEFT_WRIST),
            (0.05, 0.04, 0.028),
            (BodyPart.LEFT_UPPER_ARM, BodyPart.LEFT_FOREARM),
        ),
        limb(
            (BodyPoint.LEFT_HIP, BodyPoint.LEFT_KNEE, BodyPoint.LEFT_ANKLE),
            (0.085, 0.06, 0.04),
            (BodyPart.LEFT_THIGH, BodyPart.LEFT_CALF),
        ),
    ]
    right = [mirrored(mesh) for mesh in left]
    vertices, faces, parts, count = [], [], [], 0
    for mesh in (trunk, *left, *right):
        vertices.append(mesh[0])
        faces.append(mesh[1] + count)
        parts.append(mesh[2])
        count += len(mesh[0])
    return (
        np.concatenate(vertices) + OFFSET,
        np.concatenate(faces),
        np.concatenate(parts),
        landmarks() + OFFSET,
    )


OFFSET = np.array([0.0, 0.0, -2.0])


def landmarks() -> Floats:
    """BodyPoint rows; those that the mannequin doesn't have lie at the hips' middle."""
    points = np.zeros((33, 3))
    for point, place in LEFT.items():
        points[point] = place
        points[point + 1] = np.multiply(place, (-1, 1, 1))
    return points


def wearer() -> Wearer:
    """The mannequin as who is to be dressed."""
    vertices, _, parts, points = mannequin()
    return Wearer.of(vertices.astype(np.float32), parts, points.astype(np.float32))


def lowered(angle: float, frames: int = 12) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """A motion [frames, V, 3] in which both arms sink by ``angle`` [rad] about the shoulders, and the landmarks."""
    vertices, _, parts, points = mannequin()
    arm = [BodyPoint.LEFT_ELBOW, BodyPoint.LEFT_WRIST]
    motion, marks = [], []
    for share in np.linspace(0, 1, frames):
        moved, marked = vertices.copy(), points.copy()
        for side in (0, 1):
            cosine, sine = np.cos(share * angle), np.sin(share * angle) * (-1 if side == 0 else 1)
            turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
            joint = points[BodyPoint.LEFT_SHOULDER + side]
            chosen = np.isin(parts, [BodyPart.LEFT_UPPER_ARM + side, BodyPart.LEFT_FOREARM + side])
            ends = [point + side for point in arm]
            moved[chosen] = (vertices[chosen] - joint) @ turn.T + joint
            marked[ends] = (points[ends] - joint) @ turn.T + joint
        motion.append(moved)
        marks.append(marked)
    return np.array(motion, np.float32), np.array(marks, np.float32)[[0, -1]]
