"""Contact shadows: where one thing lies on another, less light gets to the edge."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from bridge.compose.light import Light
from bridge.compose.pixels import Floats, blur, halve, resize

WIDTH = 0.015
"""Softness of a contact shadow over the distance of the shoulder joints: 4 to 5 px at 768x1024."""
WARMTH = (0.8, 1.0, 1.1)
"""How much of R, G and B a shadow on skin takes: shaded skin is redder, see `light.TINTS`."""
DEPTH = 0.26
"""How much light is missing right at the edge."""
FAINTEST = 0.012
"""Less than this (3 of 255 on white) is cut off, so that a shadow ends somewhere."""


def contact_shadow(above: Floats, light: Light, unit: float) -> Floats:
    """The shadow that something casts on what it lies on.

    Args:
        above: FP32 [h, w] in [0, 1], coverage of the thing that lies above.
        light: gives the direction.
        unit: the distance of the shoulder joints [px].

    Returns:
        FP32 [h, w] in [0, 1]: the share of the light that is missing beside the thing; 0 under it.
    """
    sigma = max(1.5, WIDTH * unit)
    half = sigma / 2
    shift = light.shadow * np.float32(0.7 * half)
    move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    soft = blur(halve(above), half)
    moved = cv2.warpAffine(soft, move, soft.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    # A straight edge's blur is one half there: doubled, the shadow starts with its full depth.
    near = np.minimum(2 * cast(Floats, moved), 1)
    shade = resize(np.maximum(DEPTH * near * np.sqrt(near) - FAINTEST, 0), above.shape)
    return cast(Floats, shade * (1 - above))


def darken(picture: Floats, shadow: Floats) -> Floats:
    """Lay a shadow on skin and what lies around it.

    Args:
        picture: FP32 [h, w, 3].
        shadow: FP32 [h, w], the share of the light that is missing.

    Returns:
        FP32 [h, w, 3].
    """
    return cast(Floats, cv2.multiply(picture, cv2.merge([1 - share * shadow for share in WARMTH])))
