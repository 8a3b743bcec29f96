"""Edge-aware smoothing: the guided filter (He, Sun and Tang 2010; its fast form, He and Sun 2015)."""

from __future__ import annotations

import cv2
import numpy as np

from bridge.perception.nets import Float32

_UPPER = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


class Guide:
    """A colour picture along whose edges other pictures are drawn; what depends on it alone is computed once."""

    def __init__(self, picture: Float32, radius: int, epsilon: float) -> None:
        """Prepare a guide.

        Args:
            picture: ``[h, w, 3]`` in [0, 1].
            radius: of the square window [px].
            epsilon: colour variance below which a window counts as flat; in the picture's unit squared.
        """
        self._picture, self._radius = picture, radius
        self._mean = _box(picture, radius)
        products = _box(np.dstack([picture[..., i] * picture[..., j] for i, j in _UPPER]), radius)
        self._inverse = _inverse([
            products[..., k] - self._mean[..., i] * self._mean[..., j] + np.float32(epsilon if i == j else 0)
            for k, (i, j) in enumerate(_UPPER)
        ])  # fmt: skip

    def model(self, values: Float32) -> Float32:
        """Return the local linear model that explains ``values`` ``[h, w]`` by the guide's colours.

        Returns:
            ``[h, w, 4]``: three slopes and an offset, averaged over the windows (the paper's equations 12 to 14).
        """
        together = _box(np.dstack([self._picture * values[..., None], values]), self._radius)
        mean = together[..., 3]
        covariance = together[..., :3] - self._mean * mean[..., None]
        slope = _times(self._inverse, covariance)
        offset = mean - np.einsum("hwc,hwc->hw", slope, self._mean)
        return _box(np.dstack([slope, offset]), self._radius)


def apply(picture: Float32, model: Float32) -> Float32:
    """Evaluate a model of :class:`Guide`, of any resolution, on a picture ``[h, w, 3]``; returns ``[h, w]``."""
    if model.shape[:2] != picture.shape[:2]:
        model = np.asarray(cv2.resize(model, picture.shape[1::-1]), np.float32)
    return np.asarray(np.einsum("hwc,hwc->hw", picture, model[..., :3]) + model[..., 3], np.float32)


def apply_at(colours: Float32, x: Float32, y: Float32, model: Float32) -> Float32:
    """Evaluate a model at some points only.

    Args:
        colours: ``[n, 3]`` in [0, 1].
        x: ``[n]``: columns of the model, the first pixel's centre at 0.
        y: ``[n]``: rows.
        model: ``[h, w, 4]`` of :class:`Guide`.

    Returns:
        ``[n]``.
    """
    # OpenCV's maps hold at most 32767 columns, so the points are laid out as a picture
    width = 1024
    padding = -len(x) % width
    maps = [np.pad(a, (0, padding)).reshape(-1, width).astype(np.float32) for a in (x, y)]
    there = cv2.remap(model, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    there = there.reshape(-1, 4)[: len(x)]
    return np.asarray(np.einsum("nc,nc->n", colours, there[:, :3]) + there[:, 3], np.float32)


def _box(array: Float32, radius: int) -> Float32:
    side = 2 * radius + 1
    return np.asarray(cv2.boxFilter(array, -1, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)


def _inverse(matrix: list[Float32]) -> list[Float32]:
    """Invert a symmetric 3x3 matrix per pixel; both are given by their six distinct entries."""
    xx, xy, xz, yy, yz, zz = matrix
    adjugate = [
        yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy,
        xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy,
    ]  # fmt: skip
    determinant = xx * adjugate[0] + xy * adjugate[1] + xz * adjugate[2]
    return [entry / determinant for entry in adjugate]


def _times(matrix: list[Float32], vector: Float32) -> Float32:
    """Multiply a symmetric 3x3 matrix and a vector per pixel."""
    xx, xy, xz, yy, yz, zz = matrix
    x, y, z = vector[..., 0], vector[..., 1], vector[..., 2]
    return np.dstack([xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z])
