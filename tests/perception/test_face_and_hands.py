"""The face's mesh and the hands' points."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bridge.contracts import BodyPoint as P
from bridge.triton.local import LocalModels
from tests.perception.seen import See, UInt8


@pytest.mark.parametrize("who", ["astronaut", "grace"])
def test_the_mesh_fits_the_pose(see: See, who: str, request: pytest.FixtureRequest) -> None:
    """Nose tip, chin and eyes of the mesh lie where the pose has nose, mouth and eyes."""
    seen = see(request.getfixturevalue(who))
    mesh, points = seen["face_mesh"], seen["keypoints"]
    height = np.linalg.norm(mesh[10] - mesh[152])
    assert seen["face_score"][0] > 0.9
    assert np.linalg.norm(mesh[1, :2] - points[P.NOSE, :2]) < 0.12 * height
    assert mesh[152, 1] > points[[P.MOUTH_LEFT, P.MOUTH_RIGHT], 1].max()
    assert mesh[263, 0] > mesh[33, 0], "263 is the outer corner of the wearer's left eye"


def test_the_mesh_turns_with_the_photo(see: See, grace: UInt8) -> None:
    """A quarter turn of the photo is a quarter turn of the mesh."""
    upright, turned = see(grace)["face_mesh"], see(np.ascontiguousarray(np.rot90(grace)))["face_mesh"]
    expected = np.stack([upright[:, 1], grace.shape[1] - upright[:, 0]], axis=1)
    assert np.abs(turned[:, :2] - expected).mean() < 0.03 * np.ptp(upright[:, 1])


def test_no_face_is_made_up(local: LocalModels, see: See, grace: UInt8) -> None:
    """Where the head is painted over, everything about the face is 0, and so are hands that nobody shows."""
    faceless = grace.copy()
    faceless[80:370, 130:400] = 128
    points = see(grace)["keypoints"]
    found = local["face"](image=faceless, keypoints=points)
    assert not any(found[name].any() for name in ("face_score", "face_box", "face_mesh"))
    assert not local["hand"](image=faceless, keypoints=points)["hand_scores"].any()


@pytest.mark.photos
def test_hands_begin_at_the_wrists(see: See, photos: Path) -> None:
    """Left and right hand start near their own wrist; a hand behind the back is not seen."""
    seen = see(cv2.imread(str(photos / "people" / "half_body_white_top.png"))[..., ::-1].copy())
    forearm = np.linalg.norm(seen["keypoints"][P.LEFT_ELBOW, :2] - seen["keypoints"][P.LEFT_WRIST, :2])
    for hand, wrist in zip(seen["hands"], (P.LEFT_WRIST, P.RIGHT_WRIST), strict=True):
        assert np.linalg.norm(hand[0, :2] - seen["keypoints"][wrist, :2]) < 0.3 * forearm
    assert (seen["hand_scores"] > 0.5).all()
    man = see(cv2.imread(str(photos / "people" / "full_body_man.jpg"))[..., ::-1].copy())
    assert man["hand_scores"][0] == 0
    assert man["hand_scores"][1] > 0.5
