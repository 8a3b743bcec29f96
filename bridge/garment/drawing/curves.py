"""Curves and areas: what a garment's pattern is made of, and how it becomes pixels.

Points are FP64 [n, 2] in the garment's own frame: x to the right of its axis, y down from the height of its
collar, one unit a pixel of the 768x1024 picture at scale 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Point = tuple[float, float]

FINE = 4
"""Areas are filled at this many times the picture's resolution and averaged down, for a smooth outline."""


@dataclass(frozen=True)
class Placement:
    """Where the garment lies in the picture.

    Attributes:
        height: the picture's height [px].
        width: its width [px].
        matrix: FP64 [2, 3], the affine map from the garment's frame to the picture.
    """

    height: int
    width: int
    matrix: Points

    def to_picture(self, points: Points) -> Points:
        """Map garment points [n, 2] into the picture [px]."""
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]

    def grid(self) -> tuple[Floats, Floats]:
        """The garment-frame x and y of every pixel's centre, each FP32 [height, width]."""
        back = cv2.invertAffineTransform(self.matrix)
        x = np.arange(self.width, dtype=np.float32)[None] + np.float32(0.5)
        y = np.arange(self.height, dtype=np.float32)[:, None] + np.float32(0.5)
        b = back.astype(np.float32)
        return x * b[0, 0] + y * b[0, 1] + b[0, 2], x * b[1, 0] + y * b[1, 1] + b[1, 2]

    def cover(self, area: Points) -> Floats:
        """The share of every pixel that a polygon covers, FP32 [height, width]."""
        fine = np.zeros((self.height * FINE, self.width * FINE), np.uint8)
        corners = np.rint((self.to_picture(area) * FINE - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(fine, [corners], (255,), shift=4)
        small = cv2.resize(fine, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return small.astype(np.float32) * np.float32(1 / 255)

    def stroke(self, lines: list[Points], thickness: float) -> Floats:
        """The share of every pixel that lines of some thickness [garment units] cover, FP32 [height, width]."""
        fine = np.zeros((self.height * FINE, self.width * FINE), np.uint8)
        size = float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))
        drawn = [np.rint((self.to_picture(line) * FINE - 0.5) * 16).astype(np.int32) for line in lines]
        broad = max(1, round(thickness * size * FINE))
        cv2.polylines(fine, drawn, isClosed=False, color=(255,), thickness=broad, shift=4)
        small = cv2.resize(fine, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return small.astype(np.float32) * np.float32(1 / 255)


def pair(point: Points) -> Point:
    """A point as a plain pair."""
    return float(point[0]), float(point[1])


class Wobble:
    """Makes a curve stray a little, as cloth does that was laid by hand; its ends stay."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def __call__(self, path: Points, amount: float) -> Points:
        """Return the path, moved sideways by up to about ``amount`` [garment units]."""
        length = float(np.hypot(*np.diff(path, axis=0).T).sum())
        knots = self._rng.normal(0, amount / 2, max(4, round(length / 45)))
        knots[[0, -1]] = 0
        t = np.linspace(0, 1, len(path))
        offset = np.interp(t, np.linspace(0, 1, len(knots)), knots)
        soft = np.convolve(np.pad(offset, 4, mode="edge"), np.hanning(9) / np.hanning(9).sum(), mode="valid")
        step = np.gradient(path, axis=0)
        normal = np.stack([-step[:, 1], step[:, 0]], -1) / np.maximum(np.hypot(*step.T), 1e-9)[:, None]
        return path + (soft * np.minimum(1, 8 * np.minimum(t, 1 - t)))[:, None] * normal


def smooth(points: Sequence[Point], count: int = 16) -> Points:
    """A curve through all points (Catmull and Rom 1974, ends doubled), ``count`` steps per piece."""
    p = np.array([points[0], *points, points[-1]], float)
    t = np.linspace(0, 1, count, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    return np.concatenate([*pieces, p[-1:]])


def arc(begin: Point, end: Point, drop: float, power: float = 2.0, count: int = 48) -> Points:
    """A hanging curve from ``begin`` to ``end``, ``drop`` below the middle of its chord.

    ``power`` is the exponent of a superellipse: 1 is a V, 2 half an ellipse, more is squarer.
    """
    angle = np.linspace(np.pi, 0, count)
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / power)
    y = np.abs(np.sin(angle)) ** (2 / power)
    first, last = np.array(begin), np.array(end)
    points: Points = (first + last) / 2 + x[:, None] * (last - first) / 2 + y[:, None] * np.array([0.0, drop])
    return points


def bend(begin: Point, through: Point, end: Point, count: int = 24) -> Points:
    """A quadratic Bezier curve with the control point ``through``."""
    t = np.linspace(0, 1, count)[:, None]
    points: Points = (
        (1 - t) ** 2 * np.array(begin) + 2 * t * (1 - t) * np.array(through) + t**2 * np.array(end)
    )
    return points


def even(path: Points, spacing: float) -> Points:
    """The path again, with points about ``spacing`` apart."""
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(path, axis=0).T))]
    at = np.linspace(0, along[-1], max(2, round(along[-1] / spacing)))
    return np.stack([np.interp(at, along, path[:, k]) for k in (0, 1)], -1)


def stitches(path: Points, length: float = 5.0, gap: float = 3.0) -> list[Points]:
    """Cut a path into the visible stitches of a seam."""
    points = even(path, 1.0)
    period = length + gap
    count = int(len(points) / period)
    return [points[int(k * period) : int(k * period + length)] for k in range(count)]


def shifted(path: Points, distance: float) -> Points:
    """The path moved sideways, to the right of its direction on the screen when ``distance`` is positive."""
    step = np.gradient(path, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], -1) / np.maximum(np.hypot(*step.T), 1e-9)[:, None]
    return path + distance * normal
