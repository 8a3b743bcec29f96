"""A body's measurements as a tailor takes them, after ISO 8559-1:2017."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import BodyPart, BodyPoint

Floats = npt.NDArray[np.floating[npt.NBitBase]]

_CHEST, _WAIST, _HIP = (0.55, 0.85), (0.2, 0.55), (-0.15, 0.2)
"""Between which shares of the way from the hips' joints (0) to the shoulders' (1) each girth is sought: the fullest
chest (5.3.4), the narrowest waist (5.3.10), the fullest hips (5.3.13)."""
_LEVELS = 16
_TRUNK = (BodyPart.TORSO, BodyPart.LEFT_THIGH, BodyPart.RIGHT_THIGH)


def measurements(
    vertices: Floats, faces: npt.NDArray[np.int32], parts: npt.NDArray[np.uint8], landmarks: Floats
) -> dict[str, float]:
    """Measure a body that stands upright in an A-pose.

    Args:
        vertices: [V, 3], x to the body's left, y up [m].
        faces: [F, 3].
        parts: [V], BodyPart.
        landmarks: [33, 3], BodyPoint rows.

    Returns:
        ``chest``, ``waist``, ``hip``, ``inseam`` and ``height`` in centimetres.
    """
    hips = landmarks[[BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP], 1].mean()
    shoulders = landmarks[[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER], 1].mean()
    trunk = faces[np.isin(parts[faces], _TRUNK).all(axis=1)]
    sole = vertices[:, 1].min()

    def girths(between: tuple[float, float]) -> Iterable[float]:
        levels = hips + np.linspace(*between, _LEVELS) * (shoulders - hips)
        return [girth(vertices, trunk, float(level)) for level in levels]

    found = {
        "chest": max(girths(_CHEST)),
        "waist": min(girths(_WAIST)),
        "hip": max(girths(_HIP)),
        "inseam": _crotch(vertices, parts) - sole,
        "height": vertices[:, 1].max() - sole,
    }
    return {name: round(100 * float(metres), 1) for name, metres in found.items()}


def girth(vertices: Floats, faces: npt.NDArray[np.int32], level: float) -> float:
    """Return the length of a taut tape around the triangles at a height [m]: the hull of what the plane cuts."""
    corners = vertices[faces]
    above = corners[..., 1] > level
    crossed = corners[above.any(axis=1) & ~above.all(axis=1)]
    if not len(crossed):
        return 0.0
    start, end = crossed, np.roll(crossed, -1, axis=1)
    cut = (start[..., 1] > level) != (end[..., 1] > level)
    start, end = start[cut], end[cut]
    share = (level - start[:, 1]) / (end[:, 1] - start[:, 1])
    points = start + share[:, None] * (end - start)
    hull = cv2.convexHull(points[:, [0, 2]].astype(np.float32))
    return float(cv2.arcLength(hull, closed=True))


def _crotch(vertices: Floats, parts: npt.NDArray[np.uint8]) -> float:
    """Return the height of the crotch [m]: the lowest point of the trunk between the thighs."""
    return float(vertices[parts == BodyPart.TORSO, 1].min())
