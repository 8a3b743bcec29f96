"""The body that the garment is laid on: joints, and how far the silhouette reaches from its bones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import BodyPoint, Label

Points = npt.NDArray[np.float32]
Scalars = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Image = npt.NDArray[np.uint8]

LEFT, RIGHT = 0, 1
"""The wearer's sides, as indices: of a person seen from the front, LEFT lies at larger x."""

_ARM_JOINTS = (
    (BodyPoint.LEFT_SHOULDER, BodyPoint.LEFT_ELBOW, BodyPoint.LEFT_WRIST),
    (BodyPoint.RIGHT_SHOULDER, BodyPoint.RIGHT_ELBOW, BodyPoint.RIGHT_WRIST),
)
_LEG_JOINTS = (
    (BodyPoint.LEFT_HIP, BodyPoint.LEFT_KNEE, BodyPoint.LEFT_ANKLE),
    (BodyPoint.RIGHT_HIP, BodyPoint.RIGHT_KNEE, BodyPoint.RIGHT_ANKLE),
)

# Half widths as shares of the distance between BlazePose's shoulder joints, measured on frontal studio photos
# of unclothed or tightly clothed adults; they only stand in where the silhouette says nothing.
ARM_RADIUS = 0.135
CHEST_HALF_WIDTH = 0.50
WAIST_HALF_WIDTH = 0.43
HIP_HALF_WIDTH = 0.54
THIGH_RADIUS = 0.25


_MIRRORED = [
    BodyPoint[p.name.replace("LEFT", "?").replace("RIGHT", "LEFT").replace("?", "RIGHT")] for p in BodyPoint
]


def seen_from_the_front(keypoints: Points) -> Points:
    """Return the landmarks of a person with left at larger x, as garments have it.

    Someone seen from behind has left at smaller x; laid on such landmarks, the garment would be mirrored.
    """
    behind = keypoints[BodyPoint.LEFT_SHOULDER, 0] < keypoints[BodyPoint.RIGHT_SHOULDER, 0]
    return keypoints[_MIRRORED] if behind else keypoints


def unit(vector: Points) -> Points:
    """Scale vectors ``(..., 2)`` to length 1; zero stays zero."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return (vector / np.maximum(length, 1e-6)).astype(np.float32)


@dataclass(frozen=True)
class Reach:
    """How far a mask reaches from some points along some directions.

    Attributes:
        distance: ``(n,)`` [px] to the last pixel inside.
        seen: ``(n,)`` whether the end is the silhouette's own edge.
        blocked: ``(n,)`` whether the end is something in front of the person's own mask: an arm, hair, a bag. A walk
            that ends at its limit or at the photo's edge is neither.
    """

    distance: Scalars
    seen: Flags
    blocked: Flags


@dataclass(frozen=True)
class Body:
    """What the warp knows of the person.

    Attributes:
        keypoints: ``(33, 4)`` as :data:`bridge.contracts.KEYPOINTS`.
        matte: UINT8 ``(h, w)``.
        labels: UINT8 ``(h, w)`` of :class:`Label`.
    """

    keypoints: Points
    matte: Image
    labels: Image

    def joint(self, point: BodyPoint) -> Points:
        """Return one landmark ``(2,)`` [px]."""
        xy: Points = self.keypoints[point, :2]
        return xy

    def middle(self, left: BodyPoint, right: BodyPoint) -> Points:
        """Return the point between two landmarks [px]."""
        middle: Points = (self.joint(left) + self.joint(right)) / 2
        return middle

    @cached_property
    def shoulders(self) -> Points:
        """The shoulder joints ``(2, 2)``, left and right [px]."""
        return np.stack([self.joint(BodyPoint.LEFT_SHOULDER), self.joint(BodyPoint.RIGHT_SHOULDER)])

    @cached_property
    def hips(self) -> Points:
        """The hip joints ``(2, 2)``, left and right [px]."""
        return np.stack([self.joint(BodyPoint.LEFT_HIP), self.joint(BodyPoint.RIGHT_HIP)])

    @cached_property
    def down(self) -> Points:
        """The torso's direction from shoulders to hips, unit ``(2,)``."""
        return unit(self.hips.mean(axis=0) - self.shoulders.mean(axis=0))

    @cached_property
    def torso_length(self) -> float:
        """From the middle of the shoulders to that of the hips [px]."""
        return float(np.linalg.norm(self.hips.mean(axis=0) - self.shoulders.mean(axis=0)))

    @cached_property
    def width(self) -> float:
        """The distance between the shoulder joints as if seen from the front [px].

        A turned body shows less of it; it is never less than 0.6 of the torso's length (adults: 0.65 to 0.8).
        BlazePose's depth, which could tell the turn, is too noisy on frontal photos to help.
        """
        flat = float(np.linalg.norm(self.shoulders[LEFT] - self.shoulders[RIGHT]))
        return max(flat, 0.6 * self.torso_length)

    def outward(self, side: int) -> Points:
        """Return the unit vector across the torso that points to a side, at right angles to ``down``."""
        across = np.array([-self.down[1], self.down[0]], np.float32)
        towards = self.shoulders[side] - self.shoulders[1 - side]
        return across if float(across @ towards) >= 0 else -across

    def arm(self, side: int) -> Points:
        """Return shoulder, elbow and wrist ``(3, 2)`` [px]."""
        return np.stack([self.joint(p) for p in _ARM_JOINTS[side]])

    def leg(self, side: int) -> Points:
        """Return hip, knee and ankle ``(3, 2)`` [px]."""
        return np.stack([self.joint(p) for p in _LEG_JOINTS[side]])

    def arm_is_behind(self, side: int) -> bool:
        """Tell whether the forearm is behind the torso (hands on the back), by BlazePose's depth."""
        shoulder, elbow, wrist = (self.keypoints[p] for p in _ARM_JOINTS[side])
        return bool(wrist[2] - shoulder[2] > 0.35 * self.width and wrist[3] < 0.5 and elbow[2] > shoulder[2])

    @cached_property
    def trunk(self) -> Flags:
        """Where the person is seen and it is neither an arm, nor hair, nor a bag: what bounds the torso."""
        trunk = self.matte > 127
        for label in (Label.ARMS, Label.HANDS, Label.HAIR, Label.ACCESSORY):
            trunk &= self.labels != label
        arms = np.zeros(self.matte.shape, np.uint8)
        thickness = max(1, round(2 * 0.8 * ARM_RADIUS * self.width))
        for side in (LEFT, RIGHT):
            line = self.arm(side).round().astype(np.int32)
            cv2.polylines(arms, [line[:, None]], isClosed=False, color=(1,), thickness=thickness)
        return trunk & (arms == 0)

    @cached_property
    def person(self) -> Flags:
        """Where the person is seen, bags excepted."""
        return (self.matte > 127) & (self.labels != Label.ACCESSORY)

    def reach(self, mask: Flags, origins: Points, directions: Points, limit: float) -> Reach:
        """Walk from each origin along its direction until the mask ends.

        Args:
            mask: ``(h, w)``; it may start outside for up to a tenth of the limit.
            origins: ``(n, 2)`` [px].
            directions: ``(n, 2)`` unit vectors.
            limit: how far to walk [px].
        """
        steps = np.arange(0.0, max(limit, 2.0), 1.0, dtype=np.float32)
        points = origins[:, None] + directions[:, None] * steps[None, :, None]
        height, width = mask.shape
        x = np.floor(points[..., 0]).astype(np.int32)
        y = np.floor(points[..., 1]).astype(np.int32)
        within = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
        inside = mask[y, x] & within
        inside[:, : max(1, len(steps) // 10)] = True
        ended = ~inside
        end = np.where(ended.any(axis=1), ended.argmax(axis=1), len(steps) - 1)
        rows = np.arange(len(end))
        free = self.matte[y[rows, end], x[rows, end]] < 128
        proper = ended.any(axis=1) & within[rows, end]
        return Reach(steps[end], proper & free, proper & ~free)
