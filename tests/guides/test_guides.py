"""The finisher's control pictures."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.contracts import BodyPoint, Category, Label, Part
from bridge.guides.guides import KINDS, Guides, before, draw_edges, dressed_labels, hung
from bridge.guides.skeleton import draw_pose
from bridge.guides.surfaces import draw_depth, draw_normals

SIZE = (128, 96)
EMPTY_FACE = (np.zeros((468, 3), np.float32), 0.0)
NO_HANDS = (np.zeros((2, 21, 3), np.float32), np.zeros(2, np.float32))


def standing(visibility: float = 1.0) -> np.ndarray:
    """BodyPoint rows of a person who stands upright in a picture of ``SIZE``."""
    points = np.zeros((33, 4), np.float32)
    points[:, :2] = (48, 10)
    rows = {"SHOULDER": 30, "ELBOW": 50, "WRIST": 70, "HIP": 70, "KNEE": 95, "ANKLE": 120}
    for name, y in rows.items():
        points[BodyPoint[f"LEFT_{name}"], :2] = (64, y)
        points[BodyPoint[f"RIGHT_{name}"], :2] = (32, y)
    points[:, 3] = visibility
    return points


def pose(visibility: float = 1.0) -> np.ndarray:
    """The pose's picture without hands and face."""
    return draw_pose(SIZE, standing(visibility), *NO_HANDS, *EMPTY_FACE)


@pytest.mark.parametrize(
    ("joint", "colour"),
    [
        ("NOSE", (255, 0, 0)),
        ("RIGHT_ELBOW", (255, 255, 0)),
        ("LEFT_KNEE", (0, 0, 255)),
        ("RIGHT_KNEE", (0, 255, 255)),
    ],
)
def test_joints_have_openposes_colours(joint: str, colour: tuple[int, int, int]) -> None:
    """The network knows left from right by the colour alone."""
    points = standing()
    points[[BodyPoint.LEFT_EYE, BodyPoint.RIGHT_EYE, BodyPoint.LEFT_EAR, BodyPoint.RIGHT_EAR], 3] = 0
    drawn = draw_pose(SIZE, points, *NO_HANDS, *EMPTY_FACE)
    x, y = points[BodyPoint[joint], :2].astype(int)
    assert tuple(drawn[y, x]) == pytest.approx(colour, abs=2)


def test_what_is_not_seen_is_not_drawn() -> None:
    """OpenPose leaves out the joints that it doesn't find."""
    assert pose(0.1).max() == 0
    assert pose(1.0).max() == 255


def test_hands_and_face_are_drawn_when_they_are_seen() -> None:
    """Each by its own score."""
    hands = np.full((2, 21, 3), 40, np.float32)
    mesh = np.full((468, 3), 80, np.float32)
    body = standing(0)
    seen = draw_pose(SIZE, body, hands, np.array([1, 0], np.float32), mesh, 1.0)
    blue = seen[38:42, 38:42].reshape(-1, 3).max(axis=0)
    assert blue[2] > 200
    assert blue[0] < 50
    assert seen[78:82, 78:82].min(axis=2).max() > 200
    assert draw_pose(SIZE, body, hands, np.zeros(2, np.float32), mesh, 0.0).max() == 0


def test_depth_is_brighter_nearer_and_black_around() -> None:
    """Two people's distances and a background."""
    depth = np.zeros(SIZE, np.float32)
    depth[20:60, 20:60], depth[60:100, 20:60] = 2, 3
    drawn = draw_depth(depth, (depth > 0).astype(np.float32))
    assert drawn[40, 40, 0] > drawn[80, 40, 0] > 0
    assert drawn[5, 5].max() == 0
    assert draw_depth(np.zeros(SIZE, np.float32), np.ones(SIZE, np.float32)).max() == 0


def test_depth_goes_on_into_hair_and_loose_cloth() -> None:
    """The matte is wider than the body."""
    depth = np.zeros(SIZE, np.float32)
    depth[20:60, 20:60] = 2
    person = np.zeros(SIZE, np.float32)
    person[20:60, 20:80] = 1
    assert draw_depth(depth, person)[40, 70].min() > 0


@pytest.mark.parametrize(
    ("normal", "colour"),
    [((0, 0, 1), (128, 128, 255)), ((-1, 0, 0), (255, 128, 128)), ((0, 1, 0), (128, 255, 128))],
)
def test_normals_are_red_left_green_up_blue_front(normal: tuple[int, ...], colour: tuple[int, ...]) -> None:
    """The colours of ControlNet 1.1's documentation; the background faces the viewer."""
    normals = np.zeros((*SIZE, 3), np.float32)
    normals[20:60, 20:60] = normal
    drawn = draw_normals(normals, (np.abs(normals).sum(2) > 0).astype(np.float32))
    assert drawn[40, 40].tolist() == pytest.approx(colour, abs=1)
    assert drawn[0, 0].tolist() == pytest.approx((128, 128, 255), abs=1)


def worn(category: Category) -> tuple[np.ndarray, np.ndarray]:
    """A photo's labels before and after: hair over the shirt, the new garment shorter than the old one."""
    labels = np.full(SIZE, Label.BACKGROUND, np.uint8)
    labels[20:80, 20:80], labels[20:40, 20:30], labels[80:120, 20:80] = Label.UPPER, Label.HAIR, Label.LOWER
    layer, parts = np.zeros((*SIZE, 4), np.uint8), np.zeros(SIZE, np.uint8)
    layer[20:60, 10:80, 3], parts[20:60, 10:80] = 255, Part.TORSO
    body = np.zeros(SIZE, bool)
    body[20:120, 30:70] = True
    return labels, dressed_labels(labels, layer, parts, category, body)


@pytest.mark.parametrize(
    ("category", "garment", "legs"),
    [(Category.UPPER, Label.UPPER, Label.LOWER), (Category.DRESS, Label.DRESS, Label.LEGS)],
)
def test_the_labels_wear_the_new_garment(category: Category, garment: Label, legs: Label) -> None:
    """It lies over everything but hair and hands; what the old one covered is skin, or background."""
    _, dressed = worn(category)
    assert dressed[50, 50] == garment == dressed[50, 15]
    assert dressed[30, 25] == Label.HAIR
    assert dressed[70, 50] == Label.ARMS
    assert dressed[70, 22] == Label.BACKGROUND
    assert dressed[100, 50] == legs


def test_cloth_spans_what_skin_shows() -> None:
    """A dent in the body is shallower under cloth, and as deep as it is beside it."""
    depth = np.full(SIZE, 2, np.float32)
    depth[60:62] = 2.5
    cloth = np.zeros(SIZE, bool)
    cloth[:, :48] = True
    smooth = hung(depth, cloth)
    assert smooth[60, 20] < 2.3
    assert smooth[60, 80] == 2.5
    assert hung(np.zeros(SIZE, np.float32), cloth).max() == 0


def test_a_draped_garment_lies_before_the_body() -> None:
    """Where nothing was draped its map is empty."""
    body, cloth = np.full(SIZE, 2, np.float32), np.full(SIZE, 1, np.float32)
    draped = np.zeros(SIZE, bool)
    draped[:10] = True
    assert before(np.zeros((0, 0), np.float32), body, draped) is body
    assert before(cloth, body, draped)[[5, 50], 5].tolist() == [1, 2]


def test_edges_are_where_the_picture_changes() -> None:
    """White on black."""
    picture = np.zeros((*SIZE, 3), np.uint8)
    picture[:, 48:] = 255
    edges = draw_edges(picture)
    assert edges[60, 46:50].max() == 255
    assert edges[:, :40].max() == 0


def drawn(depth: np.ndarray, normals: np.ndarray, body: bool) -> dict[str, np.ndarray]:
    """Everything of a person whose garment was draped so, with a fitted body or without."""
    labels, _ = worn(Category.UPPER)
    layer, parts = np.zeros((*SIZE, 4), np.uint8), np.zeros(SIZE, np.uint8)
    facing = np.zeros((*SIZE, 3), np.float32)
    facing[..., 2] = body
    return Guides()(
        result=np.zeros((*SIZE, 3), np.uint8), keypoints=standing(), hands=NO_HANDS[0], hand_scores=NO_HANDS[1],
        face_mesh=EMPTY_FACE[0], face_score=np.zeros(1, np.float32), matte=np.full(SIZE, 255, np.uint8), labels=labels,
        layer=layer, layer_parts=parts, garment_category=np.array([b"upper"], np.object_),
        depth=depth, normals=normals, body_depth=np.full(SIZE, 2 * body, np.float32), body_normals=facing,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("size", "body", "kinds"),
    [(SIZE, True, KINDS), ((0, 0), True, KINDS), ((0, 0), False, ("pose", "segmentation", "edge"))],
    ids=["draped", "warped", "no body"],
)
def test_there_is_a_picture_of_each_kind(size: tuple[int, int], body: bool, kinds: tuple[str, ...]) -> None:
    """All of the result's size, in the order of ``KINDS``."""
    given = drawn(np.full(size, 2, np.float32), np.ones((*size, 3), np.float32), body)
    assert given["controls"].shape == (len(kinds), *SIZE, 3)
    assert tuple(kind.decode() for kind in given["control_kinds"]) == kinds
