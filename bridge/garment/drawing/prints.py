"""What is printed on, or knitted into, the cloth: plain, stripes, flowers, and one picture on the chest."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bridge.garment.drawing.curves import Floats, Pixels, Point

Colour = tuple[float, float, float]
"""RGB, sRGB-coded, 0 to 255."""

TILE = 360
"""The side of the repeating tile of a print [garment units]; it is drawn at twice that resolution."""


@dataclass(frozen=True)
class Print:
    """What the cloth shows where light doesn't matter.

    Attributes:
        ground: the cloth's colour.
        stripes: (from, to, colour) in garment units of a repeat of ``period``, along the garment; none for plain.
        period: the repeat of the stripes [garment units].
        upright: whether they run along the garment instead of across.
        tile: UINT8 [2 * TILE, 2 * TILE, 3], a repeating picture; None for plain or striped cloth.
        chest: UINT8 [h, w, 4], a picture on the chest, straight alpha; None for none.
        chest_at: its centre [garment units].
        chest_width: its width [garment units].
    """

    ground: Colour
    stripes: tuple[tuple[float, float, Colour], ...] = ()
    period: float = 60.0
    upright: bool = False
    tile: Pixels | None = None
    chest: Pixels | None = field(default=None, repr=False)
    chest_at: Point = (0.0, 190.0)
    chest_width: float = 190.0


def colour_at(design: Print, u: Floats, v: Floats, *, chest: bool) -> Floats:
    """The cloth's colour at cloth coordinates, FP32 [h, w, 3]; ``chest`` adds the picture on the chest."""
    if design.tile is not None:
        shape = (np.mod(u, TILE) * 2, np.mod(v, TILE) * 2)
        colours = cv2.remap(
            design.tile, *shape, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
        ).astype(np.float32)
    else:
        colours = np.full((*u.shape, 3), design.ground, np.float32)
    phase = np.mod(u if design.upright else v, np.float32(design.period))
    for begin, end, colour in design.stripes:
        # One unit of ramp on either side keeps the stripe's edge smooth.
        share = np.clip(phase - np.float32(begin) + 0.5, 0, 1) * np.clip(np.float32(end) - phase + 0.5, 0, 1)
        colours += share[..., None] * (np.array(colour, np.float32) - colours)
    return _with_chest(design, colours, u, v) if chest and design.chest is not None else colours


def _with_chest(design: Print, colours: Floats, u: Floats, v: Floats) -> Floats:
    assert design.chest is not None  # noqa: S101 (told to the type checker; the caller has looked)
    height, width = design.chest.shape[:2]
    scale = width / design.chest_width
    px = (u - np.float32(design.chest_at[0])) * np.float32(scale) + np.float32(width / 2)
    py = (v - np.float32(design.chest_at[1])) * np.float32(scale) + np.float32(height / 2)
    calm = cv2.GaussianBlur(design.chest, (0, 0), max(scale / 3, 0.3))
    found = cv2.remap(
        calm, px, py, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0, 0)
    )
    alpha = found[..., 3:].astype(np.float32) / 255 * np.float32(0.96)
    return colours + alpha * (found[..., :3].astype(np.float32) - colours)


def flowers(ground: Colour, petals: list[Colour], leaf: Colour, rng: np.random.Generator) -> Pixels:
    """Draw a repeating tile of flowers and leaves, UINT8 [2 * TILE, 2 * TILE, 3]."""
    fine = 2
    side = 2 * TILE * fine
    tile = np.full((side, side, 3), ground, np.uint8)
    for place in _spread(rng, side, 150 * fine):
        size = float(rng.uniform(34, 52)) * fine
        for turn in rng.uniform(0, 2 * np.pi) + np.array([0.0, 2.2, 4.0]):
            _leaf(tile, place, turn, size * 1.7, leaf)
        _flower(tile, place, size, petals[int(rng.integers(len(petals)))], rng)
    for place in _spread(rng, side, 76 * fine):
        if (
            np.abs(tile[int(place[1]) % side, int(place[0]) % side].astype(int) - np.array(ground, int)).sum()
            < 12
        ):
            _flower(tile, place, float(rng.uniform(9, 14)) * fine, petals[-1], rng)
    return cv2.resize(tile, None, fx=1 / fine, fy=1 / fine, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _spread(rng: np.random.Generator, side: int, spacing: float) -> list[Point]:
    """Scattered places on a repeating tile, none nearer to another than ``spacing`` (dart throwing)."""
    places: list[Point] = []
    for _ in range(400):
        x, y = rng.uniform(0, side, 2)
        apart = [
            np.hypot((x - a + side / 2) % side - side / 2, (y - b + side / 2) % side - side / 2)
            for a, b in places
        ]
        if not apart or min(apart) > spacing:
            places.append((float(x), float(y)))
    return places


def _wrapped(tile: Pixels, shape: Floats, colour: Colour) -> None:
    """Fill a polygon on a repeating tile: what leaves one side comes in on the other."""
    side = tile.shape[0]
    for dx in (-side, 0, side):
        for dy in (-side, 0, side):
            moved = np.rint((shape + np.array([dx, dy], np.float32)) * 16).astype(np.int32)
            cv2.fillPoly(tile, [moved], colour, cv2.LINE_AA, shift=4)


def _flower(tile: Pixels, place: Point, size: float, colour: Colour, rng: np.random.Generator) -> None:
    turn = float(rng.uniform(0, 2 * np.pi))
    shade = [tuple(c * k for c in colour) for k in (0.82, 0.93, 1.0)]
    for ring, (reach, tone) in enumerate(((1.0, shade[0]), (0.82, shade[1]), (0.5, shade[2]))):
        for petal in range(5):
            angle = turn + ring * 0.5 + petal * 2 * np.pi / 5 + float(rng.uniform(-0.12, 0.12))
            _wrapped(tile, _blob(place, angle, size * reach, 0.62), (tone[0], tone[1], tone[2]))
    _wrapped(tile, _blob(place, 0.0, size * 0.2, 1.0, centred=True), (214, 168, 60))


def _leaf(tile: Pixels, place: Point, angle: float, size: float, colour: Colour) -> None:
    _wrapped(tile, _blob(place, angle, size, 0.26), colour)
    root = np.array(place, np.float32)
    vein = np.stack(
        [root, root + np.array([np.cos(angle), np.sin(angle)], np.float32) * np.float32(size * 0.85)]
    )
    line = np.concatenate([vein, vein[::-1] + np.float32(1.5)])
    _wrapped(tile, line, (colour[0] * 0.7, colour[1] * 0.7, colour[2] * 0.7))


def _blob(place: Point, angle: float, length: float, width: float, *, centred: bool = False) -> Floats:
    """A petal: a rounded drop from ``place`` outward; or a disc around it."""
    t = np.linspace(0, 2 * np.pi, 28, dtype=np.float32)
    along = np.cos(t) * np.float32(0.5) + np.float32(0.0 if centred else 0.5)
    aside = np.sin(t) * np.float32(0.5 * width) * (np.float32(0.55) + np.float32(0.45) * along)
    if centred:
        aside = np.sin(t) * np.float32(0.5 * width)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    shape = np.stack([along * cos - aside * sin, along * sin + aside * cos], -1) * np.float32(length)
    return shape + np.array(place, np.float32)


def emblem(ink: Colour, accent: Colour, word: str) -> Pixels:
    """Draw the chest picture: a sun over waves and one word, UINT8 [h, w, 4]."""
    side = 760
    picture = Image.new("RGBA", (side, int(side * 1.04)), (*(int(c) for c in ink), 0))
    draw = ImageDraw.Draw(picture)
    warm = (*(int(c) for c in accent), 255)
    dark = (*(int(c) for c in ink), 255)
    centre, radius = side // 2, int(side * 0.3)
    draw.ellipse((centre - radius, 30, centre + radius, 30 + 2 * radius), fill=warm)
    for k, thick in enumerate((8, 12, 17, 23, 30)):  # the sun's reflection: gaps that widen downward
        y = 30 + int(radius * (1.0 + 0.21 * k))
        draw.rectangle((0, y, side, y + thick), fill=(0, 0, 0, 0))
    x = np.linspace(side * 0.08, side * 0.92, 200)
    for k in range(3):
        wave = 30 + 2 * radius - 48 + 34 * k + 13 * np.sin((x - centre) / side * 22 + k * 1.3)
        draw.line(list(zip(x.tolist(), wave.tolist(), strict=True)), fill=dark, width=13, joint="curve")
    font = ImageFont.load_default(size=side * 0.86 / max(len(word), 5) * 1.35)
    box = draw.textbbox((0, 0), word, font=font)
    draw.text(((side - box[2] - box[0]) / 2, 2 * radius + 130 - box[1]), word, font=font, fill=dark)
    return np.asarray(picture)
