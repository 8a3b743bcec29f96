"""Who is dressed and in what: the body in its A-pose, the garment flat."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import BodyPart, BodyPoint, Category, GarmentPoint

Floats = npt.NDArray[np.float64]

_SLAB = 0.015
"""Half the thickness of the slice of a body whose girth is taken [m]."""
_FEWEST = 12
"""The fewest vertices that make a slice."""
TRUNK = (BodyPart.NECK, BodyPart.TORSO, BodyPart.LEFT_THIGH, BodyPart.RIGHT_THIGH)
"""What a tape around the waist or the hips goes around."""


def unit(vector: Floats) -> Floats:
    """Return a vector's direction."""
    return vector / np.linalg.norm(vector)


@dataclass(frozen=True)
class Wearer:
    """A body in its A-pose, in its own frame: x to its left, y up, z forward, the hips' middle at the origin [m].

    Attributes:
        vertices: FP64 [V, 3].
        parts: UINT8 [V], BodyPart of every vertex.
        landmarks: FP64 [33, 3], BodyPoint rows.
        axes: FP64 [3, 3], the frame's axes as rows, in the camera frame.
        origin: FP64 [3], the frame's origin in the camera frame [m].
    """

    vertices: Floats
    parts: npt.NDArray[np.uint8]
    landmarks: Floats
    axes: Floats
    origin: Floats

    @classmethod
    def of(
        cls,
        vertices: npt.NDArray[np.float32],
        parts: npt.NDArray[np.uint8],
        landmarks: npt.NDArray[np.float32],
    ) -> Wearer:
        """Return the body that stands in the camera frame with ``vertices`` [V, 3] and ``landmarks`` [33, 3]."""
        points = landmarks.astype(np.float64)
        hips = points[[BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP]]
        shoulders = points[[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER]]
        up = unit(shoulders.mean(axis=0) - hips.mean(axis=0))
        across = shoulders[0] - shoulders[1] + hips[0] - hips[1]
        left = unit(across - (across @ up) * up)
        axes = np.stack([left, up, np.cross(left, up)])
        origin = hips.mean(axis=0)
        return cls((vertices - origin) @ axes.T, parts, (points - origin) @ axes.T, axes, origin)

    def placed(self, points: Floats) -> Floats:
        """Return points [N, 3] of this frame in the camera frame."""
        return points @ self.axes + self.origin

    def level(self, share: float) -> float:
        """Return the height [m] that lies ``share`` of the way from the hips' joints to the shoulders'."""
        shoulders = self.landmarks[[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER]]
        return share * float(shoulders[:, 1].mean())

    def slice(self, height: float, parts: tuple[BodyPart, ...] = TRUNK) -> Floats:
        """Return x, z [n, 2] of the vertices of ``parts`` near a height [m]; the nearest ones where none is."""
        chosen = self.vertices[np.isin(self.parts, parts)]
        away = np.abs(chosen[:, 1] - height)
        near = chosen[away <= max(_SLAB, float(np.partition(away, _FEWEST)[_FEWEST]))]
        return near[:, [0, 2]]

    def girth(self, height: float) -> float:
        """Return the length of a tape around the trunk at a height [m]."""
        hull = cv2.convexHull(self.slice(height).astype(np.float32))
        return float(cv2.arcLength(hull, closed=True))

    def breadth(self, height: float) -> float:
        """Return how wide the trunk is from the front at a height [m]."""
        return float(np.ptp(self.slice(height)[:, 0]))

    def floor(self) -> float:
        """Return the height of what the feet stand on [m]."""
        return float(self.vertices[:, 1].min())


@dataclass(frozen=True)
class Flat:
    """The garment as it lies in its photo.

    Attributes:
        vertices: FP64 [N, 2], x, y [px].
        faces: INT32 [F, 3], the triangles.
        back: bool [N], whether a vertex is of the back panel.
        regions: UINT8 [N], Part of every vertex.
        seams: INT32 [S, 2], pairs of vertices that are sewn.
        points: FP64 [21, 3], GarmentPoint rows.
        category: upper, lower or dress.
    """

    vertices: Floats
    faces: npt.NDArray[np.int32]
    back: npt.NDArray[np.bool_]
    regions: npt.NDArray[np.uint8]
    seams: npt.NDArray[np.int32]
    points: Floats
    category: Category

    def middle(self, *names: GarmentPoint) -> Floats:
        """Return the mean place [2] of landmarks."""
        return self.points[list(names), :2].mean(axis=0)

    def width(self, left: GarmentPoint, right: GarmentPoint) -> float:
        """Return how far two landmarks lie apart [px]."""
        return float(np.linalg.norm(self.points[left, :2] - self.points[right, :2]))
