"""Labels: what is seen at every pixel."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bridge.contracts import BodyPoint as P
from bridge.contracts import Label
from bridge.perception.body import Body, Head, Limb
from bridge.perception.colours import Colours
from bridge.perception.parse import ClassicalParser
from bridge.perception.skin import like
from tests.perception.seen import See, Seen, UInt8

PEOPLE = (
    "people/full_body_man.jpg",
    "people/half_body_white_top.png",
    "pairs/00055_00/person.jpg",
    "pairs/00057_00/person.jpg",
    "pairs/00069_00/person.jpg",
)


def test_a_limb_is_measured_along_and_across() -> None:
    """Half way down the upper arm is 0.5, half way down the forearm 1.5; off is in radii."""
    arm = Limb(np.array([[0, 0], [0, 100], [100, 100]], np.float32), (10, 5))
    along, off = arm.locate(np.array([[5, 50], [50, 90], [0, -40]], np.float32))
    assert along == pytest.approx([0.5, 1.5, 0])
    assert off == pytest.approx([0.5, 2, 4])
    assert arm.at(np.array([0.5, 1.5], np.float32)).tolist() == [[0, 50], [50, 100]]


def test_the_body_knows_its_left_however_it_turns() -> None:
    """Aside is positive towards the wearer's left shoulder, also from behind; down is 1 at the hips."""
    points = np.zeros((33, 2), np.float32)
    points[[P.LEFT_SHOULDER, P.RIGHT_SHOULDER, P.LEFT_HIP, P.RIGHT_HIP]] = [
        [80, 0],
        [20, 0],
        [70, 90],
        [30, 90],
    ]
    for flip in (1, -1):
        body = Body(points * (flip, 1), np.ones(33, np.float32), None, ())
        aside, down = body.locate(np.array([[80 * flip, 90]], np.float32))
        assert aside[0] == pytest.approx(0.5)
        assert down[0] == pytest.approx(1)


def test_a_head_counts_from_chin_to_forehead() -> None:
    """The forehead's top is 0.5, the chin -0.5, whatever the tilt."""
    mesh = np.zeros((468, 2), np.float32)
    mesh[10], mesh[152] = (130, 60), (100, 100)
    _, y = Head.of(mesh).locate(mesh[[10, 152]])
    assert y == pytest.approx([0.5, -0.5], abs=1e-6)


def test_colours_learn_two_heaps() -> None:
    """A mixture finds both colours, is sure of them, and unsure of what lies between."""
    rng = np.random.default_rng(0)
    heaps = np.concatenate([rng.normal((20, 0, 0), 1, (200, 3)), rng.normal((80, 10, 30), 1, (200, 3))])
    model = Colours.learn(heaps.astype(np.float32), components=2)
    at = model.log_likelihood(np.array([[20, 0, 0], [80, 10, 30], [50, 5, 15]], np.float32))
    assert at[:2].min() > at[2] + 20
    density = np.exp(model.log_likelihood(_grid())).mean() * 100 * 60 * 60 / (2 * np.pi) ** 1.5
    assert density == pytest.approx(1, rel=0.1), "it integrates to 1, up to the constant that is left out"


def test_skin_is_known_by_its_hue() -> None:
    """Tanned and shaded skin keeps its hue; grey, blue and red cloth have another."""
    tone = [np.array([75, 10, 18], np.float32)]
    colours = np.array([[60, 14, 25], [45, 9, 15], [70, 0, 0], [50, 0, -30], [45, 60, 40]], np.float32)
    assert like(colours, tone).tolist() == [True, True, False, False, False]


def test_nobody_gives_only_background(astronaut: UInt8) -> None:
    """An empty matte is answered, not an error."""
    nothing = np.zeros(astronaut.shape[:2], np.uint8)
    labels = ClassicalParser()(
        image=astronaut,
        keypoints=np.zeros((33, 4), np.float32),
        face_mesh=np.zeros((468, 3), np.float32),
        face_score=np.zeros(1, np.float32),
        hands=np.zeros((2, 21, 3), np.float32),
        hand_scores=np.zeros(2, np.float32),
        matte=nothing,
    )["labels"]
    assert not labels.any()


@pytest.mark.parametrize("who", ["astronaut", "grace"])
def test_a_portrait(see: See, who: str, request: pytest.FixtureRequest) -> None:
    """Nose: face; above the forehead: hair (or hat); chest: upper garment; nothing outside the matte."""
    seen = see(request.getfixturevalue(who))
    labels, points = seen["labels"], seen["keypoints"]
    x, y = points[P.NOSE, :2].astype(int)
    assert labels[y, x] == Label.FACE
    top = seen["face_mesh"][10, :2] + 0.15 * (seen["face_mesh"][10, :2] - seen["face_mesh"][152, :2])
    assert labels[int(top[1]), int(top[0])] == Label.HAIR
    x, y = points[[P.LEFT_SHOULDER, P.RIGHT_SHOULDER], :2].mean(axis=0).astype(int)
    assert labels[y + 60, x] == Label.UPPER
    assert not labels[seen["matte"] < 128].any()
    assert labels[seen["matte"] >= 128].all()


def test_the_same_photo_gives_the_same_labels(see: See, grace: UInt8) -> None:
    """Nothing in the parser is drawn at random, not even the clusters of colours."""
    seen = see(grace)
    names = ("image", "keypoints", "face_mesh", "face_score", "hands", "hand_scores", "matte")
    again = ClassicalParser()(**{name: seen[name] for name in names})["labels"]
    assert (again == seen["labels"]).all()


def test_a_mirrored_photo_gives_mirrored_labels(see: See, astronaut: UInt8) -> None:
    """No rule prefers a side."""
    mirrored = see(np.ascontiguousarray(astronaut[:, ::-1]))["labels"][:, ::-1]
    labels = see(astronaut)["labels"]
    for label in (Label.FACE, Label.HAIR, Label.UPPER):
        assert _iou(mirrored == label, labels == label) > 0.8, label.name


@pytest.mark.photos
@pytest.mark.parametrize("name", PEOPLE)
def test_studio_photos(see: See, photos: Path, name: str) -> None:
    """Face, torso, thigh, hands and forearms have their labels at the landmarks."""
    seen = see(_photo(photos / name))
    labels, points = seen["labels"], seen["keypoints"]

    def at(*members: P) -> int:
        x, y = points[list(members), :2].mean(axis=0).astype(int)
        return int(labels[y, x])

    assert at(P.NOSE) == Label.FACE
    assert at(P.LEFT_SHOULDER, P.RIGHT_SHOULDER, P.LEFT_HIP, P.RIGHT_HIP) == Label.UPPER
    assert at(P.LEFT_HIP, P.LEFT_HIP, P.LEFT_HIP, P.LEFT_KNEE) == Label.LOWER
    assert at(P.RIGHT_WRIST, P.RIGHT_INDEX, P.RIGHT_PINKY) == Label.HANDS
    assert at(P.RIGHT_ELBOW, P.RIGHT_WRIST, P.RIGHT_WRIST) in (Label.ARMS, Label.HANDS, Label.UPPER)
    assert 0.01 < (labels == Label.NECK).sum() / (labels == Label.UPPER).sum() < 0.35


@pytest.mark.photos
def test_where_sleeves_end(see: See, photos: Path) -> None:
    """Bare from the shoulder, from above the elbow, or from the wrist, as the tops are cut."""
    shares = []
    for name in (PEOPLE[1], PEOPLE[2], PEOPLE[4]):
        labels = see(_photo(photos / name))["labels"]
        shares.append((labels == Label.ARMS).sum() / (labels == Label.UPPER).sum())
    assert shares[0] > 0.5
    assert 0.25 < shares[1] < 0.5
    assert shares[2] < 0.1


@pytest.mark.photos
@pytest.mark.parametrize("colour", [(245, 245, 245), (15, 15, 15), (150, 20, 30), (70, 90, 140)])
def test_another_colour_of_the_top_changes_little(
    see: See, photos: Path, colour: tuple[int, int, int]
) -> None:
    """A white, black, red or blue shirt is found where the lilac one was, and so are arms, neck and hair."""
    original = see(_photo(photos / PEOPLE[2]))
    repainted = see(_repainted(original, Label.UPPER, colour))["labels"]
    for label in (Label.UPPER, Label.LOWER, Label.ARMS, Label.HAIR, Label.NECK):
        assert _iou(repainted == label, original["labels"] == label) > 0.85, label.name


@pytest.mark.photos
def test_top_and_trousers_of_one_colour_stay_two(see: See, photos: Path) -> None:
    """Where colours can't tell, the waistband does; trousers never become a dress."""
    original = see(_photo(photos / PEOPLE[2]))
    labels = original["labels"]
    lilac = tuple(int(c) for c in np.median(original["image"][labels == Label.UPPER], axis=0))
    found = see(_repainted(original, Label.LOWER, (lilac[0], lilac[1], lilac[2])))["labels"]
    assert not (found == Label.DRESS).any()
    assert _iou(found == Label.UPPER, labels == Label.UPPER) > 0.85


@pytest.mark.photos
def test_one_cloth_above_and_below_is_a_dress(see: See, photos: Path) -> None:
    """Blouse and skirt painted over with one cloth without a seam: a dress, sleeves included."""
    original = see(_photo(photos / PEOPLE[4]))
    worn = np.isin(original["labels"], (Label.UPPER, Label.LOWER))
    rng = np.random.default_rng(0)
    folds = cv2.GaussianBlur(rng.normal(0, 1, worn.shape), (0, 0), 25)
    cloth = (
        np.array([150, 30, 60]) + 12 * (folds / folds.std())[..., None] + rng.normal(0, 2, (*worn.shape, 3))
    )
    share = cv2.GaussianBlur(worn.astype(np.float32), (0, 0), 0.8)[..., None]
    image = np.clip(original["image"] * (1 - share) + cloth * share, 0, 255).astype(np.uint8)
    labels = see(image)["labels"]
    assert _iou(labels == Label.DRESS, worn) > 0.9
    assert (labels == Label.LEGS).any()


def _photo(path: Path) -> UInt8:
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


def _repainted(seen: Seen, label: Label, colour: tuple[int, int, int]) -> UInt8:
    """Give a garment another colour, its folds kept."""
    inside = seen["labels"] == label
    share = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.8)[..., None]
    light = seen["image"].mean(axis=2, keepdims=True)
    painted = np.array(colour) + light - np.median(light[inside])
    return np.clip(seen["image"] * (1 - share) + painted * share, 0, 255).astype(np.uint8)


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


def _grid() -> np.ndarray:
    axes = (np.arange(0, 100), np.arange(-30, 30), np.arange(-20, 40))
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float32)
