"""Contract COMPOSE: the old garment hidden, the new one laid, lit and blended."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from bridge.compose.body import Body, find_body
from bridge.compose.fill import local_mean
from bridge.compose.hidden import blank, strands
from bridge.compose.light import find_light
from bridge.compose.matting import Cutout, lift_hair
from bridge.compose.order import in_front
from bridge.compose.paint import Painted, paint_hidden
from bridge.compose.pixels import Bits, Bytes, Floats, around, dilate, erode, mix, soft, to_bytes
from bridge.compose.scene import FACE_SURE, JAW, OLD, Scene, one_of, split_dress, tidied
from bridge.compose.shadow import contact_shadow
from bridge.compose.worn import dress_up
from bridge.contracts import Category, Label

MARGIN = 0.4
"""How much of the photo around the edit the painters see, over the distance of the shoulder joints."""
UNSHADED = (Label.BACKGROUND, Label.FACE, Label.HAIR)
"""On these the garment casts no contact shadow: it does not lie on them."""


class Composer:
    """Answers contract COMPOSE. Holds no state: the same input gives the same bytes."""

    def __call__(
        self,
        image: Bytes,
        keypoints: Floats,
        matte: Bytes,
        labels: Bytes,
        face_mesh: Floats,
        face_score: Floats,
        hands: Floats,
        hand_scores: Floats,
        region: Bytes,
        garment_category: npt.NDArray[np.object_],
        layer: Bytes,
        layer_parts: Bytes,
        seed: npt.NDArray[np.int64],
    ) -> Mapping[str, npt.NDArray[Any]]:
        """Dress the person; tensors as the contract says.

        Returns:
            ``result``, ``edit_mask`` and ``agnostic``.
        """
        category = Category(garment_category[0].decode())
        points = (keypoints[:, :2] - 0.5).astype(np.float32)
        scene = Scene(
            image=image,
            matte=matte,
            labels=split_dress(labels, points, category),
            points=points,
            depth=keypoints[:, 2],
            jaw=(face_mesh[list(JAW), :2] - 0.5).astype(np.float32) if face_score[0] >= FACE_SURE else None,
            layer=layer,
            parts=layer_parts,
            region=region >= 128 if region.size else None,
            category=category,
        )
        random = np.random.default_rng(_seed(int(seed[0]), image, layer))
        result, edit, agnostic = _pasted(scene, random)
        return {"result": result, "edit_mask": edit.astype(np.uint8) * np.uint8(255), "agnostic": agnostic}


def _seed(seed: int, image: Bytes, layer: Bytes) -> int:
    """The caller's seed, or one that the pictures determine."""
    return seed if seed >= 0 else zlib.crc32(layer.tobytes(), zlib.crc32(image.tobytes()))


def _pasted(scene: Scene, random: np.random.Generator) -> tuple[Bytes, Bits, Bytes]:
    """Work in the window that may change, and paste only what may change into the photo."""
    edit = np.zeros(scene.labels.shape, bool)
    result, agnostic = scene.image.copy(), scene.image.copy()
    change = _change(scene)
    if change.any():
        window = around(change, MARGIN * scene.unit)
        near = scene.crop(window)
        dressed, may_change, bare, hidden = _dressed(near, random)
        # The last step of all: outside the edit mask the photo's own bytes.
        edit[window] = may_change
        result[window] = np.where(may_change[..., None], to_bytes(dressed), near.image)
        agnostic[window] = np.where(hidden[..., None], to_bytes(bare), near.image)
    return result, edit, agnostic


def _change(scene: Scene) -> Bits:
    """Where something is certain to change."""
    if scene.region is not None:
        return scene.region
    return scene.is_any(OLD[scene.category]) | (scene.layer[..., 3] > 0)


def _dressed(scene: Scene, random: np.random.Generator) -> tuple[Floats, Bits, Floats, Bits]:
    """Back to front: what lies behind, shadows, the garment, what lies in front of it.

    Returns:
        The dressed picture, where it may differ from the photo, the undressed one, and where that may differ.
    """
    scene = replace(scene, labels=tidied(scene.labels, OLD[scene.category], scene.unit))
    body = find_body(scene)
    canvas = blank(scene, body)
    light = find_light(scene, canvas)
    painted = paint_hidden(canvas, body, light, random)
    behind = painted.join(np.ones_like(canvas.hidden))
    front = _front(scene, painted, body)
    alpha = scene.layer[..., 3].astype(np.float32) / 255
    if scene.region is None:
        hair = lift_hair(scene, strands(scene))
        behind = mix(behind, hair.colour, hair.alpha * canvas.hidden)
        front = front.below(hair)
    else:
        alpha = alpha * scene.region
    covered = alpha * (1 - front.alpha)
    on_skin = contact_shadow(covered, light, scene.unit) * ~one_of(canvas.targets, UNSHADED)
    on_cloth = contact_shadow(front.alpha, light, scene.unit) * (alpha > 0)
    worn = dress_up(scene, light, random) * (1 - on_cloth)[..., None]
    under = behind * (1 - on_skin)[..., None]
    dressed = mix(under, mix(worn, front.colour, front.alpha), alpha)
    may_change = scene.region if scene.region is not None else canvas.hidden | (covered > 0) | (on_skin > 0)
    return dressed, may_change, behind, canvas.hidden


def _front(scene: Scene, painted: Painted, body: Body) -> Cutout:
    """What lies in front of the garment, hair that is lifted off the photo aside."""
    bits = in_front(painted.canvas.targets, scene.parts, body, scene.category)
    if scene.region is None:
        bits &= scene.labels != Label.HAIR
    return Cutout(_purified(painted.join(bits), bits), soft(bits, 1.0))


def _purified(picture: Floats, bits: Bits) -> Floats:
    """Replace the colours at the rim of ``bits`` by those a little further in."""
    inside = erode(bits, 1.5)
    rim = dilate(bits, 3) & ~inside
    near = local_mean(picture, inside.astype(np.float32), 1.5)
    known = near.max(2) > 0
    return cast(Floats, np.where((rim & known)[..., None], near, picture))
