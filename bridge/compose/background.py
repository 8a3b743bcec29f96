"""The room behind the person."""

from __future__ import annotations

from typing import cast

import numpy as np

from bridge.compose.fill import detail, echo, spread_fast
from bridge.compose.pixels import Bits, Floats

STRIDE = 4
"""Every fourth row and column is enough to fit ten coefficients."""
DEGREE = 3
"""A studio wall is lit so evenly that a cubic describes it; what remains is spread."""

TOLERANCE = 0.04
"""A smooth wall's pixels lie this near to the cubic, and what is spread, whatever the noise."""
PLAIN = 0.006
"""Mean fine contrast below which a wall has no texture, only grain."""
_POWERS = np.array([(i, j) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)])


def paint_background(picture: Floats, known: Bits, hole: Bits) -> Floats:
    """Continue the background into a hole.

    A cubic fitted robustly to the visible wall, the remainder spread by push-pull, the texture mirrored.

    Args:
        picture: FP32 [h, w, 3], the photo with everything hidden blanked.
        known: bool [h, w], where ``picture`` shows background and nothing else.
        hole: bool [h, w], where background is wanted.

    Returns:
        FP32 [h, w, 3], meaningful in the hole.
    """
    if known.sum() < 64:
        return _flat(picture, known)
    wall = _wall(picture, known)
    rest = picture - wall
    off = np.abs(rest).max(2)
    # Whatever differs from the wall far more than the wall from itself is a shadow or a missed strand.
    sure = known & (off <= max(TOLERANCE, 6 * float(np.median(off[known][::STRIDE]))))
    filled = wall + spread_fast(rest, sure.astype(np.float32))
    texture = detail(picture, sure)
    if float(np.abs(texture).mean()) * known.size < PLAIN * known.sum():
        return filled
    return cast(Floats, filled + echo(texture, sure, hole))


def _flat(picture: Floats, known: Bits) -> Floats:
    """Too little wall is seen to continue it: its mean colour, or a light grey."""
    colour = picture[known].mean(0) if known.any() else np.full(3, 0.9, np.float32)
    return np.broadcast_to(colour, picture.shape).astype(np.float32)


def _wall(picture: Floats, known: Bits) -> Floats:
    """The cubic through the visible background, fitted twice: the second time without outliers."""
    height, width = known.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)
    x = np.linspace(-1, 1, width, dtype=np.float32)
    seen = known[::STRIDE, ::STRIDE]
    rows, columns = np.nonzero(seen)
    terms = _terms(x[::STRIDE][columns], y[::STRIDE][rows])
    colours = picture[::STRIDE, ::STRIDE][seen]
    weight = np.ones(len(colours), np.float32)
    coefficients = np.zeros((terms.shape[1], 3), np.float32)
    for _ in range(2):
        heavy = terms * weight[:, None]
        # The ridge keeps the cubic calm where the wall is seen on one side only.
        normal = heavy.T @ terms + np.eye(terms.shape[1], dtype=np.float32) * 1e-3 * len(colours)
        coefficients = np.linalg.solve(normal, heavy.T @ colours)
        error = np.abs(colours - terms @ coefficients).max(1)
        weight = (error <= 3 * np.median(error) + 1e-3).astype(np.float32)
    wall = np.empty(picture.shape, np.float32)
    up, aside = y[:, None] ** np.arange(DEGREE + 1), x[:, None] ** np.arange(DEGREE + 1)
    for channel in range(3):
        matrix = np.zeros((DEGREE + 1, DEGREE + 1), np.float32)
        matrix[_POWERS[:, 0], _POWERS[:, 1]] = coefficients[:, channel]
        wall[..., channel] = up.astype(np.float32) @ matrix @ aside.T.astype(np.float32)
    return wall


def _terms(x: Floats, y: Floats) -> Floats:
    return np.stack([y**i * x**j for i, j in _POWERS], 1)
