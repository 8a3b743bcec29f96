"""What a thing's colours are around each place: a Gaussian per pixel, from the samples nearby.

After the local colour models of "Video SnapCut" (Bai, Wang, Simons and Sapiro 2009).
"""

from __future__ import annotations

import cv2
import numpy as np

from bridge.imaging import pushpull
from bridge.perception.nets import Float32

_NOISE = np.array([2.0, 1.0, 1.0], np.float32)  # variance of a flat colour in Lab: grain and compression
_STEP = 4  # the statistics are gathered on a picture this many times smaller
_WINDOW = 5  # side of the window there


def unlikeliness(lab: Float32, seeds: Float32) -> tuple[Float32, Float32]:
    """Return how ill each pixel fits the colours of the seeds around it.

    Mean and variance per place are those of the seeds within some 10 px; where there are none, they are continued
    from the nearest ones.

    Args:
        lab: ``[h, w, 3]`` CIE Lab.
        seeds: ``[h, w]``: 1 at the samples, 0 elsewhere.

    Returns:
        The negative log density ``[h, w]``, less its constant, and the variance ``[h, w]`` (of all channels).
    """
    size = (lab.shape[1] // _STEP + 1, lab.shape[0] // _STEP + 1)
    weighted = lab * seeds[..., None]
    sums = [cv2.resize(a, size, interpolation=cv2.INTER_AREA) for a in (seeds, weighted, weighted * lab)]
    weight, first, second = (cv2.boxFilter(a, -1, (_WINDOW, _WINDOW)) for a in sums)
    share = np.maximum(weight, 1e-6)[..., None]
    known = (weight > 0.02).astype(np.float32)
    mean, square = (pushpull.spread(np.asarray(a / share, np.float32), known) for a in (first, second))
    variance = np.maximum(square - mean * mean, 0) + _NOISE
    # one resize for the three numbers that a pixel's density needs of each channel
    near, precision = (cv2.resize(a, lab.shape[1::-1]) for a in (mean, 1 / variance))
    constant = cv2.resize(np.log(variance).sum(axis=2), lab.shape[1::-1])
    spread = cv2.resize(variance.sum(axis=2), lab.shape[1::-1])
    off = lab - near
    unlikely = 0.5 * (np.einsum("hwc,hwc->hw", off * off, precision) + constant)
    return np.asarray(unlikely, np.float32), np.asarray(spread, np.float32)
