"""What kind of garment an outline is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridge.contracts import Category
from bridge.errors import CategoryMismatch
from bridge.garment.bottoms import find_crotch
from bridge.garment.outline import Outline
from bridge.garment.sleeves import find_sleeves
from bridge.garment.tops import half_width

MIDDLE_LENGTH = 2.45
"""A garment this many times as long as its body is wide may be a long top or a short dress: T-shirts are 1.6 to
2.1, knee-length dresses 3 and more."""


@dataclass(frozen=True)
class Shape:
    """What the category is read from.

    Attributes:
        legs: height of the gap between two legs as a share of the garment's height.
        sleeves: how many sides have a sleeve, 0 to 2.
        dip: depth of the neckline below the highest point, as a share of the body's half width.
        shoulder: the width near the top as a share of the width in the middle.
        aspect: height over the body's width.
    """

    legs: float
    sleeves: int
    dip: float
    shoulder: float
    aspect: float


def measure(outline: Outline) -> Shape:
    """Measure the outline of a garment."""
    width = half_width(outline)
    crotch = find_crotch(outline)
    rows = len(outline.outer)
    sums = np.nan_to_num(outline.outer.sum(1))
    return Shape(
        legs=0.0 if crotch is None else (outline.bottom - crotch[1]) / outline.height,
        sleeves=sum(sleeve is not None for sleeve in find_sleeves(outline, width)),
        dip=(float(outline.left.path[0, 1]) - outline.top) / width,
        shoulder=float(
            sums[int(0.03 * rows)] / max(float(np.median(sums[int(0.3 * rows) : int(0.7 * rows)])), 1)
        ),
        aspect=outline.height / (2 * half_width(outline, 0.38, 0.75)),
    )


def guess(shape: Shape) -> dict[Category, float]:
    """How well each category fits a shape; 0 is neutral, 1 and more is clear."""
    # A gap below two sleeves is an open jacket's front, not a crotch.
    split = shape.legs > 0.2 and shape.sleeves < 2
    hangs = 1.2 * (shape.sleeves == 2) + 0.5 * (shape.sleeves == 1) + 2.0 * min(max(shape.dip - 0.08, 0), 0.6)
    lower = 2.5 * split + 0.6 * (shape.dip < 0.08) * (shape.shoulder > 0.5) - hangs
    length = shape.aspect - MIDDLE_LENGTH
    upper = 0.4 + hangs - 2.5 * split
    return {
        Category.UPPER: upper - max(length, 0) / 0.45,
        Category.LOWER: lower,
        Category.DRESS: upper - max(-length, 0) / 0.7,
    }


def decide(outline: Outline, claimed: Category) -> Category:
    """Name the category.

    Args:
        outline: the garment's outline.
        claimed: what the caller says it is; ``AUTO`` asks.

    Returns:
        The claim, unless the shape clearly contradicts it; for ``AUTO`` what fits best.

    Raises:
        CategoryMismatch: the shape clearly contradicts the claim.
    """
    fits = guess(measure(outline))
    best = max(fits, key=lambda c: fits[c])
    if claimed is Category.AUTO or claimed is best:
        return best
    if fits[best] - fits[claimed] > 1.6:
        names = {Category.UPPER: "a top", Category.LOWER: "trousers or a skirt", Category.DRESS: "a dress"}
        raise CategoryMismatch(
            f"The garment's photo looks like {names[best]}, but the category says {claimed.value}. Please send "
            f"category {best.value}, or auto, or the photo that you meant."
        )
    return claimed
