"""The face's box and its mesh of 468 points (Kartynnik et al. 2019, on a face found as BlazeFace does)."""

from __future__ import annotations

import numpy as np

from bridge.contracts import BodyPoint
from bridge.geometry.crop import Crop
from bridge.perception.detector import anchors, blend, decode
from bridge.perception.nets import Arrays, Float32, Net, UInt8, run, sigmoid

DETECTION_SIDE = 128
"""The input of ``face_detection`` [px]."""
ANCHORS = anchors(DETECTION_SIDE, (8, 16, 16, 16))
"""Its anchors."""
HEAD = slice(BodyPoint.NOSE, BodyPoint.MOUTH_RIGHT + 1)
"""The body's points on the head."""
_MESH_SIDE = 192
_ROI = 1.5  # the mesh's crop over the face's box, as MediaPipe's face_landmark graph scales it
_LEFT_EYE_OUTER, _RIGHT_EYE_OUTER = 263, 33  # of the mesh
_LEAST = 0.5
_SMALLEST = 8.0  # a crop's side [px]: nothing smaller shows a face


class FaceFinder:
    """Fulfils the contract ``face``."""

    def __init__(self, detect: Net, landmark: Net) -> None:
        """Take the networks ``face_detection`` and ``face_landmark``."""
        self._detect = detect
        self._landmark = landmark

    def __call__(self, image: UInt8, keypoints: Float32) -> Arrays:
        """Look for a face where the pose says that the head is.

        Args:
            image: RGB ``[h, w, 3]``.
            keypoints: ``[33, 4]`` as the contract ``pose`` returns them.
        """
        crop = self._found(image, keypoints) if (keypoints[HEAD, 3] > _LEAST).any() else None
        if crop is None:
            return _nothing()
        mesh, score = read_meshes(self._landmark, image, [crop])[0]
        if score < _LEAST:
            return _nothing()
        box = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)])
        limit = np.array([*image.shape[1::-1]] * 2, np.float32)
        return {
            "face_box": np.clip(box, 0, limit).astype(np.float32),
            "face_mesh": mesh,
            "face_score": np.array([score], np.float32),
        }

    def _found(self, image: UInt8, keypoints: Float32) -> Crop | None:
        """Return the mesh's crop around the best face near the head, or None."""
        crops = _head_crops(keypoints)
        raw = run(self._detect, image, crops, DETECTION_SIDE, low=-1.0)
        best: tuple[float, Crop] | None = None
        for crop, boxes, logits in zip(crops, raw["boxes"], raw["logits"], strict=True):
            for face in blend(decode(boxes, logits, ANCHORS, _LEAST))[:1]:
                if best is None or face.score > best[0]:
                    points = crop.to_photo(face.points, DETECTION_SIDE)
                    side = float(face.box[2] - face.box[0]) * crop.size / DETECTION_SIDE
                    best = face.score, mesh_crop(points, side)
        return best[1] if best else None


def mesh_crop(points: Float32, side: float) -> Crop:
    """Return the window in which to look for the mesh of a face that was detected.

    Args:
        points: its points in the photo: right eye, left eye, nose, mouth, ... [px].
        side: the width of its box [px].
    """
    return _level(points[0], points[1], points[:4].mean(axis=0), max(_ROI * side, _SMALLEST))


def read_meshes(landmark: Net, image: UInt8, crops: list[Crop]) -> list[tuple[Float32, float]]:
    """Read the mesh in each window (at least one), and again in the window that it asks for.

    Returns:
        Per window the mesh ``[468, 3]`` in photo pixels, and the probability [0, 1] that it is a face's.
    """
    first = _read(landmark, image, crops)
    return _read(landmark, image, [_around(mesh) for mesh, _ in first])


def _read(landmark: Net, image: UInt8, crops: list[Crop]) -> list[tuple[Float32, float]]:
    raw = run(landmark, image, crops, _MESH_SIDE)
    scores = sigmoid(raw["presence"]).reshape(len(crops))
    meshes = raw["mesh"].reshape(len(crops), 468, 3)
    return [
        (crop.to_photo(mesh, _MESH_SIDE), float(score))
        for crop, mesh, score in zip(crops, meshes, scores, strict=True)
    ]


def _nothing() -> Arrays:
    return {
        "face_box": np.zeros(4, np.float32),
        "face_mesh": np.zeros((468, 3), np.float32),
        "face_score": np.zeros(1, np.float32),
    }


def _head_crops(keypoints: Float32) -> list[Crop]:
    """Return a narrow and a wide window around the head, turned as the eyes and mouth are."""
    points = keypoints[HEAD, :2]
    eyes, mouth = points[[2, 5]].mean(axis=0), points[[9, 10]].mean(axis=0)
    shoulders = keypoints[[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER], :2]
    size = max(
        3.0 * float(np.ptp(points, axis=0).max()),
        0.6 * float(np.linalg.norm(shoulders[0] - shoulders[1])),
        _SMALLEST,
    )
    crop = Crop.pointing(points.mean(axis=0), eyes - mouth, size)
    return [crop, crop.shifted(0, 0, 1.8)]


def _level(right: Float32, left: Float32, centre: Float32, size: float) -> Crop:
    """Return the crop in which the line between the eyes is level."""
    along = left - right
    return Crop.pointing(centre, np.array([along[1], -along[0]]), size)


def _around(mesh: Float32) -> Crop:
    """Return the crop that a mesh asks for: level, centred, half as large again."""
    level = _level(mesh[_RIGHT_EYE_OUTER, :2], mesh[_LEFT_EYE_OUTER, :2], mesh[:, :2].mean(axis=0), 1.0)
    inside = level.to_crop(mesh[:, :2], 1)
    low, high = inside.min(axis=0), inside.max(axis=0)
    centre = level.to_photo((low + high)[None] / 2, 1)[0]
    size = max(_ROI * float((high - low).max()), _SMALLEST)
    return Crop(float(centre[0]), float(centre[1]), size, level.angle)
