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
_THINNEST = 0.02
"""The share of the square on its longer side that a garment covers at least: a tie covers 0.05, trousers 0.15."""
_SMOOTH = 2.0
"""Standard deviation of the smoothing along a contour, so that steps of pixels are no wrinkles [px]."""
_APART = 0.6
"""How far from the outline a line inside must run, in edge lengths, to be one of its own."""
_CORNER = 0.35
"""How near to a landmark a sample of the outline is moved onto it, in edge lengths."""


def whole(mask: Mask) -> Mask:
    """Return the garment's mask, 0 or 1, in one piece and without holes.

    Raises:
        GarmentNotMeshed: it has a hole or a second piece too large to be a flaw of the mask, or is but a line.
    """
    ragged = np.pad((mask >= 128).view(np.uint8), 1)
    binary = cv2.morphologyEx(
        ragged, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)
    )  # an outline can't run to and fro
    contours, _ = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        raise GarmentNotMeshed("No garment is left to be cut into cloth; use a photo that shows it whole.")
    largest = max(contours, key=cv2.contourArea)
    filled = np.zeros_like(ragged)
    cv2.drawContours(filled, [largest], -1, (1.0,), cv2.FILLED)
    area = cv2.countNonZero(filled)
    rest = cv2.countNonZero(cv2.subtract(binary, filled))
    holes = area + rest - cv2.countNonZero(binary)
    if rest > _LARGEST_REST * area:
        raise GarmentNotMeshed("The photo shows a garment in several pieces; use one photo for each piece.")
    if holes > _LARGEST_HOLE * area:
        raise GarmentNotMeshed(
            "The garment has a hole in its photo; use a photo in which nothing lies on it."
        )
    if area < _THINNEST * max(cv2.boundingRect(largest)[2:]) ** 2:
        raise GarmentNotMeshed(
            "The garment is too thin to be cut into cloth; use a photo that shows it whole."
        )
    return filled[1:-1, 1:-1]


def outline_of(
    mask: Mask, points: npt.NDArray[np.float32], edge: float
) -> tuple[Points, npt.NDArray[np.intp]]:
    """Return the outline [n, 2] px, sampled about every ``edge``, and the sample of each GarmentPoint [21].

    Landmarks lie on the outline, each on a sample; the stretches between two of them are evenly divided. -1 stands
    for a landmark that the garment doesn't have. Landmarks that all but coincide share a sample.
    """
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = _smoothed(max(contours, key=len)[:, 0].astype(np.float32) + 0.5)
    nearest = {
        point: int(_squared(contour - points[point, :2]).argmin())
        for point in GarmentPoint
        if points[point, 2] > 0 and point is not GarmentPoint.COLLAR_FRONT
    }
    corners = _distinct(contour, sorted(set(nearest.values())), edge)
    samples, at = _divided(contour, corners, edge)
    chosen = np.full(len(GarmentPoint), -1)
    for point, place in nearest.items():
        chosen[point] = at[int(corners[_squared(contour[corners] - contour[place]).argmin()])]
    return samples, chosen


def openings_of(count: int, ends: list[tuple[int, int]]) -> list[npt.NDArray[np.intp]]:
    """Return the samples along each opening of an outline, its ends included.

    Two openings never share an end, as at a strap that is narrower than an edge: what lies between them must be sewn.

    Args:
        count: how many samples the outline has.
        ends: the samples at which openings end; an opening is the shorter way between them.
    """
    found: list[npt.NDArray[np.intp]] = []
    taken: set[int] = set()
    for start, stop in ends:
        ways = (
            np.arange(start, start + (stop - start) % count + 1),
            np.arange(stop, stop + (start - stop) % count + 1),
        )
        way = min(ways, key=len) % count
        way = way[int(way[0]) in taken : len(way) - (int(way[-1]) in taken)]
        taken |= {int(end) for end in way[:1]} | {int(end) for end in way[-1:]}
        found.append(way)
    return found


def lines_inside(
    inside: Mask, outline: Points, edge: float, ways: list[npt.NDArray[np.intp]]
) -> list[Points]:
    """Return the lines [m, 2] px in which the garment's front ends and its inner side begins.

    A line from outline to outline is a neckline or a waistband; a ring is the opening of a hood.

    Args:
        inside: 0 or 1, the inner side that the photo shows.
        outline: the garment's sampled outline [px].
        edge: distance of the samples [px].
        ways: the samples along each opening; through one of them the inner side is seen, so there a line ends.
    """
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return []
    depth = Depth(outline, [], 2 * edge)  # a coarse map will do
    found = []
    for contour in contours:
        line = contour[:, 0].astype(np.float32) + 0.5
        run = _longest_run(depth.at(line) > _APART * edge)
        if len(run) == len(line) > 2 * edge:
            found.append(_ring(line, edge))
        elif len(run) > 2 * edge:
            found.append(_anchored(line[run], [outline[way] for way in ways], edge))
    return [line for line in found if len(line) > 2]


def _ring(line: Points, edge: float) -> Points:
    """Return a closed line sampled every ``edge``; the last point is the first."""
    ring, _ = _divided(line, [0], edge)
    return np.concatenate([ring, ring[:1]])


def _anchored(line: Points, openings: list[Points], edge: float) -> Points:
    """Return a line sampled every ``edge``, from one vertex of the nearest opening to another."""
    apart = [[_squared(opening - end) for end in (line[0], line[-1])] for opening in openings]
    nearest = min(range(len(openings)), key=lambda number: sum(float(ends.min()) for ends in apart[number]))
    ends = [openings[nearest][ends.argmin()] for ends in apart[nearest]]
    count = max(2, round(float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum()) / edge))
    middle = line[np.linspace(0, len(line) - 1, count + 1).astype(int)]
    far = np.minimum(*(_squared(middle - end) for end in ends)) > (_APART * edge) ** 2
    return np.stack([ends[0], *middle[far], ends[1]])


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


def _squared(steps: Points) -> Points:
    """Return the squared lengths [n] of steps [n, 2]."""
    return steps[:, 0] ** 2 + steps[:, 1] ** 2


def _distinct(contour: Points, corners: list[int], edge: float) -> list[int]:
    """Return the corners without those that lie too near to an earlier one."""
    kept: list[int] = []
    for corner in corners:
        if (_squared(contour[kept] - contour[corner]) > (_CORNER * edge) ** 2).all():
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
