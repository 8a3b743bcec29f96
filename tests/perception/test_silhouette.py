"""The matte, and the two tools that draw it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bridge.contracts import BodyPoint as P
from bridge.perception.guided import Guide, apply, apply_at
from bridge.perception.local_colours import unlikeliness
from bridge.triton.local import LocalModels
from tests.perception.seen import LARGEST, See, UInt8


def test_the_guided_filter_keeps_what_is_linear_in_its_guide() -> None:
    """Values that are a linear function of the guide's colours come back unchanged (epsilon near 0)."""
    guide = np.random.default_rng(0).random((40, 30, 3)).astype(np.float32)
    values = guide @ np.array([0.5, -0.2, 0.9], np.float32) + 0.1
    model = Guide(guide, radius=3, epsilon=1e-7).model(values)
    assert np.abs(apply(guide, model) - values).max() < 1e-2


def test_the_guided_filter_draws_a_blurred_edge_sharp() -> None:
    """A step in the guide turns a wide ramp at the same place into a step."""
    guide = np.zeros((40, 40, 3), np.float32)
    guide[:, 20:] = 1
    ramp = np.tile(np.clip((np.arange(40) - 14) / 12, 0, 1), (40, 1)).astype(np.float32)
    sharp = apply(guide, Guide(guide, radius=6, epsilon=1e-4).model(ramp))
    assert sharp[20, 20] - sharp[20, 19] > 0.4 > ramp[20, 20] - ramp[20, 19]


def test_a_model_is_the_same_at_points_and_in_a_picture() -> None:
    """Evaluating some pixels only gives what evaluating all of them gives."""
    rng = np.random.default_rng(1)
    guide = rng.random((20, 30, 3)).astype(np.float32)
    model = rng.random((20, 30, 4)).astype(np.float32)
    rows, columns = np.nonzero(rng.random((20, 30)) < 0.3)
    at = apply_at(guide[rows, columns], columns.astype(np.float32), rows.astype(np.float32), model)
    assert np.allclose(at, apply(guide, model)[rows, columns], atol=1e-5)


def test_local_colours_know_what_belongs_where() -> None:
    """Red is unlikely on the side whose samples are blue, and likely on the other."""
    lab = np.zeros((80, 80, 3), np.float32)
    lab[:, :40] = (50, 60, 40)
    lab[:, 40:] = (30, 20, -50)
    unlikely, _ = unlikeliness(lab, np.ones((80, 80), np.float32))
    swapped = lab[:, ::-1].copy()
    odd, _ = unlikeliness(swapped, np.zeros((80, 80), np.float32))
    assert unlikely[:, 5].max() < 5
    assert np.isfinite(odd).all(), "without samples nothing breaks"


@pytest.mark.parametrize("who", ["astronaut", "grace"])
def test_a_person_is_cut_out(see: See, who: str, request: pytest.FixtureRequest) -> None:
    """Face and chest are inside, the corners at the top outside, and most of the matte is all or nothing."""
    image = request.getfixturevalue(who)
    seen = see(image)
    matte = seen["matte"]
    x, y = seen["keypoints"][P.NOSE, :2].astype(int)
    chest = seen["keypoints"][[P.LEFT_SHOULDER, P.RIGHT_SHOULDER], :2].mean(axis=0).astype(int)
    assert matte[y, x] == matte[chest[1] + 40, chest[0]] == 255
    assert matte[:60, :40].max() == matte[:60, -40:].max() == 0
    assert ((matte > 10) & (matte < 245)).mean() < 0.06


def test_only_the_person_who_was_asked_for(local: LocalModels, astronaut: UInt8, grace: UInt8) -> None:
    """Of two people side by side, each one's matte leaves out the other."""
    height = astronaut.shape[0]
    other = cv2.resize(grace, (round(grace.shape[1] * height / grace.shape[0]), height))
    photo = np.hstack([astronaut, np.asarray(other, np.uint8)])
    for index in (0, 1):
        pose = local["pose"](image=photo, person_index=np.array([index], np.int32))
        inputs = {name: pose[name] for name in ("keypoints", "box", "pose_mask")}
        matte = local["silhouette"](image=photo, **inputs)["matte"] > 127
        left = pose["keypoints"][P.NOSE, 0] < 512
        mine, others = (matte[:, :512], matte[:, 512:]) if left else (matte[:, 512:], matte[:, :512])
        assert others.sum() < 0.06 * mine.sum()


@pytest.mark.photos
def test_gaps_stay_open_and_white_stays_white(local: LocalModels, photos: Path) -> None:
    """The wall shows between arm and body, a white top on a grey wall is inside."""
    expected = {
        "pairs/00055_00/person.jpg": ([(222, 620), (222, 560)], [(300, 450), (560, 800)]),
        "people/half_body_white_top.png": ([(20, 500), (384, 1000)], [(385, 450), (300, 640)]),
        "people/full_body_man.jpg": ([(384, 960), (600, 400)], [(288, 846), (384, 200)]),
    }
    for name, (outside, inside) in expected.items():
        image = cv2.imread(str(photos / name))[..., ::-1].copy()
        pose = local["pose"](image=image, person_index=LARGEST)
        inputs = {key: pose[key] for key in ("keypoints", "box", "pose_mask")}
        matte = local["silhouette"](image=image, **inputs)["matte"]
        assert [int(matte[y, x]) < 128 for x, y in outside] == [True] * len(outside), name
        assert [int(matte[y, x]) > 128 for x, y in inside] == [True] * len(inside), name
