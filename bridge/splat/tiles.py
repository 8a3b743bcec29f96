"""The garment as Gaussian splats: soft edges, and what a network that paints on splats expects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bridge.geometry.engine import start
from bridge.splat.drawing import Drawn, View
from bridge.splat.gaussians import COUNT, Splats, scales
from bridge.splat.surface import Floats, Ints

TILE = 16
"""Side of a tile [px]; each is one thread's."""
FULL = 0.85
"""Opacity from which on the surface counts as closed: neighbouring Gaussians leave the rest open."""
FAINTEST = 1 / 255
"""What a Gaussian adds below this isn't drawn (Kerbl et al. 2023)."""


@dataclass(frozen=True)
class Blend:
    """Gaussians laid over each other, from the nearest to the farthest.

    Attributes:
        colour: FP32 [h, w, 3], sum of the colours, each times what of it is seen.
        through: FP32 [h, w], what is seen of that which lies behind, 0 to 1.
        depth: FP32 [h, w], sum of the distances [m], weighted alike.
        front: INT32 [h, w], the Gaussian of which most is seen; -1 for none.
    """

    colour: Floats
    through: Floats
    depth: Floats
    front: Ints

    @classmethod
    def blank(cls, height: int, width: int) -> Blend:
        """Return a picture without Gaussians."""
        return cls(
            np.zeros((height, width, 3), np.float32),
            np.ones((height, width), np.float32),
            np.zeros((height, width), np.float32),
            np.full((height, width), -1, np.int32),
        )


class BlendSplats(Protocol):
    """A way of laying Gaussians over each other."""

    def __call__(self, splats: Splats, height: int, width: int) -> Blend:
        """Lay them over each other on a picture of this size [px]."""
        ...


def blend_tiles(splats: Splats, height: int, width: int) -> Blend:
    """Blend by tiles, as Kerbl et al. 2023: each has its own list of Gaussians, from the nearest on."""
    start()
    from bridge.splat import blending

    starts, order = tile_lists(splats, height, width)
    blend = Blend.blank(height, width)
    best = np.zeros((height, width), np.float32)
    blending.blend(
        splats.middles, splats.conics, splats.reach, splats.depths, splats.colours, splats.opacity, starts, order,
        -(-width // TILE), blend.colour, blend.through, blend.depth, blend.front, best,
    )  # fmt: skip
    return blend


def tile_lists(splats: Splats, height: int, width: int) -> tuple[Ints, Ints]:
    """Return where each tile's list begins, INT32 [tiles + 1], and the lists, INT32 [m], in the splats' order."""
    from bridge.splat import blending

    columns = -(-width // TILE)
    counts, nothing = np.zeros(columns * -(-height // TILE), np.int32), np.zeros(1, np.int32)
    blending.list_tiles(splats.middles, splats.reach, width, height, columns, counts, nothing, 0)
    starts = np.concatenate([nothing, np.cumsum(counts, dtype=np.int32)])
    order = np.empty(max(1, int(starts[-1])), np.int32)
    blending.list_tiles(splats.middles, splats.reach, width, height, columns, starts[:-1].copy(), order, 1)
    return starts, order


def draw_splats(view: View, blend: BlendSplats = blend_tiles, count: int = COUNT) -> Drawn:
    """Draw the garment as Gaussians; its inner side where neither the body nor the outer side hides it.

    Args:
        view: what is to be drawn.
        blend: how the Gaussians are laid over each other.
        count: about how many cover what faces the camera from outside.
    """
    start()
    splats = scales(view, count)
    blended = blend(splats, view.height, view.width)
    drawn = Drawn.blank(view.height, view.width)
    cover = 1 - blended.through
    there = cover > FAINTEST
    share = cover[there]
    drawn.layer[there, :3] = np.clip(np.rint(blended.colour[there] / share[:, None]), 0, 255)
    drawn.layer[there, 3] = np.rint(255 * np.minimum(share / FULL, 1))
    drawn.depth[there] = blended.depth[there] / share
    front = blended.front[there]
    drawn.normals[there] = splats.normals[front]
    drawn.parts[there] = splats.parts[front]
    return drawn
