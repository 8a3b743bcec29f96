"""Labels and landmarks drawn over a photo, for people to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import BodyPoint as P
from bridge.contracts import Label

UInt8 = npt.NDArray[np.uint8]

PALETTE: Mapping[Label, tuple[int, int, int]] = {
    Label.BACKGROUND: (0, 0, 0),
    Label.HAIR: (102, 51, 0),
    Label.FACE: (230, 159, 0),
    Label.NECK: (213, 94, 0),
    Label.ARMS: (86, 180, 233),
    Label.HANDS: (0, 69, 134),
    Label.UPPER: (0, 158, 115),
    Label.LOWER: (240, 228, 66),
    Label.DRESS: (204, 121, 167),
    Label.LEGS: (187, 187, 187),
    Label.SHOES: (85, 85, 85),
    Label.ACCESSORY: (136, 34, 85),
}
"""RGB by label: the palette of Okabe and Ito (2008), which colour-blind people tell apart, and four of other
lightness; labels that often touch each other lie far apart in it."""

_BONES = (
    (P.LEFT_SHOULDER, P.RIGHT_SHOULDER), (P.LEFT_HIP, P.RIGHT_HIP), (P.LEFT_SHOULDER, P.LEFT_HIP),
    (P.RIGHT_SHOULDER, P.RIGHT_HIP), (P.LEFT_SHOULDER, P.LEFT_ELBOW), (P.LEFT_ELBOW, P.LEFT_WRIST),
    (P.RIGHT_SHOULDER, P.RIGHT_ELBOW), (P.RIGHT_ELBOW, P.RIGHT_WRIST), (P.LEFT_HIP, P.LEFT_KNEE),
    (P.LEFT_KNEE, P.LEFT_ANKLE), (P.RIGHT_HIP, P.RIGHT_KNEE), (P.RIGHT_KNEE, P.RIGHT_ANKLE),
    (P.LEFT_ANKLE, P.LEFT_FOOT_INDEX), (P.RIGHT_ANKLE, P.RIGHT_FOOT_INDEX),
)  # fmt: skip
_SEEN = 0.5
_TINT = 0.55  # the palette's share of the mixture
_SHIFT = 3  # OpenCV draws with eighths of a pixel


def draw_overlay(image: UInt8, labels: UInt8, keypoints: npt.NDArray[np.float32]) -> UInt8:
    """Tint a photo by its labels and draw the landmarks that are seen, with the bones between them.

    Args:
        image: RGB ``[h, w, 3]``.
        labels: ``[h, w]``: Label of every pixel.
        keypoints: ``[33, 4]``: BodyPoint rows x, y, z [px], visibility [0, 1].

    Returns:
        RGB ``[h, w, 3]``; the background is only darkened.
    """
    colours = np.array([PALETTE[label] for label in Label], np.float32)
    mixed = (1 - _TINT) * image + _TINT * colours[labels]
    picture = np.ascontiguousarray(np.round(mixed).astype(np.uint8))
    seen = keypoints[:, 3] > _SEEN
    thickness = max(1, round(max(image.shape[:2]) / 500))
    at = [(int(x), int(y)) for x, y in np.round((keypoints[:, :2] - 0.5) * (1 << _SHIFT))]
    for start, end in _BONES:
        if seen[start] and seen[end]:
            cv2.line(picture, at[start], at[end], (255, 255, 255), thickness, cv2.LINE_AA, _SHIFT)
    for point in P:
        if seen[point]:
            radius = 2 * thickness << _SHIFT
            cv2.circle(picture, at[point], radius, (0, 0, 0), cv2.FILLED, cv2.LINE_AA, _SHIFT)
            cv2.circle(picture, at[point], radius // 2, (255, 255, 255), cv2.FILLED, cv2.LINE_AA, _SHIFT)
    return picture


def draw_perception(seen: Mapping[str, npt.NDArray[Any]]) -> UInt8:
    """Draw what the contract ``perception`` returns: its ``image``, ``labels`` and ``keypoints``."""
    return draw_overlay(seen["image"], seen["labels"], seen["keypoints"])
