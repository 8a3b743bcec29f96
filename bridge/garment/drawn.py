"""Garments that the project draws itself, as a shop would photograph them, with the truth about each.

No photo of a garment may be shipped, so these stand in: for the demo, the README and the tests. Everything about
them is known exactly: mask, inner side, landmarks and category.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TypeVar, get_args

import cv2
import numpy as np

from bridge.contracts import Category, GarmentPoint
from bridge.garment.drawing.bottoms import BottomCut, draw_bottom
from bridge.garment.drawing.curves import Floats, Pixels, Placement, Points
from bridge.garment.drawing.paint import Painter
from bridge.garment.drawing.patterns import TopCut
from bridge.garment.drawing.sewing import Landmarks, draw_top
from bridge.garment.drawing.wardrobe import Kind, bottom_of, height_of, top_of

WIDTH, HEIGHT = 768, 1024
"""The picture's size [px], that of VITON-HD's product photos."""
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Every kind of garment that can be drawn."""
WALL = 247.0
"""The near-white of the wall behind it [sRGB]."""

Cut = TypeVar("Cut", TopCut, BottomCut)


@dataclass(frozen=True)
class DrawnTruth:
    """What is true of a drawn garment.

    Attributes:
        category: upper, lower or dress.
        mask: UINT8 [h, w], its mask.
        inside: UINT8 [h, w], the part of the mask that is the garment's inner side.
        points: FP32 [21, 3], GarmentPoint rows: x, y [px], score 1, or 0 where it has no such point.
        colours: FP32 [h, w, 3], the garment's own colours under the mask, unblended: lay them on any background.
    """

    category: Category
    mask: Pixels
    inside: Pixels
    points: Floats
    colours: Floats

    def on(self, background: Pixels) -> Pixels:
        """Lay the garment on a background, UINT8 [h, w, 3]."""
        alpha = self.mask[..., None].astype(np.float32) / 255
        mixed = background + alpha * (self.colours - background)
        return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def draw_garment(
    kind: Kind,
    seed: int = 0,
    *,
    scale: float = 1.0,
    tilt: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
    vary: float = 0.0,
) -> tuple[Pixels, DrawnTruth]:
    """Draw one garment, flat and from the front, on a near-white wall.

    Args:
        kind: what to draw.
        seed: of its folds, its slight unevenness and, with ``vary``, its cut and colours.
        scale: its size; 1 fills the picture as product photos do.
        tilt: how far it is turned, clockwise [degrees].
        shift: how far it lies off the middle [px].
        vary: how far its cut strays from the pattern, 0 to 1.

    Returns:
        UINT8 [1024, 768, 3], and the truth about it.
    """
    rng = np.random.default_rng([zlib.crc32(kind.encode()), seed])
    place = _place(kind, scale, tilt, shift)
    painter = Painter(place, rng)
    category, inside, landmarks = _draw(kind, painter, rng, vary)
    truth = _truth(category, painter, inside, landmarks)
    return truth.on(_wall(truth.mask, rng)), truth


def _draw(
    kind: Kind, painter: Painter, rng: np.random.Generator, vary: float
) -> tuple[Category, Points, Landmarks]:
    if kind in ("trousers", "shorts", "skirt"):
        cut, look = bottom_of(kind, rng, vary)
        return Category.LOWER, *draw_bottom(painter, (cut, _uneven(cut, rng)), look)
    top, top_look = top_of(kind, rng, vary)
    category = Category.DRESS if "dress" in kind else Category.UPPER
    return category, *draw_top(painter, (top, _uneven(top, rng)), top_look)


def _uneven(cut: Cut, rng: np.random.Generator) -> Cut:
    """The other half of a garment: laid by hand, so its loose ends lie a little differently."""
    loose: dict[str, float | tuple[float, float]] = {}
    if isinstance(cut, TopCut):
        loose["sleeve_angle"] = cut.sleeve_angle * (1 + rng.uniform(-0.06, 0.06))
        loose["sleeve"] = cut.sleeve * (1 + rng.uniform(-0.015, 0.015))
    for name in ("waist", "hip", "hem"):
        point = getattr(cut, name)
        if isinstance(point, tuple):
            loose[name] = (point[0] * (1 + rng.uniform(-0.015, 0.015)), point[1])
    return replace(cut, **loose)  # type: ignore[arg-type]


def _place(kind: Kind, scale: float, tilt: float, shift: tuple[float, float]) -> Placement:
    top, bottom = height_of(kind)
    turn = np.asarray(cv2.getRotationMatrix2D((0.0, (top + bottom) / 2), -tilt, scale), np.float64)
    turn[:, 2] += np.array([WIDTH / 2 + shift[0], HEIGHT / 2 - (top + bottom) / 2 + shift[1]])
    return Placement(HEIGHT, WIDTH, turn)


def _truth(category: Category, painter: Painter, inside: Points, landmarks: Landmarks) -> DrawnTruth:
    points = np.zeros((len(GarmentPoint), 3), np.float32)
    for point, at in landmarks.items():
        points[point] = (*painter.place.to_picture(np.array([at]))[0], 1.0)
    mask = np.rint(painter.alpha * 255).astype(np.uint8)
    inner = np.rint(np.minimum(painter.place.cover(inside), painter.alpha) * 255).astype(np.uint8)
    colours = painter.colours / np.maximum(painter.alpha, 1e-3)[..., None]
    return DrawnTruth(category, mask, inner, points, colours)


def _wall(mask: Pixels, rng: np.random.Generator) -> Pixels:
    """A near-white wall with the garment's faint shadow and a camera's grain."""
    shadow = cv2.GaussianBlur(mask, (0, 0), 9).astype(np.float32) / 255
    shadow = np.roll(shadow, 5, axis=0)
    light = WALL - 9 * shadow + rng.standard_normal(mask.shape, np.float32) * 0.35
    wall: Floats = light[..., None] - np.array([0, 0.3, 1.0], np.float32)
    return np.clip(np.rint(wall), 0, 255).astype(np.uint8)
