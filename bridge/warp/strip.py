"""Strips: the pieces of cloth that the warp bends, and how they are drawn.

A strip is a ladder. Its rungs cross one part of the garment (the torso, a sleeve, a leg) from edge to edge; each
rung is known twice, where it lies in the garment's photo and where it shall lie on the body. Between the rungs
the cloth follows a piecewise affine map over a triangle mesh, so that a part can bend without tearing, and
neighbours that share a rung join without a gap. (The mesh is the one of image morphing by triangulation, e.g.
Goshtasby 1986, "Piecewise linear mapping functions for image registration".)
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import Part

Points = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

_SUBPIXEL_BITS = 4  # cv2 draws polygons in fixed point: 1/16 px
_COLUMNS = 13  # mesh columns per strip; rungs bend only mildly, so more shows no difference
_MARGIN = (
    0.03  # of a rung: the mesh reaches this far beyond both ends, so that a smooth edge finds cloth to show
)


@dataclass(frozen=True)
class Strip:
    """One part's ladder.

    Attributes:
        part: the part that it covers.
        source: rungs in the garment's photo, ``(rungs, 3, 2)`` [px]: one end, a point between, the other end.
        target: the same rungs in the person's photo, ``(rungs, 3, 2)`` [px].
        depth: strips of larger depth are drawn first, behind the others.
    """

    part: Part
    source: Points
    target: Points
    depth: float = 0.0


@dataclass(frozen=True)
class Box:
    """A window of a picture: rows ``top`` to ``bottom``, columns ``left`` to ``right``, ends excluded [px]."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def around(cls, points: Points, height: int, width: int) -> Box:
        """Return the window that holds all points ``(..., 2)`` with a pixel to spare, within the picture."""
        low = np.floor(points.reshape(-1, 2).min(axis=0)).astype(int) - 2
        high = np.ceil(points.reshape(-1, 2).max(axis=0)).astype(int) + 3
        left, right = np.clip([low[0], high[0]], 0, width)
        top, bottom = np.clip([low[1], high[1]], 0, height)
        return cls(int(top), int(bottom), int(left), int(right))

    @property
    def empty(self) -> bool:
        """Whether it holds no pixel."""
        return self.top >= self.bottom or self.left >= self.right

    @property
    def window(self) -> tuple[slice, slice]:
        """The index that cuts it out of an array ``(height, width, ...)``."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def _columns(rungs: Points) -> Points:
    """Widen ``(rungs, 3, 2)`` to ``(rungs, _COLUMNS, 2)`` along the parabola through each rung's three points.

    The first and the last column lie beyond the rungs' ends.
    """
    u = np.concatenate([[-_MARGIN], np.linspace(0.0, 1.0, _COLUMNS - 2), [1.0 + _MARGIN]]).astype(np.float32)
    weights = np.stack([(1 - u) * (1 - 2 * u), 4 * u * (1 - u), u * (2 * u - 1)], axis=1)
    return np.einsum("cs,rsd->rcd", weights, rungs).astype(np.float32)


def _triangles(grid: Points) -> Points:
    """Split a grid of points ``(r, c, 2)`` into ``((r-1)*(c-1)*2, 3, 2)`` triangles, row by row."""
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]
    both = np.stack([np.stack([a, b, c], axis=2), np.stack([d, c, b], axis=2)], axis=2)
    return np.ascontiguousarray(both.reshape(-1, 3, 2))


def _affine_maps(source: Points, target: Points) -> npt.NDArray[np.float64]:
    """Return the maps ``(n, 3, 2)`` that take a target point ``(x, y, 1)`` to its source point, one per triangle."""
    homogeneous = np.concatenate([target, np.ones_like(target[..., :1])], axis=2).astype(np.float64)
    flat = np.abs(np.linalg.det(homogeneous)) < 1e-3  # a folded triangle covers nothing; any map will do
    homogeneous[flat] = np.eye(3)
    maps: npt.NDArray[np.float64] = np.linalg.solve(homogeneous, source.astype(np.float64))
    return maps


def backward_map(strip: Strip, box: Box) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Find, for every pixel of a window of the person's photo, where its cloth lies in the garment's photo.

    Args:
        strip: the ladder.
        box: the window.

    Returns:
        ``(h, w, 2)`` source points [px] (x, y), and ``(h, w)`` which pixels of the window the strip covers; the map
        is meaningless elsewhere.
    """
    target = _triangles(_columns(strip.target))
    maps = _affine_maps(_triangles(_columns(strip.source)), target).astype(np.float32)
    index = np.zeros((box.bottom - box.top, box.right - box.left), np.int32)
    # cv2 puts a pixel's centre at whole numbers, the contracts put it at half ones.
    corners = target - np.array([box.left, box.top], np.float32) - 0.5
    fixed = np.round(corners * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    for number, triangle in enumerate(fixed, start=1):
        cv2.fillConvexPoly(index, triangle, (number,), cv2.LINE_8, _SUBPIXEL_BITS)
    covered = np.asarray(index > 0)
    y, x = np.nonzero(covered)
    m = maps[index[covered] - 1]
    points = np.stack([x + (box.left + 0.5), y + (box.top + 0.5), np.ones(len(x))], axis=1).astype(np.float32)
    result = np.full((*index.shape, 2), -1.0, np.float32)
    result[covered] = np.einsum("np,npd->nd", points, m)
    return result, covered


def draw_strip(strip: Strip, cloth: Image, box: Box) -> npt.NDArray[np.float32]:
    """Draw one strip of the garment in a window of the person's photo.

    Args:
        strip: the ladder.
        cloth: the garment's photo with alpha, UINT8 ``(h, w, 4)``; its colours reach beyond its alpha.
        box: the window.

    Returns:
        ``(h, w, 4)`` straight RGB [0, 255] and alpha [0, 1] of the window.
    """
    mapping, covered = backward_map(strip, box)
    mapping -= 0.5
    drawn = cv2.remap(cloth, mapping[..., 0], mapping[..., 1], cv2.INTER_LINEAR).astype(np.float32)
    drawn[..., 3] *= np.where(covered, _smooth_edge(strip, box), 0.0) / 255.0
    return drawn


def _smooth_edge(strip: Strip, box: Box) -> npt.NDArray[np.float32]:
    """Return the share of each pixel of a window that lies between the rungs' ends ``(h, w)`` [0, 1]."""
    fixed = np.round((strip.target - np.array([box.left, box.top]) - 0.5) * (1 << _SUBPIXEL_BITS)).astype(
        np.int32
    )
    inside = np.zeros((box.bottom - box.top, box.right - box.left), np.uint8)
    for above, below in pairwise(fixed):  # rung by rung, so that a fold leaves no hole
        quad = np.stack([above[0], above[2], below[2], below[0]])
        cv2.fillConvexPoly(inside, quad, (255,), cv2.LINE_8, _SUBPIXEL_BITS)
    outline = np.concatenate([fixed[:, 0], fixed[::-1, 2]])[:, None]
    smooth = np.zeros_like(inside)
    cv2.fillPoly(smooth, [outline], (255,), cv2.LINE_AA, _SUBPIXEL_BITS)
    within = cv2.erode(inside, np.ones((3, 3), np.uint8))
    return np.maximum(smooth, within).astype(np.float32) / 255.0


def draw_strips(strips: list[Strip], cloth: Image, height: int, width: int) -> tuple[Image, Image]:
    """Draw the strips over each other, the deepest first.

    Args:
        strips: any order; see :class:`Strip` for ``depth``.
        cloth: the garment's photo with alpha, UINT8 ``(h, w, 4)``.
        height: of the person's photo [px].
        width: likewise.

    Returns:
        The layer UINT8 ``(height, width, 4)``, straight alpha, and the :class:`Part` of its pixels UINT8
        ``(height, width)``.
    """
    layer = np.zeros((height, width, 4), np.uint8)
    parts = np.zeros((height, width), np.uint8)
    for strip in sorted(strips, key=lambda s: -s.depth):
        box = Box.around(strip.target, height, width)
        if box.empty:
            continue
        drawn = draw_strip(strip, cloth, box)
        layer[box.window] = _over(drawn, layer[box.window])
        here = parts[box.window]
        here[(drawn[..., 3] > 0.5) | ((here == Part.NONE) & (drawn[..., 3] > 0))] = strip.part
    return layer, parts


def _over(top: npt.NDArray[np.float32], bottom: Image) -> Image:
    """Lay ``top`` (alpha in [0, 1]) over ``bottom`` (UINT8 RGBA), both straight (Porter and Duff 1984)."""
    share = top[..., 3:]
    behind = bottom[..., 3:].astype(np.float32) * ((1.0 - share) / 255.0)
    alpha = share + behind
    mixed = (top[..., :3] * share + bottom[..., :3] * behind) / np.maximum(alpha, 1e-6)
    return np.clip(np.round(np.concatenate([mixed, alpha * 255.0], axis=2)), 0, 255).astype(np.uint8)
