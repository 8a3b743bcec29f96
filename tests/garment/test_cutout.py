"""The garment cut out of walls, floors and tables."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bridge.errors import NoGarment
from bridge.garment.cutout import cut_out
from bridge.garment.drawing.wardrobe import Kind
from bridge.garment.drawn import HEIGHT, KINDS, WIDTH
from tests.garment.scenes import Pixels, background, drawn, overlap, photographed


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_wall_goes(kind: Kind) -> None:
    """On a near-white wall with a faint shadow the mask is right to about one pixel all around."""
    image, truth = drawn(kind)
    assert overlap(cut_out(image), truth.mask) > 0.98


@pytest.mark.parametrize(
    ("name", "kind", "least"),
    [
        ("white", "tee", 0.97),
        ("white", "trousers", 0.97),
        ("grey", "sweater", 0.97),
        ("gradient", "tank", 0.98),
        ("grain", "trousers", 0.97),
        ("wood", "tee", 0.97),
        ("wood", "sweater", 0.96),
        ("table", "tank", 0.97),
        ("table", "trousers", 0.96),
        ("stripes", "tank", 0.97),
    ],
)
def test_other_backgrounds_go(name: str, kind: Kind, least: float) -> None:
    """Shadows, grain, a gradient, a wooden floor, a table's edge and stripes stay outside; gaps are kept open."""
    _, truth = drawn(kind)
    assert overlap(cut_out(photographed(truth, background(name))), truth.mask) > least


@pytest.mark.parametrize(("kind", "seed"), [("camisole", 4), ("trousers", 2), ("long_dress", 4)])
def test_white_on_white(kind: Kind, seed: int) -> None:
    """Cloth as white as its wall loses little: its shading and its outline hold it."""
    image, truth = drawn(kind, seed)
    assert overlap(cut_out(image), truth.mask) > 0.92


def test_straps_stay_and_what_lies_between_goes() -> None:
    """A strap of 14 pixels is kept whole, the wall between the straps is not."""
    image, truth = drawn("camisole")
    mask = cut_out(image)
    straps = np.s_[: int(truth.points[2, 1]) - 20]
    assert overlap(mask[straps], truth.mask[straps]) > 0.9
    assert mask[int(truth.points[2, 1]) - 60, WIDTH // 2] == 0


def test_the_edge_is_soft_and_brings_no_fringe() -> None:
    """Dark cloth laid on black shows no light rim, and the mask changes over one or two pixels."""
    image, _ = drawn("dress")
    mask = cut_out(image)
    soft = ((mask > 20) & (mask < 235)).sum()
    outline = cv2.Canny((mask > 127).astype(np.uint8) * 255, 50, 100) > 0
    assert 0.3 < soft / outline.sum() < 2.5
    rim = (mask > 0) & (cv2.erode(mask, np.ones((5, 5), np.uint8)) < 255)
    laid = image[rim].mean(1) * mask[rim] / 255
    inner = (mask == 255) & (cv2.erode(mask, np.ones((5, 5), np.uint8)) == 255)
    assert np.percentile(laid, 90) < np.percentile(image[inner].mean(1), 97)


def test_a_hanger_goes() -> None:
    """A steel hanger's hook and bar are no part of the tank top that hangs on it."""
    _, truth = drawn("tank")
    wall, top = background("grey").copy(), int(truth.points[:2, 1].mean())
    cv2.line(wall, (384, top - 90), (384, top + 20), (60, 64, 70), 7, cv2.LINE_AA)
    for x in (270, 498):
        cv2.line(wall, (384, top + 16), (x, top + 60), (60, 64, 70), 11, cv2.LINE_AA)
    mask = cut_out(photographed(truth, wall))
    assert (mask[: top - 10] > 127).sum() < 60
    assert overlap(mask, truth.mask) > 0.96


def _landscape() -> Pixels:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    rough = cv2.resize(rng.standard_normal((48, 36)), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)[
        ..., None
    ]
    sky = np.stack([150 + 40 * y / HEIGHT, 190 + 30 * y / HEIGHT, 235 + 0 * y], -1)
    hills = (y > 500 + 80 * np.sin(x / 90))[..., None]
    return np.clip(np.where(hills, np.array([70, 110, 50]) + 25 * rough, sky), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("what", ["blank", "noise", "landscape", "dot"])
def test_nothing_to_cut(what: str) -> None:
    """A blank picture, noise, a landscape or a speck raise NoGarment, in words."""
    picture = background("white").copy()
    if what == "noise":
        picture = np.random.default_rng(0).integers(0, 256, picture.shape).astype(np.uint8)
    elif what == "landscape":
        picture = _landscape()
    elif what == "dot":
        cv2.circle(picture, (384, 512), 20, (30, 30, 30), -1)
    with pytest.raises(NoGarment, match="Please send a photo"):
        cut_out(picture)
