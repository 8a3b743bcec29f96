"""What the router decides by: how the person stands, and how surely that is seen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bridge.contracts import BodyPoint, Expert

_TURNED = np.deg2rad(35)
"""From this turn of the trunk on, a garment bent in the photo's plane shows its front where its side belongs. Below,
warp comes nearer to the truth on every pair of photos that was measured (`python -m benchmarks quality`)."""
_SEEN = 0.5
"""The least visibility of shoulders and hips by which the turn is believed."""
_TRUNK = (BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER, BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP)

Floats = npt.NDArray[np.float32]


def preferred(photos: Mapping[str, npt.NDArray[np.generic]]) -> tuple[Expert, str]:
    """Return the expert that suits the person best, and why in a sentence.

    Args:
        photos: ``keypoints`` and ``world`` as the contract ``pose`` returns them.
    """
    keypoints, world = (np.asarray(photos[name], np.float32) for name in ("keypoints", "world"))
    turn = abs(yaw(world))
    if not (keypoints[list(_TRUNK), 3].min() >= _SEEN and np.isfinite(turn)):  # or no numbers
        return Expert.WARP, "Shoulders or hips are hidden, so that no body can be fitted surely."
    if turn < _TURNED:
        return Expert.WARP, f"The person is seen from the front, turned by {np.rad2deg(turn):.0f} degrees."
    return Expert.DRAPE, f"The person is turned by {np.rad2deg(turn):.0f} degrees."


def yaw(world: Floats) -> float:
    """Return by how much the trunk of 3D landmarks [33, 3] is turned [rad]: 0 faces the camera, + to its left."""
    left = [BodyPoint.LEFT_SHOULDER, BodyPoint.LEFT_HIP]
    right = [BodyPoint.RIGHT_SHOULDER, BodyPoint.RIGHT_HIP]
    across = world[left].sum(axis=0) - world[right].sum(axis=0)
    return float(np.arctan2(across[2], across[0]))
