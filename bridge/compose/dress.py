"""Back to front: what lies behind, shadows, the new garment, what lies in front of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from bridge.compose.body import find_body, without_stray_arms
from bridge.compose.fill import grain_of, local_mean
from bridge.compose.gaps import close_gaps
from bridge.compose.hidden import blank, strands
from bridge.compose.light import find_light
from bridge.compose.matting import Cutout, lift_hair
from bridge.compose.order import in_front
from bridge.compose.paint import Painted, paint_hidden
from bridge.compose.pixels import Bits, Floats, around, dilate, erode, largest, mix, shade, soft
from bridge.compose.scene import OLD, Scene, one_of, tidied
from bridge.compose.shadow import contact_shadow, darken
from bridge.compose.worn import dress_up
from bridge.contracts import Label

UNSHADED = (Label.BACKGROUND, Label.FACE, Label.HAIR)
"""On these the garment casts no contact shadow: it does not lie on them."""
SOLID = 160
"""Cloth has this alpha at least; fainter pixels are its soft edge."""


@dataclass(frozen=True)
class Dressed:
    """The outcome in one window; pictures are FP32 [h, w, 3], the others bool [h, w]."""

    picture: Floats  # the person in the new garment
    changed: Bits  # where ``picture`` may differ from the photo
    behind: Floats  # what lies behind the old garment, without the new one
    hidden: Bits  # where ``behind`` may differ from the photo


def dress(scene: Scene, random: np.random.Generator) -> Dressed:
    """Undress and dress the person.

    Args:
        scene: the photo, what is known of it, and the layer.
        random: for grain and strands.

    Returns:
        The pictures and where they may differ from the photo.
    """
    scene = replace(scene, labels=tidied(scene.labels, OLD[scene.category], scene.unit))
    body, band = find_body(scene), strands(scene)
    scene = replace(scene, labels=without_stray_arms(scene.labels, body))
    canvas = blank(scene, body, band)
    foremost = in_front(canvas.targets, scene.parts, body, scene.category)
    scene, canvas = close_gaps(scene, canvas, body, foremost)
    light, noise = find_light(scene, canvas), grain_of(canvas.picture, ~canvas.hidden)
    with ThreadPoolExecutor() as beside:  # three works that need nothing of each other
        lifted = beside.submit(lift_hair, scene, band) if scene.region is None else None
        lit = beside.submit(dress_up, scene, light, noise, random)
        painted = paint_hidden(canvas, body, light, noise, random)
    behind, front = painted.join(), _front(scene, painted, foremost)
    alpha = _coverage(scene)
    if lifted is not None:
        hair = lifted.result()
        behind, front = mix(behind, hair.colour, hair.alpha * canvas.hidden), front.below(hair)
    covered = alpha * (1 - front.alpha)
    on_skin = contact_shadow(covered, light, scene.unit) * ~one_of(canvas.targets, UNSHADED)
    on_cloth = contact_shadow(front.alpha, light, scene.unit)
    worn = shade(lit.result(), 1 - on_cloth)
    picture = mix(darken(behind, on_skin), mix(worn, front.colour, front.alpha), alpha)
    changed = canvas.hidden | (covered > 0) | (on_skin > 0) if scene.region is None else scene.region
    return Dressed(picture, changed, behind, canvas.hidden)


def _coverage(scene: Scene) -> Floats:
    """The layer's alpha where it may lie, FP32 [h, w] in [0, 1]; faint traces beside no solid cloth are dropped."""
    solid = dilate(scene.layer[..., 3] >= SOLID, 2)
    kept = solid if scene.region is None else solid & scene.region
    return np.where(kept, scene.layer[..., 3], 0).astype(np.float32) / 255


def _front(scene: Scene, painted: Painted, bits: Bits) -> Cutout:
    """What lies in front of the garment, hair that is lifted off the photo aside."""
    if scene.region is not None:
        # Under a mask everything is painted, and painted colours are pure.
        return Cutout(painted.join(bits), soft(bits, 1.0))
    bits = bits & (scene.labels != Label.HAIR)
    colour = painted.join(bits)
    over = bits & (scene.layer[..., 3] > 0)
    if over.any():
        window = around(over, 6)
        colour[window] = _purified(colour[window], bits[window])
    return Cutout(colour, soft(bits, 1.0))


def _purified(picture: Floats, bits: Bits) -> Floats:
    """Replace the colours at the rim of ``bits`` by those a little further in."""
    inside = erode(bits, 1.5)
    rim = dilate(bits, 3) & ~inside
    near = local_mean(picture, inside.astype(np.float32), 1.5)
    return cast(Floats, np.where((rim & (largest(near) > 0))[..., None], near, picture))
