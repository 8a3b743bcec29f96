"""Which part of the body a piece of skin belongs to: the skeleton decides, not the colour."""

from __future__ import annotations

import numpy as np

from bridge.contracts import Label
from bridge.perception.body import Body
from bridge.perception.nets import Float32, UInt8
from bridge.perception.places import Places
from bridge.perception.view import View


def skin_labels(view: View, body: Body, places: Places) -> UInt8:
    """Return the label ``[h, w]`` that each working pixel has if it is skin; NECK outside the person."""
    labels = np.full(len(view.xy), Label.NECK, np.uint8)
    arm = places.off_arms
    leg = np.minimum(places.legs[0][1], places.legs[1][1])
    labels[(leg < 1.5) & (places.down > 0.9) & (leg < arm)] = Label.LEGS
    labels[_on_arm(places, arm)] = Label.ARMS
    labels[places.hand | _beyond_wrist(body, view.xy, arm)] = Label.HANDS
    labels[places.face | (places.head[1] > -0.35)] = Label.FACE
    out = np.full(view.person.shape, Label.NECK, np.uint8)
    out[view.person] = labels
    return out


def _on_arm(places: Places, off: Float32) -> np.ndarray:
    """An arm begins at the shoulder's joint; what lies further in, above the armpit, is chest."""
    outer = (np.abs(places.aside) > 0.42) | (places.down > 0.3)
    return (off < 1.6) & outer


def _beyond_wrist(body: Body, xy: Float32, off: Float32) -> np.ndarray:
    """Return which pixels lie past a wrist, seen from the elbow, and near it."""
    beyond = np.zeros(len(xy), bool)
    for limb in body.arms:
        _, elbow, wrist = limb.joints
        bone = wrist - elbow
        length = max(float(np.linalg.norm(bone)), 1.0)
        past = (xy - wrist) @ (bone / length)
        beyond |= (past > 0) & (np.linalg.norm(xy - wrist, axis=1) < 0.9 * length)
    return beyond & (off < 4)
