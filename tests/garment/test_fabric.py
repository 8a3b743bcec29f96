"""What a garment is made of, told from its photo."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bridge.contracts import Fabric
from bridge.garment.drawing.wardrobe import Kind
from bridge.garment.drawn import KINDS
from bridge.garment.mesh.fabric import Pixels, estimate_fabric
from bridge.triton.local import LocalModels
from tests.garment.scenes import drawn

PRINTED = {"blouse", "dress", "long_dress"}
"""What is drawn with flowers all over; the tee has a print on its chest, sweater and shirt have stripes."""
CRIMSON, SILVER, BLACK, BROWN = (160, 40, 60), (190, 190, 200), (28, 26, 26), (45, 28, 22)


def worn(kind: Kind, colours: np.ndarray) -> tuple[Pixels, Pixels]:  # type: ignore[type-arg]
    """A drawn garment's photo and mask, its colours replaced, with the grain of a camera."""
    mask = drawn(kind)[1].mask
    alpha = mask[..., None] / 255
    noisy = colours + np.random.default_rng(1).normal(0, 1.2, (*mask.shape, 3))
    return np.clip(247 * (1 - alpha) + alpha * noisy, 0, 255).astype(np.uint8), mask


def shaded(kind: Kind, seed: int, colour: tuple[int, int, int], gloss: float) -> tuple[Pixels, Pixels]:
    """A garment with soft folds, lit from the upper left: Lambert's cosine, and Blinn's lobe of the given strength."""
    noise = np.random.default_rng(seed).standard_normal(drawn(kind)[1].mask.shape)
    height = cv2.GaussianBlur(noise, (0, 0), sigmaX=17, sigmaY=30)
    down, right = np.gradient(6.5 * height / height.std())
    normals = np.stack([-right, -down, np.ones_like(right)], axis=-1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    light = np.array([-0.4, -0.5, 0.77])
    halfway = light / np.linalg.norm(light) + (0, 0, 1)
    lobe = gloss * np.clip(normals @ (halfway / np.linalg.norm(halfway)), 0, 1) ** 25
    linear = (np.array(colour) / 255) ** 2.2 * (0.35 + 0.65 * np.clip(normals @ light, 0, 1))[..., None]
    return worn(kind, 255 * np.clip(linear + lobe[..., None], 0, 1) ** (1 / 2.2))


def blue(kind: Kind, *, grain: float, fade: float) -> tuple[Pixels, Pixels]:
    """A blue garment whose threads differ in whiteness, and which is lighter down its middle."""
    height, width = drawn(kind)[1].mask.shape
    white = np.random.default_rng(2).normal(0, grain, (height, width, 1)) * (1, 0.9, 0.6)
    column = np.exp(-(((np.arange(width) - width / 2) / (width / 8)) ** 2))[None, :, None]
    return worn(kind, np.array([60, 85, 125]) + white + fade * column)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pattern_all_over_is_printed(kind: Kind) -> None:
    """A print on the chest, stripes, folds, pockets and ribs are not."""
    image, truth = drawn(kind)
    fabric, reason = estimate_fabric(image, truth.mask)
    assert fabric is (Fabric.PRINTED if kind in PRINTED else Fabric.KNIT), reason


@pytest.mark.parametrize("kind", ["tank", "trousers"])
@pytest.mark.parametrize(
    ("colour", "gloss", "fabric"),
    [
        (CRIMSON, 0.45, Fabric.SATIN),
        (SILVER, 0.4, Fabric.SATIN),
        (BLACK, 0.35, Fabric.LEATHER),
        (BROWN, 0.3, Fabric.LEATHER),
        (CRIMSON, 0.0, Fabric.KNIT),
        (SILVER, 0.0, Fabric.KNIT),
        (BLACK, 0.0, Fabric.KNIT),
    ],
)
def test_lights_tell_satin_and_leather(
    kind: Kind, colour: tuple[int, int, int], gloss: float, fabric: Fabric
) -> None:
    """The same folds without a mirrored light are knit."""
    assert estimate_fabric(*shaded(kind, 3, colour, gloss))[0] is fabric


@pytest.mark.parametrize(
    ("grain", "fade", "fabric"), [(12, 60, Fabric.DENIM), (0, 60, Fabric.KNIT), (12, 0, Fabric.KNIT)]
)
def test_blue_grainy_and_faded_is_denim(grain: float, fade: float, fabric: Fabric) -> None:
    """Blue alone is not: it takes white threads and wear."""
    assert estimate_fabric(*blue("trousers", grain=grain, fade=fade))[0] is fabric


@pytest.mark.parametrize("side", [0, 1, 5, 24])
def test_what_is_too_small_to_be_seen_is_knit(side: int) -> None:
    """An empty mask, and one of a few pixels."""
    mask = np.zeros((64, 48), np.uint8)
    mask[10 : 10 + side, 10 : 10 + side] = 255
    assert estimate_fabric(np.full((64, 48, 3), 128, np.uint8), mask)[0] is Fabric.KNIT


@pytest.mark.photos
@pytest.mark.parametrize(
    ("photo", "fabric"),
    [
        ("garments/dress_051998.jpg", Fabric.PRINTED),
        ("garments/lower_051412.jpg", Fabric.PRINTED),
        ("garments/upper_04825.jpg", Fabric.PRINTED),
        ("garments/upper_02015.jpg", Fabric.KNIT),
        ("pairs/00055_00/garment.jpg", Fabric.KNIT),
        ("pairs/00057_00/garment.jpg", Fabric.KNIT),
    ],
)
def test_photographed_garments_are_told(photos: Path, photo: str, fabric: Fabric) -> None:
    """As a person tells them."""
    models = LocalModels()
    image = models["decode"](photo=np.array([(photos / photo).read_bytes()], np.object_))["image"]
    seen = models["garment"](garment_image=image)
    assert estimate_fabric(image, seen["garment_mask"])[0] is fabric  # type: ignore[arg-type]  # uint8 by contract
