"""The garment cut out of a photo whose background is not plain: a table's edge, a wooden floor, a pattern.

GrabCut (Rother, Kolmogorov, Blake 2004) on a reduced picture: the rim is background for certain, the middle is
garment unless its colour says otherwise.
"""

from __future__ import annotations

import cv2
import numpy as np

from bridge.garment.backdrop import Bools, Pixels, rim_mask

WORK_SIDE = 224
"""The long side at which the colours compete [px]: GrabCut's time grows with the area."""


def cut_from_clutter(image: Pixels) -> Bools:
    """Cut the garment out by the colours of the rim and of the middle.

    Args:
        image: UINT8 [h, w, 3], RGB.

    Returns:
        BOOL [h, w], true on the garment.
    """
    height, width = image.shape[:2]
    scale = WORK_SIDE / max(height, width)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    guess = np.full(small.shape[:2], cv2.GC_PR_BGD, np.uint8)
    h, w = guess.shape
    guess[int(0.12 * h) : int(0.9 * h), int(0.15 * w) : int(0.85 * w)] = cv2.GC_PR_FGD
    guess[rim_mask(guess.shape)] = cv2.GC_BGD
    models = np.zeros((2, 1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(small, guess, None, models[0], models[1], 3, cv2.GC_INIT_WITH_MASK)
    garment = np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    grown = cv2.resize(cv2.GaussianBlur(garment, (0, 0), 0.8), (width, height), interpolation=cv2.INTER_CUBIC)
    found: Bools = grown > 0.5
    return found
