"""Pieces of cloth laid on one another: the painter's part of a drawn garment."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from bridge.garment.drawing.cloth import Cloth, Fold, Roundness, crumple, fold_light, rim_shade, weave
from bridge.garment.drawing.curves import Floats, Placement, Point, Points
from bridge.garment.drawing.prints import Colour, colour_at


@dataclass(frozen=True)
class Piece:
    """One flat piece of cloth.

    Attributes:
        area: FP64 [n, 2], its outline [garment units].
        cloth: the material.
        origin: where the cloth's own coordinates begin [garment units].
        turn: the cloth's lengthwise direction, as an angle from straight down, positive towards larger x [rad].
        folds: its folds.
        round: the body or arm inside it; None lies flat.
        tone: a factor on its brightness; below 1 for what lies inside or behind.
        shadow: how much it darkens what it lies on.
        chest: whether it carries the chest picture.
    """

    area: Points
    cloth: Cloth
    origin: Point = (0.0, 0.0)
    turn: float = 0.0
    folds: list[Fold] = field(default_factory=list)
    round: Roundness | None = None
    tone: float = 1.0
    shadow: float = 0.25
    chest: bool = False


class Painter:
    """The picture in the making; colours FP32 [h, w, 3] are not yet blended with any background."""

    def __init__(self, place: Placement, rng: np.random.Generator) -> None:
        self.place = place
        self.rng = rng
        self.x, self.y = place.grid()
        self.colours = np.zeros((place.height, place.width, 3), np.float32)
        self.alpha = np.zeros((place.height, place.width), np.float32)
        self.uneven = crumple(self.alpha.shape, rng)

    def lay(self, piece: Piece) -> Floats:
        """Lay a piece on what is there; returns its cover, FP32 [h, w]."""
        cover = self.place.cover(piece.area)
        rows, columns = np.nonzero(cover.any(1))[0], np.nonzero(cover.any(0))[0]
        if not len(rows):
            return cover
        pad = 12
        window = np.s_[max(0, rows[0] - pad) : rows[-1] + pad, max(0, columns[0] - pad) : columns[-1] + pad]
        self._darken(cover, piece.shadow, 6.0, window)
        colours = self._colours(piece, window, cover[window])
        part = cover[window]
        self.colours[window] += part[..., None] * (colours - self.colours[window])
        self.alpha[window] = 1 - (1 - self.alpha[window]) * (1 - part)
        return cover

    def line(self, lines: list[Points], thickness: float, colour: Colour, strength: float) -> None:
        """Draw seams or stitches on the cloth that is there."""
        cover = self.place.stroke(lines, thickness)[..., None] * np.float32(strength)
        self.colours += cover * (np.array(colour, np.float32) - self.colours)

    def shade_line(self, path: Points, thickness: float, strength: float) -> None:
        """Darken along a seam, with the slight light beside it that a pressed seam has."""
        groove = cv2.GaussianBlur(self.place.stroke([path], thickness), (0, 0), 0.7 + thickness / 3)
        ridge = cv2.GaussianBlur(self.place.stroke([path + np.array([-1.8, -1.2])], thickness), (0, 0), 1.2)
        self.colours *= (1 - np.float32(strength) * groove + np.float32(0.25 * strength) * ridge)[..., None]

    def _darken(self, cover: Floats, strength: float, reach: float, window: tuple[slice, slice]) -> None:
        shadow = cv2.GaussianBlur(cover[window], (0, 0), reach)
        shadow = np.roll(shadow, 2, axis=0)
        self.colours[window] *= (1 - np.float32(strength) * shadow)[..., None]

    def _colours(self, piece: Piece, window: tuple[slice, slice], cover: Floats) -> Floats:
        x, y = self.x[window], self.y[window]
        light, pull = fold_light(piece.folds, x, y)
        cos, sin = np.float32(math.cos(piece.turn)), np.float32(math.sin(piece.turn))
        dx, dy = x - np.float32(piece.origin[0]), y - np.float32(piece.origin[1])
        u, v = dx * cos - dy * sin + pull, dx * sin + dy * cos + pull * np.float32(0.5)
        colours = colour_at(piece.cloth.design, u, v, chest=piece.chest)
        light += np.float32(0.018) * self.uneven[window] + np.float32(0.10) * rim_shade(cover, 2.2)
        if piece.round is not None:
            across = piece.round.across(u - pull, v)
            light += np.float32(0.04) - np.float32(0.17) * across**4 - np.float32(0.045) * across
            light += np.float32(piece.cloth.worn) * np.exp(-((across / np.float32(0.5)) ** 2))
        structure = weave(piece.cloth.weave, u, v, self.rng)
        lit = colours * (np.float32(piece.tone) * structure * (1 + np.clip(light, -0.6, 0.4)))[..., None]
        # Dark cloth shows its folds by a faint sheen, where a factor on near-black would show nothing.
        return lit + np.float32(26) * (np.clip(light, -0.1, 0.35) * piece.tone)[..., None]


def ribbed(painter: Painter, cloth: Cloth, edge: Points, inner: Points) -> None:
    """Lay a band of ribbing between two curves that run the same way.

    Args:
        painter: where.
        cloth: its material.
        edge: FP64 [n, 2], the band's outer edge [garment units].
        inner: FP64 [m, 2], the edge where it is sewn on.
    """
    painter.lay(Piece(np.concatenate([edge, inner[::-1]]), cloth, shadow=0.18))
    count = max(8, int(np.hypot(*np.diff(edge, axis=0).T).sum() / 4.2))
    t = np.linspace(0.01, 0.99, count)
    first, last = (
        np.stack([np.interp(t, np.linspace(0, 1, len(curve)), curve[:, k]) for k in (0, 1)], -1)
        for curve in (edge, inner)
    )
    painter.line([np.stack(rib) for rib in zip(first, last, strict=True)], 1.5, (0, 0, 0), 0.13)
    painter.shade_line(inner, 1.4, 0.25)
