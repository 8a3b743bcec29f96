"""The photo's light: where it comes from, and what it does to round things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from bridge.compose.hidden import Canvas
from bridge.compose.pixels import Bits, Floats, blur, distance, luma
from bridge.compose.scene import Scene
from bridge.contracts import Label

FROM_ABOVE = -0.06
"""Studio light comes from above: a surface that faces up is this much brighter than one that faces down."""
SIDE_LIMIT = 0.12
"""Stronger light from one side than this is more likely hair over a cheek than light."""
TINTS = np.array([0.7, 1.0, 1.2], np.float32)
"""Shaded skin is redder: light that went through it comes back red (subsurface scattering)."""


@dataclass(frozen=True)
class Light:
    """``side`` is how much brighter a surface is that faces the picture's right edge; ``above``, the bottom."""

    side: float
    above: float = FROM_ABOVE

    def on(self, right: Floats, down: Floats, falloff: float) -> Floats:
        """The brightness of surfaces by the picture-plane part of their normals; a frontal one has 1."""
        facing = np.sqrt(np.maximum(1 - right * right - down * down, 0.0))
        return cast(Floats, 1 + self.side * right + self.above * down - falloff * (1 - facing))

    @property
    def shadow(self) -> Floats:
        """The unit vector [2] in the picture along which shadows fall."""
        fall = np.array([-self.side, -2 * self.above], np.float32)
        return cast(Floats, fall / np.float32(max(float(np.linalg.norm(fall)), 1e-6)))


def find_light(scene: Scene, canvas: Canvas) -> Light:
    """Tell the light's side from the two halves of the visible face."""
    if scene.jaw is None:
        return Light(0.0)
    face = canvas.known(Label.FACE)
    rows, columns = np.nonzero(face)
    if len(rows) < 200:
        return Light(0.0)
    right, left = scene.jaw[0], scene.jaw[-1]
    across = (left - right) / np.float32(max(float(np.linalg.norm(left - right)), 1.0))
    offset = (np.stack([columns, rows], 1) - (right + left) / 2) @ across
    width = float(np.linalg.norm(left - right)) / 2
    brightness = luma(canvas.picture)[rows, columns]
    # Medians of the cheeks: eyes, brows and lips lie in the middle, hair at the rim.
    cheeks = [brightness[(side * offset > 0.3 * width) & (side * offset < 0.8 * width)] for side in (-1, 1)]
    if min(len(cheek) for cheek in cheeks) < 50:
        return Light(0.0)
    dark, bright = (float(np.median(cheek)) for cheek in cheeks)
    side = (bright - dark) / max(bright + dark, 1e-3)
    return Light(float(np.clip(side * across[0], -SIDE_LIMIT, SIDE_LIMIT)))


def inflate(bits: Bits, radius: float) -> tuple[Floats, Floats]:
    """Normals of a flat shape blown up like a cushion.

    Args:
        bits: bool [h, w], the shape.
        radius: px from the edge at which the cushion is flat.

    Returns:
        The normals' parts to the right and down, FP32 [h, w] each; 0 outside the shape and deep inside.
    """
    depth = np.minimum(distance(bits) / np.float32(max(radius, 1.0)), 1)
    # A quarter circle's profile: its slope turns the normal by arcsin(1 - depth).
    turned = np.where(bits, 1 - depth, 0).astype(np.float32)
    smooth = blur(depth, max(1.0, radius / 6))
    down, right = np.gradient(smooth)
    norm = np.maximum(np.hypot(right, down), 1e-6)
    return cast(Floats, -turned * right / norm), cast(Floats, -turned * down / norm)
