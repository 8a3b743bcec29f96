"""Which piece of the garment its vertices belong to, and where its inner side is seen."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import Category, GarmentPoint, Part

Points = npt.NDArray[np.float32]
Parts = npt.NDArray[np.uint8]

_P = GarmentPoint
_SLEEVES = (
    (Part.LEFT_SLEEVE, _P.SHOULDER_LEFT, _P.CUFF_OUTER_LEFT, _P.CUFF_INNER_LEFT, _P.ARMPIT_LEFT),
    (Part.RIGHT_SLEEVE, _P.SHOULDER_RIGHT, _P.CUFF_OUTER_RIGHT, _P.CUFF_INNER_RIGHT, _P.ARMPIT_RIGHT),
)
_BITS = 4
"""Binary digits after the point in which OpenCV takes the corners of a drawn polygon."""


def regions(points: Points, ring: int, category: Category, landmarks: Points, edge: float) -> Parts:
    """Return the Part of every vertex.

    Args:
        points: FP32 [v, 2] px, the vertices; first those of the outline, in its order.
        ring: how many vertices the outline has.
        category: upper, lower or dress.
        landmarks: FP32 [21, 3], the garment's GarmentPoint.
        edge: length of the triangles' sides [px].

    Returns:
        UINT8 [v].
    """
    if category is Category.LOWER:
        if landmarks[_P.CROTCH, 2] <= 0:
            return np.full(len(points), Part.SKIRT, np.uint8)
        middle = _waist_to_crotch(points, landmarks)
        return np.where(points[:, 0] > middle, Part.LEFT_LEG, Part.RIGHT_LEG).astype(np.uint8)
    found = np.full(len(points), Part.TORSO, np.uint8)
    for part, *corners in _SLEEVES:
        if landmarks[corners[1:3], 2].min() > 0:
            along, sleeve = _sleeve(points[:ring], landmarks[corners, :2], edge)
            found[_within(points, sleeve)] = part
            found[along] = part
    return found


def behind(points: Points, outline: Points, lines: list[Points]) -> npt.NDArray[np.bool_]:
    """Tell of each point [n, 2] px whether the garment's inner side is seen there.

    That is between a line on which the front ends and the part of the outline that encloses less with it; or within
    a ring.

    Args:
        points: FP32 [n, 2] px.
        outline: FP32 [m, 2] px.
        lines: as :func:`bridge.garment.mesh.outline.lines_inside` returns them.
    """
    found = np.zeros(len(points), np.bool_)
    for line in lines:
        first, last = (int(np.linalg.norm(outline - end, axis=1).argmin()) for end in (line[0], line[-1]))
        onward = (last + np.arange((first - last) % len(outline) + 1)) % len(outline)
        back = (last - np.arange((last - first) % len(outline) + 1)) % len(outline)
        found |= _within(
            points, min((np.concatenate([line, outline[way]]) for way in (onward, back)), key=_area)
        )
    return found


def _area(polygon: Points) -> float:
    return float(cv2.contourArea(polygon))


def _sleeve(outline: Points, corners: Points, edge: float) -> tuple[npt.NDArray[np.intp], Points]:
    """Return the outline's vertices along a sleeve, and the polygon that it fills.

    It is closed by the armhole. Where the sleeve lies on the trunk, its inner side is not on the outline, and runs
    straight from the cuff to the armpit.

    Args:
        outline: FP32 [n, 2] px.
        corners: FP32 [4, 2] px: shoulder, cuff's outer and inner end, armpit.
        edge: length of the triangles' sides [px].
    """
    apart = np.linalg.norm(outline[None] - corners[:, None], axis=2)
    shoulder, outer, inner, armpit = apart.argmin(axis=1).tolist()
    if apart[3, armpit] <= edge:
        along = _way(len(outline), shoulder, outer, armpit)
        return along, outline[along]
    along = _way(len(outline), shoulder, outer, inner)
    return along, np.concatenate([outline[along], corners[3:]])


def _way(count: int, start: int, through: int, stop: int) -> npt.NDArray[np.intp]:
    """Return the numbers around a ring from one vertex through another to a third."""
    forward = (through - start) % count <= (stop - start) % count
    steps = np.arange((stop - start) % count + 1) if forward else -np.arange((start - stop) % count + 1)
    return (start + steps) % count


def _within(points: Points, polygon: Points) -> npt.NDArray[np.bool_]:
    """Tell of each point [n, 2] px whether a polygon [m, 2] px covers it, true to about a pixel."""
    low = np.floor(points.min(axis=0))
    column, row = (points - low).astype(int).T
    drawn = np.zeros((row.max() + 1, column.max() + 1), np.uint8)
    corners = np.rint((polygon - low - 0.5) * 2**_BITS).astype(np.int32)
    cv2.fillPoly(drawn, [corners], (1.0,), shift=_BITS)
    return drawn[row, column] > 0


def _waist_to_crotch(points: Points, landmarks: Points) -> npt.NDArray[np.floating[npt.NBitBase]]:
    """Return x of the line from the waistband's middle through the crotch, at the height of every vertex [px]."""
    waist = landmarks[[_P.WAIST_LEFT, _P.WAIST_RIGHT], :2].mean(axis=0)
    crotch = landmarks[_P.CROTCH, :2]
    share = np.clip((points[:, 1] - waist[1]) / (crotch[1] - waist[1]), 0, 1)
    return waist[0] + share * (crotch[0] - waist[0])
