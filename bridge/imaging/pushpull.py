"""Fill what is unknown in an image from what is known, coarse to fine."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]


def push_pull(image: Float32, weight: Float32) -> Float32:
    """Fill an image smoothly (Gortler et al. 1996, "The Lumigraph", section 3.4).

    The image is averaged into a pyramid by weight ("pull"), then each level's gaps are filled from the coarser one
    ("push"). Cost is linear in the number of pixels, whatever the size of the gaps.

    Args:
        image: ``(h, w, c)``; its values where ``weight`` is 0 are never read.
        weight: ``(h, w)`` in [0, 1]: how well each pixel is known.

    Returns:
        ``(h, w, c)``: the image where weight is 1, blended towards the fill as weight falls to 0.
    """
    levels = [(np.where(weight[..., None] > 0, image, 0.0).astype(np.float32) * weight[..., None], weight)]
    while min(levels[-1][1].shape) > 2:
        colour, share = levels[-1]
        size = ((share.shape[1] + 1) // 2, (share.shape[0] + 1) // 2)
        levels.append((_shrink(colour, size), _shrink(share, size)))
    colour, share = levels.pop()
    filled = (colour / np.maximum(share, 1e-6)[..., None]).astype(np.float32)
    if not share.any():
        return filled
    filled[share <= 0] = colour.sum(axis=(0, 1)) / share.sum()
    while levels:
        colour, share = levels.pop()
        coarse = cv2.resize(filled, share.shape[::-1], interpolation=cv2.INTER_LINEAR).reshape(colour.shape)
        filled = colour + coarse * (1.0 - share)[..., None]
    return np.asarray(filled, np.float32)


def _shrink(array: Float32, size: tuple[int, int]) -> Float32:
    small = np.asarray(cv2.resize(array, size, interpolation=cv2.INTER_AREA), np.float32)
    return small.reshape(*small.shape[:2], *array.shape[2:])


def extend_colours(image: UInt8, known: npt.NDArray[np.bool_]) -> UInt8:
    """Continue an image's colours from where they are known over the rest; see :func:`push_pull`."""
    filled = push_pull(image.astype(np.float32), known.astype(np.float32))
    return np.clip(np.round(filled), 0, 255).astype(np.uint8)
