"""Narrow strips of skin that a layer just misses: closed with its cloth, or given to the background.

A layer and the body under it are two estimates; where they disagree by a few pixels, skin would show that nobody
would see on a dressed person.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from bridge.compose.body import Body
from bridge.compose.fill import spread_fast
from bridge.compose.hidden import Canvas
from bridge.compose.pixels import Bits, Bytes, around, blur, dilate, erode, nearest, to_bytes, to_unit
from bridge.compose.scene import OLD, Scene, one_of
from bridge.contracts import Label, Part

NARROW = 0.04
"""Bared skin that is narrower than twice this, over the distance of the shoulder joints, is no neckline but a gap."""
SHOULDERS = 0.3
"""Down to this share of the torso a garment hangs from the shoulders: there it reaches the body's outline."""

_BARED = (Label.NECK, Label.ARMS, Label.LEGS)
_SLEEVES = (Part.LEFT_SLEEVE, Part.RIGHT_SLEEVE)


def close_gaps(scene: Scene, canvas: Canvas, body: Body, foremost: Bits) -> tuple[Scene, Canvas]:
    """Let no narrow strip of skin show where the old garment was and the new one just misses.

    On the trunk the layer's cloth is continued to where the old one ended; beside a leg the garment's own
    outline holds and the background shows. A bared strip of waist stays.

    Args:
        scene: the photo's labels, and the layer.
        canvas: the blanked photo and what would be painted.
        body: the limbs.
        foremost: bool [h, w], what lies in front of the garment, see `order`.

    Returns:
        The scene with a layer without gaps, and the canvas with other targets beside it.
    """
    covered = scene.layer[..., 3] >= 128
    gap = _gap(scene, canvas, covered) & ~foremost
    if not gap.any():
        return scene, canvas
    aside = _aside(canvas, covered, round(4 * NARROW * scene.unit))
    legs = gap & (canvas.targets == Label.LEGS)
    # Beside skin that is seen anyway, a closed gap would be a patch on that skin.
    seen = one_of(canvas.targets, _BARED) & ~canvas.hidden
    cloth = gap & ~legs & (aside | _on_shoulders(gap, body) | _between_parts(scene))
    cloth &= ~dilate(seen, NARROW * scene.unit)
    targets = canvas.targets.copy()
    targets[legs & aside] = Label.BACKGROUND
    canvas = replace(canvas, targets=targets)
    if not cloth.any():
        return scene, canvas
    window = around(cloth, 2 * NARROW * scene.unit)
    layer, parts = scene.layer.copy(), scene.parts.copy()
    layer[window], parts[window] = _continued(layer[window], parts[window], cloth[window])
    return replace(scene, layer=layer, parts=parts), canvas


def _gap(scene: Scene, canvas: Canvas, covered: Bits) -> Bits:
    """Bared skin under the old garment, near the new one, that a disc of the limiting size does not fit into."""
    bared = one_of(canvas.targets, _BARED) & ~covered
    gone = bared & canvas.hidden & scene.is_any(OLD[scene.category])
    if not np.isin(_SLEEVES, scene.parts).any():
        gone &= canvas.targets != Label.ARMS
    if not gone.any() or not covered.any():
        return gone & covered
    legs = canvas.targets == Label.LEGS
    radius = NARROW * scene.unit
    return gone & (legs | _strips(bared, radius)) & dilate(covered, 4 * radius)


def _strips(bits: Bits, radius: float) -> Bits:
    """Where a disc of ``radius`` px does not fit into ``bits``."""
    return bits & ~dilate(erode(bits, radius), radius + 1)


def _aside(canvas: Canvas, covered: Bits, reach: int) -> Bits:
    """Where the garment lies on one side and the background on the other, in the same row within ``reach`` px."""
    row = np.ones((1, 2 * reach + 1), np.uint8)
    wall = canvas.targets == Label.BACKGROUND
    return (cv2.dilate(covered.view(np.uint8), row) > 0) & (cv2.dilate(wall.view(np.uint8), row) > 0)


def _on_shoulders(gap: Bits, body: Body) -> Bits:
    rows, columns = np.nonzero(gap)
    t = body.torso.place(np.stack([columns, rows], 1).astype(np.float32))[0]
    found = np.zeros_like(gap)
    found[rows, columns] = t < SHOULDERS
    return found


def _between_parts(scene: Scene) -> Bits:
    """Where two parts of the garment are near."""
    count = np.zeros(scene.parts.shape, np.uint8)
    for part in Part:
        bits = scene.parts == part
        if part is not Part.NONE and bits.any():
            count += dilate(bits, 2 * NARROW * scene.unit)
    return count >= 2


def _continued(layer: Bytes, parts: Bytes, cloth: Bits) -> tuple[Bytes, Bytes]:
    """A layer and its parts with their colours continued over ``cloth``."""
    inside = erode(layer[..., 3] >= 128, 1)
    if not inside.any():
        return layer, parts
    fresh = dilate(cloth, 2) & ~inside
    edge = np.clip(2 * blur((cloth | inside).astype(np.float32), 1) - 0.5, 0, 1).astype(np.float32)
    colours = to_bytes(spread_fast(to_unit(np.ascontiguousarray(layer[..., :3])), inside.astype(np.float32)))
    layer = layer.copy()
    layer[..., :3][fresh] = colours[fresh]
    layer[..., 3][fresh] = np.maximum(layer[..., 3], to_bytes(edge))[fresh]
    grown = fresh & (layer[..., 3] > 0) & (parts == Part.NONE)
    return layer, np.where(grown, parts[nearest(inside)], parts).astype(np.uint8)
