"""Everybody's face, and whose is the dressed person's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bridge.contracts import BodyPoint as P
from bridge.errors import NoPerson
from bridge.geometry.crop import Crop
from bridge.perception.blazepose import Pose
from bridge.perception.faces import EverybodysFaces
from bridge.triton.local import LocalModels
from bridge.triton.model import Arrays
from tests.perception.seen import LARGEST, UInt8


def side_by_side(astronaut: UInt8, grace: UInt8, scale: float) -> UInt8:
    """Return the astronaut at the left, and Grace Hopper, reduced, at the right."""
    small = cv2.resize(grace, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    photo = np.full((512, 512 + small.shape[1], 3), 90, np.uint8)
    photo[:, :512] = astronaut
    photo[512 - small.shape[0] :, 512:] = small
    return photo


def faces(local: LocalModels, image: UInt8, index: int = -1) -> Arrays:
    """Return what the model says."""
    return local["faces"](image=image, person_index=np.array([index], np.int32))


@pytest.mark.parametrize("scale", [0.6, 0.25, 0.1])
def test_the_others_face_is_told_from_the_dressed_ones(
    local: LocalModels, astronaut: UInt8, grace: UInt8, scale: float
) -> None:
    """At any size; both boxes are where the faces are."""
    seen = faces(local, side_by_side(astronaut, grace, scale))
    np.testing.assert_allclose(seen["face_box"], [175, 73, 275, 174], atol=10)
    assert len(seen["other_faces"]) == 1
    there = (seen["other_faces"][0] - (512, 512 - 600 * scale) * 2) / scale
    np.testing.assert_allclose(there, [176, 150, 347, 322], atol=25)


def test_who_is_dressed_decides_whose_face_is_the_others(
    local: LocalModels, astronaut: UInt8, grace: UInt8
) -> None:
    """With the other index the same two faces change places."""
    photo = side_by_side(astronaut, grace, 0.6)
    largest, second = faces(local, photo), faces(local, photo, 1)
    np.testing.assert_allclose(largest["face_box"], second["other_faces"][0], atol=3)
    np.testing.assert_allclose(second["face_box"], largest["other_faces"][0], atol=3)
    assert largest["box"][0] < 20
    assert second["box"][0] > 430


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_photo_that_lies_on_its_side_hides_nobody(
    local: LocalModels, astronaut: UInt8, grace: UInt8, quarter: int
) -> None:
    """Phones lose the tag that says so; the boxes turn with the photo."""
    photo = side_by_side(astronaut, grace, 0.6)
    upright, turned = faces(local, photo), faces(local, np.ascontiguousarray(np.rot90(photo, quarter)))
    height, width = photo.shape[:2]
    for name in ("face_box", "other_faces"):
        x0, y0, x1, y1 = np.ravel(upright[name])
        expected = {
            1: (y0, width - x1, y1, width - x0),
            2: (width - x1, height - y1, width - x0, height - y0),
            3: (height - y1, x0, height - y0, x1),
        }[quarter]
        np.testing.assert_allclose(np.ravel(turned[name]), expected, atol=8)


@pytest.mark.parametrize("who", ["astronaut", "grace"])
def test_who_is_alone_has_no_bystanders(local: LocalModels, who: str, request: pytest.FixtureRequest) -> None:
    """Neither patches nor medals nor a helmet are faces, and no face is found twice."""
    seen = faces(local, request.getfixturevalue(who))
    assert seen["face_box"].any()
    assert seen["other_faces"].shape == (0, 4)


class Posed:
    """Finds people who have their heads at x, y, seen to this degree, whatever the photo."""

    def __init__(self, *heads: tuple[float, float, float]) -> None:
        self.heads = heads

    def people(self, image: UInt8) -> list[Pose]:
        return [self.pose(*head) for head in self.heads]

    def pose(self, x: float, y: float, seen: float) -> Pose:
        points = np.full((39, 3), (x, y, 0), np.float32)
        points[[P.LEFT_EAR, P.RIGHT_EAR], 0] += (45, -45)
        points[[P.LEFT_HIP, P.RIGHT_HIP], 1] += 200
        nothing = np.zeros((256, 256), np.float32)
        return Pose(Crop(x, y, 100), 1.0, points, np.full(33, seen), np.zeros((33, 3), np.float32), nothing)


def with_heads(local: LocalModels, *heads: tuple[float, float, float]) -> EverybodysFaces:
    """Return the model on such people."""
    return EverybodysFaces(Posed(*heads), local["face_detection"], local["face_landmark"])


@pytest.mark.parametrize(("who", "row"), [("astronaut", 110), ("grace", 210)])
def test_a_face_that_the_photo_cuts_is_still_ones_own(
    local: LocalModels, who: str, row: int, request: pytest.FixtureRequest
) -> None:
    """Below the eyes even, where most of the head is not seen: the dressed one's is never taken for another's."""
    seen = faces(local, np.ascontiguousarray(request.getfixturevalue(who)[row:]))
    assert seen["face_box"].any()
    assert seen["face_box"][1] == 0
    assert len(seen["other_faces"]) == 0


def test_the_face_of_a_pose_without_a_head_is_a_strangers(local: LocalModels, astronaut: UInt8) -> None:
    """Somebody cut at the neck is dressed: the face that is seen is another one's."""
    seen = with_heads(local, (225, 120, 0.0))(astronaut, LARGEST)
    assert not seen["face_box"].any()
    assert len(seen["other_faces"]) == 1


def test_a_head_that_shows_no_face_is_found_by_its_pose(local: LocalModels, astronaut: UInt8) -> None:
    """Of somebody else, seen from the side or the back; not if it is the dressed one's, or not seen either."""
    seen = with_heads(local, (225, 120, 0.9), (100, 400, 0.9), (230, 125, 0.9), (400, 300, 0.1))(
        astronaut, LARGEST
    )
    assert seen["face_box"].any()
    np.testing.assert_allclose(seen["other_faces"], [[41.5, 341.5, 158.5, 458.5]])


def test_strangers_of_any_look_are_found(local: LocalModels, astronaut: UInt8) -> None:
    """24 faces of other people, 40 px wide, in colourless pictures of 25 px that were enlarged: all but one."""
    data = pytest.importorskip("skimage.data")
    strangers = (np.asarray(data.lfw_subset()[:24]) * 255).clip(0, 255).astype(np.uint8)
    found = 0
    for row in strangers.reshape(4, 6, 25, 25):
        photo = np.full((600, 512, 3), 120, np.uint8)
        photo[:512] = astronaut
        photo[530:580, 20:470] = np.hstack([_framed(face) for face in row])
        boxes = faces(local, photo)["other_faces"]
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        places = np.stack([np.arange(6) * 75 + 57.5, np.full(6, 555)], axis=1)
        apart = np.linalg.norm(centres[None] - places[:, None], axis=2)
        found += int((apart.min(axis=1) < 20).sum())
        assert (apart.min(axis=0) < 20).all(), "something else was taken for a face"
    assert found >= 23


def _framed(face: UInt8) -> UInt8:
    large = cv2.resize(face, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return np.pad(np.repeat(large[..., None], 3, axis=2), ((0, 0), (13, 12), (0, 0)), constant_values=120)


def test_nobody_is_refused(local: LocalModels) -> None:
    """Without a person to dress the words are those of the pose."""
    with pytest.raises(NoPerson):
        local["faces"](image=np.full((300, 200, 3), 127, np.uint8), person_index=LARGEST)
