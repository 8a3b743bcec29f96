"""A limb: a bone with a width, and where on it a pixel lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from bridge.compose.pixels import Floats

BINS = 16
"""Places along a bone at which its width is measured."""


@dataclass(frozen=True)
class Limb:
    """A strip along a bone; ``centre`` and ``half`` say at each of ``BINS`` places where it lies across."""

    start: Floats  # [2] px
    end: Floats  # [2] px
    centre: Floats  # [BINS], px across the bone, to the right of start -> end seen in the picture
    half: Floats  # [BINS], px

    @property
    def along(self) -> Floats:
        """Unit vector [2] from start to end."""
        bone = self.end - self.start
        return cast(Floats, bone / np.float32(max(float(np.linalg.norm(bone)), 1e-3)))

    @property
    def across(self) -> Floats:
        """Unit vector [2] across: :attr:`along` turned by a right angle."""
        x, y = self.along
        return np.array([-y, x], np.float32)

    @property
    def length(self) -> float:
        """The bone's length [px]."""
        return float(np.linalg.norm(self.end - self.start))

    def place(self, points: Floats) -> tuple[Floats, Floats]:
        """Where points [n, 2] lie: t along (0 at the start, 1 at the end), v across [px]; each FP32 [n]."""
        offset = points - self.start
        return offset @ self.along / np.float32(max(self.length, 1.0)), offset @ self.across

    def normalised(self, points: Floats) -> tuple[Floats, Floats]:
        """Where points [n, 2] lie: t along, u across in half widths (-1 and 1 are the edges); FP32 [n]."""
        t, v = self.place(points)
        bins = np.linspace(0, 1, BINS)
        half = np.interp(t, bins, self.half)
        return t, ((v - np.interp(t, bins, self.centre)) / np.maximum(half, 1)).astype(np.float32)

    def outline(self) -> Floats:
        """The strip's outline as a polygon [2 BINS, 2]."""
        axis = self.start + np.linspace(0, 1, BINS, dtype=np.float32)[:, None] * (self.end - self.start)
        right = axis + (self.centre + self.half)[:, None] * self.across
        left = axis + (self.centre - self.half)[:, None] * self.across
        return cast(Floats, np.concatenate([right, left[::-1]]).astype(np.float32))


def limb(start: Floats, end: Floats, halves: tuple[float, ...]) -> Limb:
    """A limb of the widths that a body has.

    Args:
        start: FP32 [2] px.
        end: FP32 [2] px.
        halves: half widths [px], evenly along the bone.
    """
    half = np.interp(np.linspace(0, 1, BINS), np.linspace(0, 1, len(halves)), halves)
    return Limb(start, end, np.zeros(BINS, np.float32), half.astype(np.float32))


def measured(plain: Limb, seen: Floats, trusted: tuple[float, float] = (0.42, 1.5)) -> Limb:
    """Replace a limb's expected widths by the seen ones; unseen places take their neighbours' ratio.

    Args:
        plain: the limb as expected.
        seen: FP32 [n, 2] px, pixels that show it.
        trusted: a place whose width lies outside these multiples of the expected one is partly covered, or
            shows more than this limb, and counts as unseen.

    Returns:
        The limb as seen; ``plain`` when too little of it is.
    """
    t, v = plain.place(seen)
    index = np.round(t * (BINS - 1)).astype(int)
    near = np.abs(v) < 2 * plain.half[np.clip(index, 0, BINS - 1)]
    low, high = np.zeros(BINS), np.zeros(BINS)
    for place in range(BINS):
        here = v[near & (index == place)]
        if len(here) >= 4:
            # Not the extremes: a stray pixel of a neighbour must not count.
            low[place], high[place] = np.percentile(here, (4, 96))
    width = (high - low) / (2 * 0.92 * plain.half)
    good = (width > trusted[0]) & (width < trusted[1])
    if good.sum() < 2:
        return plain
    places = np.arange(BINS)
    ratio = _smoothed(np.interp(places, places[good], width[good]))
    centre = _smoothed(np.interp(places, places[good], (high[good] + low[good]) / 2))
    return Limb(plain.start, plain.end, centre, plain.half * ratio)


def _smoothed(values: Floats) -> Floats:
    padded = np.pad(values, 1, mode="edge")
    return cast(Floats, ((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4).astype(np.float32))
