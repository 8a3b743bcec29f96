"""A hanger taken out of a garment's mask: its hook above the collar, its bar in the neckline."""

from __future__ import annotations

import cv2
import numpy as np

from bridge.garment.backdrop import Bools, Floats, Pixels, to_lab

THIN = 0.022
"""Hangers are thinner than this share of the picture's long side."""
UPPER = 0.4
"""They lie in this upper share of the garment."""
MIDDLE = 0.06
"""They cross its middle, give or take this share of its width; straps don't."""
OTHER = 14.0
"""Their colour differs from each of the cloth's by more than this [Lab units]."""


def without_hanger(image: Pixels, solid: Bools) -> Bools:
    """Take away what is thin, crosses the garment's middle near its top and has none of its colours.

    Args:
        image: UINT8 [h, w, 3], the photo or a part of it.
        solid: BOOL [h, w], the garment, with the hanger that it may hang on.

    Returns:
        BOOL [h, w], the garment.
    """
    rows, columns = np.nonzero(solid.any(1))[0], np.nonzero(solid.any(0))[0]
    low = int(rows[0] + UPPER * (rows[-1] - rows[0]))
    step = 2
    mask = np.ascontiguousarray(solid[:low:step, ::step])
    size = round(THIN * max(solid.shape) / step) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    thin = mask & (cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, kernel) == 0)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(thin.view(np.uint8), connectivity=8)
    middle = (columns[0] + columns[-1]) / 2 / step
    reach = MIDDLE * (columns[-1] - columns[0]) / step
    small = to_lab(np.ascontiguousarray(image[:low:step, ::step]))
    cloth = _main_colours(image, solid)
    keep = solid.copy()
    for index in range(1, count):
        x, _, width, _, area = stats[index]
        if area < size * size / 2 or x > middle + reach or x + width < middle - reach:
            continue
        colour = np.median(small[labels == index], axis=0)
        if np.linalg.norm(cloth - colour, axis=1).min() > OTHER:
            piece = cv2.dilate((labels == index).astype(np.uint8), np.ones((3, 3), np.uint8))
            full = cv2.resize(piece, None, fx=step, fy=step, interpolation=cv2.INTER_NEAREST) > 0
            keep[:low] &= ~full[:low, : solid.shape[1]]
    return keep


def _main_colours(image: Pixels, solid: Bools) -> Floats:
    """The cloth's main colours, FP32 [8, 3], CIE Lab."""
    inner = cv2.erode(solid.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    samples = to_lab(image[inner if inner.any() else solid][::97][None])[0]
    if len(samples) < 16:
        return samples
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 8, 1.0)
    _, _, centres = cv2.kmeans(samples, 8, np.empty(0, np.int32), stop, 1, cv2.KMEANS_PP_CENTERS)
    return centres.astype(np.float32)
