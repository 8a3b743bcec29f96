"""What a product photo shows behind its garment, when that is a plain wall: a smooth surface of colour.

The wall is a quadratic surface per channel of CIE Lab, fitted to the picture's rim, so that a gradient or a
vignette is still plain. A wall that no such surface explains (two tones, wood, a pattern) is not plain.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

RIM = 0.03
"""Width of the rim that is taken for background, as a share of the picture's side: product photos leave more."""
PLAIN_ERROR = 6.0
"""A rim pixel fits the surface when it lies within this distance of it [Lab units]: twice what is just visible."""
PLAIN_SHARE = 0.72
"""A wall is plain when this share of the rim fits; the rest may be a garment that runs out of the picture."""


@dataclass(frozen=True)
class Backdrop:
    """A plain wall.

    Attributes:
        lab: FP32 [h, w, 3], the wall's colour at every pixel, CIE Lab (L in [0, 100]).
        noise: the standard deviation of a pixel around it [Lab units].
    """

    lab: Floats
    noise: float


def to_lab(image: Pixels) -> Floats:
    """Convert UINT8 RGB [h, w, 3] to FP32 CIE Lab [h, w, 3], L in [0, 100]."""
    return cv2.cvtColor(image.astype(np.float32) * np.float32(1 / 255), cv2.COLOR_RGB2Lab)  # type: ignore[return-value]


def find_backdrop(lab: Floats) -> Backdrop | None:
    """Fit the wall behind the garment.

    Args:
        lab: FP32 [h, w, 3], the photo in CIE Lab.

    Returns:
        The wall, or None when the rim is no smooth surface.
    """
    rim = rim_mask(lab.shape[:2])
    rows, columns = np.nonzero(rim)
    step = max(1, len(rows) // 4000)
    rows, columns = rows[::step], columns[::step]
    colours = lab[rows, columns].astype(np.float64)
    basis = _basis(columns / lab.shape[1], rows / lab.shape[0])
    weights = np.ones(len(rows))
    for _ in range(6):
        surface = _solve(basis, colours, weights)
        error = np.linalg.norm(colours - basis @ surface, axis=1)
        weights = 1 / (
            1 + (error / 2.0) ** 4
        )  # a soft cut at two units: the garment at the rim is no background
    fits = error < PLAIN_ERROR
    if fits.mean() < PLAIN_SHARE:
        return None
    noise = float(np.sqrt((error[fits] ** 2).mean() / 3))
    return Backdrop(_paint(surface, lab.shape[0], lab.shape[1]), noise)


def rim_mask(shape: tuple[int, ...]) -> Bools:
    """Return BOOL [h, w], true on the rim that is taken for background."""
    height, width = shape[:2]
    border = max(3, round(RIM * min(height, width)))
    mask = np.ones((height, width), bool)
    mask[border:-border, border:-border] = False
    return mask


def _basis(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)


def _solve(
    basis: npt.NDArray[np.float64], values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    weighted = basis * weights[:, None]
    # The curved terms are held back a little: a rim that is half hidden shouldn't invent a curvature.
    hold = np.diag([0.0, 1e-4, 1e-4, 1e-3, 1e-3, 1e-3]) * len(values)
    return np.linalg.solve(weighted.T @ basis + hold, weighted.T @ values)


def _paint(surface: npt.NDArray[np.float64], height: int, width: int) -> Floats:
    x = np.arange(width, dtype=np.float32)[None, :, None] / np.float32(width)
    y = np.arange(height, dtype=np.float32)[:, None, None] / np.float32(height)
    c = surface.astype(np.float32)
    along_x = c[0] + x * (c[1] + c[3] * x)
    along_y = y * (c[2] + c[5] * y)
    return along_x + along_y + (x * y) * c[4]
