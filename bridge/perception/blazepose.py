"""BlazePose (Bazarevsky et al. 2020): a person detector, and a network that reads an aligned crop.

Constants are those of MediaPipe's graphs ``pose_detection`` and ``pose_landmark`` (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bridge.geometry.crop import Crop
from bridge.perception.detector import Detection, anchors, decode
from bridge.perception.nets import Float32, Net, UInt8, run, sigmoid

_DETECTION_SIDE = 224
_LANDMARK_SIDE = 256
_ROI = 2 * 1.25  # the crop's side over the distance from the hips' middle to the circle around the body
_HIPS, _CIRCLE = 33, 34  # the two further points of the landmark network, from which the next crop follows


@dataclass(frozen=True)
class Pose:
    """One reading of the landmark network."""

    crop: Crop
    score: float  # [0, 1]: is a person in the crop?
    points: Float32  # [39, 3] photo px; z: nearer is negative
    visibility: Float32  # [33] in [0, 1]
    world: Float32  # [33, 3] m around the hips' middle, axes as the photo's
    segmentation: Float32  # [256, 256] probability per crop pixel

    @property
    def torso(self) -> Float32:
        """Shoulders and hips, [4, 2] photo px."""
        return self.points[[11, 12, 23, 24], :2]

    @property
    def torso_length(self) -> float:
        """From the shoulders' middle to the hips', or from shoulder to shoulder if that is more [px]."""
        left, right, left_hip, right_hip = self.torso
        spine = float(np.linalg.norm((left + right - left_hip - right_hip) / 2))
        return max(spine, float(np.linalg.norm(left - right)), 1.0)

    @property
    def next_crop(self) -> Crop:
        """The crop that these landmarks ask for."""
        return _roi(self.points[_HIPS], self.points[_CIRCLE])

    def box(self, height: int, width: int) -> Float32:
        """Return x0, y0, x1, y1 around the segmentation and the points that are seen, inside the photo."""
        rows, columns = np.nonzero(self.segmentation > 0.5)
        found = [self.points[:33, :2][self.visibility > 0.5], self.torso]
        found.append(self.crop.to_photo(np.stack([columns, rows], axis=1) + 0.5, _LANDMARK_SIDE))
        points = np.concatenate(found)
        limit = np.array([width, height, width, height], np.float32)
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])
        return np.asarray(np.clip(box, 0, limit), np.float32)

    def mask(self, height: int, width: int) -> UInt8:
        """Return the segmentation in the photo, 0 to 255."""
        return np.asarray(self.crop.paste(self.segmentation * 255, height, width) + 0.5, np.uint8)


def _roi(hips: Float32, circle: Float32) -> Crop:
    up = (circle - hips)[:2]
    return Crop.pointing(hips, up, _ROI * max(float(np.linalg.norm(up)), 1.0))


def crop_of(person: Detection) -> Crop:
    """Return the landmark network's crop for a detection (points: hips, circle, shoulders, upper circle)."""
    return _roi(person.points[0], person.points[1])


class Detector:
    """Finds people, best where the face is seen."""

    ANCHORS = anchors(_DETECTION_SIDE, (8, 16, 32, 32, 32))

    def __init__(self, net: Net) -> None:
        self._net = net

    def __call__(self, image: UInt8, crops: Sequence[Crop], threshold: float) -> list[Detection]:
        """Return the raw detections of all crops, in photo pixels, overlapping ones not yet merged."""
        raw = run(self._net, image, crops, _DETECTION_SIDE, low=-1.0)
        found = []
        for crop, boxes, logits in zip(crops, raw["boxes"], raw["logits"], strict=True):
            for d in decode(boxes, logits, self.ANCHORS, threshold):
                box = crop.to_photo(d.box.reshape(2, 2), _DETECTION_SIDE).ravel()
                found.append(Detection(d.score, box, crop.to_photo(d.points, _DETECTION_SIDE)))
        return found


class Landmarks:
    """Reads the 33 landmarks of the person that a crop is aligned to."""

    def __init__(self, net: Net) -> None:
        self._net = net

    def __call__(self, image: UInt8, crops: Sequence[Crop]) -> list[Pose]:
        """Return one reading per crop."""
        raw = run(self._net, image, crops, _LANDMARK_SIDE)
        return [
            _pose(crop, *parts)
            for crop, *parts in zip(
                crops, raw["landmarks"], raw["presence"], raw["segmentation"], raw["world"], strict=True
            )
        ]


def _pose(crop: Crop, landmarks: Float32, presence: Float32, segmentation: Float32, world: Float32) -> Pose:
    table = landmarks.reshape(39, 5)
    return Pose(
        crop=crop,
        score=float(presence[0]),
        points=crop.to_photo(table[:, :3], _LANDMARK_SIDE),
        visibility=sigmoid(table[:33, 3]),
        world=_turned(world.reshape(39, 3)[:33], crop.angle),
        segmentation=sigmoid(segmentation[..., 0]),
    )


def _turned(world: Float32, angle: float) -> Float32:
    """Turn world points from the crop's axes to the photo's."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    return np.asarray(world @ turn, np.float32)
