"""What is seen at every pixel, without a learned parser: colours learnt from this photo, placed by the skeleton.

A pixel's score for a material (skin, hair, upper garment ...) is the log likelihood of its colour plus how
well the material fits its place on the body. Stray islands are given to their second best material, the guided
filter draws the scores' edges along the photo's, and skin is divided into face, neck, arms, hands and legs by
the skeleton alone.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bridge.contracts import Label
from bridge.perception.appearance import learn
from bridge.perception.body import Body, Head
from bridge.perception.islands import without_islands
from bridge.perception.labelling import label
from bridge.perception.materials import Material, ranked, scores, with_local_colours
from bridge.perception.nets import Arrays, Float32, UInt8
from bridge.perception.places import Places
from bridge.perception.regions import skin_labels
from bridge.perception.view import View

_LEAST = 0.5  # face and hand scores below count as not seen


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
        look = learn(view, body, places)
        found = without_islands(view, places, look, scores(view, body, places, look))
        found = without_islands(view, places, look, with_local_colours(view, found))
        rows, columns = (
            slice(view.top, view.top + view.full.shape[0]),
            slice(view.left, view.left + view.full.shape[1]),
        )
        labels[rows, columns] = label(
            view, found, skin_labels(view, body, places, ranked(found)[0] == Material.SKIN)
        )
        if look.waist.dress:
            labels[np.isin(labels, (Label.UPPER, Label.LOWER))] = Label.DRESS
        labels[matte < 128] = Label.BACKGROUND
        return {"labels": labels}
