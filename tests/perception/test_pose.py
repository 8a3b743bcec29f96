"""People and their landmarks, on real photos and on what shows nobody."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bridge.contracts import BodyPoint as P
from bridge.errors import NoPerson
from bridge.triton.local import LocalModels
from tests.perception.seen import LARGEST, See, UInt8


def test_an_astronauts_landmarks_are_plausible(see: See, astronaut: UInt8) -> None:
    """The nose lies in the face's box, the left shoulder at larger x, the shoulders below the mouth."""
    seen = see(astronaut)
    points = seen["keypoints"]
    x0, y0, x1, y1 = seen["face_box"]
    assert x0 < points[P.NOSE, 0] < x1
    assert y0 < points[P.NOSE, 1] < y1
    assert points[P.LEFT_SHOULDER, 0] > points[P.RIGHT_SHOULDER, 0] + 80
    assert points[P.LEFT_SHOULDER, 1] > points[P.MOUTH_LEFT, 1]
    assert seen["people"].tolist() == [1]
    assert seen["world"].shape == (33, 3)
    assert np.abs(seen["world"][[P.LEFT_HIP, P.RIGHT_HIP]].mean(axis=0)).max() < 0.05


def test_what_lies_outside_the_photo_is_not_seen(see: See, grace: UInt8) -> None:
    """A bust portrait has no visible knees, though they keep an extrapolated place."""
    points = see(grace)["keypoints"]
    assert points[P.LEFT_KNEE, 1] > grace.shape[0]
    assert points[P.LEFT_KNEE, 3] == 0
    assert points[P.NOSE, 3] > 0.9


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_turned_photos(local: LocalModels, grace: UInt8, quarter: int) -> None:
    """Somebody who lies or hangs in the photo is found; the landmarks turn with the photo."""
    turned = np.ascontiguousarray(np.rot90(grace, quarter))
    upright = local["pose"](image=grace, person_index=LARGEST)["keypoints"]
    found = local["pose"](image=turned, person_index=LARGEST)["keypoints"]
    height, width = grace.shape[:2]
    x, y = upright[P.NOSE, :2]
    nose = {1: (y, width - x), 2: (width - x, height - y), 3: (height - y, x)}[quarter]
    assert np.hypot(*(found[P.NOSE, :2] - nose)) < 0.1 * width


def test_two_people_largest_first(local: LocalModels, astronaut: UInt8, grace: UInt8) -> None:
    """Both are counted; index 0 and -1 are the larger one, 1 is the other."""
    small = np.asarray(cv2.resize(grace, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA), np.uint8)
    photo = np.full((512, 512 + small.shape[1], 3), 90, np.uint8)
    photo[:, :512] = astronaut
    photo[512 - small.shape[0] :, 512:] = small
    noses = []
    for index in (-1, 0, 1):
        seen = local["pose"](image=photo, person_index=np.array([index], np.int32))
        assert seen["people"].tolist() == [2]
        noses.append(seen["keypoints"][P.NOSE, 0])
    assert noses[0] == noses[1] < 512 < noses[2]
    with pytest.raises(NoPerson, match=r"shows 2 people; person_index 2 names nobody: send 0 to 1"):
        local["pose"](image=photo, person_index=np.array([2], np.int32))


def test_the_wrong_index_of_one_person(local: LocalModels, grace: UInt8) -> None:
    """The sentence says how many there are and what to send."""
    with pytest.raises(NoPerson, match="shows 1 person; person_index 1 names nobody: send 0"):
        local["pose"](image=grace, person_index=np.array([1], np.int32))


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket"])
def test_cat_cup_and_rocket_are_nobody(local: LocalModels, name: str) -> None:
    """Photos without people are refused in words."""
    data = pytest.importorskip("skimage.data")
    with pytest.raises(NoPerson, match="no person was found"):
        local["pose"](image=getattr(data, name)(), person_index=LARGEST)


def test_plain_and_noisy_pictures_are_nobody(local: LocalModels) -> None:
    """Neither an empty wall nor noise is taken for a person."""
    noise = np.random.default_rng(0).integers(0, 255, (300, 200, 3)).astype(np.uint8)
    for picture in (noise, np.full((400, 300, 3), 230, np.uint8)):
        with pytest.raises(NoPerson):
            local["pose"](image=picture, person_index=LARGEST)


@pytest.mark.photos
@pytest.mark.parametrize(
    ("name", "chin"),
    [
        ("people/full_body_man.jpg", 70),
        ("people/half_body_white_top.png", 330),
        ("pairs/00055_00/person.jpg", 260),
        ("pairs/00057_00/person.jpg", 235),
        ("pairs/00069_00/person.jpg", 290),
    ],
)
def test_people_cut_off_at_the_neck(local: LocalModels, photos: Path, name: str, chin: int) -> None:
    """Many catalogue photos are: shoulders and hips are found nearly where they are in the whole photo."""
    whole = cv2.imread(str(photos / name))[..., ::-1].copy()
    expected = local["pose"](image=whole, person_index=LARGEST)["keypoints"]
    found = local["pose"](image=whole[chin:].copy(), person_index=LARGEST)["keypoints"]
    torso = [P.LEFT_SHOULDER, P.RIGHT_SHOULDER, P.LEFT_HIP, P.RIGHT_HIP]
    length = np.linalg.norm(expected[P.LEFT_SHOULDER, :2] - expected[P.LEFT_HIP, :2])
    off = np.linalg.norm(found[torso, :2] + (0, chin) - expected[torso, :2], axis=1) / length
    assert off.max() < 0.25


@pytest.mark.photos
def test_garments_without_a_wearer_are_nobody(local: LocalModels, photos: Path) -> None:
    """Product photos are refused, though some of them fill their clothes like a body."""
    for path in sorted([*photos.glob("garments/*.jpg"), *photos.glob("pairs/*/garment.jpg")]):
        with pytest.raises(NoPerson):
            local["pose"](image=cv2.imread(str(path))[..., ::-1].copy(), person_index=LARGEST)
