"""What COMPOSE promises, on drawn people whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.compose.compose import Composer
from bridge.contracts import COMPOSE, Label, Part
from bridge.triton.model import NUMPY
from tests.compose.dolls import HEIGHT, LOCKS, SKIN, WIDTH, box, doll, inputs

RED = np.array([200, 40, 50])
BELLY = box(95, 215, 60, 180)


def run(arrays: dict) -> dict:
    """Call the model."""
    return dict(Composer()(**arrays))


def off(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    """Mean absolute difference in 8-bit steps."""
    return float(np.abs(a[where].astype(int) - b[where].astype(int)).mean())


@pytest.mark.parametrize("region", [None, BELLY], ids=["no mask", "mask"])
@pytest.mark.parametrize("kind", ["none", "top", "tee", "long"])
def test_the_answer_is_what_the_contract_says(kind: str, region: np.ndarray | None) -> None:
    """Every output has its name, type and shape."""
    out = run(inputs(doll(), kind, region))
    for tensor in COMPOSE.outputs:
        array = out[tensor.name]
        assert array.dtype == NUMPY[tensor.dtype]
        assert array.shape == (HEIGHT, WIDTH, 3)[: len(tensor.shape)]


@pytest.mark.parametrize("region", [None, BELLY, box(0, HEIGHT, 0, WIDTH)], ids=["no mask", "mask", "all"])
@pytest.mark.parametrize("kind", ["none", "top", "tee", "long"])
def test_outside_the_edit_mask_nothing_changes(kind: str, region: np.ndarray | None) -> None:
    """Result and agnostic equal the photo bit for bit where the edit mask is 0."""
    person = doll(long_hair=True)
    out = run(inputs(person, kind, region))
    kept = out["edit_mask"] == 0
    assert np.array_equal(out["result"][kept], person.image[kept])
    assert np.array_equal(out["agnostic"][kept], person.image[kept])
    if region is not None:
        assert np.array_equal(out["edit_mask"], region)


@pytest.mark.parametrize("kind", ["none", "top", "tee"])
def test_nothing_under_a_mask_is_used(kind: str) -> None:
    """Other pixels under the user's mask give the same bytes: no painter sees them."""
    person = doll(long_hair=True)
    arrays = inputs(person, kind, BELLY)
    noise = np.random.default_rng(0).integers(0, 256, person.image.shape, dtype=np.uint8)
    changed = np.where(BELLY[..., None] > 0, noise, person.image)
    first, second = run(arrays), run(arrays | {"image": changed})
    for name in ("result", "agnostic"):
        assert np.array_equal(first[name][BELLY > 0], second[name][BELLY > 0])


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Twice the same request: the same answer; -1 takes a seed from the pictures, just as surely."""
    for seed in (7, -1):
        arrays = inputs(doll(), "top") | {"seed": np.array([seed], np.int64)}
        assert np.array_equal(run(arrays)["result"], run(arrays)["result"])


def test_without_a_layer_the_shirt_is_gone() -> None:
    """The agnostic shows skin, wall and trousers where the shirt was, close to the truth."""
    person = doll()
    out = run(inputs(person, "none"))
    gone = person.labels == Label.UPPER
    assert off(out["agnostic"], person.bare, gone) < 14
    assert off(out["agnostic"], person.image, gone) > 60


def test_the_wall_is_continued() -> None:
    """A lit wall under a mask comes back to within a step or two."""
    person = doll()
    region = box(20, 100, 10, 70)
    arrays = inputs(person, "none", region)
    hidden = arrays["image"].copy()
    hidden[region > 0] = 0
    out = run(arrays | {"image": hidden})
    assert off(out["result"], person.image, region > 0) < 2


def test_an_arm_under_a_mask_is_painted_as_skin() -> None:
    """The forearm is hidden: its label says where, the rest of the person which colour."""
    person = doll()
    region = box(150, 200, 55, 95)
    out = run(inputs(person, "none", region))
    arm = (region > 0) & (person.labels == Label.ARMS)
    assert off(out["result"], np.broadcast_to(np.array(SKIN), person.image.shape), arm) < 16


def test_hair_under_a_mask_is_continued() -> None:
    """A lock that runs into the mask keeps its colour there."""
    person = doll(long_hair=True)
    region = box(100, 200, 90, 130)
    out = run(inputs(person, "tee", region))
    lock = (region > 0) & (person.labels == Label.HAIR)
    assert lock.sum() > 200
    assert off(out["result"], np.broadcast_to(np.array(LOCKS), person.image.shape), lock) < 14


@pytest.mark.parametrize("region", [None, box(95, 215, 60, 180)], ids=["no mask", "mask"])
def test_a_hand_before_the_belly_stays_before_the_garment(region: np.ndarray | None) -> None:
    """Hand and forearm lie over the garment's body."""
    person = doll(hand_on_belly=True)
    arrays = inputs(person, "tee", region)
    out = run(arrays)
    over = (person.labels == Label.HANDS) & (arrays["layer_parts"] == Part.TORSO)
    assert over.sum() > 100
    assert off(out["result"], np.broadcast_to(RED, person.image.shape), over) > 60


def test_a_long_sleeve_covers_its_arm_and_not_the_hand() -> None:
    """The sleeve lies over the bare forearm; the hand comes out of it."""
    person = doll()
    arrays = inputs(person, "long")
    result = run(arrays)["result"]
    sleeve = (person.labels == Label.ARMS) & (arrays["layer"][..., 3] == 255)
    hand = (person.labels == Label.HANDS) & (arrays["layer"][..., 3] == 0)
    assert off(result, np.broadcast_to(RED, result.shape), sleeve) < 25
    assert off(result, person.image, hand) < 12


def test_hair_lies_over_the_garment() -> None:
    """Without a mask the photo's own lock stays, and no old shirt shines through at its edge."""
    person = doll(long_hair=True)
    arrays = inputs(person, "tee")
    result = run(arrays)["result"]
    lock = (person.labels == Label.HAIR) & (arrays["layer"][..., 3] > 0)
    assert off(result, person.image, lock) < 12
    blue = result.astype(int)[..., 2] - result.astype(int)[..., 0]
    assert (blue[arrays["layer"][..., 3] == 255] > 30).mean() < 0.002


def test_a_short_top_bares_the_waist() -> None:
    """Under a cropped top: skin, then trousers, and nothing of the old shirt."""
    person = doll()
    result = run(inputs(person, "top"))["result"].astype(int)
    belly = result[152:160, 110:130].reshape(-1, 3).mean(0)
    assert np.abs(belly - SKIN).max() < 40
    shirt = (result[..., 2] - result[..., 0] > 60).mean()
    assert shirt < 0.001


def test_the_garment_keeps_its_colour() -> None:
    """Light and shadow move the mean colour by a few steps at most."""
    arrays = inputs(doll(), "tee")
    result = run(arrays)["result"]
    inside = (arrays["layer"][..., 3] == 255) & (arrays["labels"] == Label.UPPER)
    assert np.abs(result[inside].mean(0) - RED).max() < 8


def test_a_dress_is_half_kept_when_only_a_top_is_new() -> None:
    """Below the waist a worn dress stays as a skirt, bit for bit."""
    person = doll()
    worn = (person.labels == Label.UPPER) | (person.labels == Label.LOWER)
    labels = np.where(worn, Label.DRESS, person.labels).astype(np.uint8)
    result = run(inputs(person, "top") | {"labels": labels})["result"]
    assert np.array_equal(result[230:], person.image[230:])
    assert (
        off(
            result,
            person.image,
            labels[:170] == Label.DRESS
            if False
            else (labels == Label.DRESS) & (np.arange(HEIGHT) < 165)[:, None],
        )
        > 20
    )
