"""What is seen at every pixel, without a learned parser: colours learnt from this photo, placed by the skeleton.

A pixel's score for a material (skin, hair, upper garment ...) is the log likelihood of its colour plus how
well the material fits its place on the body. Stray islands are given to their second best material, the guided
filter draws the scores' edges along the photo's, and skin is divided into face, neck, arms, hands and legs by
the skeleton alone.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from bridge.contracts import Label
from bridge.perception import guided
from bridge.perception.appearance import learn
from bridge.perception.body import Body, Head
from bridge.perception.materials import Material, scores, with_local_colours, without_islands
from bridge.perception.nets import Arrays, Float32, UInt8
from bridge.perception.places import Places
from bridge.perception.regions import skin_labels
from bridge.perception.view import View

_LEAST = 0.5  # face and hand scores below count as not seen
_CLOTHES = {
    Material.HAIR: Label.HAIR,
    Material.UPPER: Label.UPPER,
    Material.LOWER: Label.LOWER,
    Material.SHOES: Label.SHOES,
    Material.OTHER: Label.ACCESSORY,
}


class Parser(Protocol):
    """Whatever fulfils the contract ``parse``.

    A learned parser (SCHP, SegFormer) becomes one by mapping its classes to :class:`~bridge.contracts.Label`,
    bringing its scores to the photo's size and clearing what lies outside the matte; it may ignore every input
    but the image. ``model_repository/parse/1/model.py`` chooses which parser is loaded.
    """

    def __call__(
        self,
        image: UInt8,
        keypoints: Float32,
        face_mesh: Float32,
        face_score: Float32,
        hands: Float32,
        hand_scores: Float32,
        matte: UInt8,
    ) -> Arrays:
        """Return ``{"labels": uint8 [h, w]}`` for an image ``[h, w, 3]``."""


class ClassicalParser:
    """Fulfils the contract ``parse`` without weights."""

    def __call__(
        self,
        image: UInt8,
        keypoints: Float32,
        face_mesh: Float32,
        face_score: Float32,
        hands: Float32,
        hand_scores: Float32,
        matte: UInt8,
    ) -> Arrays:
        """Label every pixel of the person; shapes, units and frames are the contract's."""
        labels = np.zeros(image.shape[:2], np.uint8)
        view = View.of(image, matte)
        if view is None:
            return {"labels": labels}
        mesh = view.points(face_mesh) if face_score[0] > _LEAST else None
        body = Body(
            points=view.points(keypoints),
            seen=keypoints[:, 3],
            head=Head.of(mesh) if mesh is not None else None,
            hands=tuple(view.points(h) for h, s in zip(hands, hand_scores, strict=True) if s > _LEAST),
        )
        places = Places.of(view, body)
        look = learn(view, places)
        found = without_islands(view, places, look, scores(view, places, look))
        found = without_islands(view, places, look, with_local_colours(view, found))
        rows, columns = (
            slice(view.top, view.top + view.full.shape[0]),
            slice(view.left, view.left + view.full.shape[1]),
        )
        labels[rows, columns] = _labelled(
            view, found, skin_labels(view, body, places, found.argmax(axis=0) == Material.SKIN)
        )
        labels[matte < 128] = Label.BACKGROUND
        return {"labels": labels}


def _shares(view: View, found: Float32) -> Float32:
    """Return each material's share ``[materials, h, w]``; soft edges take theirs from the sure pixels beside them.

    Their colours are mixed with the background's and would only mislead.
    """
    share = np.exp(found - found.max(axis=0))
    share = share / share.sum(axis=0) * view.sure
    pictures = np.stack([view.picture(row) for row in share])
    weight = cv2.boxFilter(view.picture(view.sure.astype(np.float32)), -1, (7, 7))
    unsure = view.person.copy()
    unsure[view.person] = ~view.sure
    for picture in pictures:
        around = cv2.boxFilter(picture, -1, (7, 7))
        picture[unsure] = around[unsure] / np.maximum(weight[unsure], 1e-6)
    return np.asarray(pictures, np.float32)


def _labelled(view: View, found: Float32, skin: UInt8) -> UInt8:
    """Return the labels of the cut-out at full size.

    Args:
        view: the working picture.
        found: ``[materials, n]`` scores.
        skin: ``[h, w]``: the label that each working pixel has if it is skin.
    """
    share = _shares(view, found)
    full = view.full.astype(np.float32) / 255
    best = np.full(full.shape[:2], -1, np.float32)
    labels = np.asarray(cv2.resize(skin, full.shape[1::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
    result = labels.copy()
    for material in Material:
        if share[material].max() < 0.1:
            continue
        model = guided.coefficients(view.rgb, share[material], radius=4, epsilon=2e-4)
        score = guided.apply(full, model)
        better = score > best
        best[better] = score[better]
        result[better] = labels[better] if material is Material.SKIN else _CLOTHES[material]
    return result
