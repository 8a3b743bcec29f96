"""The new garment in the photo's light."""

from __future__ import annotations

from typing import cast

import numpy as np

from bridge.compose.fill import grain, grain_of, local_mean
from bridge.compose.light import Light, inflate
from bridge.compose.pixels import (
    Bits,
    Floats,
    around,
    blur,
    erode,
    largest,
    luma,
    resize,
    shade,
    smoothstep,
    to_unit,
)
from bridge.compose.scene import OLD, Scene
from bridge.contracts import Part

ROUNDNESS = {Part.TORSO: 0.30, Part.SKIRT: 0.30}
"""How far from its edge a part is round, over the distance of the shoulder joints."""
LIMB_ROUNDNESS = 0.14
EDGE_FALLOFF = 0.10
"""How much darker cloth is where it turns away. A product photo has some of this already, so it is less than skin's."""
FOLDS = 0.5
"""How much of the old garment's folds the new one takes over: other cloth folds otherwise, but in the same places."""
FOLD_LIMIT = 0.22
"""Deeper than this, a dark place is no fold but a pattern."""
PATTERN = 0.02
"""Mean fine contrast (luma) above which cloth counts as patterned."""
STEP = 2


def dress_up(scene: Scene, light: Light, noise: float, random: np.random.Generator) -> Floats:
    """Light the layer as the photo is lit, and give it the photo's grain.

    Args:
        scene: with the layer.
        light: the photo's light.
        noise: standard deviation of the photo's grain.
        random: for the grain.

    Returns:
        FP32 [h, w, 3], the layer's colours; meaningful where its alpha is above 0.
    """
    lit = np.zeros((*scene.parts.shape, 3), np.float32)
    covered = scene.layer[..., 3] > 0
    if not covered.any():
        return lit
    window = around(covered, 4)
    near, inside = scene.crop(window), covered[window]
    colours = to_unit(np.ascontiguousarray(near.layer[..., :3]))
    gain = _rounded(near, light)
    if scene.region is None:
        gain = gain * (1 + FOLDS * folds(near))
    # The garment's colour is its own: only the distribution of light on it changes.
    gain /= float(gain[inside].mean())
    missing = max(noise**2 - grain_of(colours, inside) ** 2, 0.0) ** 0.5
    lit[window] = shade(colours, gain) + grain(inside.shape, missing, random)
    return lit


def _rounded(scene: Scene, light: Light) -> Floats:
    """The brightness of each part's cushion shape, FP32 [h, w] around 1."""
    pieces = scene.parts[::STEP, ::STEP]
    gain = np.ones(pieces.shape, np.float32)
    for part in Part:
        inside = pieces == part
        if part is Part.NONE or not inside.any():
            continue
        radius = ROUNDNESS.get(part, LIMB_ROUNDNESS) * scene.unit / STEP
        right, down = inflate(inside, radius)
        gain = np.where(inside, light.on(right, down, EDGE_FALLOFF), gain)
    smooth = local_mean(gain, (pieces > 0).astype(np.float32), 1.5)
    return resize(np.where(smooth > 0, smooth, 1).astype(np.float32), scene.parts.shape)


def folds(scene: Scene) -> Floats:
    """The folds of the old garment, if its cloth is plain: relative brightness, FP32 [h, w] around 0."""
    old = erode(scene.is_any(OLD[scene.category]), 3)[::STEP, ::STEP]
    if old.sum() < 400:
        return np.zeros(scene.labels.shape, np.float32)
    picture = to_unit(np.ascontiguousarray(scene.image[::STEP, ::STEP]))
    weight = old * _plain(picture, old)
    brightness = luma(picture)
    level = local_mean(brightness, weight, 0.12 * scene.unit / STEP)
    fine = local_mean(brightness, weight, 1.0)
    relative = (fine - level) / np.maximum(level, 0.12)
    deep = smoothstep(1.6 * FOLD_LIMIT, FOLD_LIMIT, np.abs(relative))
    fade = np.clip(blur(weight.astype(np.float32), 0.02 * scene.unit) * 2 - 1, 0, 1)
    return resize(cast(Floats, relative * deep * fade), scene.labels.shape)


def _plain(picture: Floats, old: Bits) -> Floats:
    """Where the old cloth has its one colour and no pattern, FP32 [h, w] in [0, 1]; 0 if most of it is patterned."""
    brightness = luma(picture)
    chroma = picture - brightness[..., None]
    off = largest(np.abs(chroma - np.median(chroma[old], axis=0)))
    texture = blur(np.abs(brightness - blur(brightness, 1.5)), 3)
    step = np.abs(brightness - np.median(brightness[old]))
    plain = (
        smoothstep(0.08, 0.04, off) * smoothstep(2 * PATTERN, PATTERN, texture) * smoothstep(0.5, 0.3, step)
    )
    share = float(plain[old].mean())
    return cast(Floats, plain * np.float32(np.clip(4 * share - 2, 0, 1)))
