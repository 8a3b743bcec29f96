"""Both hands' 21 points (Zhang et al. 2020, "MediaPipe Hands"), looked for where the pose has the wrists.

The crops are those of MediaPipe's graphs ``hand_landmarks_from_pose_to_roi`` and ``hand_landmark_tracking``.
"""

from __future__ import annotations

import numpy as np

from bridge.contracts import BodyPoint as P
from bridge.geometry.crop import Crop
from bridge.perception.nets import Arrays, Float32, Net, UInt8, run

_SIDE = 224
_PALM = [0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18]  # the points that say where the hand is: no fingertips
_FROM_POSE, _FROM_HAND = 2.7, 2.0  # the crop over the palm
_UP = -0.1  # the crop's shift towards the fingers
_LEAST = 0.5
_SMALLEST = 8.0  # a palm's side [px]: nothing smaller shows a hand
_SIDES = ((P.LEFT_WRIST, P.LEFT_INDEX, P.LEFT_PINKY), (P.RIGHT_WRIST, P.RIGHT_INDEX, P.RIGHT_PINKY))


class HandFinder:
    """Fulfils the contract ``hand``."""

    def __init__(self, landmark: Net) -> None:
        """Take the network ``hand_landmark``."""
        self._landmark = landmark

    def __call__(self, image: UInt8, keypoints: Float32) -> Arrays:
        """Read both hands.

        Args:
            image: RGB ``[h, w, 3]``.
            keypoints: ``[33, 4]`` as the contract ``pose`` returns them.
        """
        expected = [_from_pose(keypoints[list(side), :2]) for side in _SIDES]
        points, first = self._read(image, expected)
        crops = [_from_hand(p) if s > _LEAST else c for p, s, c in zip(points, first, expected, strict=True)]
        points, scores = self._read(image, crops)
        height, width = image.shape[:2]
        for i, crop in enumerate(expected):
            wrist = points[i, 0, :2]
            near = np.hypot(wrist[0] - crop.x, wrist[1] - crop.y) < crop.size / 2
            if scores[i] < _LEAST or not near or not (0 <= wrist[0] < width and 0 <= wrist[1] < height):
                points[i], scores[i] = 0, 0
        return {"hands": points, "hand_scores": scores}

    def _read(self, image: UInt8, crops: list[Crop]) -> tuple[Float32, Float32]:
        raw = run(self._landmark, image, crops, _SIDE)
        points = [c.to_photo(p.reshape(21, 3), _SIDE) for c, p in zip(crops, raw["points"], strict=True)]
        return np.stack(points), raw["presence"][:, 0].astype(np.float32)


def _from_pose(points: Float32) -> Crop:
    """Return the crop for a wrist, index and little finger [3, 2] of the pose."""
    wrist, index, pinky = points
    middle = (2 * index + pinky) / 3
    size = 2 * float(np.linalg.norm(middle - wrist))
    crop = Crop.pointing(middle, middle - wrist, max(size, _SMALLEST))
    return crop.shifted(0, _UP, _FROM_POSE)


def _from_hand(points: Float32) -> Crop:
    """Return the crop for a hand's own points [21, 3]."""
    middle = (points[9, :2] + (points[5, :2] + points[13, :2]) / 2) / 2
    turned = Crop.pointing(middle, middle - points[0, :2], 1.0)
    palm = turned.to_crop(points[_PALM, :2], 1)
    low, high = palm.min(axis=0), palm.max(axis=0)
    centre = turned.to_photo((low + high)[None] / 2, 1)[0]
    size = max(float((high - low).max()), _SMALLEST)
    crop = Crop(float(centre[0]), float(centre[1]), size, turned.angle)
    return crop.shifted(0, _UP, _FROM_HAND)
