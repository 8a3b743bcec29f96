"""Edge-aware smoothing: the guided filter (He, Sun and Tang 2010; its fast form, He and Sun 2015)."""

from __future__ import annotations

import cv2
import numpy as np

from bridge.perception.nets import Float32


def coefficients(guide: Float32, values: Float32, radius: int, epsilon: float) -> Float32:
    """Return the local linear model that explains ``values`` by the colours of ``guide``.

    Args:
        guide: ``[h, w, 3]`` in [0, 1].
        values: ``[h, w]``.
        radius: of the square window [px].
        epsilon: colour variance below which a window counts as flat; in the guide's unit squared.

    Returns:
        ``[h, w, 4]``: three slopes and an offset, averaged over the windows (the paper's equations 12 to 14).
    """
    mean_guide, mean_values = _box(guide, radius), _box(values, radius)
    covariance = _box(guide * values[..., None], radius) - mean_guide * mean_values[..., None]
    slope = _solve(_moments(guide, mean_guide, radius, epsilon), covariance)
    offset = mean_values - np.einsum("hwc,hwc->hw", slope, mean_guide)
    return _box(np.dstack([slope, offset]), radius)


def apply(guide: Float32, model: Float32) -> Float32:
    """Evaluate a model of :func:`coefficients`, of any resolution, on a guide ``[h, w, 3]``."""
    if model.shape[:2] != guide.shape[:2]:
        model = np.asarray(cv2.resize(model, guide.shape[1::-1]), np.float32)
    return np.asarray(np.einsum("hwc,hwc->hw", guide, model[..., :3]) + model[..., 3], np.float32)


def _box(array: Float32, radius: int) -> Float32:
    side = 2 * radius + 1
    return np.asarray(cv2.boxFilter(array, -1, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)


_UPPER = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def _moments(guide: Float32, mean: Float32, radius: int, epsilon: float) -> list[Float32]:
    """Return the six distinct entries of each window's colour covariance, epsilon on the diagonal."""
    products = _box(np.dstack([guide[..., i] * guide[..., j] for i, j in _UPPER]), radius)
    return [
        products[..., k] - mean[..., i] * mean[..., j] + np.float32(epsilon if i == j else 0)
        for k, (i, j) in enumerate(_UPPER)
    ]


def _solve(moments: list[Float32], right: Float32) -> Float32:
    """Solve a symmetric 3x3 system per pixel by its adjugate."""
    xx, xy, xz, yy, yz, zz = moments
    adjugate = (
        (yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy),
        (xz * yz - xy * zz, xx * zz - xz * xz, xy * xz - xx * yz),
        (xy * yz - xz * yy, xy * xz - xx * yz, xx * yy - xy * xy),
    )
    determinant = xx * adjugate[0][0] + xy * adjugate[0][1] + xz * adjugate[0][2]
    rows = [sum(cell * right[..., i] for i, cell in enumerate(row)) / determinant for row in adjugate]
    return np.asarray(np.dstack(rows), np.float32)
