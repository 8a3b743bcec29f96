"""The garment as textured triangles: sharp prints, and the fastest way on a CPU."""

from __future__ import annotations

import cv2
import numpy as np

from bridge.geometry.engine import start
from bridge.splat.drawing import INSIDE, MARGIN, OFFSETS, Drawn, View
from bridge.splat.surface import Cloth, Floats, Ints, Mesh

OUTER, INNER = 1, -1


def draw_triangles(view: View) -> Drawn:
    """Draw the garment by z-buffers of four samples per pixel: its outer side, its inner side, and the body.

    The outer side is drawn whatever the body does, so that it is complete where arms or hair will lie on it. The inner
    side is drawn where the body doesn't hide it.
    """
    start()
    from bridge.splat import kernels

    outer, outer_ids, inner, inner_ids, body = buffers(view)
    drawn = Drawn.blank(view.height, view.width)
    picture = cv2.cvtColor(view.picture, cv2.COLOR_RGB2RGBA).view(np.uint32)[..., 0]
    kernels.paint(
        planes(view.cloth, view.shade), view.cloth.face_parts(), picture,
        outer, outer_ids, inner, inner_ids, body, MARGIN, INSIDE,
        drawn.layer, drawn.parts, drawn.depth, drawn.normals,
    )  # fmt: skip
    return drawn


def buffers(view: View) -> tuple[Floats, Ints, Floats, Ints, Floats]:
    """Return the z-buffers [h, w, samples] of the garment's outer and inner side with their triangles, and the body's.

    The inner side's is complete only where it isn't hidden by the outer, the body's only where it meets the inner.
    """
    from bridge.splat import kernels

    mesh, far = view.cloth.mesh, np.zeros((view.height, view.width), np.float32)
    outer, outer_ids = z_buffer(mesh, OUTER, far)
    kernels.covers(outer, MARGIN, far)
    inner, inner_ids = z_buffer(mesh, INNER, far)
    kernels.meets(inner, far)
    return outer, outer_ids, inner, inner_ids, z_buffer(view.body, OUTER, far)[0]


def z_buffer(mesh: Mesh, side: int, far: Floats) -> tuple[Floats, Ints]:
    """Return 1 / distance [h, w, samples] of the nearest triangle that shows ``side``, and which it is.

    Where there is none: 0 and -1. What is farther away than 1 / ``far`` [h, w] may be missing.
    """
    from bridge.splat import kernels

    shape = (*far.shape, len(OFFSETS))
    near, ids = np.zeros(shape, np.float32), np.full(shape, -1, np.int32)
    kernels.rasterise(mesh.screen, mesh.inverse, mesh.faces, side, far, near, ids)
    return near, ids


def planes(cloth: Cloth, shade: Floats) -> Floats:
    """Return how what is drawn changes along the screen, for each triangle.

    All that is known at the vertices changes evenly across a triangle once it is divided by the distance (Blinn 1992).

    Returns:
        FP32 [f, 8, 3]: u, v, brightness and the normal's x, y, z, each by distance: at the first corner, per px to the
        right, per px down; then 1 by distance; then the first corner's place [px] and 0.
    """
    mesh = cloth.mesh
    known = np.column_stack([cloth.texture, shade, cloth.normals, np.ones(len(shade), np.float32)])
    corners = (known * mesh.inverse[:, None])[mesh.faces]
    place = mesh.screen[mesh.faces]
    along, down = np.moveaxis(place[:, 1:] - place[:, :1], 2, 0)
    rise = corners[:, 1:] - corners[:, :1]
    area = along[:, 0] * down[:, 1] - along[:, 1] * down[:, 0]
    area = np.where(area == 0, 1, area)[:, None]
    right = (rise[:, 0] * down[:, 1:] - rise[:, 1] * down[:, :1]) / area
    below = (rise[:, 1] * along[:, :1] - rise[:, 0] * along[:, 1:]) / area
    table = np.zeros((len(mesh.faces), 8, 3), np.float32)
    table[:, :7] = np.stack([corners[:, 0], right, below], axis=-1)
    table[:, 7, :2] = place[:, 0]
    return table
