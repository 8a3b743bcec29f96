"""Small gaps of a layer, closed with its own cloth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bridge.compose.fill import spread
from bridge.compose.hidden import Canvas
from bridge.compose.pixels import Bits, around, blur, dilate, erode, nearest, to_bytes, to_unit
from bridge.compose.scene import OLD, Scene, one_of
from bridge.contracts import Label

NARROW = 0.04
"""Bared skin that is narrower than twice this, over the distance of the shoulder joints, is no neckline but a gap:
between a sleeve and the body, or between a shoulder seam and the shoulder."""

_BARED = (Label.NECK, Label.ARMS, Label.LEGS)


def close_gaps(scene: Scene, canvas: Canvas) -> Scene:
    """Continue the layer over narrow strips of skin that the old garment covered and the new one just misses.

    Args:
        scene: the photo's labels, and the layer.
        canvas: says where skin would have to be painted.

    Returns:
        The scene with a layer without such gaps.
    """
    covered = scene.layer[..., 3] >= 128
    gap = _gap(scene, canvas, covered)
    if not gap.any():
        return scene
    window = around(gap, 2 * NARROW * scene.unit)
    layer, parts = scene.layer.copy(), scene.parts.copy()
    near, inside = layer[window], erode(covered[window], 1)
    if not inside.any():
        return scene
    colours = to_unit(np.ascontiguousarray(near[..., :3]))
    whole = covered[window] | gap[window]
    edge = np.clip(2 * blur(whole.astype(np.float32), 1) - 0.5, 0, 1).astype(np.float32)
    edge[~dilate(gap[window], 2)] = 0
    fresh = dilate(gap[window], 2) & ~inside
    near[..., :3][fresh] = to_bytes(spread(colours, inside.astype(np.float32)))[fresh]
    near[..., 3] = np.maximum(near[..., 3], to_bytes(edge))
    parts[window] = np.where(near[..., 3] > 0, scene.parts[window][nearest(inside)], 0)
    return replace(scene, layer=layer, parts=np.where(covered, scene.parts, parts).astype(np.uint8))


def _gap(scene: Scene, canvas: Canvas, covered: Bits) -> Bits:
    """Bared skin under the old garment that a disc of the limiting size does not fit into."""
    bared = one_of(canvas.targets, _BARED) & ~covered
    gone = bared & canvas.hidden & scene.is_any(OLD[scene.category])
    if not gone.any() or not covered.any():
        return gone & covered
    radius = NARROW * scene.unit
    broad = dilate(erode(bared, radius), radius + 1)
    # Beside skin that is seen anyway, a closed gap would be a patch on that skin.
    seen = bared & ~canvas.hidden
    return gone & ~broad & ~dilate(seen, radius) & dilate(covered, 2 * radius)
