"""Fill what is unknown in a picture from what is known, coarse to fine."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]

RELAXATIONS = 2
"""Smoothing sweeps per level; with two the fill is close to the harmonic one, with none it shows squares."""


def spread(values: Float32, weight: Float32) -> Float32:
    """Continue values smoothly from where they are known to everywhere (push-pull).

    Gortler et al. 1996, "The Lumigraph", section 3.4, with relaxation sweeps at each level. The cost is linear in the
    number of pixels, whatever the size of the gaps.

    Args:
        values: ``(h, w, c)`` or ``(h, w)``; finite, and otherwise ignored where ``weight`` is 0.
        weight: ``(h, w)`` in [0, 1], confidence; known values of weight 1 are kept.

    Returns:
        The shape of ``values``; zeros when nothing is known.
    """
    planes = values if values.ndim == 3 else values[..., None]
    return _pushed(planes * weight[..., None], weight).reshape(values.shape)


def extend_colours(image: UInt8, known: npt.NDArray[np.bool_]) -> UInt8:
    """Continue an image's colours ``(h, w, 3)`` from where they are known over the rest; see :func:`spread`."""
    filled = spread(image.astype(np.float32), known.astype(np.float32))
    return np.clip(np.round(filled), 0, 255).astype(np.uint8)


def _pushed(sums: Float32, weight: Float32) -> Float32:
    """One level: ``sums`` are values times weight."""
    values = sums / np.maximum(weight, 1e-6)[..., None]
    height, width = weight.shape
    if min(height, width) <= 2 or weight.min() >= 1:
        total = max(float(weight.sum()), 1e-6)
        mean = sums.sum((0, 1)) / np.float32(total)
        return cast(Float32, mean + (values - mean) * np.minimum(weight, 1)[..., None])
    small = _down(weight)
    # A coarse pixel of which a quarter is known counts as known: thin rims must not lose against far areas.
    gain = np.minimum(small * 4, 1) / np.maximum(small, 1e-6)
    coarse = _pushed(_channels(_down(sums)) * gain[..., None], small * gain)
    guess = _channels(cast(Float32, cv2.pyrUp(coarse, dstsize=(width, height))))
    known = np.minimum(weight, 1)[..., None]
    filled = guess + (values - guess) * known
    for _ in range(RELAXATIONS):
        smooth = _channels(cast(Float32, cv2.blur(filled, (3, 3), borderType=cv2.BORDER_REPLICATE)))
        filled = smooth + (values - smooth) * known
    return cast(Float32, filled)


def _down(array: Float32) -> Float32:
    height, width = array.shape[:2]
    return cast(Float32, cv2.pyrDown(array, dstsize=((width + 1) // 2, (height + 1) // 2)))


def _channels(array: Float32) -> Float32:
    """OpenCV drops the last axis of one-channel pictures; give it back."""
    return array if array.ndim == 3 else array[..., None]
