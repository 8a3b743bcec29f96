"""All control pictures of one try-on."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import Category, Label, Part
from bridge.guides.skeleton import draw_pose
from bridge.guides.surfaces import draw_depth, draw_normals
from bridge.imaging.overlay import PALETTE

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Objects = npt.NDArray[np.object_]

KINDS = ("pose", "depth", "normal", "segmentation", "edge")
"""In the order of the pictures."""

_EDGE_FROM, _EDGE_TO = 100, 200
"""Canny's two thresholds in ControlNet's own preprocessor (Zhang et al. 2023)."""
_IN_FRONT = (Label.HAIR, Label.FACE, Label.HANDS, Label.ACCESSORY)
"""What a new garment lies behind."""
_WORN: Mapping[Category, tuple[Label, ...]] = {
    Category.UPPER: (Label.UPPER,),
    Category.LOWER: (Label.LOWER,),
    Category.DRESS: (Label.UPPER, Label.LOWER, Label.DRESS),
}
"""What a garment of that category replaces."""
_SPAN = 0.012
"""How far cloth spans, as the deviation of a Gaussian, in the person's seen heights."""
_LABEL = {Category.UPPER: Label.UPPER, Category.LOWER: Label.LOWER, Category.DRESS: Label.DRESS}
_CLOTH = tuple(_LABEL.values())


class Guides:
    """Fulfils :data:`bridge.contracts.GUIDES`."""

    def __call__(
        self,
        *,
        result: Bytes,
        keypoints: Floats,
        hands: Floats,
        hand_scores: Floats,
        face_mesh: Floats,
        face_score: Floats,
        matte: Bytes,
        labels: Bytes,
        layer: Bytes,
        layer_parts: Bytes,
        garment_category: Objects,
        depth: Floats,
        normals: Floats,
        body_depth: Floats,
        body_normals: Floats,
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Draw; inputs and outputs as in the contract. Without a body there are no pictures of depth and normals."""
        category = Category(garment_category[0].decode())
        body = body_depth > 0
        worn = dressed_labels(labels, layer, layer_parts, category, body if body.any() else matte >= 128)
        person = whole_person(matte, layer, layer_parts, worn)
        height, width = labels.shape
        cloth = np.isin(worn, _CLOTH)
        draped = cloth & (depth > 0) if depth.size else np.zeros_like(cloth)
        pictures = {
            "pose": draw_pose(
                (height, width), keypoints, hands, hand_scores, face_mesh, float(face_score[0])
            ),
            "segmentation": np.array([PALETTE[label] for label in Label], np.uint8)[worn],
            "edge": draw_edges(result),
        }
        if body.any():
            pictures["depth"] = draw_depth(before(depth, hung(body_depth, cloth), draped), person)
            pictures["normal"] = draw_normals(before(normals, hung(body_normals, cloth), draped), person)
        kinds = [kind for kind in KINDS if kind in pictures]
        return {
            "controls": np.stack([pictures[kind] for kind in kinds]),
            "control_kinds": np.array([kind.encode() for kind in kinds], np.object_),
        }


def whole_person(matte: Bytes, layer: Bytes, parts: Bytes, worn: Bytes) -> Floats:
    """Return the matte [0, 1] of the person in the new garment; the arguments are those of :func:`dressed_labels`."""
    garment = np.where(parts != Part.NONE, layer[..., 3], 0)
    person = np.maximum(matte, garment).astype(np.float32) / 255
    person[worn == Label.BACKGROUND] = 0
    return person


def dressed_labels(
    labels: Bytes, layer: Bytes, parts: Bytes, category: Category, body: npt.NDArray[np.bool_]
) -> Bytes:
    """Return the Label of every pixel once the new garment is worn, as far as it can be told from the layer.

    Where the old garment hung over and the new one doesn't, there is the body's skin, or the background.

    Args:
        labels: ``[h, w]``, of the photo.
        layer: ``[h, w, 4]``, the new garment as the expert laid it.
        parts: ``[h, w]``, Part of its pixels.
        category: the new garment's; never auto.
        body: ``[h, w]``, where the fitted body is.
    """
    dressed = labels.copy()
    for old in _WORN[category]:
        taken_off = labels == old
        dressed[taken_off] = Label.BACKGROUND
        dressed[taken_off & body] = Label.LEGS if old is Label.LOWER else Label.ARMS
    covered = (layer[..., 3] >= 128) & (parts != Part.NONE) & ~np.isin(labels, _IN_FRONT)
    dressed[covered] = _LABEL[category]
    return dressed


def hung(skin: Floats, cloth: npt.NDArray[np.bool_]) -> Floats:
    """Return a map of the body with what cloth covers smoothed.

    Cloth spans what skin shows, and a finisher that is given a navel draws one.

    Args:
        skin: ``[h, w]`` or ``[h, w, 3]``; zeros where there is no body.
        cloth: ``[h, w]``.
    """
    there = (skin if skin.ndim == 2 else np.abs(skin).sum(2)) > 0
    rows = np.flatnonzero(there.any(axis=1))
    if not rows.size:
        return skin
    sigma = _SPAN * float(rows[-1] - rows[0] + 1)
    share = cv2.GaussianBlur(there.astype(np.float32), (0, 0), sigma)
    smooth = cv2.GaussianBlur(skin, (0, 0), sigma) / np.maximum(share, 1e-6)[(..., *[None] * (skin.ndim - 2))]
    over = cloth & there
    return np.where(over if skin.ndim == 2 else over[..., None], smooth, skin).astype(np.float32)


def before(garment: Floats, body: Floats, draped: npt.NDArray[np.bool_]) -> Floats:
    """Return the body's map with the draped garment's over it, which is empty when nothing was draped."""
    if not garment.size:
        return body
    return np.where(draped if body.ndim == 2 else draped[..., None], garment, body).astype(np.float32)


def draw_edges(picture: Bytes) -> Bytes:
    """Return the picture's edges by Canny (1986), white on black."""
    edges = cv2.Canny(picture, _EDGE_FROM, _EDGE_TO)
    return np.repeat(edges[..., None], 3, axis=2)
