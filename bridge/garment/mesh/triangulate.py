"""Triangles of even size inside a closed outline, along lines that they must follow."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from bridge.errors import GarmentNotMeshed

Points = npt.NDArray[np.float32]
Triangles = npt.NDArray[np.int32]
Edges = npt.NDArray[np.int64]

_ROUNDS = 12
"""How often edges may be split until every line is followed; each round halves what is left."""
_NEAREST = 0.62
"""The least distance of an inner vertex from the lines, in edge lengths: nearer ones make slivers."""
_SLIVER = 1e-3
"""Twice the area of a triangle that counts as none, in squared edge lengths."""


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
    inner = _lattice(outline, lines, edge, axis)
    for _ in range(_ROUNDS):
        points, ring, chains = _numbered(outline, lines, inner)
        triangles = _inside(_delaunay(points), points, outline, edge)
        present = _keys(_edges(triangles), len(points))
        lost_ring = ~np.isin(_keys(ring, len(points)), present)
        lost = [~np.isin(_keys(chain, len(points)), present) for chain in chains]
        chords = _chords(triangles, len(outline), ring)
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


def _lattice(outline: Points, lines: list[Points], edge: float, axis: float) -> Points:
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
    distance = np.array([cv2.pointPolygonTest(outline, (float(a), float(b)), True) for a, b in points])  # noqa: FBT003
    kept = points[distance > _NEAREST * edge]
    for line in lines:
        apart = np.linalg.norm(kept[:, None] - _dense(line, edge / 4)[None], axis=2).min(axis=1)
        kept = kept[apart > _NEAREST * edge]
    return kept


def _dense(line: Points, step: float) -> Points:
    """Return points on a line, at most ``step`` apart."""
    pieces = [line[:1]]
    for a, b in pairwise(line):
        count = max(1, int(np.ceil(np.linalg.norm(b - a) / step)))
        pieces.append(a + (b - a) * (np.arange(1, count + 1, dtype=np.float32) / count)[:, None])
    return np.concatenate(pieces)


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


def _delaunay(points: Points) -> Triangles:
    """Return Delaunay's triangulation of distinct points as triples of their numbers."""
    low, high = points.min(axis=0), points.max(axis=0)
    width, height = np.ceil(high - low).astype(int) + 4
    moved = points - low + 1
    plane = cv2.Subdiv2D((0, 0, int(width), int(height)))
    number = {plane.insert((float(x), float(y))): i for i, (x, y) in enumerate(moved)}
    place = {(float(x), float(y)): number[v] for v in number for x, y in [plane.getVertex(v)[0]]}
    corners = np.asarray(plane.getTriangleList()).reshape(-1, 3, 2)
    triples = [[place.get((float(x), float(y)), -1) for x, y in corner] for corner in corners]
    found = np.array(triples, np.int32).reshape(-1, 3)
    return found[(found >= 0).all(axis=1)]


def _inside(triangles: Triangles, points: Points, outline: Points, edge: float) -> Triangles:
    """Return the triangles inside the outline, all turned clockwise (y down), without the flat ones."""
    a, b, c = np.moveaxis(points[triangles], 1, 0)
    doubled = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    triangles = np.where(doubled[:, None] < 0, triangles[:, ::-1], triangles)
    middles = points[triangles].mean(axis=1)
    inside = [cv2.pointPolygonTest(outline, (float(x), float(y)), False) > 0 for x, y in middles]  # noqa: FBT003
    return triangles[np.array(inside) & (np.abs(doubled) > _SLIVER * edge**2)]


def _chords(triangles: Triangles, outline: int, ring: Edges) -> Edges:
    """Return the edges that cut across from outline to outline: sewn on both sides they would be four times used."""
    edges = np.unique(np.sort(_edges(triangles), axis=1), axis=0)
    across = edges[(edges < outline).all(axis=1)]
    count = int(triangles.max()) + 1
    return across[~np.isin(_keys(across, count), _keys(ring, count))]


def _edges(triangles: Triangles) -> Edges:
    pairs = (triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]])
    return np.concatenate(pairs).astype(np.int64)


def _keys(edges: Edges, count: int) -> npt.NDArray[np.int64]:
    """Return one number for each edge, whichever way it runs."""
    ordered = np.sort(edges, axis=1)
    return ordered[:, 0] * count + ordered[:, 1]


def _split(line: Points, lost: npt.NDArray[np.bool_], *, closed: bool) -> Points:
    """Return a line with a point in the middle of each edge that was lost."""
    following = np.roll(line, -1, axis=0) if closed else line[1:]
    middles = (line[: len(following)] + following) / 2
    return np.insert(line, np.flatnonzero(lost) + 1, middles[lost], axis=0).astype(np.float32)
