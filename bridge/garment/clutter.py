"""The garment cut out of a photo whose background is not plain: a table's edge, a wooden floor, a pattern.

The rim's colours say what is background, also in shadow, and what is certainly none; GrabCut (Rother, Kolmogorov,
Blake 2004) settles what lies between on a reduced picture, and the edge is found again at full size from the colours
on its two sides.
"""

from __future__ import annotations

import cv2
import numpy as np

from bridge.garment.backdrop import Bools, Floats, Pixels, rim_mask, to_lab

WORK_SIDE = 256
"""The long side at which the colours compete [px]: GrabCut's time grows with the area."""
COLOURS = 7
"""How many colours the background is made of."""
SHADOWS = (1.0, 0.93, 0.86, 0.79)
"""How bright those colours may be in a shadow."""
ALIKE, UNLIKE, FOREIGN = 1.6, 3.2, 6.0
"""Up to how many standard deviations from the rim's colours a pixel connected to the rim is background for certain,
from how many it is none at first sight, and from how many for certain."""


def cut_from_clutter(image: Pixels) -> Bools:
    """Cut the garment out by the colours of the rim and of the middle.

    Args:
        image: UINT8 [h, w, 3], RGB.

    Returns:
        BOOL [h, w], true on the garment.
    """
    height, width = image.shape[:2]
    scale = WORK_SIDE / max(height, width)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8)
    coarse = _compete(small, _unlike_rim(small))
    grown = cv2.resize(cv2.GaussianBlur(coarse, (0, 0), 0.8), (width, height), interpolation=cv2.INTER_LINEAR)
    return _sharpened(image, grown > 0.5, round(1.2 / scale))


def _unlike_rim(small: Pixels) -> Floats:
    """How far every pixel is from the rim's colours, FP32 [h, w], in standard deviations."""
    lab = to_lab(small)
    rim = rim_mask(small.shape)
    samples = np.ascontiguousarray(lab[rim])
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 0.5)
    _, labels, centres = cv2.kmeans(samples, COLOURS, np.empty(0, np.int32), stop, 1, cv2.KMEANS_PP_CENTERS)
    distance = np.full(rim.shape, np.inf, np.float32)
    for index in range(COLOURS):
        own = samples[labels[:, 0] == index]
        if len(own) < 0.02 * len(samples):
            continue
        inverse = np.linalg.inv(np.cov(own.T) + 4.0 * np.eye(3))
        for light in SHADOWS:
            off = (lab - centres[index] * np.array([light, 1, 1])).reshape(-1, 3)
            far = np.sqrt(np.einsum("ni,ij,nj->n", off, inverse, off)).reshape(rim.shape) + 4 * (1 - light)
            distance = np.minimum(distance, far)
    return distance.astype(np.float32)


def _compete(small: Pixels, unlike: Floats) -> Floats:
    """Let the colours of what is like the rim and of the rest compete; the garment, FP32 [h, w], 0 or 1."""
    calm = cv2.GaussianBlur(unlike, (0, 0), 0.8)
    rim = rim_mask(calm.shape)
    guess = np.where(calm > UNLIKE, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    guess[_reached(rim, calm < ALIKE)] = cv2.GC_BGD
    guess[(calm > FOREIGN) & ~rim] = cv2.GC_FGD
    if np.isin(guess, (cv2.GC_PR_FGD, cv2.GC_FGD)).sum() < 50:
        return np.zeros(guess.shape, np.float32)
    back, front = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(small, guess, (0, 0, 1, 1), back, front, 2, cv2.GC_INIT_WITH_MASK)
    garment = np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD))
    # The shortest cut closes narrow gaps; what is like the background and reached from it is background all the same.
    return (garment & ~_reached(rim | ~garment, calm < (ALIKE + UNLIKE) / 2)).astype(np.float32)


def _reached(start: Bools, alike: Bools) -> Bools:
    """What of ``alike`` is connected to ``start``, and ``start`` itself."""
    count, labels = cv2.connectedComponents((start | alike).astype(np.uint8), connectivity=4)
    reached = np.zeros(count, bool)
    reached[labels[start]] = True
    reached[0] = False
    found: Bools = reached[labels]
    return found


def _sharpened(image: Pixels, coarse: Bools, reach: int) -> Bools:
    """Find the edge again at full size: near it, a pixel goes to the side whose local colour it resembles."""
    mask = coarse.astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    inner, outer = cv2.erode(mask, kernel), 1 - cv2.dilate(mask, kernel)
    rows, columns = np.nonzero((inner == 0) & (outer == 0))
    size = (6 * reach + 1, 6 * reach + 1)
    near = []
    for weight in (inner, outer):
        layers = cv2.merge([*cv2.split(image * weight[..., None]), weight.astype(np.uint8)])
        total = cv2.boxFilter(layers, cv2.CV_32F, size, normalize=False)[rows, columns]
        colour = total[:, :3] / np.maximum(total[:, 3:], 1)
        error = np.linalg.norm(image[rows, columns] - colour, axis=1)
        near.append(np.where(total[:, 3] > 0, error, np.inf))
    mask[rows, columns] = np.where(
        np.isinf(near[0]) & np.isinf(near[1]), mask[rows, columns], near[0] < near[1]
    )
    found: Bools = cv2.medianBlur(mask, 5) > 0
    return found
