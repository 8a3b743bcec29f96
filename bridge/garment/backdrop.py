"""What a product photo shows behind its garment, when that is a plain wall: a smooth surface of colour.

The wall is a quadratic surface per channel of CIE Lab, fitted to the picture's rim, so that a gradient or a
vignette is still plain. A wall that no such surface explains (two tones, wood, a pattern) is not plain.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Window = tuple[slice, slice]

RIM = 0.03
"""Width of the rim that is taken for background, a share of the picture's side: product photos leave more."""
PLAIN_ERROR = 6.0
"""A rim pixel fits the surface within this distance [Lab units]: about twice what is just visible."""
PLAIN_SHARE = 0.72
"""A wall is plain when this share of the rim fits; the rest may be a garment that runs out of the picture."""
SIDE_SHARE, PLAIN_SIDES = 0.95, 3
"""An uneven wall is plain when this share of each of so many sides fits."""
EVEN = 0.6
"""The largest standard deviation of an even wall [Lab units]."""
PLAIN_NOISE = 1.8
"""The largest standard deviation of a plain wall around its surface [Lab units]: a camera's grain in dim light."""
FLAT = 0.05
"""A surface that varies by less than this is one colour [Lab units]."""


@dataclass(frozen=True)
class Backdrop:
    """A plain wall.

    Attributes:
        surface: FP64 [6, 3], Lab as a polynomial 1, x, y, x^2, xy, y^2 of the place in shares of the sides.
        noise: the standard deviation of a pixel around it [Lab units].
    """

    surface: Numbers
    noise: float

    def offset(self, image: Pixels, window: Window) -> Floats:
        """How far the pixels of a window differ from the wall.

        Args:
            image: UINT8 [h, w, 3], the whole photo, RGB.
            window: rows and columns.

        Returns:
            FP32 [rows, columns, 3], the difference in CIE Lab (L in [0, 100]).
        """
        lab = to_lab(image[window])
        c = self.surface.astype(np.float32)
        lab -= c[0]
        if np.abs(c[1:]).max() < FLAT:
            return lab
        rows, columns = (np.arange(s.start, s.stop, dtype=np.float32) for s in window)
        x = (columns / np.float32(image.shape[1]))[None, :, None]
        y = (rows / np.float32(image.shape[0]))[:, None, None]
        lab -= x * (c[1] + c[3] * x)
        lab -= y * (c[2] + c[5] * y)
        lab -= (x * y) * c[4]
        return lab


def to_lab(image: Pixels) -> Floats:
    """Convert UINT8 RGB [h, w, 3] to FP32 CIE Lab [h, w, 3], L in [0, 100]."""
    lab = cv2.cvtColor(image.astype(np.float32) * np.float32(1 / 255), cv2.COLOR_RGB2Lab)
    return lab.astype(np.float32, copy=False)


def find_backdrop(image: Pixels) -> Backdrop | None:
    """Fit the wall behind the garment.

    Args:
        image: UINT8 [h, w, 3], the photo, RGB.

    Returns:
        The wall, or None when the rim is no smooth surface.
    """
    rows, columns = np.nonzero(rim_mask(image.shape))
    step = max(1, len(rows) // 3000)
    rows, columns = rows[::step], columns[::step]
    colours = to_lab(image[rows, columns][None])[0].astype(np.float64)
    basis = _basis(columns / image.shape[1], rows / image.shape[0])
    surface, error = _fit(basis, colours)
    fits = error < PLAIN_ERROR
    if fits.mean() < PLAIN_SHARE:
        return None
    noise = float(np.sqrt((error[fits] ** 2).mean() / 3))
    # A rim that is even but for what clearly differs is a wall with a garment before it; one that is not, may be wood.
    even = noise < EVEN or _plain_sides(fits, rows, columns, image.shape) >= PLAIN_SIDES
    return Backdrop(surface, noise) if even and noise < PLAIN_NOISE else None


def _plain_sides(fits: Bools, rows: Indices, columns: Indices, shape: tuple[int, ...]) -> int:
    """How many of the picture's four sides the surface explains."""
    places = rows / shape[0], columns / shape[1]
    sides = [side for place in places for side in (place < 2 * RIM, place > 1 - 2 * RIM)]
    return sum(bool(fits[side].mean() > SIDE_SHARE) for side in sides)


def rim_mask(shape: tuple[int, ...]) -> Bools:
    """Return BOOL [h, w], true on the rim that is taken for background."""
    height, width = shape[:2]
    border = max(3, round(RIM * min(height, width)))
    mask = np.ones((height, width), bool)
    mask[border:-border, border:-border] = False
    return mask


def _basis(x: Numbers, y: Numbers) -> Numbers:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)


def _fit(basis: Numbers, colours: Numbers) -> tuple[Numbers, Numbers]:
    """Fit the surface so that a garment at the rim doesn't count; the surface and every pixel's error."""
    # It starts from the commonest colour: the median would lie between two halves of a rim.
    error = np.linalg.norm(colours - np.median(colours, axis=0), axis=1)
    surface = np.zeros((6, 3))
    for _ in range(6):
        weights = 1 / (1 + (error / 2.0) ** 4)
        surface = _solve(basis, colours, weights)
        error = np.linalg.norm(colours - basis @ surface, axis=1)
    return surface, error


def _solve(basis: Numbers, values: Numbers, weights: Numbers) -> Numbers:
    weighted = basis * weights[:, None]
    # The curved terms are held back a little: a rim that is half hidden shouldn't invent a curvature.
    hold = np.diag([0.0, 1e-4, 1e-4, 1e-3, 1e-3, 1e-3]) * len(values)
    return np.linalg.solve(weighted.T @ basis + hold, weighted.T @ values)
