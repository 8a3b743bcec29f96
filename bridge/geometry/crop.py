"""Square, turned windows of a photo: what a network looks at, and the way back.

Points are (x, y) in pixels, in the photo and in the crop; the top left pixel's centre is (0.5, 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32] | npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
Picture = TypeVar("Picture", UInt8, Float32)


@dataclass(frozen=True)
class Crop:
    """A square window of a photo.

    ``x`` and ``y`` are its centre and ``size`` its side, in photo pixels; ``angle`` [rad] turns it clockwise
    as seen on the screen, so that the crop's up points at (sin angle, -cos angle) of the photo.
    """

    x: float
    y: float
    size: float
    angle: float = 0.0

    @classmethod
    def whole(cls, height: int, width: int, scale: float = 1.0) -> Crop:
        """Return the smallest upright square that holds a whole photo, times ``scale``."""
        return cls(width / 2, height / 2, max(height, width) * scale)

    @classmethod
    def pointing(cls, centre: Floats, up: Floats, size: float) -> Crop:
        """Return the square around ``centre`` whose up points along ``up``, a vector in photo pixels."""
        return cls(float(centre[0]), float(centre[1]), size, float(np.arctan2(up[0], -up[1])))

    def shifted(self, right: float, down: float, scale: float = 1.0) -> Crop:
        """Return the crop moved along its own axes by shares of its size, then scaled about its centre."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        x = self.x + self.size * (right * cos - down * sin)
        y = self.y + self.size * (right * sin + down * cos)
        return Crop(float(x), float(y), self.size * scale, self.angle)

    def matrix(self, side: int) -> npt.NDArray[np.float64]:
        """Return the affine map [2, 3] from photo points to points of the crop of ``side`` pixels."""
        scale = side / self.size
        cos, sin = scale * np.cos(self.angle), scale * np.sin(self.angle)
        turn = np.array([[cos, sin], [-sin, cos]])
        offset = side / 2 - turn @ (self.x, self.y)
        return np.column_stack([turn, offset])

    def inverse(self, side: int) -> npt.NDArray[np.float64]:
        """Return the affine map [2, 3] from points of the crop back to photo points."""
        return np.asarray(cv2.invertAffineTransform(self.matrix(side)), np.float64)

    def to_crop(self, points: Floats, side: int) -> Float32:
        """Map photo points [n, 2 or 3] into the crop of ``side`` pixels; a third column, depth, is scaled."""
        return self._map(points, self.matrix(side), side / self.size)

    def to_photo(self, points: Floats, side: int) -> Float32:
        """Map points [n, 2 or 3] of the crop of ``side`` pixels into the photo: the inverse of to_crop."""
        return self._map(points, self.inverse(side), self.size / side)

    @staticmethod
    def _map(points: Floats, matrix: Floats, scale: float) -> Float32:
        mapped = np.array(points, np.float32)
        mapped[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        mapped[:, 2:] *= scale
        return mapped

    def take(self, image: UInt8, side: int, *, border: int = cv2.BORDER_CONSTANT) -> UInt8:
        """Cut the window out of an image.

        Args:
            image: ``[h, w, 3]`` or ``[h, w]``.
            side: the side of the picture that is returned [px].
            border: OpenCV's rule for what lies outside the image; black by default.

        Returns:
            The picture ``[side, side, ...]``; if it is much smaller than the window, averaged, not sampled.
        """
        matrix = self.matrix(side)
        step = int(self.size / side)
        if step >= 2:  # linear sampling would skip pixels
            small = cv2.resize(image, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
            ratio = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]])
            matrix = np.column_stack([matrix[:, :2] * ratio, matrix[:, 2]])
            image = np.asarray(small, np.uint8)
        return _warp(image, matrix, (side, side), border)

    def paste(self, picture: Float32, height: int, width: int) -> Float32:
        """Lay a picture ``[side, side]`` of the window back into an empty (0) photo ``[height, width]``."""
        return _warp(picture, self.inverse(picture.shape[0]), (height, width), cv2.BORDER_CONSTANT)


def _warp(image: Picture, matrix: Floats, size: tuple[int, int], border: int) -> Picture:
    """Warp with a matrix of points; OpenCV's own puts the first pixel's centre at (0, 0)."""
    shift = matrix[:, :2] @ (0.5, 0.5) - 0.5
    moved = np.column_stack([matrix[:, :2], matrix[:, 2] + shift])
    warped = cv2.warpAffine(image, moved, size[::-1], flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(warped, image.dtype)
