"""Triangles of even size inside a closed outline, along lines that they must follow."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from bridge.errors import GarmentNotMeshed
from bridge.garment.mesh.delaunay import Delaunay
from bridge.garment.mesh.depth import Depth

Points = npt.NDArray[np.float32]
Triangles = npt.NDArray[np.int32]
Edges = npt.NDArray[np.int64]

_ROUNDS = 12
"""How often edges may be split until every line is followed; each round halves what is left."""
_NEAREST = 0.62
"""The least distance of an inner vertex from the lines, in edge lengths: nearer ones make slivers."""
_SLIVER = 1e-3
"""Twice the area of a triangle that counts as none, in squared edge lengths."""
_SURE = 0.25
"""How deep a point surely lies inside, in edge lengths: more than the depth's map may err."""
_MOST = 1 << 31
"""More than there are points, so that two of their numbers make one."""


def triangulate(
    outline: Points, lines: list[Points], edge: float, axis: float
) -> tuple[Points, Triangles, int]:
    """Fill an outline with triangles.

    The vertices inside form a lattice of equilateral triangles, symmetric about ``axis``; Delaunay's triangulation
    joins them (Shewchuk, *Triangle*, 1996, for the splitting of edges that a line lost).

    Args:
        outline: FP32 [n, 2] px, the closed outline, sampled about every ``edge``; it doesn't cross itself.
        lines: each FP32 [m, 2] px: lines inside the outline that edges must follow; rings end where they begin.
        edge: length of the triangles' sides [px].
        axis: x of the line of symmetry [px].

    Returns:
        The vertices [v, 2], of which the outline's come first and in its order; the triangles [t, 3], clockwise
        in an image whose y points down; and how many vertices the outline has, since splitting adds some.

    Raises:
        GarmentNotMeshed: the outline is too thin or too crooked for triangles of that size.
    """
    depth = Depth(outline, lines, edge)
    inner = _lattice(outline, depth, edge, axis)
    plane = Delaunay(outline)
    for _ in range(_ROUNDS):
        points, ring, chains = _numbered(outline, lines, inner)
        triangles = _inside(plane.triangles(points), points, outline, depth, edge)
        present = _edges_among(triangles, len(points) - len(inner))
        lost_ring = ~np.isin(_keys(ring), present)
        lost = [~np.isin(_keys(chain), present) for chain in chains]
        chords = _chords(present, len(outline), ring)
        if not (lost_ring.any() or any(gone.any() for gone in lost) or len(chords)):
            return points, triangles, len(outline)
        outline = _split(outline, lost_ring, closed=True)
        lines = [_split(line, gone, closed=False) for line, gone in zip(lines, lost, strict=True)]
        inner = np.concatenate([inner, points[chords].mean(axis=1)])
    raise GarmentNotMeshed(
        "The garment's outline is too thin or too crooked to be cut into cloth; use a photo in which it lies flat."
    )


def is_ring(line: Points) -> bool:
    """Tell whether a line ends where it begins."""
    return bool((line[0] == line[-1]).all())


def _lattice(outline: Points, depth: Depth, edge: float, axis: float) -> Points:
    """Return the lattice's points inside the outline that keep their distance from every line."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    columns = np.arange(0, max(high[0] - axis, axis - low[0]) + edge, edge)
    columns = np.concatenate([-columns[:0:-1], columns])
    rows = np.arange(low[1], high[1], edge * np.sqrt(3) / 2)
    x = axis + columns[None, :] + (np.arange(len(rows)) % 2)[:, None] * edge / 2
    mirrored = np.concatenate(
        [x, x[:, :1] - edge], axis=1
    )  # odd rows reach as far to the left as to the right
    grid = np.stack([mirrored, np.broadcast_to(rows[:, None], mirrored.shape)], axis=-1)
    points = np.ascontiguousarray(grid.reshape(-1, 2), np.float32)
    return points[depth.at(points) > _NEAREST * edge]


def _numbered(outline: Points, lines: list[Points], inner: Points) -> tuple[Points, Edges, list[Edges]]:
    """Return all points once, and the edges of the outline and of every line as pairs of numbers.

    The ends of a line are vertices of the outline, unless it is a ring, whose last point is its first; all other
    points follow the outline's.
    """
    count = len(outline)
    ring = np.column_stack([np.arange(count), (np.arange(count) + 1) % count])
    parts, chains = [outline], []
    for line in lines:
        if is_ring(line):
            own, numbers = line[1:], [count + len(line) - 2, *range(count, count + len(line) - 1)]
        else:
            ends = [int(np.linalg.norm(outline - end, axis=1).argmin()) for end in (line[0], line[-1])]
            own, numbers = line[1:-1], [ends[0], *range(count, count + len(line) - 2), ends[1]]
        chains.append(np.array(list(pairwise(numbers))))
        parts.append(own)
        count += len(own)
    return np.concatenate([*parts, inner]), ring, chains


def _inside(triangles: Triangles, points: Points, outline: Points, depth: Depth, edge: float) -> Triangles:
    """Return the triangles inside the outline, all turned clockwise (y down), without the flat ones."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    doubled = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    triangles = np.where(doubled[:, None] < 0, triangles[:, ::-1], triangles)
    middles = (a + b + c) / 3
    inside = depth.at(middles) > _SURE * edge
    for unsure in np.flatnonzero(~inside):
        inside[unsure] = cv2.pointPolygonTest(outline, middles[unsure].tolist(), measureDist=False) > 0
    return triangles[inside & (np.abs(doubled) > _SLIVER * edge**2)]


def _edges_among(triangles: Triangles, count: int) -> npt.NDArray[np.int64]:
    """Return the keys of the triangles' edges between two of the first ``count`` points."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return np.unique(_keys(edges[(edges < count).all(axis=1)]))


def _chords(present: npt.NDArray[np.int64], outline: int, ring: Edges) -> Edges:
    """Return the edges that cut across from outline to outline: sewn on both sides they would be four times used."""
    edges = np.column_stack(np.divmod(present, _MOST))
    across = (edges < outline).all(axis=1) & ~np.isin(present, _keys(ring))
    return edges[across]


def _keys(edges: Edges | Triangles) -> npt.NDArray[np.int64]:
    """Return one number for each edge, whichever way it runs."""
    first, last = edges.astype(np.int64).T
    return np.minimum(first, last) * _MOST + np.maximum(first, last)


def _split(line: Points, lost: npt.NDArray[np.bool_], *, closed: bool) -> Points:
    """Return a line with a point in the middle of each edge that was lost."""
    following = np.roll(line, -1, axis=0) if closed else line[1:]
    middles = (line[: len(following)] + following) / 2
    return np.insert(line, np.flatnonzero(lost) + 1, middles[lost], axis=0).astype(np.float32)
