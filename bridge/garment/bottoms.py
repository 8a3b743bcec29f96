"""The landmarks of what hangs from the waist: trousers, shorts and skirts, one side at a time."""

from __future__ import annotations

import numpy as np

from bridge.garment.outline import Outline, Side, farthest
from bridge.garment.tops import Found

BLUNT = 7.0
"""A gap that ends wider than this goes on [px]."""
MOST_CLOSED = 0.2
"""The longest part of a gap that is supplied, as a share of the garment's height."""
LEGS_LONG, LEGS_NARROW = 2.4, 1.15
"""Without a gap, what is longer than this many times its waistband's width and whose hem is no wider than this many
times it, is a pair of legs side by side and no skirt."""
RISE = 0.75
"""The crotch lies this share of the waistband's width below it (a rise of 26 cm under a band of 35 cm)."""
HIP_DEPTH = 0.55
"""The hips lie this share of the waistband's width below it (18 to 20 cm under a band of 35 cm)."""


def find_crotch(outline: Outline) -> tuple[float, float] | None:
    """The top of the gap between two legs.

    Args:
        outline: the garment's outline.

    Returns:
        Its (x, y) in the garment's frame [px], or None when the lower edge is in one piece.
    """
    below = np.nonzero(outline.split[int(0.12 * len(outline.split)) :])[0] + int(0.12 * len(outline.split))
    cloth = np.nonzero(~outline.split)[0]
    below = below[below > cloth[0]] if len(cloth) else below
    if len(below) < 0.06 * len(outline.split):
        return None
    return 0.0, float(below[0] + outline.top) - _closed(outline, int(below[0]))


def hidden_crotch(outline: Outline) -> tuple[float, float] | None:
    """Where the crotch must be when two legs lie side by side without a gap, as those of leggings do.

    Args:
        outline: the garment's outline, in which no gap was found.

    Returns:
        Its (x, y) in the garment's frame [px], or None for a skirt: legs are long and narrow.
    """
    rows = len(outline.outer)
    band, hem = (float(np.nansum(outline.outer[int(share * rows)])) for share in (0.03, 0.97))
    if outline.height < LEGS_LONG * band or hem > LEGS_NARROW * band:
        return None
    return 0.0, outline.top + RISE * band


def _closed(outline: Outline, top: int) -> float:
    """How far a gap that ends bluntly goes on narrowing until its edges would meet [px].

    Where white legs lie close together on a white wall, the narrow end of the gap is lost in their shadow.
    """
    gap = outline.runs[:, :, 0].sum(1)
    ahead = gap[top : top + max(8, int(0.12 * len(gap)))]
    if not np.isfinite(ahead).all() or len(ahead) < 8:
        return 0.0
    blunt = float(ahead[1:5].mean())
    slope = float(np.polyfit(np.arange(len(ahead)), ahead, 1)[0])
    on = blunt / max(slope, 1e-3)
    return on if blunt > BLUNT and on < MOST_CLOSED * len(gap) else 0.0


def read_side(side: Side, outline: Outline, crotch: tuple[float, float] | None) -> Found:
    """Read one side of trousers, shorts or a skirt.

    Args:
        side: the half of the outline.
        outline: the whole outline.
        crotch: the top of the gap between the legs, None for a skirt.

    Returns:
        waist, hip, hem and, for trousers, hem_inner.
    """
    y = side.path[:, 1]
    upper = int(np.argmax(y > y[0] + 0.3 * outline.height))
    waist, _ = farthest(side.path, 0, upper)
    found: Found = {"waist": (*side.path[waist], 0.9)}
    hip = y[waist] + HIP_DEPTH * 2 * side.path[waist, 0]
    if crotch:
        hip = min(hip, y[waist] + 0.8 * (crotch[1] - y[waist]))
    hip = min(hip, y[waist] + 0.6 * (outline.bottom - y[waist]))
    row = int(np.clip(hip - outline.top, 0, len(outline.outer) - 1))
    found["hip"] = (float(outline.outer[row, 0 if side.sign > 0 else 1]), float(hip), 0.8)
    if crotch is None:
        hem, _ = farthest(side.path, upper, len(side.path) - 1)
        return found | {"hem": (*side.path[hem], 0.9)}
    lowest = int(np.argmax(y))
    hem, _ = farthest(side.path, upper, lowest)
    last = len(side.path) - 1
    inner, _ = farthest(side.path, hem, last)
    if y[last] > crotch[1] + 0.3 * outline.height:
        inner = last  # no gap: the legs' inner ends touch on the axis
    return found | {"hem": (*side.path[hem], 0.9), "hem_inner": (*side.path[inner], 0.9)}
