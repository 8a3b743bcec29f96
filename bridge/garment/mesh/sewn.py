"""What must be true of a garment's panels, checked on the sewn garment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bridge.errors import GarmentNotMeshed

Triangles = npt.NDArray[np.int32]


def merged(triangles: Triangles, seams: Triangles, count: int) -> Triangles:
    """Return the triangles [t, 3] after the vertices of each seam's pair [s, 2] became one."""
    into = np.arange(count, dtype=np.int32)
    into[seams[:, 1]] = seams[:, 0]
    return into[triangles]


def openings(triangles: Triangles) -> int:
    """Return how many closed lines bound a surface: its neck, cuffs and hems.

    Raises:
        GarmentNotMeshed: an edge has more than two triangles, two that face opposite ways, or a boundary touches
            itself, so that this is no surface.
    """
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]).astype(
        np.int64
    )
    count = int(edges.max()) + 1
    backwards = edges[:, 0] > edges[:, 1]
    ways = np.sort(2 * (edges.min(axis=1) * count + edges.max(axis=1)) + backwards)
    _require(bool((np.diff(ways) > 0).all()))
    again = np.diff(ways // 2) == 0  # the same edge, run the other way
    alone = ways[~(np.append(again, False) | np.append(False, again))]
    low, high = np.divmod(alone // 2, count)
    turned = alone % 2 > 0
    starts, stops = np.where(turned, high, low), np.where(turned, low, high)
    _require(len(np.unique(starts)) == len(starts))
    return _rings(dict(zip(starts.tolist(), stops.tolist(), strict=True)))


def _rings(following: dict[int, int]) -> int:
    """Return how many rings the steps from each vertex to the next form."""
    left, count = set(following), 0
    while left:
        vertex = left.pop()
        count += 1
        while (vertex := following[vertex]) in left:
            left.remove(vertex)
    return count


def _require(surface: bool) -> None:  # noqa: FBT001 - a statement
    if not surface:
        raise GarmentNotMeshed(
            "The garment's panels could not be sewn together; use a photo in which it lies flat and whole."
        )
