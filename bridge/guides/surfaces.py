"""Depth and normals of the dressed person as pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bridge.imaging.pushpull import spread

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_FARTHEST = 80
"""How bright the farthest point of the person is: she must stand out from the black background."""
_FAR_PERCENTILE, _NEAR_PERCENTILE = 1.0, 99.0
"""A stray triangle shall not set the scale."""


def draw_depth(depth: Floats, person: Floats) -> Bytes:
    """Draw nearness as MiDaS does (Ranftl et al. 2020): nearer is brighter, even steps of 1 / distance.

    Args:
        depth: ``[h, w]`` [m], 0 where unknown.
        person: ``[h, w]`` [0, 1], the dressed person's matte; what is unknown within is continued smoothly.

    Returns:
        RGB ``[h, w, 3]`` of equal channels, black around the person.
    """
    known = depth > 0
    if not known.any():
        return np.zeros((*depth.shape, 3), np.uint8)
    nearness = np.divide(1, depth, out=np.zeros_like(depth), where=known)
    far, near = np.percentile(nearness[known], [_FAR_PERCENTILE, _NEAR_PERCENTILE])
    scaled = np.clip((nearness - far) / max(near - far, 1e-6), 0, 1)
    bright = _FARTHEST + (255 - _FARTHEST) * _continued(scaled, known, person)
    return _grey(bright * person)


def draw_normals(normals: Floats, person: Floats) -> Bytes:
    """Draw normals as ControlNet's preprocessor does (Bae et al. 2021): red faces left, green up, blue the viewer.

    Args:
        normals: ``[h, w, 3]``, camera frame, zeros where unknown.
        person: as in :func:`draw_depth`.

    Returns:
        RGB ``[h, w, 3]``; the background faces the viewer.
    """
    known = np.linalg.norm(normals, axis=2) > 0.5
    facing = np.zeros_like(normals)
    facing[..., 2] = 1
    if known.any():
        found = _continued(normals, known, person)
        facing += person[..., None] * (found - facing)
    facing /= np.maximum(np.linalg.norm(facing, axis=2, keepdims=True), 1e-6)
    return _bytes(127.5 * (1 + facing * (-1, 1, 1)))


def _continued(values: Floats, known: npt.NDArray[np.bool_], person: Floats) -> Floats:
    if known[person > 0].all():
        return values
    return spread(values.astype(np.float32), known.astype(np.float32))


def _grey(bright: Floats) -> Bytes:
    return np.repeat(_bytes(bright)[..., None], 3, axis=2)


def _bytes(values: Floats) -> Bytes:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
