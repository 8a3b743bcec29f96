"""The garment's outline and neckline as evenly sampled lines."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import GarmentPoint
from bridge.errors import GarmentNotMeshed
from bridge.garment.mesh.depth import Depth

Points = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]

_LARGEST_HOLE = 0.01
"""The share of the garment that a hole may have and still be taken for a flaw of the mask."""
_LARGEST_REST = 0.05
"""The same of a second piece beside the garment."""
_SMOOTH = 2.0
"""Standard deviation of the smoothing along a contour, so that steps of pixels are no wrinkles [px]."""
_APART = 0.6
"""How far from the outline a line inside must run, in edge lengths, to be one of its own."""
_CORNER = 0.35
"""How near to a landmark a sample of the outline is moved onto it, in edge lengths."""


def whole(mask: Mask) -> Mask:
    """Return the garment's mask, 0 or 1, in one piece and without holes.

    Raises:
        GarmentNotMeshed: it has a hole or a second piece too large to be a flaw of the mask.
    """
    binary = np.pad((mask >= 128).view(np.uint8), 1)
    count, names = cv2.connectedComponents(binary, connectivity=4)
    if count < 2:
        raise GarmentNotMeshed("No garment is left to be cut into cloth; use a photo that shows it whole.")
    areas = np.bincount(names[binary > 0])[1:]
    largest = int(areas.argmax())
    if areas.sum() - areas[largest] > _LARGEST_REST * areas[largest]:
        raise GarmentNotMeshed("The photo shows a garment in several pieces; use one photo for each piece.")
    piece = (names == 1 + largest).view(np.uint8)
    contours, _ = cv2.findContours(piece, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(piece), contours, -1, (1.0,), cv2.FILLED)
    if cv2.countNonZero(filled) - areas[largest] > _LARGEST_HOLE * areas[largest]:
        raise GarmentNotMeshed(
            "The garment has a hole in its photo; use a photo in which nothing lies on it."
        )
    return filled[1:-1, 1:-1]


def outline_of(
    mask: Mask, points: npt.NDArray[np.float32], edge: float
) -> tuple[Points, npt.NDArray[np.intp]]:
    """Return the outline [n, 2] px, sampled about every ``edge``, and the sample of each GarmentPoint [21].

    Landmarks lie on the outline, each on a sample; the stretches between two of them are evenly divided. -1 stands
    for a landmark that the garment doesn't have, or whose place another one took.
    """
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = _smoothed(max(contours, key=len)[:, 0].astype(np.float32) + 0.5)
    nearest = {
        point: int(np.linalg.norm(contour - points[point, :2], axis=1).argmin())
        for point in GarmentPoint
        if points[point, 2] > 0 and point is not GarmentPoint.COLLAR_FRONT
    }
    corners = _distinct(contour, sorted(set(nearest.values())), edge)
    samples, at = _divided(contour, corners, edge)
    chosen = np.full(len(GarmentPoint), -1)
    for point, place in nearest.items():
        chosen[point] = at.get(place, -1)
    return samples, chosen


def lines_inside(inside: Mask, outline: Points, edge: float) -> list[Points]:
    """Return the lines [m, 2] px in which the garment's front ends and its inner side begins.

    A line from outline to outline is a neckline or a waistband; a ring is the opening of a hood.

    Args:
        inside: 0 or 1, the inner side that the photo shows.
        outline: the garment's sampled outline [px].
        edge: distance of the samples [px].
    """
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return []
    depth = Depth(outline, [], edge)
    found = []
    for contour in contours:
        line = contour[:, 0].astype(np.float32) + 0.5
        run = _longest_run(depth.at(line) > _APART * edge)
        if len(run) == len(line) > 2 * edge:
            found.append(_ring(line, edge))
        elif len(run) > 2 * edge:
            found.append(_anchored(line[run], outline, edge))
    return found


def _ring(line: Points, edge: float) -> Points:
    """Return a closed line sampled every ``edge``; the last point is the first."""
    ring, _ = _divided(line, [0], edge)
    return np.concatenate([ring, ring[:1]])


def _anchored(line: Points, outline: Points, edge: float) -> Points:
    """Return a line sampled every ``edge``, from one vertex of the outline to another."""
    ends = [outline[np.linalg.norm(outline - end, axis=1).argmin()] for end in (line[0], line[-1])]
    count = max(2, round(float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum()) / edge))
    middle = line[np.linspace(0, len(line) - 1, count + 1).astype(int)]
    kept = [p for p in middle if min(np.linalg.norm(p - end) for end in ends) > _APART * edge]
    return np.array([ends[0], *kept, ends[1]], np.float32)


def _longest_run(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return the numbers of the longest run of true flags around a ring."""
    if flags.all():
        return np.arange(len(flags))
    start = int(np.flatnonzero(~flags)[0])
    order = np.roll(np.arange(len(flags)), -start)
    pieces = np.split(order, np.flatnonzero(np.diff(flags[order].astype(int))) + 1)
    runs = [piece for piece in pieces if flags[piece[0]]]
    return max(runs, key=len) if runs else np.zeros(0, np.intp)


def _smoothed(contour: Points) -> Points:
    """Return a closed contour without its steps of one pixel."""
    reach = int(4 * _SMOOTH)
    around = np.concatenate([contour[-reach:], contour, contour[:reach]])
    kernel = cv2.getGaussianKernel(2 * reach + 1, _SMOOTH, cv2.CV_32F)
    blurred = cv2.filter2D(around, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return blurred[reach : reach + len(contour)].astype(np.float32)


def _distinct(contour: Points, corners: list[int], edge: float) -> list[int]:
    """Return the corners without those that lie too near to an earlier one."""
    kept: list[int] = []
    for corner in corners:
        if all(np.linalg.norm(contour[corner] - contour[other]) > _CORNER * edge for other in kept):
            kept.append(corner)
    return kept


def _divided(contour: Points, corners: list[int], edge: float) -> tuple[Points, dict[int, int]]:
    """Return samples of a contour, each stretch between two corners evenly divided, and the corners' numbers."""
    length = len(contour)
    samples: list[Points] = []
    at: dict[int, int] = {}
    for start, stop in zip(corners, [*corners[1:], corners[0] + length], strict=True):
        stretch = contour[np.arange(start, stop + 1) % length]
        along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(stretch, axis=0), axis=1))])
        parts = max(1, round(float(along[-1]) / edge))
        targets = np.linspace(0, along[-1], parts + 1)[:-1]
        at[start] = sum(map(len, samples))
        samples.append(np.column_stack([np.interp(targets, along, stretch[:, k]) for k in (0, 1)]))
    return np.concatenate(samples).astype(np.float32), at
