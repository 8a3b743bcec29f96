"""Bad input of the fit: what is refused, in which words, before the half second that a fit takes; what is borne."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.people import Person, person
from bridge.body.fitter import BodyFitter
from bridge.body.linear import LinearBody
from bridge.contracts import BodyPoint
from bridge.errors import BodyNotFitted, VfrError, WrongTensor

Array = np.ndarray  # type: ignore[type-arg]  # of many types
Change = Callable[[Person], dict[str, Array]]

UNSEEN, SMALL, UNMASKED = (
    "from the knees or the hips upwards",
    "come nearer",
    "stands out from the background",
)
CONTRADICTING, NO_NUMBERS, HEIGHT = "contradict each other", "no finite numbers", "or 0 where it is unknown"
UNFITTED, NOT_COVERED = "No body could be brought", "have only [0-9]+% in common"


@pytest.fixture(scope="module")
def one(body: LinearBody) -> Person:
    """Somebody who can be fitted."""
    return person(body, 3)


def inputs(one: Person, change: Change) -> dict[str, Array]:
    """The contract's inputs, of which some are changed."""
    own = {"keypoints": one.keypoints, "world": one.world, "matte": one.matte, "labels": one.labels}
    return own | {"height": np.zeros(1, np.int32)} | change(one)


def at(cells: object, value: float, name: str = "keypoints") -> Change:
    """A change of some numbers of one tensor."""

    def change(one: Person) -> dict[str, Array]:
        array: Array = getattr(one, name).copy()
        array[cells] = value
        return {name: array}

    return change


def shown(*names: str) -> Change:
    """Only landmarks of these names are seen."""
    return at(([not any(name in point.name for name in names) for point in BodyPoint], 3), 0.05)


def mirrored(*axes: int, names: tuple[str, ...] = ("keypoints",)) -> Change:
    """Landmarks, or their places in 3D, on the other side of the photo's middle, or of the hips'."""

    def change(one: Person) -> dict[str, Array]:
        arrays = {name: getattr(one, name).copy() for name in names}
        for name, array in arrays.items():
            for axis in axes:
                middle = one.matte.shape[1 - axis] if name == "keypoints" else 0
                array[:, axis] = middle - array[:, axis]
        return arrays

    return change


def placed(scale: float, right: float, down: float = 0.0) -> Change:
    """The landmarks smaller, and elsewhere in the photo [px]."""
    return lambda one: {
        "keypoints": (one.keypoints * (scale, scale, 1, 1) + (right, down, 0, 0)).astype(np.float32)
    }


def masked(rows: slice, columns: slice) -> Change:
    """Nothing but a rectangle is the person."""

    def change(one: Person) -> dict[str, Array]:
        matte = np.zeros_like(one.matte)
        matte[rows, columns] = 255
        return {"matte": matte}

    return change


def twisted(one: Person) -> dict[str, Array]:
    """Landmarks and 3D places of limbs, each drawn to somebody else's."""
    keypoints, world = one.keypoints.copy(), one.world.copy()
    for array, columns in ((keypoints, 2), (world, 3)):
        limbs = [BodyPoint.LEFT_ELBOW, BodyPoint.LEFT_WRIST, BodyPoint.RIGHT_KNEE, BodyPoint.RIGHT_ANKLE]
        array[limbs, :columns] = array[limbs[::-1], :columns]
    return {"keypoints": keypoints, "world": world}


NONE = slice(0)
TOLD_AT_ONCE: dict[str, tuple[Change, type[VfrError], str]] = {
    "no landmarks": (at(np.s_[:], 0), BodyNotFitted, UNSEEN),
    "all at one place": (at(np.s_[:, :3], 100), BodyNotFitted, SMALL),
    "nobody in 3D": (at(np.s_[:], 0, "world"), BodyNotFitted, CONTRADICTING),
    "NaN": (at((5, 0), np.nan), BodyNotFitted, NO_NUMBERS),
    "infinite in 3D": (at((4, 1), np.inf, "world"), BodyNotFitted, NO_NUMBERS),
    "surer than sure": (at((0, 3), 7), BodyNotFitted, NO_NUMBERS),
    "less than unsure": (at((0, 3), -1), BodyNotFitted, NO_NUMBERS),
    "only a head": (shown("NOSE", "EYE", "EAR", "MOUTH"), BodyNotFitted, UNSEEN),
    "only legs": (shown("KNEE", "ANKLE", "HEEL", "FOOT"), BodyNotFitted, UNSEEN),
    "hips without shoulders": (shown("HIP", "KNEE", "ANKLE"), BodyNotFitted, UNSEEN),
    "at the photo's edge": (placed(1, -190), BodyNotFitted, UNSEEN),
    "beside the photo": (placed(1, 1000), BodyNotFitted, UNSEEN),
    "enormous": (placed(1e30, 0), BodyNotFitted, UNSEEN),
    "tiny": (placed(0.02, 190, 200), BodyNotFitted, SMALL),
    "a giant in 3D": (at(np.s_[:], 1e30, "world"), BodyNotFitted, CONTRADICTING),
    "left is right": (mirrored(0), BodyNotFitted, CONTRADICTING),
    "left is right in 3D": (mirrored(0, names=("world",)), BodyNotFitted, CONTRADICTING),
    "upside down in 2D": (mirrored(1), BodyNotFitted, CONTRADICTING),
    "no mask": (masked(NONE, NONE), BodyNotFitted, UNMASKED),
    "a tiny mask": (masked(np.s_[200:206], np.s_[190:196]), BodyNotFitted, UNMASKED),
    "somebody else's mask": (masked(np.s_[:], np.s_[:100]), BodyNotFitted, UNMASKED),
    "no photo": (lambda _: {"matte": np.zeros((0, 0), np.uint8), "labels": np.zeros((0, 0), np.uint8)},
                 BodyNotFitted, UNSEEN),
    "labels of another photo": (lambda one: {"labels": one.labels[:100]}, WrongTensor, "send those of one photo"),
    "a dwarf": (lambda _: {"height": np.array([999], np.int32)}, BodyNotFitted, HEIGHT),
    "below the ground": (lambda _: {"height": np.array([-5], np.int32)}, BodyNotFitted, HEIGHT),
    "higher than anybody": (lambda _: {"height": np.array([2501], np.int32)}, BodyNotFitted, HEIGHT),
}  # fmt: skip


@pytest.mark.parametrize("case", TOLD_AT_ONCE)
def test_what_is_told_at_once(
    body: LinearBody, one: Person, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """A typed error with what to do, and nothing is fitted."""
    change, kind, words = TOLD_AT_ONCE[case]
    monkeypatch.setattr("bridge.body.fitter.fit", lambda *_: pytest.fail("it was fitted"))
    with pytest.raises(kind, match=words):
        BodyFitter(body)(**inputs(one, change))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (at((BodyPoint.LEFT_KNEE, 1), 60), UNFITTED),
        (at((BodyPoint.LEFT_WRIST, 0), 1e30), UNFITTED),
        (twisted, UNFITTED),
        (mirrored(1, names=("keypoints", "world")), NOT_COVERED),
    ],
    ids=[
        "a knee beside the head",
        "a wrist nowhere",
        "limbs through limbs",
        "a handstand that the mask denies",
    ],
)
def test_what_the_fit_shows(body: LinearBody, one: Person, change: Change, words: str) -> None:
    """Landmarks that no body can have, and a body that is not where the person is."""
    with pytest.raises(BodyNotFitted, match=words):
        BodyFitter(body)(**inputs(one, change))


def whole(one: Person) -> dict[str, Array]:
    """The photo shows the trunk alone, and the person fills it."""
    rows, columns = np.s_[170:275], np.s_[155:215]
    return {
        "keypoints": (one.keypoints - (columns.start, rows.start, 0, 0)).astype(np.float32),
        "matte": np.full_like(one.matte[rows, columns], 255),
        "labels": one.labels[rows, columns],
    }


@pytest.mark.parametrize(
    "change",
    [at((BodyPoint.LEFT_WRIST, 1), 60), at(np.s_[:], 0, "labels"), whole],
    ids=["one wrist is wrong", "no labels", "no outline in the photo"],
)
def test_what_is_borne(body: LinearBody, one: Person, change: Change) -> None:
    """What else is known decides: the body's shoulders and hips are seen where the person's are."""
    asked = inputs(one, change)
    found = BodyFitter(body)(**asked)
    (x, y, z), (focal, *centre) = found["body_landmarks"][-1].T, found["camera"]
    seen = np.stack([centre[0] - focal * x / z, centre[1] + focal * y / z], axis=1)
    sure = [point for point in BodyPoint if point.name.endswith(("SHOULDER", "HIP"))]
    assert np.linalg.norm(seen - asked["keypoints"][:, :2], axis=1)[sure].max() < 6
    assert json.loads(found["body_report"][0])["converged"]
