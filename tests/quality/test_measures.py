"""The scores of a try-on: what each says of pictures whose answer is known."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from bridge.contracts import Category, Label, Part
from bridge.quality import measures

Pixels = npt.NDArray[np.uint8]
SHAPE = (200, 160)


def picture(seed: int = 0) -> Pixels:
    """A photo of smooth noise, so that it has both colours and detail."""
    noise = np.random.default_rng(seed).integers(40, 216, (*SHAPE, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.0), np.uint8)


def block(top: int, bottom: int, left: int = 40, right: int = 120) -> npt.NDArray[np.bool_]:
    """A rectangle of True."""
    region = np.zeros(SHAPE, np.bool_)
    region[top:bottom, left:right] = True
    return region


def layer_over(region: npt.NDArray[np.bool_]) -> Pixels:
    """An opaque layer over the region."""
    return np.dstack([picture(1), region.astype(np.uint8) * 255])


@pytest.mark.parametrize(("wrong", "share"), [(0, 1.0), (1, 1 - 1 / 32000), (16000, 0.5)])
def test_protected_identity_counts_every_pixel(wrong: int, share: float) -> None:
    """One changed pixel among all of them is seen, and a changed half is one half."""
    image = picture()
    result = image.copy()
    result.reshape(-1, 3)[:wrong, 0] ^= 1
    outside = np.zeros(SHAPE, np.uint8)
    assert measures.protected_identity(measures.changed_pixels(image, result), outside) == pytest.approx(
        share, abs=1e-9
    )


def test_nothing_to_protect_is_perfect() -> None:
    """A picture that may change everywhere has kept all that it had to keep."""
    assert measures.protected_identity(block(0, 200), np.full(SHAPE, 255, np.uint8)) == 1.0


def test_garment_is_seen_where_laid_changed_and_unhidden() -> None:
    """Hair in front and pixels that the edit mask protects are not the garment."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[:60] = Label.HAIR
    edit = np.zeros(SHAPE, np.uint8)
    edit[:150] = 255
    seen = measures.visible_garment(np.ones(SHAPE, np.bool_), edit, labels, layer_over(block(20, 180)))
    np.testing.assert_array_equal(seen, block(60, 150))


@pytest.mark.parametrize(
    ("shift", "least", "most"),
    [((0, 0, 0), 1.0, 1.0), ((20, 20, 20), 0.85, 0.97), ((-60, -60, 120), 0.0, 0.4)],
)
def test_colour_likeness_falls_with_the_shift(shift: tuple[int, ...], least: float, most: float) -> None:
    """Equal colours are alike, more light is forgiven, another hue is not."""
    product, region = picture(), block(20, 180)
    worn = np.clip(product.astype(int) // 2 + 40 + np.array(shift), 0, 255).astype(np.uint8)
    product = (product // 2 + 40).astype(np.uint8)
    likeness = measures.colour_likeness(worn, region, product, region)
    assert likeness is not None
    assert least <= likeness <= most


def test_colour_likeness_ignores_where_the_colours_lie() -> None:
    """A mirrored garment has the same colours."""
    product = picture()
    everywhere = np.ones(SHAPE, np.bool_)
    likeness = measures.colour_likeness(
        np.ascontiguousarray(product[:, ::-1]), everywhere, product, everywhere
    )
    assert likeness == pytest.approx(1.0)


def test_detail_is_one_for_the_same_and_none_for_flat_paint() -> None:
    """The product photo itself keeps all of its detail, blur loses most, paint has none."""
    product, region = picture(), block(20, 180)
    layer = layer_over(region)
    blurred = np.asarray(cv2.GaussianBlur(product, (0, 0), 4.0), np.uint8)
    scores = [
        measures.detail_ratio(result, region, layer, product, region)
        for result in (product, blurred, np.full_like(product, 90))
    ]
    assert scores[0] == pytest.approx(1.0)
    assert scores[1] is not None
    assert scores[1] < 0.3
    assert scores[2] == pytest.approx(0.0, abs=1e-4)


def test_detail_compares_at_the_worn_size() -> None:
    """A garment that is worn at half of its photo's size is measured against the photo at that size."""
    small, region = picture(), block(20, 180)
    large = cv2.resize(small, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    shown = cv2.resize(region.astype(np.uint8), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST) > 0
    ratio = measures.detail_ratio(
        small, region, layer_over(region), np.asarray(large, np.uint8), np.asarray(shown)
    )
    assert ratio == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("category", "worn", "left"),
    [
        (Category.UPPER, Label.UPPER, 0.25),
        (Category.DRESS, Label.UPPER, 0.25),
        (Category.LOWER, Label.UPPER, None),
        (Category.UPPER, Label.DRESS, None),
    ],
)
def test_old_garment_is_what_the_category_replaces(
    category: Category, worn: Label, left: float | None
) -> None:
    """A quarter of the old garment lies unchanged beside the new one; what stays on is not counted."""
    labels = np.where(block(0, 160), worn, Label.BACKGROUND).astype(np.uint8)
    changed = block(80, 120)  # painted over; the upper half lies under the new layer
    assert measures.old_garment_left(changed, labels, layer_over(block(0, 80)), category) == left


def test_hem_and_collar_are_seen_or_hidden() -> None:
    """A whole garment shows both; hands over half the hem and hair over the neckline hide them."""
    region = block(40, 160)
    layer, parts = layer_over(region), np.where(region, Part.TORSO, Part.NONE).astype(np.uint8)
    assert measures.hem_visible(region, layer, parts) == 1.0
    assert measures.collar_visible(region, layer, parts) == 1.0
    hidden = region & ~block(140, 160, 40, 80) & ~block(40, 60)
    assert measures.hem_visible(hidden, layer, parts) == pytest.approx(0.5)
    assert measures.collar_visible(hidden, layer, parts) == 0.0


def test_a_hem_below_the_photo_is_not_seen() -> None:
    """A garment that runs out of the photo has no hem there."""
    region = block(40, 200)
    layer, parts = layer_over(region), np.where(region, Part.TORSO, Part.NONE).astype(np.uint8)
    assert measures.hem_visible(region, layer, parts) == 0.0


def test_an_empty_layer_has_nothing_to_measure() -> None:
    """Without a garment every score of it is None, not a number."""
    nothing = np.zeros(SHAPE, np.bool_)
    layer, parts, image = layer_over(nothing), np.zeros(SHAPE, np.uint8), picture()
    assert measures.coverage(nothing, layer) is None
    assert measures.hem_visible(nothing, layer, parts) is None
    assert measures.collar_visible(nothing, layer, parts) is None
    assert measures.colour_likeness(image, nothing, image, nothing) is None
    assert measures.detail_ratio(image, nothing, layer, image, nothing) is None
