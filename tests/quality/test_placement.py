"""Leak and overpaint: what counts against the garment, and what a garment may do to what lies beside it."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.contracts import Category, Label
from bridge.quality.measures import changed_pixels, visible_garment
from bridge.quality.placement import leak_iou

Colour = tuple[int, int, int]

SHAPE = (200, 160)
SKIN, CLOTH, BLUE = (200, 150, 130), (60, 60, 60), (40, 60, 180)
GARMENT = (slice(50, 150), slice(40, 120))  # 8000 pixels
BARE = (slice(160, 200), slice(40, 120))  # 3200, away from the garment's seam


def iou(
    *paint: tuple[tuple[slice, slice], Colour], edit: int = 255, label: Label = Label.ARMS
) -> float | None:
    """The score of a blue garment over a grey one, with more paint on the result."""
    image = np.full((*SHAPE, 3), SKIN, np.uint8)
    image[GARMENT] = CLOTH
    labels = np.full(SHAPE, label, np.uint8)
    labels[GARMENT] = Label.UPPER
    agnostic = np.full((*SHAPE, 3), SKIN, np.uint8)
    layer = np.zeros((*SHAPE, 4), np.uint8)
    layer[GARMENT] = (*BLUE, 255)
    result, edit_mask = image.copy(), np.full(SHAPE, edit, np.uint8)
    result[GARMENT], edit_mask[GARMENT] = BLUE, 255
    for where, colour in paint:
        result[where] = colour
    changed = changed_pixels(image, result)
    worn = visible_garment(changed, edit_mask, labels, layer)
    return leak_iou(agnostic, result, changed, worn, edit_mask, labels, layer, Category.UPPER)


@pytest.mark.parametrize(
    ("paint", "score"),
    [
        ([], 1.0),
        ([(BARE, BLUE)], 8000 / 11200),
        ([(BARE, (140, 105, 91))], 1.0),
        ([(BARE, (30, 20, 15))], 8000 / 11200),
        ([((slice(50, 100), slice(40, 120)), CLOTH)], 0.5),
    ],
    ids=["nothing", "paint on skin", "a shadow", "black on skin", "old clothes"],
)
def test_what_counts(paint: list[tuple[tuple[slice, slice], Colour]], score: float) -> None:
    """Paint on skin and old clothes make it fall by their area; a shadow does not."""
    assert iou(*paint) == pytest.approx(score, abs=0.02)


def test_any_change_outside_of_the_edit_mask_counts() -> None:
    """Even one that a shadow would explain."""
    assert iou((BARE, (180, 135, 117)), edit=0) == pytest.approx(8000 / 11200, abs=0.02)


def test_paint_over_hair_counts() -> None:
    """What lies in front stays in front."""
    assert iou((BARE, BLUE), label=Label.HAIR) == pytest.approx(8000 / 11200, abs=0.02)


def test_nothing_to_see_is_nothing_to_measure() -> None:
    """Without a garment in the part that may change there is no overlap."""
    nothing = np.zeros(SHAPE, np.bool_)
    picture, plane, layer = (
        np.zeros((*SHAPE, 3), np.uint8),
        np.zeros(SHAPE, np.uint8),
        np.zeros((*SHAPE, 4), np.uint8),
    )
    assert leak_iou(picture, picture, nothing, nothing, plane, plane, layer, Category.UPPER) is None
