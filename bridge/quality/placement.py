"""Is the new garment where it belongs, and nowhere else: leak and overpaint as one overlap."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import Category
from bridge.quality.measures import IN_FRONT, REPLACED, Pixels, Region, among, changed_pixels

SEAM = 0.01
"""How far from its edge a garment may still colour what lies beside it, over the photo's height: soft edges and
the parser's own error."""

MOST_CHROMA = 14.0
"""Distance in Lab's a and b up to which a pixel still has the colour that was there."""

SHADOW = (0.45, 1.25)
"""Relative lightness that a garment's shadow, or the loss of the old one's, may leave."""


def leak_iou(
    agnostic: Pixels,
    result: Pixels,
    changed: Region,
    worn: Region,
    edit_mask: Pixels,
    labels: Pixels,
    layer: Pixels,
    category: Category,
) -> float | None:
    """Return the overlap of where the garment is seen with where it should be seen, [0, 1]; 1 is best.

    It is an intersection over union. Into the intersection go the pixels of the laid garment that nothing hides and
    that were painted (``worn``, from :func:`bridge.quality.measures.visible_garment`). The union adds what should
    have been painted and was not, what was painted over skin, hair, background or anything else that stays (see
    :func:`overpainted`), every change outside the edit mask, and the old garment that still shows.

    None where nothing of the garment may be seen.
    """
    laid = layer[..., 3] >= 128
    due = laid & (edit_mask > 0) & ~among(labels, IN_FRONT)
    if not due.any():
        return None
    stray = overpainted(agnostic, result, labels, layer) | (changed & (edit_mask == 0))
    old = among(labels, REPLACED[category]) & ~changed & ~laid
    good = worn & due & ~stray
    return float(np.count_nonzero(good) / np.count_nonzero(due | stray | old))


def overpainted(agnostic: Pixels, result: Pixels, labels: Pixels, layer: Pixels) -> Region:
    """Return where something beside the garment has got another colour than a shadow would give it.

    Beside it lies all that is farther than a seam's width from the layer, and all that is in front of it. There the
    result must look like the agnostic picture, in which the old garment is replaced by what lies behind it. A shadow
    scales a pixel's light, which scales L + 16, a and b of CIE Lab alike (above L = 8 they are homogeneous functions
    of it, of degree 1/3), so that colours are compared under the result's lightness.
    """
    under = (layer[..., 3] > 0) & ~among(labels, IN_FRONT)
    reach = 2 * max(1, round(SEAM * labels.shape[0])) + 1
    beside = cv2.dilate(under.astype(np.uint8), np.ones((reach, reach), np.uint8)) == 0
    strange = beside & changed_pixels(agnostic, result)
    if strange.any():
        strange[strange] = _recoloured(agnostic[strange], result[strange])
    return np.asarray(strange)


def _recoloured(before: Pixels, after: Pixels) -> Region:
    """Return which of ``[N, 3]`` pixels differ by more than a shadow."""
    first, second = _lab(before), _lab(after)
    light = (second[:, 0] + 16) / (first[:, 0] + 16)
    gap = np.hypot(*(second[:, 1:] - first[:, 1:] * light[:, None]).T)
    brightness = second[:, 0] / np.maximum(first[:, 0], 1.0)
    least, most = SHADOW
    lit = (brightness >= least) & ((brightness <= most) | (second[:, 0] - first[:, 0] <= 8))
    return np.asarray((gap > MOST_CHROMA) | ~lit)


def _lab(pixels: Pixels) -> npt.NDArray[np.float32]:
    floats = pixels.astype(np.float32)[None] / 255
    return np.asarray(cv2.cvtColor(floats, cv2.COLOR_RGB2LAB)[0], np.float32)
