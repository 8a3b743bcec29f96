"""Contract COMPOSE: the old garment hidden, the new one laid, lit and blended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bridge.compose.dress import dress
from bridge.compose.pixels import Bits, Bytes, Floats, around, to_bytes
from bridge.compose.scene import JAW, OLD, SURE, Scene, split_dress
from bridge.contracts import Category
from bridge.imaging.seed import resolve_seed

MARGIN = 0.25
"""How much of the photo around the edit the painters see, over the distance of the shoulder joints."""


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
            jaw=(face_mesh[list(JAW), :2] - 0.5).astype(np.float32) if face_score[0] >= SURE else None,
            hands=tuple((hand[:, :2] - 0.5).astype(np.float32) for hand in hands[hand_scores >= SURE]),
            layer=layer,
            parts=layer_parts,
            region=region >= 128 if region.size else None,
            category=category,
        )
        random = np.random.default_rng(resolve_seed(int(seed[0]), image, layer))
        result, edit, agnostic = _pasted(scene, random)
        return {"result": result, "edit_mask": edit.astype(np.uint8) * np.uint8(255), "agnostic": agnostic}


def _pasted(scene: Scene, random: np.random.Generator) -> tuple[Bytes, Bits, Bytes]:
    """Work in the window that may change, and paste only what may change into the photo."""
    edit = np.zeros(scene.labels.shape, bool)
    result, agnostic = scene.image.copy(), scene.image.copy()
    change = _change(scene)
    if change.any():
        window = around(change, MARGIN * scene.unit)
        near = scene.crop(window)
        dressed = dress(near, random)
        # The last step of all: outside the edit mask the photo's own bytes.
        edit[window] = dressed.changed
        np.copyto(result[window], to_bytes(dressed.picture), where=dressed.changed[..., None])
        np.copyto(agnostic[window], to_bytes(dressed.behind), where=dressed.hidden[..., None])
    return result, edit, agnostic


def _change(scene: Scene) -> Bits:
    """Where something is certain to change."""
    if scene.region is not None:
        return scene.region
    return scene.is_any(OLD[scene.category]) | (scene.layer[..., 3] > 0)
