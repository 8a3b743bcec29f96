"""SMPL-X from a file of the true format: parity with its own package, the merged bones, what is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from benchmarks.people import person
from bridge.body.fitter import BodyFitter
from bridge.body.linear import LinearBody
from bridge.body.load import load_body
from bridge.body.rotation import exp
from bridge.body.skeleton import BONES
from bridge.body.smplx import load_smplx
from bridge.contracts import BodyPart, BodyPoint
from bridge.errors import ArtifactCorrupt, ArtifactMissing, ConfigError
from bridge.registry import ModelStatus, model_statuses, smplx_path
from export.__main__ import app as export_command
from tests.body.mannequin import Arrays, joints, model, saved
from tests.body.test_linear import off_regressed, random_state

JOINTS = dict(zip(  # SMPL-X's names for the joints of our bones, in its order
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21),
    ("pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
     "spine3", "neck", "left_clavicle", "right_clavicle", "head", "left_shoulder", "right_shoulder", "left_elbow",
     "right_elbow", "left_wrist", "right_wrist"), strict=True))  # fmt: skip


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    """What the file holds."""
    return model()


@pytest.fixture(scope="module")
def path(arrays: Arrays, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file."""
    return saved(tmp_path_factory.mktemp("smplx"), arrays)


@pytest.fixture(scope="module")
def mannequin(path: Path) -> LinearBody:
    """The body of the file."""
    return load_smplx(path)


def test_vertices_are_those_of_the_smplx_package(mannequin: LinearBody, path: Path) -> None:
    """Shapes and poses of all body joints drawn at random; correctives and merged fingers included."""
    import smplx

    state = random_state(mannequin, 3, spread=0.5)
    theirs = smplx.SMPLX(str(path), batch_size=3, num_betas=10, use_pca=False, flat_hand_mean=True)
    pose = torch.zeros(3, 22, 3)
    vectors = (
        torch.randn(3, len(BONES), 3, generator=torch.Generator().manual_seed(1)) * 0.5
    )  # as random_state
    for joint, bone in JOINTS.items():
        pose[:, joint] = vectors[:, BONES.index(bone)]
    found = theirs(betas=state.shape, global_orient=pose[:, 0], body_pose=pose[:, 1:].flatten(1))
    pelvis = found.joints[:, 0].detach()
    world = mannequin.world(exp(vectors), pelvis, state.shape)
    torch.testing.assert_close(
        mannequin.vertices(world, state.shape), found.vertices.detach(), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(world.heads, found.joints[:, list(_ours())].detach(), atol=1e-5, rtol=0)


def _ours() -> list[int]:
    bones = {bone: joint for joint, bone in JOINTS.items()}
    return [bones[bone] for bone in BONES]


def test_landmarks_know_the_correctives(mannequin: LinearBody) -> None:
    """The contracted landmarks are where the regressed vertices are, as for a body without correctives."""
    assert mannequin.correctives is not None
    assert off_regressed(mannequin) < 1e-5


def test_the_body_at_rest(mannequin: LinearBody) -> None:
    """Around the pelvis; every part there; landmarks at the joints, hands' at the knuckles."""
    landmarks, places = (mannequin.landmarks @ mannequin.template).numpy(), joints()
    np.testing.assert_allclose(mannequin.heads[0].numpy(), 0, atol=1e-6)
    np.testing.assert_allclose(landmarks[BodyPoint.LEFT_ELBOW], places[18], atol=1e-6)
    np.testing.assert_allclose(landmarks[BodyPoint.RIGHT_PINKY], places[46], atol=1e-6)
    np.testing.assert_allclose(mannequin.landmarks.sum(1).numpy(), 1, atol=1e-5)
    np.testing.assert_allclose(mannequin.weights.sum(1).numpy(), 1, atol=1e-5)
    assert set(np.unique(mannequin.parts)) == set(BodyPart)
    assert mannequin.uv.shape == (20908, 3, 2)


def test_the_arms_of_the_a_pose_hang(mannequin: LinearBody) -> None:
    """Both by 45 degrees, outwards; nothing else moves."""
    world = mannequin.world(exp(mannequin.a_pose)[None], torch.zeros(1, 3), torch.zeros(1, 10))
    for side, sign in (("left", 1), ("right", -1)):
        elbow, shoulder = (BONES.index(f"{side}_{joint}") for joint in ("elbow", "shoulder"))
        across, up, _ = (world.heads[0, elbow] - world.heads[0, shoulder]).tolist()
        assert sign * across > 0.1
        assert up == pytest.approx(-sign * across, abs=1e-6)
    assert int((mannequin.a_pose != 0).any(1).sum()) == 2


def test_a_known_mannequin_is_found(mannequin: LinearBody) -> None:
    """The same fit as Anny's; vertices within 6 cm of the truth in the mean, from the pelvis."""
    one = person(mannequin, 0)
    inputs = {"keypoints": one.keypoints, "world": one.world, "matte": one.matte, "labels": one.labels,
              "height": np.array([round(1000 * one.height)], np.int32)}  # fmt: skip
    found = BodyFitter(mannequin)(**inputs)
    hips = mannequin.landmarks[23:25].numpy()

    def around(vertices: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return vertices - (hips @ vertices).mean(0)

    off = around(found["body_motion"][-1]) - around(one.vertices[0].numpy())
    assert np.linalg.norm(off, axis=1).mean() < 0.06
    assert json.loads(found["body_report"][0])["model"] == "smplx"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weights": None}, "lacks weights"),
        ({"v_template": np.zeros((6890, 3))}, "v_template is float64 .6890, 3., not numbers 10475 x 3"),
        ({"v_template": np.full((10475, 3), np.nan)}, "not finite"),
        ({"weights": np.array([{}], dtype=object)}, "unpickled"),
        ({"f": np.full((20908, 3), 10475)}, "don't exist"),
        ({"kintree_table": np.zeros((2, 55), np.int64)}, "other joints"),
        ({"shapedirs": np.zeros((10475, 3, 5), np.float32)}, "fewer than 10"),
        ({"weights": np.full((10475, 55), 0.5)}, "weights has rows that don't sum to 1"),
        ({"J_regressor": np.zeros((55, 10475))}, "J_regressor has rows that don't sum to 1"),
        ({"v_template": np.full((10475, 3), 0.5)}, "v_template is 0 m tall"),
    ],
)
def test_what_is_no_smplx_is_refused(
    arrays: Arrays, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    """Each with a sentence that says what is wrong; nothing is unpickled."""
    wrong = {name: array for name, array in (arrays | changes).items() if array is not None}
    with pytest.raises(ArtifactCorrupt, match=words) as told:
        load_smplx(saved(tmp_path, wrong))  # type: ignore[arg-type]  # arrays, save the one that is None
    assert f"{tmp_path}/SMPLX_NEUTRAL.npz" in str(told.value)
    assert "SMPLX_NEUTRAL.npz of SMPL-X v1.1 is expected, as https://smpl-x.is.tue.mpg.de gives it" in str(
        told.value
    )


def test_a_file_that_breaks_off_is_refused(path: Path, tmp_path: Path) -> None:
    """Half of it came down, or some of its bytes are others."""
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:5000] + b"?" * 100 + whole[5100:]):
        broken = tmp_path / path.name
        broken.write_bytes(content)
        with pytest.raises(ArtifactCorrupt, match=r"can't be read: .* SMPL-X v1.1 is expected"):
            load_smplx(broken)


def _single() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


@pytest.mark.parametrize("content", [b"", b"\x80\x04}q.", b"PK\x03\x04 broken", b"hello", _single()])
def test_what_is_no_file_of_arrays_is_refused(tmp_path: Path, content: bytes) -> None:
    """Empty, pickled, a broken archive, text, a single array."""
    path = tmp_path / "SMPLX_NEUTRAL.npz"
    path.write_bytes(content)
    with pytest.raises(ArtifactCorrupt, match=r"SMPL-X v1.1 is expected"):
        load_smplx(path)


def test_a_file_without_texture_coordinates(arrays: Arrays, tmp_path: Path) -> None:
    """Has a body all the same, with ten shapes and ten expressions as older releases have."""
    older = {n: a for n, a in arrays.items() if n not in {"vt", "ft"}} | {
        "shapedirs": arrays["shapedirs"][..., :20]
    }
    assert not load_smplx(saved(tmp_path, older)).uv.any()


def test_the_environment_says_which_body(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anny, SMPL-X, or a sentence: what to set, what to get and where to put it."""
    monkeypatch.delenv("VFR_BODY", raising=False)
    assert load_body().name == "anny"
    monkeypatch.setenv("VFR_BODY", "smplx")
    monkeypatch.setenv("VFR_WEIGHTS", str(tmp_path))
    with pytest.raises(
        ArtifactMissing, match=r"smplx/SMPLX_NEUTRAL.npz does not exist; get .* https://smpl-x"
    ):
        load_body()
    smplx_path().parent.mkdir()
    smplx_path().symlink_to(path)
    assert load_body().name == "smplx"
    monkeypatch.setenv("VFR_BODY", "smpl")
    with pytest.raises(ConfigError, match="set it to anny or smplx"):
        load_body()


def test_who_chose_smplx_is_told_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the list of models and by the export: the file's place and where to get it; its licence once it is there."""
    monkeypatch.setenv("VFR_BODY", "smplx")
    monkeypatch.setenv("VFR_WEIGHTS", str(tmp_path))
    missing = fit_body_status()
    assert f"{tmp_path}/smplx/SMPLX_NEUTRAL.npz does not exist; get" in missing.why_not
    monkeypatch.setattr("export.__main__._install", lambda *_, **__: None)
    told = CliRunner().invoke(export_command, ["weights"])
    assert (told.exit_code, missing.why_not in told.stderr) == (1, True)
    smplx_path().parent.mkdir()
    smplx_path().touch()
    found = fit_body_status()
    assert found.ready
    assert not found.commercial_use
    assert found.licences == ("LicenseRef-SMPL-X",)
    assert CliRunner().invoke(export_command, ["weights"]).exit_code == 0
    monkeypatch.setenv("VFR_BODY", "smpl")
    assert "set it to anny or smplx" in fit_body_status().why_not


def fit_body_status() -> ModelStatus:
    """What ``vfr models`` says of the body."""
    return next(status for status in model_statuses() if status.name == "fit_body")
