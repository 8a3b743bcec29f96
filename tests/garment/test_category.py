"""Which category a garment is, and what a wrong claim is answered."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bridge.contracts import Category
from bridge.errors import CategoryMismatch
from bridge.garment.category import decide
from bridge.garment.drawing.wardrobe import Kind
from bridge.garment.drawn import KINDS
from bridge.garment.frame import find_frame
from bridge.garment.outline import Outline, trace
from tests.garment.scenes import drawn


def _outline(kind: Kind, seed: int = 0) -> Outline:
    mask = drawn(kind, seed)[1].mask
    return trace(mask, find_frame(mask))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_auto_names_the_category(kind: Kind, seed: int) -> None:
    """The outline alone tells tops, bottoms and dresses apart."""
    assert decide(_outline(kind, seed), Category.AUTO) is drawn(kind, seed)[1].category


@pytest.mark.parametrize(
    ("kind", "claimed"),
    [
        ("trousers", "upper"),
        ("shorts", "dress"),
        ("sweater", "lower"),
        ("long_dress", "lower"),
        ("long_dress", "upper"),
    ],
)
def test_a_clear_contradiction_is_refused(kind: Kind, claimed: str) -> None:
    """A claim that the shape clearly contradicts is answered with what the photo looks like and what to do."""
    with pytest.raises(CategoryMismatch, match=r"looks like .* Please send"):
        decide(_outline(kind), Category(claimed))


@pytest.mark.parametrize(("kind", "claimed"), [("tee", "dress"), ("tank", "dress"), ("camisole", "dress")])
def test_a_possible_claim_is_believed(kind: Kind, claimed: str) -> None:
    """A long top may well be a short dress: the caller knows."""
    assert decide(_outline(kind), Category(claimed)) is Category(claimed)


def test_an_open_jacket_is_no_pair_of_trousers() -> None:
    """A front that hangs open below two sleeves is no crotch."""
    mask = drawn("sweater")[1].mask.copy()
    cv2.fillPoly(mask, [np.array([(384, 350), (330, 1000), (440, 1000)])], (0,))
    assert decide(trace(mask, find_frame(mask)), Category.AUTO) is Category.UPPER
