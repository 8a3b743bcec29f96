"""Cloth: its weave, its folds and how light falls on it. Everything is a factor on the cloth's own colour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np

from bridge.garment.drawing.curves import Floats, Point
from bridge.garment.drawing.prints import Print


class Weave(str, Enum):
    """How the cloth is made."""

    JERSEY = "jersey"
    KNIT = "knit"
    PLAIN = "plain"
    TWILL = "twill"


@dataclass(frozen=True)
class Cloth:
    """A material.

    Attributes:
        design: its print.
        weave: how it is made.
        worn: how far it has faded where a limb fills it, 0 to about 0.2.
    """

    design: Print
    weave: Weave
    worn: float = 0.0


@dataclass(frozen=True)
class Roundness:
    """The body or arm inside a piece of cloth: it turns away from the light at the sides.

    Attributes:
        top: (place along the cloth, middle, half width) where it begins [garment units].
        bottom: the same where it ends.
    """

    top: tuple[float, float, float]
    bottom: tuple[float, float, float]

    def across(self, u: Floats, v: Floats) -> Floats:
        """How far aside each place of the cloth lies, 0 in the middle, 1 at the side; FP32 like ``u``."""
        (first, middle_first, half_first), (last, middle_last, half_last) = self.top, self.bottom
        share = np.clip((v - np.float32(first)) / np.float32(max(last - first, 1)), 0, 1)
        middle = np.float32(middle_first) + share * np.float32(middle_last - middle_first)
        half = np.float32(half_first) + share * np.float32(half_last - half_first)
        aside: Floats = np.clip((u - middle) / half, -1.15, 1.15)
        return aside


@dataclass(frozen=True)
class Fold:
    """A soft fold from one point to another.

    Attributes:
        begin: where it is deepest.
        end: where it dies away.
        width: its half width [garment units].
        depth: how strongly it shades, about 0.02 (soft) to 0.2 (sharp); negative is lit from the other side.
        bow: how far its middle bends sideways [garment units].
    """

    begin: Point
    end: Point
    width: float
    depth: float
    bow: float = 0.0


def weave(kind: Weave, u: Floats, v: Floats, rng: np.random.Generator) -> Floats:
    """The fine structure of a cloth, a factor around 1.

    Args:
        kind: how the cloth is made.
        u: FP32 [h, w], the cloth's own coordinate across [garment units].
        v: FP32 [h, w], that along it.
        rng: what is random.
    """
    grain = rng.standard_normal(u.shape, np.float32)
    two_pi = np.float32(2 * np.pi)
    if kind is Weave.KNIT:
        across = np.abs(np.mod(u, np.float32(7)) - np.float32(3.5))
        stitch = np.sin((v + np.float32(1.1) * across) * (two_pi / np.float32(5.2)))
        column = np.cos(u * (two_pi / 7))
        return 1 + 0.05 * stitch + 0.035 * column + 0.012 * cv2.GaussianBlur(grain, (0, 0), 0.8)
    if kind is Weave.TWILL:
        line = np.sin((u + v * np.float32(0.8)) * (two_pi / np.float32(3.1)))
        return 1 + 0.035 * line + 0.05 * cv2.GaussianBlur(grain, (0, 0), 0.7)
    if kind is Weave.PLAIN:
        slub = cv2.GaussianBlur(grain, (0, 0), sigmaX=5, sigmaY=0.6) + cv2.GaussianBlur(
            grain[::-1], (0, 0), sigmaX=0.6, sigmaY=5
        )
        return 1 + 0.03 * slub + 0.008 * grain
    wales = cv2.GaussianBlur(grain, (0, 0), sigmaX=0.6, sigmaY=2.5)
    return 1 + 0.035 * wales + 0.006 * grain


def crumple(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Slow unevenness of light on cloth that was worn or pressed, around 0, standard deviation about 1."""
    total = np.zeros(shape[:2], np.float32)
    for cells, share in ((5, 0.6), (11, 0.5), (23, 0.3)):
        grid = rng.standard_normal((cells * 4 // 3, cells), np.float32)
        total += np.float32(share) * cv2.resize(grid, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return total


def fold_light(folds: list[Fold], x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Lay folds into cloth.

    Args:
        folds: the folds.
        x: FP32 [h, w], garment coordinates.
        y: FP32 [h, w], garment coordinates.

    Returns:
        The light that they add (around 0) and how far they pull the cloth's print sideways [garment units].
    """
    light, pull = np.zeros_like(x), np.zeros_like(x)
    for fold in folds:
        begin, end = np.array(fold.begin), np.array(fold.end)
        length = float(np.hypot(*(end - begin))) or 1.0
        way = ((end - begin) / length).astype(np.float32)
        near = _box(x, y, fold, length)
        dx, dy = x[near] - np.float32(begin[0]), y[near] - np.float32(begin[1])
        along = (dx * way[0] + dy * way[1]) / np.float32(length)
        inside = np.clip(along, 0, 1)
        aside = dx * -way[1] + dy * way[0] - np.float32(4 * fold.bow) * inside * (1 - inside)
        fade = np.clip(along * 6, 0, 1) * np.clip((1 - along) * 1.6, 0, 1) * (along > 0)
        ratio = aside / (np.float32(fold.width) * (np.float32(0.6) + np.float32(0.8) * inside))
        bump = np.exp(-0.5 * ratio**2) * fade * np.float32(fold.depth)
        light[near] += bump * (ratio * np.float32(1.3) - np.float32(0.25))
        pull[near] += bump * np.float32(0.6 * fold.width)
    return light, pull


def _box(x: Floats, y: Floats, fold: Fold, length: float) -> tuple[slice, slice]:
    """The rows and columns that a fold can reach, so that a small fold costs little."""
    margin = 4 * fold.width + abs(fold.bow) + 0.05 * length
    xs, ys = sorted((fold.begin[0], fold.end[0])), sorted((fold.begin[1], fold.end[1]))
    near = (x > xs[0] - margin) & (x < xs[1] + margin) & (y > ys[0] - margin) & (y < ys[1] + margin)
    rows, columns = np.nonzero(near.any(1))[0], np.nonzero(near.any(0))[0]
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def rim_shade(cover: Floats, reach: float) -> Floats:
    """How far a piece of cloth turns away at its own edge: 0 inside, falling to about -1 at the rim."""
    soft = cv2.GaussianBlur(cover, (0, 0), reach)
    return -(np.clip((1 - soft) * 2, 0, 1) ** 2) * cover
