"""What a way of drawing is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bridge.splat.surface import Cloth, Floats, Mesh, Pixels

INSIDE = 0.75
"""How bright the garment's inner side is beside its outer side: it lies in the body's and its own shadow."""
MARGIN = 0.01
"""How far before the outer side the inner side must lie to be seen [m]; nearer, it is where the simulation let
layers of cloth pass through each other."""
OFFSETS = np.array(((0.375, 0.125), (0.875, 0.375), (0.125, 0.625), (0.625, 0.875)), np.float32)
"""Where in a pixel it is looked at [px]: the rotated grid, four levels of coverage for upright and level edges."""


@dataclass(frozen=True)
class View:
    """What is to be drawn.

    Attributes:
        cloth: the garment; ``texture`` in pixels of ``picture``.
        picture: UINT8 [h, w, 3], its texture.
        shade: FP32 [v], how bright the outer side is at every vertex; 1 is as in the picture.
        body: the posed body, which hides the garment's inner side.
        height: of the drawing [px].
        width: of the drawing [px].
    """

    cloth: Cloth
    picture: Pixels
    shade: Floats
    body: Mesh
    height: int
    width: int


@dataclass(frozen=True)
class Drawn:
    """The garment as it is seen, ``height`` by ``width``.

    Attributes:
        layer: UINT8 [h, w, 4], colours and straight alpha.
        parts: UINT8 [h, w], Part; 0 where alpha is 0.
        depth: FP32 [h, w], distance along the view [m]; 0 where alpha is 0.
        normals: FP32 [h, w, 3], unit normals of the side that is seen, camera frame; zeros where alpha is 0.
    """

    layer: Pixels
    parts: Pixels
    depth: Floats
    normals: Floats

    @classmethod
    def blank(cls, height: int, width: int) -> Drawn:
        """Return a drawing of nothing."""
        return cls(
            np.zeros((height, width, 4), np.uint8),
            np.zeros((height, width), np.uint8),
            np.zeros((height, width), np.float32),
            np.zeros((height, width, 3), np.float32),
        )


class Draw(Protocol):
    """A way of drawing."""

    def __call__(self, view: View) -> Drawn:
        """Draw what is seen; at every pixel the nearest of what faces the camera."""
        ...
