"""Strips: the pieces of cloth that the warp bends, and how they are drawn.

A strip is a ladder. Its rungs cross one part of the garment (the torso, a sleeve, a leg) from edge to edge; each
rung is known twice, where it lies in the garment's photo and where it shall lie on the body. Between the rungs
the cloth follows a piecewise affine map over a triangle mesh, so that a part can bend without tearing, and
neighbours that share a rung join without a gap. (The mesh is the one of image morphing by triangulation, e.g.
Goshtasby 1986, "Piecewise linear mapping functions for image registration".)
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import Part

Points = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

_SUBPIXEL_BITS = 4  # cv2 draws polygons in fixed point: 1/16 px
_COLUMNS = 13  # mesh columns per strip; rungs bend only mildly, so more shows no difference


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


def _columns(rungs: Points) -> Points:
    """Widen ``(rungs, 3, 2)`` to ``(rungs, _COLUMNS, 2)`` along the parabola through each rung's three points."""
    u = np.linspace(0.0, 1.0, _COLUMNS, dtype=np.float32)
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


def backward_map(strip: Strip, height: int, width: int) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Find, for every pixel of the person's photo, where its cloth lies in the garment's photo.

    Args:
        strip: the ladder.
        height: of the person's photo [px].
        width: likewise.

    Returns:
        ``(height, width, 2)`` source points [px] (x, y), and ``(height, width)`` which pixels the strip covers;
        the map is meaningless elsewhere.
    """
    target = _triangles(_columns(strip.target))
    maps = _affine_maps(_triangles(_columns(strip.source)), target)
    index = np.zeros((height, width), np.int32)
    # cv2 puts a pixel's centre at whole numbers, the contracts put it at half ones.
    fixed = np.round((target - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    for number, corners in enumerate(fixed, start=1):
        cv2.fillConvexPoly(index, corners, (number,), cv2.LINE_8, _SUBPIXEL_BITS)
    covered = np.asarray(index > 0)
    y, x = np.nonzero(covered)
    m = maps[index[covered] - 1].astype(np.float32)
    fx, fy = x.astype(np.float32) + 0.5, y.astype(np.float32) + 0.5
    result = np.full((height, width, 2), -1.0, np.float32)
    result[covered] = m[:, 0] * fx[:, None] + m[:, 1] * fy[:, None] + m[:, 2]
    return result, covered


def draw_strip(strip: Strip, cloth: Image, height: int, width: int) -> npt.NDArray[np.float32]:
    """Draw one strip of the garment in the person's photo.

    Args:
        strip: the ladder.
        cloth: the garment's photo with alpha, UINT8 ``(h, w, 4)``; its colours reach beyond its alpha.
        height: of the person's photo [px].
        width: likewise.

    Returns:
        ``(height, width, 4)`` straight RGB [0, 255] and alpha [0, 1].
    """
    mapping, covered = backward_map(strip, height, width)
    drawn = cv2.remap(
        cloth, mapping[..., 0] - 0.5, mapping[..., 1] - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    ).astype(np.float32)
    coverage = cv2.GaussianBlur(covered.astype(np.float32), (0, 0), 0.7)
    drawn[..., 3] *= np.where(covered, np.minimum(1.0, 2.0 * np.maximum(coverage - 0.25, 0.0)), 0.0) / 255.0
    return drawn


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
    colour = np.zeros((height, width, 3), np.float32)  # premultiplied
    alpha = np.zeros((height, width), np.float32)
    parts = np.zeros((height, width), np.uint8)
    for strip in sorted(strips, key=lambda s: -s.depth):
        drawn = draw_strip(strip, cloth, height, width)
        over = drawn[..., 3]
        colour = drawn[..., :3] * over[..., None] + colour * (1.0 - over[..., None])
        alpha = over + alpha * (1.0 - over)
        parts[over > 0.5] = strip.part
    parts[(parts == Part.NONE) & (alpha > 0)] = Part.TORSO
    straight = colour / np.maximum(alpha, 1e-6)[..., None]
    layer = np.dstack([straight, alpha * 255.0])
    return np.clip(np.round(layer), 0, 255).astype(np.uint8), parts
