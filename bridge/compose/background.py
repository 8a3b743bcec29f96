"""The room behind the person."""

from __future__ import annotations

from typing import cast

import numpy as np

from bridge.compose.fill import detail, echo, spread_fast
from bridge.compose.pixels import Bits, Floats, blur, erode, halve, largest, resize
from bridge.imaging.pushpull import spread

STRIDE = 4
"""Every fourth row and column of the halved photo is enough to fit ten coefficients."""
DEGREE = 3
"""A studio wall is lit so evenly that a cubic describes it; what remains is spread."""

TOLERANCE = 0.04
"""A smooth wall's pixels lie this near to the cubic, and what is spread, whatever the noise."""
SMOOTH = 0.03
"""A wall of which a quarter lies further from the cubic than this is no wall."""
THINGS = 16.0
"""Things in a room that are finer than this [px] are mirrored."""
PLAIN = 0.009
"""Three quarters of a wall without texture have less fine contrast than this: its grain."""
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
    small, seen = halve(picture), halve(known.astype(np.float32)) == 1
    wall = _wall(small, seen)
    off = largest(np.abs(small - wall))
    typical = float(np.percentile(off[::STRIDE][seen[::STRIDE]], 75))
    if typical > SMOOTH:
        # A room full of things: what stands beside the hole is mirrored into it.
        return spread_fast(picture, known.astype(np.float32)) + echo(
            detail(picture, known, THINGS), known, hole
        )
    # Whatever differs from the wall far more than the wall from itself is a shadow or a missed strand.
    sure = seen & (off <= max(TOLERANCE, 4 * typical))
    filled = resize(wall + spread(small - wall, sure.astype(np.float32)), known.shape)
    fine = np.abs(small[..., 1] - blur(np.ascontiguousarray(small[..., 1]), 1.5))
    inside = erode(sure, 4)
    if not inside.any() or float(np.percentile(fine[inside], 75)) < PLAIN:
        return filled
    return cast(Floats, filled + echo(detail(picture, known), known, hole))


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
        normal = heavy.T @ terms + np.eye(terms.shape[1], dtype=np.float32) * 1e-5 * len(colours)
        coefficients = np.linalg.solve(normal, heavy.T @ colours)
        error = np.abs(colours - terms @ coefficients).max(1)
        weight = (error <= 3 * np.median(error) + 1e-3).astype(np.float32)
    wall = np.empty(picture.shape, np.float32)
    up, aside = y[:, None] ** np.arange(DEGREE + 1), x[:, None] ** np.arange(DEGREE + 1)
    for channel in range(3):
        matrix = np.zeros((DEGREE + 1, DEGREE + 1), np.float32)
        matrix[_POWERS[:, 0], _POWERS[:, 1]] = coefficients[:, channel]
        wall[..., channel] = up.astype(np.float32) @ matrix @ aside.T.astype(np.float32)
    # Far from what is seen a cubic may go anywhere; a wall does not.
    return np.clip(wall, colours.min(0), colours.max(0))


def _terms(x: Floats, y: Floats) -> Floats:
    return np.stack([y**i * x**j for i, j in _POWERS], 1)
