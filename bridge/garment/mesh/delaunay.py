"""Delaunay's triangulation of points that become more."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]
Triangles = npt.NDArray[np.int32]


class Delaunay:
    """A triangulation that grows. OpenCV joins the points and returns coordinates, so these are their names."""

    def __init__(self, points: Points) -> None:
        """Prepare a plane for the rectangle that holds ``points`` [n, 2] px; nothing is joined yet."""
        self._low = points.min(axis=0) - 1
        width, height = np.ceil(points.max(axis=0) - self._low).astype(int) + 3
        self._plane = cv2.Subdiv2D((0, 0, int(width), int(height)))
        self._known = np.zeros(0, np.int64)

    def triangles(self, points: Points) -> Triangles:
        """Join distinct points FP32 [n, 2] px, which are all those of the last call and new ones, in any order.

        Returns:
            INT32 [t, 3], numbers of ``points``; the new ones alone cost time.
        """
        moved = np.ascontiguousarray(points - self._low, np.float32)
        names = _names(moved)
        new = moved[~np.isin(names, self._known)]
        if len(new):
            self._plane.insert(new)  # type: ignore[call-overload]  # an array is a list of points, and faster
        self._known = names
        order = np.argsort(names)
        corners = _names(np.asarray(self._plane.getTriangleList(), np.float32).reshape(-1, 2))
        found = order[np.searchsorted(names, corners, sorter=order).clip(max=len(order) - 1)]
        triples = np.where(names[found] == corners, found, -1).reshape(-1, 3)  # -1: OpenCV's own far corners
        return triples[triples.min(axis=1) >= 0].astype(np.int32)


def _names(points: Points) -> npt.NDArray[np.int64]:
    """Return one number for each pair of coordinates: their bits."""
    return points.view(np.int64)[:, 0]
