"""Which part of the body a piece of skin belongs to: the skeleton decides, not the colour."""

from __future__ import annotations

import cv2
import numpy as np

from bridge.contracts import BodyPoint as P
from bridge.contracts import Label
from bridge.perception.body import Body
from bridge.perception.nets import Bool, Float32, UInt8
from bridge.perception.places import Places
from bridge.perception.view import View

_SEEN = 0.5  # visibility from which a wrist says where a hand begins

_HANDS = (
    (P.LEFT_WRIST, P.LEFT_INDEX, P.LEFT_PINKY),
    (P.RIGHT_WRIST, P.RIGHT_INDEX, P.RIGHT_PINKY),
)


def skin_labels(view: View, body: Body, places: Places, bare: Bool) -> UInt8:
    """Return the label ``[h, w]`` that each working pixel has if it is skin; NECK outside the person.

    Args:
        view: the working picture.
        body: its skeleton.
        places: its pixels' places.
        bare: which pixels [n] are skin.
    """
    labels = np.full(len(view.xy), Label.NECK, np.uint8)
    arm = places.off_arms
    leg = np.minimum(places.legs[0][1], places.legs[1][1])
    labels[(leg < 1.5) & (places.down > 0.9) & (leg < arm)] = Label.LEGS
    labels[_on_arm(places, arm)] = Label.ARMS
    throat = (np.abs(places.aside) < 0.35) & (places.down < 0.25)
    labels[places.hand | (_beyond_wrist(body, view.xy) & ~throat)] = Label.HANDS
    labels[places.face | (places.head[1] > -0.35)] = Label.FACE
    labels = _without_stray_chest(view, labels, bare & ((places.down < 0.5) | (arm < 2.5)), throat)
    out = np.full(view.person.shape, Label.NECK, np.uint8)
    out[view.person] = labels
    return out


def _without_stray_chest(view: View, labels: UInt8, bare: Bool, throat: Bool) -> UInt8:
    """Give bare skin that a strap or sleeve parts from the throat to the limb that it hangs together with."""
    _count, parts = cv2.connectedComponents(view.picture(bare.astype(np.float32)).astype(np.uint8))
    part = parts[view.person]
    strays = np.setdiff1d(part[bare & (labels == Label.NECK)], part[bare & throat])
    for stray in strays:
        inside = part == stray
        counts = np.bincount(labels[inside], minlength=len(Label))
        counts[Label.NECK] = 0
        if counts.any():
            labels[inside & (labels == Label.NECK)] = counts.argmax()
    return labels


def _on_arm(places: Places, off: Float32) -> Bool:
    """An arm begins at the shoulder's joint; what lies further in, above the armpit, is chest."""
    outer = (np.abs(places.aside) > 0.42) | (places.down > 0.3)
    return (off < 1.6) & outer


def _beyond_wrist(body: Body, xy: Float32) -> Bool:
    """Return which pixels lie past a wrist that is seen, where the pose has the fingers."""
    beyond = np.zeros(len(xy), bool)
    for wrist, index, pinky in _HANDS:
        if body.seen[wrist] < _SEEN:
            continue
        knuckles = body.points[[index, pinky]].mean(axis=0)
        palm = knuckles - body.points[wrist]
        length = max(float(np.linalg.norm(palm)), 1.0)
        along = (xy - body.points[wrist]) @ (palm / length)
        aside = np.linalg.norm(xy - body.points[wrist] - along[:, None] * (palm / length), axis=1)
        beyond |= (along > 0) & (along < 2.6 * length) & (aside < 1.1 * length)
    return beyond
