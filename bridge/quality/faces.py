"""A face as networks that recognise faces want it: upright, of one size, eyes, nose and mouth in one place."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bridge.quality.measures import Floats, Pixels

SIDE = 112
"""[px] Of the aligned picture."""

CORNERS = ((33, 133), (263, 362), (1,), (61,), (291,))
"""The five points in MediaPipe's face mesh, each the middle of these: the eyes from their corners, the tip of the nose,
the mouth's corners; of two the one at the smaller x of a face seen from the front comes first."""

TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""[px] Where ArcFace wants them, in OpenCV's coordinates: the centre of the top left pixel is (0, 0) (Deng et al. 2019,
"ArcFace"; InsightFace, ``face_align.py``)."""


def aligned(image: Pixels, mesh: Floats) -> Pixels | None:
    """Return a face cut out as ArcFace's networks were trained on it.

    Args:
        image: RGB ``uint8 [H, W, 3]``.
        mesh: the face in it, as of the contract ``face``.

    Returns:
        RGB ``uint8 [112, 112, 3]``, black beyond the photo; None when the photo cuts one of the five points off.
    """
    points = np.array([mesh[list(ids), :2].mean(axis=0) for ids in CORNERS], np.float64)
    if (points < 0).any() or (points > image.shape[1::-1]).any() or not np.ptp(points):
        return None
    matrix = similarity(points - 0.5, TEMPLATE)
    return np.asarray(cv2.warpAffine(image, matrix, (SIDE, SIDE)), np.uint8)


def similarity(source: npt.NDArray[np.float64], target: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the turn, scale and shift ``[2, 3]`` that bring ``[N, 2]`` points nearest to others by least squares.

    It is Umeyama's (1991, "Least-squares estimation of transformation parameters between two point patterns") without
    a mirror. In the plane, where a turn and a scale are one complex factor, it is a regression through one number.
    """
    z, w = (points @ (1, 1j) for points in (source, target))
    centred = z - z.mean()
    factor = np.vdot(centred, w) / np.vdot(centred, centred)
    shift = w.mean() - factor * z.mean()
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])
