"""Landmarks and the inner side, against the truth of drawn garments."""

from __future__ import annotations

from collections import defaultdict

import cv2
import numpy as np
import pytest

from bridge.contracts import GarmentPoint
from bridge.garment.bottoms import find_crotch, hidden_crotch
from bridge.garment.drawing.wardrobe import Kind
from bridge.garment.drawn import KINDS
from bridge.garment.frame import find_frame
from bridge.garment.outline import trace
from tests.garment.scenes import drawn, overlap, read

LOOSE = ("WAIST", "HIP")
"""Where the side is narrowest or the hips are is a matter of taste: these may lie further off."""


def _errors(kind: Kind, seed: int) -> dict[str, float]:
    """Every landmark's error, as a share of the shoulders' or the waistband's width."""
    _, truth = drawn(kind, seed)
    found = read(kind, seed)["garment_points"]
    ends = (GarmentPoint.SHOULDER_LEFT, GarmentPoint.SHOULDER_RIGHT)
    if not truth.points[ends[0], 2]:
        ends = (GarmentPoint.WAIST_LEFT, GarmentPoint.WAIST_RIGHT)
    width = float(np.hypot(*(truth.points[ends[0], :2] - truth.points[ends[1], :2])))
    return {
        p.name: float(np.hypot(*(truth.points[p, :2] - found[p, :2]))) / width if found[p, 2] else np.inf
        for p in GarmentPoint
        if truth.points[p, 2]
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_landmark_is_found(kind: Kind) -> None:
    """On the patterns as drawn, no landmark is missing and none lies further off than a tenth of the width."""
    for name, error in _errors(kind, 0).items():
        loose = name.startswith(LOOSE) or (kind == "hoodie" and name == "COLLAR_FRONT")
        assert error < (0.25 if loose else 0.1), name


def test_landmarks_hold_for_other_cuts_sizes_and_tilts() -> None:
    """Over varied garments the median error of each landmark is below 3 percent, the 80th percentile below 8."""
    errors: dict[str, list[float]] = defaultdict(list)
    for kind in ("tee", "sweater", "blouse", "shirt", "tank", "trousers", "shorts", "dress", "long_dress"):
        for seed in (1, 3):
            for name, error in _errors(kind, seed).items():
                errors[name.removesuffix("_LEFT").removesuffix("_RIGHT")].append(error)
    for name, values in errors.items():
        if name not in LOOSE:
            assert np.median(values) < 0.03, name
            assert np.percentile(values, 80) < 0.08, name


@pytest.mark.parametrize("kind", ["tank", "trousers", "skirt"])
def test_no_landmark_is_invented(kind: Kind) -> None:
    """What a garment doesn't have is scored 0: no cuffs on a tank top, no crotch in a skirt."""
    _, truth = drawn(kind)
    found = read(kind)["garment_points"]
    invented = [
        p.name for p in GarmentPoint if found[p, 2] and not truth.points[p, 2] and "HIP" not in p.name
    ]
    assert not invented


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", ["tee", "sweater", "blouse", "shirt", "tank", "dress", "long_dress"])
def test_the_inside_of_the_collar_is_found(kind: Kind, seed: int) -> None:
    """The back seen above the front neckline is marked, and the front neckline's lowest point lies below it."""
    _, truth = drawn(kind, seed)
    outputs = read(kind, seed)
    assert overlap(outputs["garment_inside"], truth.inside) > 0.85
    assert (outputs["garment_inside"] <= outputs["garment_mask"]).all()


@pytest.mark.parametrize("kind", ["trousers", "skirt"])
def test_no_inside_is_invented(kind: Kind) -> None:
    """Trousers and skirts are left whole."""
    assert not read(kind)["garment_inside"].any()


def test_a_hood_is_never_painted_on_the_front() -> None:
    """A hood stands above the shoulders in its photo; worn, it hangs behind: all of it counts as inner side."""
    _, truth = drawn("hoodie")
    inside = read("hoodie")["garment_inside"]
    shoulders = int(truth.points[GarmentPoint.COLLAR_LEFT, 1])
    hood = (truth.mask > 127) & (np.arange(truth.mask.shape[0])[:, None] < shoulders - 12)
    assert (inside[hood] > 127).mean() > 0.9


@pytest.mark.parametrize(("kind", "legs"), [("trousers", True), ("skirt", False)])
def test_legs_side_by_side_have_a_crotch_all_the_same(kind: Kind, *, legs: bool) -> None:
    """Leggings without a gap get a crotch where the waistband's width says; a skirt gets none."""
    mask = cv2.morphologyEx(drawn(kind)[1].mask, cv2.MORPH_CLOSE, np.ones((1, 121), np.uint8))
    mask[:, 470:] = 0 if legs else mask[:, 470:]  # narrow as leggings are
    mask[:, :298] = 0 if legs else mask[:, :298]
    outline = trace(mask, find_frame(mask))
    assert find_crotch(outline) is None
    assert (hidden_crotch(outline) is not None) is legs
