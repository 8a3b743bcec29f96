"""Finding the people of a photo and the 33 landmarks of one of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from bridge.contracts import BodyPoint as P
from bridge.errors import NoPerson
from bridge.geometry.crop import Crop
from bridge.perception.blazepose import Detector, Landmarks, Pose, crop_of
from bridge.perception.detector import Detection, blend
from bridge.perception.nets import Arrays, Float32, Net, UInt8
from bridge.perception.skeletons import BODY25, COCO17, convert

_CANDIDATES = 6  # detections that are followed up in one search
_CLEAR, _SURE = 0.7, 0.9  # such a detection and two such readings in a row need no further proof
_JITTER = ((0.0, 0.0, 1.0), (0.05, 0.0, 1.0), (-0.05, 0.05, 1.1), (0.0, -0.05, 0.9))
_TRUST, _DOUBT, _PROOF = 0.6, 9.5, 0.85
# A linear rule for all others: mean presence of eight readings + 0.6 detection - 9.5 scatter of their torsos, in
# torso lengths. On 40 cuts of people's photos, many of them below the chin, it is >= 0.88; on 120 cuts of
# garments, animals and landscapes <= 0.82, but for a horse's black silhouette.

_ELBOW_MARGIN = 0.06  # of the long side: of an elbow this near the edge, no forearm is seen
_ARMS = (
    (P.LEFT_SHOULDER, P.LEFT_ELBOW, P.LEFT_WRIST, P.LEFT_PINKY, P.LEFT_INDEX, P.LEFT_THUMB),
    (P.RIGHT_SHOULDER, P.RIGHT_ELBOW, P.RIGHT_WRIST, P.RIGHT_PINKY, P.RIGHT_INDEX, P.RIGHT_THUMB),
)


class PoseFinder:
    """Fulfils the contract ``pose``."""

    def __init__(self, detect: Net, landmark: Net) -> None:
        """Take the networks ``pose_detection`` and ``pose_landmark``."""
        self._detect = Detector(detect)
        self._read = Landmarks(landmark)

    def __call__(self, image: UInt8, person_index: npt.NDArray[np.int32]) -> Arrays:
        """Find the people of a photo and describe the one that was asked for.

        Args:
            image: RGB ``[h, w, 3]``.
            person_index: ``[1]``: counted from the largest (0); -1 is the largest too.

        Raises:
            NoPerson: nobody is in the photo, or nobody with this index.
        """
        height, width = image.shape[:2]
        people = self.people(image)
        pose = self._refined(image, people[chosen(people, person_index)])
        keypoints = keypoints_of(pose, height, width)
        return {
            "keypoints": keypoints,
            "world": pose.world,
            "coco17": convert(keypoints, COCO17),
            "body25": convert(keypoints, BODY25),
            "box": pose.box(height, width),
            "people": np.array([len(people)], np.int32),
            "pose_mask": pose.mask(height, width),
        }

    def people(self, image: UInt8) -> list[Pose]:
        """Return everybody, largest first, by the first search that finds anybody."""
        height, width = image.shape[:2]
        for crops, threshold in _searches(height, width):
            found = blend(self._detect(image, crops, threshold))[:_CANDIDATES]
            poses = self._proven(image, found)
            if poses:
                return sorted(_distinct(poses), key=lambda p: -_area(p.box(height, width)))
        return []

    def _proven(self, image: UInt8, found: list[Detection]) -> list[Pose]:
        """Return the readings of those detections that are a person's."""
        if not found:
            return []
        first = self._read(image, [crop_of(person) for person in found])
        second = self._read(image, [pose.next_crop for pose in first])
        proven = []
        for person, before, after in zip(found, first, second, strict=True):
            if person.score >= _CLEAR and min(before.score, after.score) >= _SURE:
                proven.append(after)
            elif max(before.score, after.score) > 0.5:
                proven += self._agreed(image, before.crop, person.score)
        return proven

    def _agreed(self, image: UInt8, crop: Crop, score: float) -> list[Pose]:
        """Read several crops around a doubtful one: a person's landmarks agree, a garment's scatter."""
        first = self._read(image, [crop.shifted(*move) for move in _JITTER])
        second = self._read(image, [pose.next_crop for pose in first])
        torsos = np.stack([pose.torso for pose in second])
        length = np.median([pose.torso_length for pose in second])
        spread = np.abs(torsos - np.median(torsos, axis=0)).mean() / length
        presence = np.mean([pose.score for pose in first + second])
        best = max(second, key=lambda pose: pose.score)
        return [best] if presence + _TRUST * score - _DOUBT * spread >= _PROOF else []

    def _refined(self, image: UInt8, pose: Pose) -> Pose:
        """Read once more when the landmarks ask for another crop than the one they were read from."""
        asked = pose.next_crop
        moved = np.hypot(asked.x - pose.crop.x, asked.y - pose.crop.y) / pose.crop.size
        if moved < 0.02 and abs(asked.size / pose.crop.size - 1) < 0.05:
            return pose
        again = self._read(image, [asked])[0]
        return again if again.score > pose.score - 0.1 else pose


def chosen(people: list[Pose], person_index: npt.NDArray[np.int32]) -> int:
    """Return the index of the person that was asked for; see :class:`PoseFinder`.

    Raises:
        NoPerson: there is nobody, or nobody with this index.
    """
    if not people:
        raise NoPerson("In the photo no person was found. Please send one that shows the upper body.")
    index = max(int(person_index[0]), 0)
    if index >= len(people):
        raise NoPerson(_out_of_range(index, len(people)))
    return index


def _searches(height: int, width: int) -> Iterator[tuple[list[Crop], float]]:
    """Yield windows to search together and the least score, from the usual photo to the odd one."""
    whole = Crop.whole(height, width)
    yield [whole, whole.shifted(0, -0.15, 1.3)], 0.3  # the second leaves room for a head that was cut off
    yield [Crop.whole(height, width, 1.5), Crop.whole(height, width, 2.0)], 0.3
    yield list(tiles(height, width, 0.6)), 0.6  # somebody small


def tiles(height: int, width: int, share: float) -> Iterator[Crop]:
    """Yield overlapping squares of ``share`` of the short side that cover the photo."""
    side = share * min(height, width)
    for y in np.linspace(side / 2, height - side / 2, int(np.ceil(height / side))):
        for x in np.linspace(side / 2, width - side / 2, int(np.ceil(width / side))):
            yield Crop(float(x), float(y), side)


def _distinct(poses: list[Pose]) -> list[Pose]:
    """Drop the readings of a person that was read before."""
    kept: list[Pose] = []
    for pose in sorted(poses, key=lambda p: -p.score):
        apart = (np.linalg.norm(pose.torso - k.torso, axis=1).mean() / k.torso_length for k in kept)
        if all(distance > 0.5 for distance in apart):
            kept.append(pose)
    return kept


def _area(box: Float32) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def keypoints_of(pose: Pose, height: int, width: int) -> Float32:
    """Return ``[33, 4]``; what lies outside the photo isn't seen, though its place may be known."""
    points = pose.points[:33]
    inside = ((points[:, :2] >= 0) & (points[:, :2] < (width, height))).all(axis=1)
    keypoints = np.column_stack([points, pose.visibility * inside]).astype(np.float32)
    edge = _ELBOW_MARGIN * max(height, width)
    for shoulder, elbow, *hand in _ARMS:
        x, y = keypoints[elbow, :2]
        if not (edge <= x < width - edge and y < height - edge):
            _straighten(keypoints, shoulder, elbow, hand)
    return keypoints


def _straighten(keypoints: Float32, shoulder: P, elbow: P, hand: list[P]) -> None:
    """Replace a forearm that the photo doesn't show by the upper arm's continuation, in place.

    The network invents one, often bent before the chest.
    """
    wrist = keypoints[elbow, :3] + 0.9 * (keypoints[elbow, :3] - keypoints[shoulder, :3])
    keypoints[hand, :3] += wrist - keypoints[hand[0], :3]
    keypoints[hand, 3] = 0.0


def _out_of_range(index: int, count: int) -> str:
    people, valid = ("1 person", "0") if count == 1 else (f"{count} people", f"0 to {count - 1}")
    return f"The photo shows {people}; person_index {index} names nobody: send {valid}, 0 being the largest."
