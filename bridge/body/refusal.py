"""What no body is fitted to, in sentences that say what to do: told before the fit where that is possible."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from bridge.body.fitted import Bytes
from bridge.body.raster import Floats
from bridge.body.skeleton import JOINTS
from bridge.contracts import BodyPoint
from bridge.errors import BodyNotFitted, WrongTensor

_TRUNK = [[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER], [BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP]]
_SHOWN = 0.3
"""The least confidence of shoulders and hips from which a body can be fitted."""
_MOST = 0.5
"""The least share of the trunk that lies in the photo, and of that in the person's mask."""
_LEAST_PX = 24
"""The least extent of the trunk [px]: of smaller people landmarks are known to a hand's breadth, not to 2 cm."""
_TRUNK_M = (0.15, 1.0)
"""Between what the distance of shoulders and hips lies [m], from a child to a giant: adults have half a metre."""
_HEIGHTS = (1000, 2500)
"""Statures that are believed [mm]."""
_FARTHEST = 0.04
"""The largest mean error of the landmarks of a fit that counts [m]: photos of people who stand or sit leave 0.015."""
_OVERLAP = 0.4
"""The least intersection over union of a body and a person's mask; wide skirts and coats leave 0.6."""


def check(keypoints: Floats, world: Floats, matte: Bytes, labels: Bytes, height: int) -> None:
    """Refuse what can't be fitted; arguments as the contract ``fit_body`` has them, the height in mm.

    Raises:
        WrongTensor: mask and labels are not those of one photo.
        BodyNotFitted: too little of the person is seen, or what is said of them can't be.
    """
    if matte.shape != labels.shape:
        raise WrongTensor("matte and labels differ in size; send those of one photo.")
    if height and not _HEIGHTS[0] <= height <= _HEIGHTS[1]:
        raise BodyNotFitted(
            f"A height of {height} mm can't be; give {_HEIGHTS[0]} to {_HEIGHTS[1]} mm, or 0 where it is unknown."
        )
    if fault := next(_faults(keypoints, world, matte), None):
        raise BodyNotFitted(fault)


def check_pose(nearest: float, error: float) -> None:
    """Refuse a fit that did not find the pose.

    Args:
        nearest: how far before the camera the body's nearest point is [m]; NaN where the fit has come apart.
        error: how far the landmarks are from where they are seen, in the mean, at the body [m].

    Raises:
        BodyNotFitted: the body is behind the camera, or stands otherwise than the person.
    """
    if not (nearest > 0 and error < _FARTHEST):
        raise BodyNotFitted(
            "No body could be brought into the pose of this person; use a photo in which the person stands and the "
            "arms are seen."
        )


def check_overlap(overlap: float) -> None:
    """Refuse a fit by the intersection over union [0, 1] of the body and the person's mask.

    Raises:
        BodyNotFitted: it is too small.
    """
    if overlap < _OVERLAP:
        raise BodyNotFitted(
            f"The fitted body and the person's outline have only {overlap:.0%} in common; use a photo in which the "
            "person stands upright and nothing hides them."
        )


def _faults(keypoints: Floats, world: Floats, matte: Bytes) -> Iterator[str]:
    """Tell what contradicts a person who is seen from the hips upwards; each fault supposes that no earlier one is."""
    shown = keypoints[:, 3]
    if not (
        np.isfinite(keypoints).all() and np.isfinite(world).all() and ((shown >= 0) & (shown <= 1)).all()
    ):
        yield (
            "The person's landmarks are no finite numbers, or their visibility is not from 0 to 1; send them as "
            "`pose` returns them."
        )
    pixels = _trunk(keypoints[:, :2])
    inside = ((pixels >= 0) & (pixels < matte.shape[::-1])).all(axis=1)
    if shown[_TRUNK].min() < _SHOWN or inside.mean() < _MOST:
        yield "Shoulders and hips must be seen to fit a body; use a photo from the knees or the hips upwards."
    if (extent := np.ptp(pixels, axis=0).max()) < _LEAST_PX:
        yield (
            f"The person is too small to fit a body: the trunk has {extent:.0f} px in the photo and needs {_LEAST_PX}; "
            "come nearer, or send a larger photo."
        )
    x, y = pixels[inside].astype(int).T
    if (matte[y, x] >= 128).mean() < _MOST:
        yield (
            "The mask of the person leaves out their shoulders and hips; use a photo in which the person stands out "
            "from the background, or send mask and landmarks of one person."
        )
    if not _agree(keypoints, world):
        yield (
            "The person's landmarks and their places in 3D contradict each other; send both as `pose` returns them, "
            "or use a photo in which nobody else stands close by."
        )


def _trunk(points: Floats) -> npt.NDArray[np.float64]:
    """Return a grid of points [25, c] over the trunk of landmarks [33, c]."""
    shoulders, hips = points[_TRUNK].astype(np.float64)
    left, right = np.linspace(shoulders, hips, 5).swapaxes(0, 1)
    return np.linspace(left, right, 5).reshape(-1, points.shape[1])


def _agree(keypoints: Floats, world: Floats) -> bool:
    """Whether the joints lie side by side and one above the other as their places in 3D do, of a human's size."""
    shoulders, hips = world[_TRUNK].astype(np.float64).mean(axis=1)
    if not _TRUNK_M[0] < np.linalg.norm(shoulders - hips) < _TRUNK_M[1]:
        return False
    weight = keypoints[JOINTS, 3:].astype(np.float64)
    flat, deep = (
        points[JOINTS, :2] - np.average(points[JOINTS, :2], 0, weight[:, 0]) for points in (keypoints, world)
    )
    return bool(((weight * flat * deep).sum(axis=0) > 0).all())
