"""The garment's outline in its own frame, cut at the axis into two half paths.

A half path runs from the top of the outline on the axis (the neckline, the waistband) around one side to the
bottom on the axis (the hem, the crotch). Both halves are given with x >= 0, so that left and right are read by the
same rules; :class:`Side` knows which is which.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bridge.garment.frame import Frame, Pixels, Points

Numbers = npt.NDArray[np.float64]

SMALL_HOLE = 3e-4
"""Holes smaller than this share of the picture don't interrupt a row of the garment."""
STEPS = 360
"""Points per half path: about four pixels apart on a photo of 768x1024."""


@dataclass(frozen=True)
class Side:
    """One half of the outline.

    Attributes:
        sign: +1 for the wearer's left (larger x in the photo), -1 for the right.
        path: FP64 [STEPS, 2], the half path from the top to the bottom, evenly spaced, x towards that side [px].
        gaps: FP64 [n, 2], the top points of the enclosed gaps on that side, in the same coordinates [px].
        step: the distance between neighbours on the path [px].
    """

    sign: int
    path: Points
    gaps: Points
    step: float


@dataclass(frozen=True)
class Outline:
    """The whole outline in the garment's frame.

    Attributes:
        frame: where the garment's frame lies in the photo.
        left: the wearer's left half.
        right: the wearer's right half.
        top: the highest y [px].
        bottom: the lowest point's y [px].
        runs: FP64 [rows, 2, 2], per row and side (left, right) the inner and outer end of the piece of the garment
            that is widest there, its body [px, x >= 0 towards the side]; NaN where there is none.
        outer: FP64 [rows, 2], per row and side the outermost x [px]; NaN where there is none.
        split: BOOL [rows], true where the axis runs through background.
    """

    frame: Frame
    left: Side
    right: Side
    top: float
    bottom: float
    runs: Numbers
    outer: Numbers
    split: npt.NDArray[np.bool_]

    @property
    def height(self) -> float:
        """The garment's height along its axis [px]."""
        return self.bottom - self.top


def trace(mask: Pixels, frame: Frame) -> Outline:
    """Trace the outline of a mask.

    Args:
        mask: UINT8 [h, w], the garment's mask.
        frame: the garment's frame.

    Returns:
        The outline; only the largest piece is traced.
    """
    solid = (mask > 127).astype(np.uint8)
    contours, tree = cv2.findContours(solid, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    largest = max(
        (i for i in range(len(contours)) if tree[0][i][3] < 0), key=lambda i: cv2.contourArea(contours[i])
    )
    outer = frame.to_frame(contours[largest][:, 0] + 0.5)
    least = 2e-4 * cv2.contourArea(contours[largest])
    holes = [
        frame.to_frame(contours[i][:, 0] + 0.5)
        for i in range(len(contours))
        if tree[0][i][3] == largest and cv2.contourArea(contours[i]) > max(least, 12)
    ]
    top, bottom = float(outer[:, 1].min()), float(outer[:, 1].max())
    small = [
        c
        for c, node in zip(contours, tree[0], strict=True)
        if node[3] >= 0 and cv2.contourArea(c) < SMALL_HOLE * solid.size
    ]
    cv2.drawContours(solid, small, -1, (1,), cv2.FILLED)
    runs, widest, split = _runs(solid, frame, top, bottom)
    left, right = (_side(outer, holes, sign) for sign in (1, -1))
    return Outline(frame, left, right, top, bottom, runs, widest, split)


def _side(outer: Points, holes: list[Points], sign: int) -> Side:
    outline = outer * np.array([sign, 1.0])
    ahead = np.roll(outline, -1, axis=0)
    crossing = np.nonzero((outline[:, 0] < 0) != (ahead[:, 0] < 0))[0]
    heights = outline[crossing, 1]
    first, last = crossing[np.argmin(heights)], crossing[np.argmax(heights)]
    forth = np.roll(outline, -first - 1, axis=0)[: (last - first) % len(outline)]
    back = np.roll(outline[::-1], first + 1, axis=0)[: (first - last) % len(outline)]
    path = forth if forth[:, 0].mean() > back[:, 0].mean() else back
    path, step = resample(path, STEPS)
    gaps = [hole * np.array([sign, 1.0]) for hole in holes]
    tops = [hole[np.argmin(hole[:, 1])] for hole in gaps if hole[:, 0].mean() > 0]
    return Side(sign, path, np.array(tops).reshape(-1, 2), step)


def resample(path: Points, count: int) -> tuple[Points, float]:
    """Return ``count`` evenly spaced points of a path [n, 2], and their distance [px]."""
    along = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))]
    at = np.linspace(0, along[-1], count)
    return np.stack([np.interp(at, along, path[:, k]) for k in (0, 1)], -1), float(at[1])


def _runs(
    solid: Pixels, frame: Frame, top: float, bottom: float
) -> tuple[Numbers, Numbers, npt.NDArray[np.bool_]]:
    """Read the upright garment row by row."""
    half = max(solid.shape)
    rows = int(np.ceil(bottom - top))
    corner = np.array([-half + 0.5, top + 0.5])
    turn = np.column_stack(
        [frame.to_photo(np.eye(2)).T - np.array(frame.origin)[:, None], frame.to_photo(corner) - 0.5]
    )
    upright = (
        cv2.warpAffine(solid, turn, (2 * half, rows), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP) > 0
    )
    sides = (upright[:, half:], upright[:, :half][:, ::-1])
    runs = np.stack([_widest_run(side) for side in sides], 1)
    widest = np.stack(
        [np.where(side.any(1), half - np.argmax(side[:, ::-1], 1), np.nan) for side in sides], 1
    )
    return runs, widest, ~(sides[0][:, 0] | sides[1][:, 0])


def _widest_run(side: npt.NDArray[np.bool_]) -> Numbers:
    """Per row, the begin and end of the widest piece: the body, for no sleeve is as wide as half of it."""
    edges = np.diff(np.pad(side, ((0, 0), (1, 1))).view(np.int8), axis=1)
    rows, begins = np.nonzero(edges > 0)
    _, ends = np.nonzero(edges < 0)
    order = np.argsort(ends - begins, kind="stable")
    runs = np.full((len(side), 2), np.nan)
    runs[rows[order]] = np.stack([begins[order], ends[order]], -1)
    return runs


def turning(path: Points, reach: int) -> Numbers:
    """How much a path turns at each of its points, over ``reach`` points to either side [rad].

    Positive where an outline that runs clockwise on the screen (down its right side) is convex.
    """
    padded = np.pad(path, ((reach, reach), (0, 0)), mode="edge")
    before, after = path - padded[: -2 * reach], padded[2 * reach :] - path
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    angle: Numbers = np.arctan2(cross, (before * after).sum(1))
    return angle


def farthest(path: Points, begin: int, end: int) -> tuple[int, float]:
    """The point of ``path[begin:end + 1]`` that stands out farthest from the chord between its two ends.

    Returns:
        Its index and its distance [px], positive to the outer side of a clockwise outline; ``begin`` and 0 where
        nothing stands out.
    """
    if end - begin < 2:
        return begin, 0.0
    chord = path[end] - path[begin]
    off = path[begin : end + 1] - path[begin]
    distance = (chord[1] * off[:, 0] - chord[0] * off[:, 1]) / max(float(np.hypot(*chord)), 1e-6)
    best = int(np.argmax(distance))
    return begin + best, float(distance[best])


def deepest(path: Points, begin: int, end: int) -> tuple[int, float]:
    """The point of ``path[begin:end + 1]`` that lies deepest inside the chord: index and depth [px]."""
    index, distance = farthest(path[begin : end + 1] * np.array([-1.0, 1.0]), 0, end - begin)
    return begin + index, distance


def dents(path: Points) -> list[tuple[int, int, int, float]]:
    """The concavities of a half path closed by the axis: first, last and deepest index, depth [px]."""
    fixed = np.rint(path * 16).astype(np.int32)[:, None]
    hull = cv2.convexHull(fixed, returnPoints=False)
    hull = np.sort(hull[:, 0])[::-1][:, None]
    found = cv2.convexityDefects(fixed, hull)
    if found is None:  # nothing in cv2's types says that there may be no concavity
        return []  # type: ignore[unreachable]
    count = len(path)
    return [
        (int(a), int(b), int(f), d / 4096)
        for a, b, f, d in found[:, 0]
        if a < f < b or (b == 0 and f < count)
    ]
