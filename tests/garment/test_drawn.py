"""The garments that the project draws, and what is said to be true of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bridge.contracts import Category, GarmentPoint
from bridge.garment.drawing.wardrobe import Kind
from bridge.garment.drawn import HEIGHT, KINDS, WIDTH, draw_garment
from tests.garment.scenes import drawn

OUTLINE = [
    p
    for p in GarmentPoint
    if p not in (GarmentPoint.COLLAR_FRONT, GarmentPoint.ARMPIT_LEFT, GarmentPoint.ARMPIT_RIGHT)
]
COVERED = {
    "shirt": (GarmentPoint.COLLAR_LEFT, GarmentPoint.COLLAR_RIGHT),
    "turtleneck": (GarmentPoint.COLLAR_LEFT, GarmentPoint.COLLAR_RIGHT),
    "hoodie": (GarmentPoint.COLLAR_LEFT, GarmentPoint.COLLAR_RIGHT),
}
"""Where a collar lies over the shoulder seam, its end is not on the outline."""


@pytest.mark.parametrize("kind", KINDS)
def test_the_truth_fits_the_picture(kind: Kind) -> None:
    """Every landmark lies on the outline of the mask, the inner side in it, and the cloth differs from the wall."""
    image, truth = drawn(kind)
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert image.dtype == np.uint8
    assert 0.1 < (truth.mask > 127).mean() < 0.7
    assert ((truth.inside > 127) & (truth.mask < 127)).sum() == 0
    edge = cv2.distanceTransform((truth.mask > 127).astype(np.uint8), cv2.DIST_L2, 5)
    for point in OUTLINE:
        x, y, score = truth.points[point]
        if score and point not in COVERED.get(kind, ()):
            assert edge[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3].min() < 4, point.name


def test_left_is_the_wearers() -> None:
    """Left landmarks lie at larger x, as in every photo from the front."""
    _, truth = drawn("sweater")
    for name in ("COLLAR", "SHOULDER", "ARMPIT", "CUFF_OUTER", "CUFF_INNER", "HEM"):
        left, right = (truth.points[GarmentPoint[f"{name}_{side}"], 0] for side in ("LEFT", "RIGHT"))
        assert left > right + 20, name


@pytest.mark.parametrize(
    ("kind", "category", "missing"),
    [
        ("tank", Category.UPPER, "CUFF_OUTER_LEFT"),
        ("skirt", Category.LOWER, "CROTCH"),
        ("trousers", Category.LOWER, "HEM_CENTRE"),
        ("dress", Category.DRESS, "CUFF_INNER_RIGHT"),
    ],
)
def test_what_a_garment_lacks_has_no_landmark(kind: Kind, category: Category, missing: str) -> None:
    """A landmark that this garment doesn't have is scored 0."""
    _, truth = drawn(kind)
    assert truth.category is category
    assert truth.points[GarmentPoint[missing], 2] == 0


def test_the_same_seed_draws_the_same_bytes() -> None:
    """Drawing is repeatable; another seed folds the cloth differently."""
    first, second, other = (draw_garment("shorts", seed)[0] for seed in (3, 3, 4))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_it_moves_as_told() -> None:
    """Shift, scale and tilt act on picture and truth alike."""
    _, plain = drawn("skirt")
    _, moved = draw_garment("skirt", scale=0.8, tilt=5, shift=(30, -40))
    assert (moved.mask > 127).sum() == pytest.approx(0.64 * (plain.mask > 127).sum(), rel=0.03)
    waist = moved.points[GarmentPoint.WAIST_LEFT] - moved.points[GarmentPoint.WAIST_RIGHT]
    assert np.degrees(np.arctan2(waist[1], waist[0])) == pytest.approx(5, abs=1)
