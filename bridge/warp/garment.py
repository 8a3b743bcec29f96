"""The garment's photo, and what the warp asks of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import Category, GarmentPoint
from bridge.imaging.pushpull import extend_colours

Points = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

COLLAR = (GarmentPoint.COLLAR_LEFT, GarmentPoint.COLLAR_RIGHT)
SHOULDER = (GarmentPoint.SHOULDER_LEFT, GarmentPoint.SHOULDER_RIGHT)
ARMPIT = (GarmentPoint.ARMPIT_LEFT, GarmentPoint.ARMPIT_RIGHT)
CUFF_OUTER = (GarmentPoint.CUFF_OUTER_LEFT, GarmentPoint.CUFF_OUTER_RIGHT)
CUFF_INNER = (GarmentPoint.CUFF_INNER_LEFT, GarmentPoint.CUFF_INNER_RIGHT)
WAIST = (GarmentPoint.WAIST_LEFT, GarmentPoint.WAIST_RIGHT)
HIP = (GarmentPoint.HIP_LEFT, GarmentPoint.HIP_RIGHT)
HEM = (GarmentPoint.HEM_LEFT, GarmentPoint.HEM_RIGHT)
HEM_INNER = (GarmentPoint.HEM_INNER_LEFT, GarmentPoint.HEM_INNER_RIGHT)
"""Landmarks by side, to be indexed by ``LEFT`` and ``RIGHT``."""

_BEYOND = 24  # px: how far the colours are continued
INSET = 1.5  # px: edges lie this far inside the mask, so that the photo's background never shows as a fringe


@dataclass(frozen=True)
class Garment:
    """A product photo and what was found in it; see the GARMENT contract for the frames.

    Attributes:
        image: UINT8 ``(h, w, 3)``.
        mask: UINT8 ``(h, w)``.
        inside: UINT8 ``(h, w)``.
        points: ``(21, 3)``.
        category: upper, lower or dress.
    """

    image: Image
    mask: Image
    inside: Image
    points: Points
    category: Category

    def has(self, *points: GarmentPoint) -> bool:
        """Tell whether the garment has all these points."""
        return all(self.points[p, 2] > 0 for p in points)

    def at(self, point: GarmentPoint) -> Points:
        """Return one landmark ``(2,)`` [px]."""
        xy: Points = self.points[point, :2]
        return xy

    def scaled(self, factor: float) -> Garment:
        """Return the garment with its photo shrunk, so that drawing it small does not alias."""
        size = (max(8, round(self.mask.shape[1] * factor)), max(8, round(self.mask.shape[0] * factor)))
        exact = np.array([size[0] / self.mask.shape[1], size[1] / self.mask.shape[0], 1.0], np.float32)
        image, mask, inside = (
            np.asarray(cv2.resize(a, size, interpolation=cv2.INTER_AREA), np.uint8)
            for a in (self.image, self.mask, self.inside)
        )
        return Garment(image, mask, inside, self.points * exact, self.category)

    def distance(self, pair: tuple[GarmentPoint, GarmentPoint]) -> float:
        """Return the distance between two landmarks [px], at least 1."""
        return max(1.0, float(np.linalg.norm(self.at(pair[0]) - self.at(pair[1]))))

    def middle(self, pair: tuple[GarmentPoint, GarmentPoint]) -> Points:
        """Return the point between two landmarks [px]."""
        middle: Points = (self.at(pair[0]) + self.at(pair[1])) / 2
        return middle

    @property
    def rows(self) -> tuple[float, float]:
        """The first and the last row of the photo that the garment covers [px]."""
        rows = np.flatnonzero(self.mask.max(axis=1) > 127)
        return float(rows[0]), float(rows[-1])

    @property
    def sleeved(self) -> tuple[bool, bool]:
        """Whether it has a left and a right sleeve."""
        return (
            self.has(GarmentPoint.CUFF_OUTER_LEFT, GarmentPoint.CUFF_INNER_LEFT),
            self.has(GarmentPoint.CUFF_OUTER_RIGHT, GarmentPoint.CUFF_INNER_RIGHT),
        )


def cloth(garment: Garment) -> Image:
    """Return the garment's photo as RGBA with its colours continued past its outline.

    Bilinear sampling at the outline then never mixes in the photo's background. The inner side (the back of the
    collar) is transparent.
    """
    x, y, w, h = cv2.boundingRect(garment.mask)
    near = (slice(max(0, y - _BEYOND), y + h + _BEYOND), slice(max(0, x - _BEYOND), x + w + _BEYOND))
    front = (garment.mask[near] > 200) & (garment.inside[near] < 128)
    solid = cv2.erode(front.astype(np.uint8), np.ones((3, 3), np.uint8))
    rgba = np.dstack([garment.image, np.minimum(garment.mask, 255 - garment.inside)])
    rgba[(*near, slice(0, 3))] = extend_colours(garment.image[near], solid > 0)
    return rgba


def outline(mask: Image, x: Numbers, y: Numbers, sign: float) -> Numbers:
    """Walk along rows from ``x`` in the direction ``sign`` until the mask ends; return the x where it does."""
    height, width = mask.shape
    steps = np.arange(width)
    columns = np.clip(np.floor(x)[:, None] + sign * steps, -1, width).astype(np.int64)
    rows = np.clip(np.floor(y), 0, height - 1).astype(np.int64)[:, None]
    inside = (columns >= 0) & (columns < width) & (mask[rows, np.clip(columns, 0, width - 1)] > 127)
    end = np.where(inside.all(axis=1), width - 1, (~inside).argmax(axis=1))
    return np.asarray(x + sign * end, np.float64)
