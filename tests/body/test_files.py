"""What is kept of a fitted body: the small z-buffer, the texture, the maps and the files."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from bridge.body.files import body_files, keypoints, npz, obj
from bridge.body.fitted import FittedBody, depth_and_normals
from bridge.body.linear import LinearBody
from bridge.body.raster import rasterise
from bridge.body.rotation import exp
from bridge.body.skeleton import BONES
from bridge.body.texture import NOWHERE, bake
from bridge.contracts import BodyPart, BodyPoint, Label
from bridge.errors import ArtifactMissing, WrongTensor

HEIGHT, WIDTH = 512, 384
Array = np.ndarray  # type: ignore[type-arg]  # of many types


def report() -> dict[str, object]:
    """What is read of a report."""
    pose = {bone: [0.0, 0.1, 0.2] for bone in BONES}
    return {"model": "anny", "pose": pose, "shape": [0.5, -0.5], "measurements_cm": {"chest": 90.0}}


@pytest.fixture(scope="module")
def fitted(body: LinearBody) -> FittedBody:
    """The mean adult, every joint turned a little, 3.6 m before the camera."""
    turns = 0.1 * torch.randn(1, len(BONES), 3, generator=torch.Generator().manual_seed(0))
    shape = torch.zeros(1, body.shape_count)
    rest, posed = (
        body.vertices(body.world(exp(angle), torch.tensor([[0.0, -0.05, -3.6]]), shape), shape)[0]
        for angle in (0 * turns, turns)
    )
    outputs = {
        "body_motion": torch.stack([rest, posed]).numpy(),
        "body_faces": body.faces,
        "body_parts": body.parts,
        "body_landmarks": torch.stack([body.landmarks @ rest, body.landmarks @ posed]).numpy(),
        "camera": np.array([1.5 * HEIGHT, WIDTH / 2, HEIGHT / 2], np.float32),
        "body_report": np.array([json.dumps(report()).encode()], object),
    }
    return FittedBody.of(outputs, body.uv)


def painted(body: FittedBody) -> tuple[Array, Array, Array, Array]:
    """A photo of the body whose colours [V, 3] are those of its places in the A-pose; matte; labels; the colours."""
    low, high = body.a_pose.min(axis=0), body.a_pose.max(axis=0)
    colours = 40 + 180 * (body.a_pose - low) / (high - low)
    raster = body.raster(HEIGHT, WIDTH)
    photo = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    photo[raster.covered] = np.rint(raster.of(colours[body.faces]))
    own = np.array(
        [Label.FACE, Label.NECK, Label.NECK] + 4 * [Label.ARMS] + 2 * [Label.HANDS] + 6 * [Label.LEGS]
    )
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[raster.covered] = own[body.parts[body.faces[raster.faces[raster.covered], 0]]]
    return photo, (255 * raster.covered).astype(np.uint8), labels, colours


def squares() -> FittedBody:
    """Two squares before the camera: a small one at 1 m, on the left of the texture, and a large one at 2 m."""
    corners = np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], np.float32)
    vertices = np.concatenate([0.2 * corners - (0, 0, 1), 0.8 * corners - (0, 0, 2)]).astype(np.float32)
    faces = np.array([(0, 1, 2), (0, 2, 3), (4, 5, 6), (4, 6, 7)], np.int32)
    places = np.concatenate(
        [(corners[:, :2] + 1) / 2 * (0.45, 0.9), (corners[:, :2] + 1) / 2 * (0.45, 0.9) + (0.5, 0)]
    )
    return FittedBody(
        vertices, vertices, faces, np.full(8, BodyPart.TORSO, np.uint8), places[faces].astype(np.float32),
        np.zeros((33, 3), np.float32) - (0, 0, 1), np.array([100, 64, 64], np.float32), report(),
    )  # fmt: skip


def test_the_nearest_triangle_is_drawn() -> None:
    """A slanted one passes through a level one; each wins where it is nearer; nothing is drawn outside both."""
    corners = np.array([[(2, 2), (18, 2), (2, 18)]] * 2 + [[(30, 30), (50, 30), (30, 50)]], np.float32)
    nearness = np.array([[0.5, 0.5, 0.5], [0, 1, 0], [1, 1, 1]])
    raster = rasterise(corners, nearness, (20, 20))
    rows, columns = np.mgrid[:20, :20] + 0.5
    inside = (rows >= 2) & (columns >= 2) & (rows + columns <= 20)
    np.testing.assert_array_equal(raster.covered, inside)
    np.testing.assert_array_equal(raster.faces[inside] == 1, ((columns - 2) / 16 > 0.5)[inside])
    np.testing.assert_allclose(raster.of(corners), np.stack([columns, rows], -1)[inside], atol=1e-5)


def test_neighbours_leave_no_gap() -> None:
    """Triangles of a grid whose inner points are moved at random cover all of it."""
    grid = np.stack(np.meshgrid(np.arange(0, 65, 4.0), np.arange(0, 65, 4.0)), -1)
    grid[1:-1, 1:-1] += np.random.default_rng(0).uniform(-1.4, 1.4, (15, 15, 2))
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
    corners = np.concatenate([np.stack(some, -2).reshape(-1, 3, 2) for some in ((a, b, c), (c, a, d))])
    raster = rasterise(corners, np.ones((len(corners), 3)), (64, 64))
    assert raster.covered.all()
    np.testing.assert_allclose(raster.shares.sum(axis=2), 1, atol=1e-6)


def test_depth_and_normals() -> None:
    """Two squares: their distances where they are, normals towards the camera, zeros elsewhere."""
    depth, normals = depth_and_normals(squares(), 128, 128)
    expected = np.zeros((128, 128))
    expected[24:104, 24:104] = 2
    expected[44:84, 44:84] = 1
    np.testing.assert_allclose(depth, expected, atol=1e-6)
    np.testing.assert_allclose(normals, (expected > 0)[..., None] * np.array((0, 0, 1)), atol=1e-6)


def test_what_is_hidden_is_not_seen_but_filled() -> None:
    """The photo shows a red square before a blue one: no red on the blue one, and no gap where red hid it."""
    photo = np.full((128, 128, 3), (0, 0, 200), np.uint8)
    photo[44:84, 44:84] = (200, 0, 0)
    person_, labels = np.full((128, 128), 255, np.uint8), np.full((128, 128), Label.UPPER, np.uint8)
    found = bake(squares(), photo, person_, labels, 256)
    left, right = found.image[30:250, 3:112], found.image[30:250, 131:240]
    assert left[..., 0].min() > 190
    assert left[..., 2].max() < 10
    assert right[..., 2].min() > 150
    assert right[..., 0].max() < 40
    seen = found.seen[30:250, 131:240] > 0
    assert 0.66 < seen.mean() < 0.73  # 27 % of the middle lie behind, and some around aren't believed
    assert not seen[110, 54]
    assert set(np.unique(found.parts)) == {BodyPart.TORSO, NOWHERE}


def test_hair_on_the_torso_is_not_its_colour() -> None:
    """Nor is what blurs beside what is labelled as hair."""
    photo = np.full((128, 128, 3), (0, 0, 200), np.uint8)
    photo[:, 61:69] = (0, 200, 0)
    labels = np.full((128, 128), Label.UPPER, np.uint8)
    labels[:, 61:69] = Label.HAIR
    found = bake(squares(), photo, np.full((128, 128), 255, np.uint8), labels, 256)
    assert found.image[30:250, 3:112, 1].max() < 10


def test_a_texture_gives_back_what_was_painted(fitted: FittedBody) -> None:
    """Where texels count as seen they have the colours of their places; all parts are told; the back isn't seen."""
    photo, matte, labels, colours = painted(fitted)
    found = bake(fitted, photo, matte, labels, 512)
    atlas = rasterise(fitted.uv * (512, -512) + (0, 512), np.ones(fitted.faces.shape), (512, 512))
    truth = np.zeros((512, 512, 3), np.float32)
    truth[atlas.covered] = atlas.of(colours[fitted.faces])
    seen, off = found.seen > 0, np.abs(found.image - truth)
    assert 0.1 < seen[atlas.covered].mean() < 0.5
    assert off[seen].mean() < 1.5
    assert np.percentile(off[seen], 99) < 12
    assert off[atlas.covered & ~seen].mean() < 30  # a guess, of colours that span 180
    assert set(np.unique(found.parts)) == {*BodyPart, NOWHERE}
    np.testing.assert_array_equal(found.parts != NOWHERE, atlas.covered)
    away = np.zeros((512, 512), np.float32)
    away[atlas.covered] = (
        atlas.of(fitted.normals()[fitted.faces]) * atlas.of(fitted.vertices[fitted.faces])
    ).sum(1)
    assert not seen[away > 0].any()


def test_a_body_that_nobody_sees_is_still_written(fitted: FittedBody) -> None:
    """Nothing of the person is in the matte: no texel is seen, and nothing fails."""
    photo, matte, labels, _ = painted(fitted)
    found = bake(fitted, photo, 0 * matte, labels, 128)
    assert not found.seen.any()
    assert not found.image.any()


def test_the_mesh_file_holds_the_mesh(fitted: FittedBody) -> None:
    """Read back line by line: vertices, triangles and texture coordinates."""
    lines = [line.split() for line in obj(fitted).splitlines()]
    vertices = np.array([line[1:] for line in lines if line[0] == "v"], float)
    places = np.array([line[1:] for line in lines if line[0] == "vt"], float)
    corners = np.array([[c.split("/") for c in line[1:]] for line in lines if line[0] == "f"], int) - 1
    np.testing.assert_allclose(vertices, fitted.vertices, atol=1e-6)
    np.testing.assert_array_equal(corners[..., 0], fitted.faces)
    np.testing.assert_allclose(places[corners[..., 1]], fitted.uv, atol=1e-6)


def test_arrays_and_keypoints(fitted: FittedBody) -> None:
    """The arrays are read without unpickling; a keypoint is where the camera sees it."""
    with np.load(io.BytesIO(npz(fitted)), allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["vertices"], fitted.vertices)
        assert arrays["bones"].tolist() == list(BONES)
        assert arrays["pose"].shape == (20, 3)
    found = json.loads(keypoints(fitted))
    assert list(found["points"]) == [point.name.lower() for point in BodyPoint]
    (x, y, z), seen = (found["points"]["left_wrist"][key] for key in ("camera_m", "photo_px"))
    focal, (cx, cy) = found["camera"]["focal_px"], found["camera"]["centre_px"]
    assert seen == pytest.approx([cx - focal * x / z, cy + focal * y / z], abs=0.05)


def test_all_files(fitted: FittedBody) -> None:
    """Pictures can be read, the depth is in millimetres, the mesh names its texture."""
    files = body_files(fitted, *painted(fitted)[:3], 256)
    pictures = {name: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
                for name, data in files.items() if name.endswith(".png")}  # fmt: skip
    sizes = {name: picture.shape for name, picture in pictures.items()}
    photo = (HEIGHT, WIDTH)
    assert sizes == {
        "texture.png": (256, 256, 3),
        "texture_seen.png": (256, 256),
        "texture_parts.png": (256, 256),
        "depth.png": photo,
        "normals.png": (*photo, 3),
    }
    there = pictures["depth.png"] > 0
    assert 2500 < np.median(pictures["depth.png"][there]) < 4500
    assert (pictures["normals.png"][there][:, 0] > 127).mean() > 0.98  # blue: towards the camera
    assert b"mtllib body.mtl" in files["body.obj"]
    assert b"map_Kd texture.png" in files["body.mtl"]
    assert {"body.npz", "keypoints.json"} < files.keys()


def test_a_body_without_texture_coordinates_has_no_texture(fitted: FittedBody) -> None:
    """All other files are there; asked for the texture, a sentence says why not."""
    photo, matte, labels, _ = painted(fitted)
    bare = replace(fitted, uv=np.zeros_like(fitted.uv))
    files = body_files(bare, photo, matte, labels)
    assert not any(name.startswith("texture") for name in files)
    assert b"vt " not in files["body.obj"]
    with pytest.raises(ArtifactMissing, match="has no texture coordinates"):
        bake(bare, photo, matte, labels)


def test_pictures_of_different_photos_are_refused() -> None:
    """With a sentence, before anything is baked."""
    with pytest.raises(WrongTensor, match="differ in size"):
        bake(squares(), np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8), np.zeros((8, 9), np.uint8))
