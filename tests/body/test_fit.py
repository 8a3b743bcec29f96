"""The fit: known bodies found again, how the body moves, how it is measured."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from benchmarks.people import Person, person
from bridge.body.fitter import BodyFitter, measured, motion
from bridge.body.linear import LinearBody
from bridge.body.measure import girth
from bridge.body.skeleton import BONES

Arrays = dict[str, np.ndarray]  # type: ignore[type-arg]  # of many types


def fitted(body: LinearBody, one: Person, **changes: object) -> Arrays:
    """What fit_body says of a person."""
    inputs = {
        "keypoints": one.keypoints,
        "world": one.world,
        "matte": one.matte,
        "labels": one.labels,
        "height": np.array([round(1000 * one.height)], np.int32),
    } | changes
    return BodyFitter(body)(**inputs)  # type: ignore[arg-type]


def from_the_pelvis(body: LinearBody, vertices: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Vertices around the hips' middle: how far off a camera is cannot be told from one photo."""
    return vertices - (body.landmarks[23:25] @ torch.from_numpy(vertices)).mean(0).numpy()


@pytest.mark.parametrize("seed", range(4))
def test_a_known_body_is_found(body: LinearBody, seed: int) -> None:
    """Vertices within 8 cm in the mean, from the pelvis as is usual; the silhouette covered."""
    one = person(body, seed)
    found = fitted(body, one)
    report = json.loads(found["body_report"][0])
    off = from_the_pelvis(body, found["body_motion"][-1]) - from_the_pelvis(body, one.vertices[0].numpy())
    assert np.linalg.norm(off, axis=1).mean() < 0.08
    assert report["mean_error_px"] < 3
    assert report["silhouette_iou"] > 0.9
    true = measured(body, one.state.shape)
    assert abs(report["measurements_cm"]["height"] - true["height"]) < 2
    assert abs(report["measurements_cm"]["inseam"] - true["inseam"]) < 4


def bent(**turns: tuple[float, float, float]) -> np.ndarray:  # type: ignore[type-arg]
    """A pose in which some bones are turned by rotation vectors [rad]."""
    pose = np.zeros((1, len(BONES), 3), np.float32)
    for bone, turn in turns.items():
        pose[0, BONES.index(bone)] = turn
    return pose


SEATED = {
    side + bone: (sign * np.pi / 2, 0, 0)
    for side in ("left_", "right_")
    for bone, sign in (("hip", -1), ("knee", 1))
}
EXTREME = {
    "arms up": bent(left_shoulder=(0, 0, 1.9), right_shoulder=(0, 0, -1.9)),
    "seen from behind": bent(pelvis=(0, 3.1, 0)),
    "sitting, half turned": bent(pelvis=(0, 0.8, 0), **SEATED),
    "bowing": bent(pelvis=(1.2, 0, 0), left_hip=(-1.2, 0, 0), right_hip=(-1.2, 0, 0)),
    "lying": bent(pelvis=(0, 0, np.pi / 2)),
    "arms crossed": bent(left_shoulder=(-0.8, 0, -0.6), left_elbow=(-1.5, 0, -0.8),
                         right_shoulder=(-0.8, 0, 0.6), right_elbow=(-1.5, 0, 0.8)),
}  # fmt: skip


@pytest.mark.parametrize("pose", EXTREME)
def test_extreme_poses_are_found(body: LinearBody, pose: str) -> None:
    """As exactly as people who stand."""
    one = person(body, 5, size=(768, 768), pose=EXTREME[pose])
    found = fitted(body, one)
    off = from_the_pelvis(body, found["body_motion"][-1]) - from_the_pelvis(body, one.vertices[0].numpy())
    assert np.linalg.norm(off, axis=1).mean() < 0.08
    assert json.loads(found["body_report"][0])["silhouette_iou"] > 0.9


def test_the_same_photo_gives_the_same_body(body: LinearBody) -> None:
    """Bit for bit."""
    one = person(body, 7)
    np.testing.assert_array_equal(fitted(body, one)["body_motion"], fitted(body, one)["body_motion"])


def test_a_body_without_known_height_stays_an_adult(body: LinearBody) -> None:
    """The scale is a guess, and the report says so."""
    report = json.loads(fitted(body, person(body, 1), height=np.array([0], np.int32))["body_report"][0])
    assert not report["height_known"]
    assert 150 < report["measurements_cm"]["height"] < 200


def test_the_motion_goes_from_the_a_pose_to_the_photo(body: LinearBody) -> None:
    """The pelvis stays, the first moment is the A-pose, the last is the pose."""
    state = person(body, 2).state
    states = motion(body, state, 5)
    torch.testing.assert_close(states.rotations[-1], state.rotations[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(
        states.rotations[:, 0], state.rotations[:, 0].expand(5, -1, -1), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(states.rotations[0, 1:], torch.eye(3).expand(19, -1, -1), atol=1e-5, rtol=0)


def test_girths_are_those_of_a_taut_tape() -> None:
    """Around a square tube: its perimeter; beside it: nothing."""
    square = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)], np.float64)
    vertices = np.array([(x, y, z) for y in (0.0, 2.0) for x, z in square])
    faces = np.array([(i, (i + 1) % 4, 4 + i) for i in range(4)]
                     + [((i + 1) % 4, 4 + (i + 1) % 4, 4 + i) for i in range(4)], np.int32)  # fmt: skip
    assert girth(vertices, faces, 1.0) == pytest.approx(8.0, abs=1e-5)
    assert girth(vertices, faces, 5.0) == 0


def test_the_mean_adult_is_of_human_measure(body: LinearBody) -> None:
    """Within what adults of both sexes measure."""
    found = measured(body, torch.zeros(1, body.shape_count))
    assert 80 < found["chest"] < 105
    assert 65 < found["waist"] < 95
    assert 85 < found["hip"] < 110
    assert 70 < found["inseam"] < 88
