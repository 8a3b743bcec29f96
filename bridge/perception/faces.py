"""Everybody's face, so that the people who are not dressed can be made unrecognisable.

A face that is missed is seen by strangers, and a face that is made up costs a blurred patch. So the whole photo
is searched in windows of four sizes with a low threshold, and the face mesh's own judgement sorts out the rest.
Of the 100 faces of scikit-image's ``lfw_subset``, 40 px wide, 99 are found and nothing else; of two known people,
turned by up to 25 degrees, all from 32 px on, 11 of 12 at 22 px, 9 of 12 at 18 px.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bridge.geometry.crop import Crop
from bridge.perception.blazepose import Pose
from bridge.perception.detector import Detection, blend, decode
from bridge.perception.face import ANCHORS, DETECTION_SIDE, HEAD, mesh_crop, read_meshes
from bridge.perception.nets import Arrays, Float32, Net, UInt8, run
from bridge.perception.pose import PoseFinder, chosen, keypoints_of, tiles

_SHARES = (
    0.6,
    0.3,
    0.2,
)  # of the short side: the windows' sides; the network finds faces from 1/7 of a window
_LEAST, _PRESENT = 0.5, 0.5  # of the detector's score, of the mesh's
_SEEN = 0.5  # visibility
_SAME = 0.5  # of the larger one's side: boxes whose centres are nearer show the same head
_HEAD_SIDE = 1.3  # a face's box over the extent of the pose's points from ear to ear


class EverybodysFaces:
    """Fulfils the contract ``faces``."""

    def __init__(self, people: PoseFinder, detect: Net, landmark: Net) -> None:
        """Take what finds people, and the networks ``face_detection`` and ``face_landmark``."""
        self._people = people
        self._detect = detect
        self._landmark = landmark

    def __call__(self, image: UInt8, person_index: npt.NDArray[np.int32]) -> Arrays:
        """Find all faces, and tell which one is the dressed person's.

        Args:
            image: RGB ``[h, w, 3]``.
            person_index: ``[1]``: counted from the largest (0); -1 is the largest too.

        Raises:
            NoPerson: nobody is in the photo, or nobody with this index.
        """
        height, width = image.shape[:2]
        people = self._people.people(image)
        index = chosen(people, person_index)
        points = [keypoints_of(pose, height, width)[HEAD] for pose in people]
        own = _head(points.pop(index), most=False)
        heads = [_head(head, most=True) for head in points]
        mine: list[Float32] = []
        others: list[Float32] = []
        for face in self._turned_faces(image, _quarter(people[index])):
            (mine if own is not None and _same(face, own) else others).append(face)
        for head in heads:  # in profile or from behind it may show no face
            if head is not None and not any(_same(head, box) for box in _known(others, own)):
                others.append(head)
        return {
            "face_box": _inside(mine[:1], image)[0] if mine else np.zeros(4, np.float32),
            "other_faces": _inside(sorted(others, key=_area, reverse=True), image),
            "box": people[index].box(height, width),
        }

    def _turned_faces(self, image: UInt8, quarter: int) -> list[Float32]:
        """Return the faces of a photo that has to be turned anticlockwise by quarters to be upright."""
        if not quarter:
            return self._faces(image)
        turned = np.ascontiguousarray(np.rot90(image, quarter))
        return [_turned_back(box, quarter, *image.shape[:2]) for box in self._faces(turned)]

    def _faces(self, image: UInt8) -> list[Float32]:
        """Return the boxes of everything that both networks take for a face, best first."""
        found = blend(self._detected(image))
        if not found:
            return []
        crops = [mesh_crop(face.points, float(face.box[2] - face.box[0])) for face in found]
        meshes = read_meshes(self._landmark, image, crops)
        return [face.box for face, (_, score) in zip(found, meshes, strict=True) if score >= _PRESENT]

    def _detected(self, image: UInt8) -> list[Detection]:
        height, width = image.shape[:2]
        crops = [Crop.whole(height, width)]
        crops += [crop for share in _SHARES for crop in tiles(height, width, share)]
        raw = run(self._detect, image, crops, DETECTION_SIDE, low=-1.0)
        return [
            Detection(
                face.score,
                crop.to_photo(face.box.reshape(2, 2), DETECTION_SIDE).ravel(),
                crop.to_photo(face.points, DETECTION_SIDE),
            )
            for crop, boxes, logits in zip(crops, raw["boxes"], raw["logits"], strict=True)
            for face in blend(decode(boxes, logits, ANCHORS, _LEAST))
        ]


def _quarter(pose: Pose) -> int:
    """Return how many quarter turns anticlockwise put a person upright: the detector knows no other faces."""
    up = (pose.torso[:2] - pose.torso[2:]).mean(axis=0)
    return round(float(np.arctan2(up[0], -up[1])) / (np.pi / 2)) % 4


def _turned_back(box: Float32, quarter: int, height: int, width: int) -> Float32:
    """Map a box of ``np.rot90(photo, quarter)`` into the photo ``[height, width]``."""
    x0, y0, x1, y1 = box
    corners = {
        1: (width - y1, x0, width - y0, x1),
        2: (width - x1, height - y1, width - x0, height - y0),
        3: (y0, height - x1, y1, height - x0),
    }
    return np.array(corners[quarter], np.float32)


def _head(points: Float32, *, most: bool) -> Float32 | None:
    """Return the square around the points of a head; None unless one of them, or most of them, are seen."""
    seen = points[:, 3] > _SEEN
    if not (seen.mean() > 0.5 if most else seen.any()):
        return None
    centre = points[:, :2].mean(axis=0)
    half = _HEAD_SIDE * float(np.ptp(points[:, :2], axis=0).max()) / 2
    return np.concatenate([centre - half, centre + half]).astype(np.float32)


def _known(others: list[Float32], own: Float32 | None) -> list[Float32]:
    return others if own is None else [*others, own]


def _same(a: Float32, b: Float32) -> bool:
    apart = np.linalg.norm((a[:2] + a[2:] - b[:2] - b[2:]) / 2)
    return bool(apart < _SAME * max(a[2] - a[0], b[2] - b[0]))


def _area(box: Float32) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _inside(boxes: list[Float32], image: UInt8) -> Float32:
    """Return boxes ``[n, 4]``, cut at the photo's edges."""
    limit = np.array([*image.shape[1::-1]] * 2, np.float32)
    return np.clip(np.reshape(boxes, (-1, 4)), 0, limit).astype(np.float32)
