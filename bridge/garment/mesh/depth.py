"""How deep points lie inside an outline, looked up in a map instead of measured one by one."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]

_CELLS = 6
"""Cells of the map to the length of an edge; the depth is true to about half a cell, and to 2.5 % of itself."""
_AT_ONCE = 32_000
"""The most points that OpenCV looks up at once: it counts the columns of a picture in 16 bits with a sign."""
_BITS = 4
"""Binary digits after the point in which OpenCV takes the corners of a drawn polygon."""


class Depth:
    """The distance of points inside an outline from it, and from lines that run there."""

    def __init__(self, outline: Points, lines: list[Points], edge: float) -> None:
        """Draw the map: its cost grows with the number of triangles, not with that of pixels.

        Args:
            outline: FP32 [n, 2] px, a closed outline.
            lines: each FP32 [m, 2] px.
            edge: length of the triangles' sides [px].
        """
        self._cell = edge / _CELLS
        self._low = outline.min(axis=0) - 2 * self._cell
        width, height = np.ceil((outline.max(axis=0) - self._low) / self._cell).astype(int) + 3
        inside = cv2.fillPoly(
            np.zeros((height, width), np.uint8), [self._drawn(outline)], (1.0,), shift=_BITS
        )
        cv2.polylines(inside, [self._drawn(outline)], isClosed=True, color=(0.0,), shift=_BITS)
        cv2.polylines(
            inside, [self._drawn(line) for line in lines], isClosed=False, color=(0.0,), shift=_BITS
        )
        self._map = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5) * np.float32(self._cell)

    def at(self, points: Points) -> Points:
        """Return the depth [n] px of points [n, 2] px; 0 outside."""
        places = ((points - self._low) / self._cell).astype(np.float32).T[:, None]
        shares = np.array_split(places, 1 + len(points) // _AT_ONCE, axis=2)
        found = [
            cv2.remap(self._map, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)[0] for x, y in shares
        ]
        return np.concatenate(found, dtype=np.float32)

    def _drawn(self, line: Points) -> npt.NDArray[np.int32]:
        return np.rint((line - self._low) / self._cell * 2**_BITS).astype(np.int32)
