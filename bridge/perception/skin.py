"""Which colours may be this person's skin.

Within one photo skin keeps its hue, while light and tan change its lightness and chroma; so the test is in the
polar form of Lab, around the middle tones of the places that are surely bare: the face and the hands.
"""

from __future__ import annotations

import numpy as np

from bridge.perception.nets import Bool, Float32
from bridge.perception.places import Places
from bridge.perception.view import View

_ANY = np.array([70.0, 12.0, 18.0], np.float32)  # the middle of all tones, for photos that show neither
_HUE, _WIDE_HUE = 0.28, 0.45  # how far the hue may stray from a tone that was seen, or from _ANY [rad]
_CHROMA = (0.55, 2.1)  # of the tone's
_LIGHTNESS = (-45.0, 18.0)  # from the tone's
_CORE = np.array([25.0, 7.0, 9.0], np.float32)  # how far a face's colours lie from their middle, Lab
_GREY, _GREY_RANGE = 4.0, 18.0  # chroma below which a photo has no colours, and lightness around the tone
_LEAST = 40  # pixels


def tones(view: View, places: Places) -> list[Float32]:
    """Return the middle colours [3] of the face and of the hands, of those that are seen."""
    face = view.lab[places.face & view.sure]
    hand = view.lab[places.hand & view.sure]
    found = [_middle(face)] if len(face) >= _LEAST else []
    reference = found[0] if found else _ANY
    hand = hand[
        _near(hand, reference, _HUE if found else _WIDE_HUE)
    ]  # the hull holds cloth between the fingers
    return [*found, _middle(hand)] if len(hand) >= _LEAST else found


def like(lab: Float32, known: list[Float32]) -> Bool:
    """Return which colours [n, 3] may be skin, given the person's tones."""
    if not known:
        return _near(lab, _ANY, _WIDE_HUE)
    return np.asarray(np.logical_or.reduce([_near(lab, tone, _HUE) for tone in known]))


def _middle(samples: Float32) -> Float32:
    """Return the mean of the inner 60 %: without eyes, lips and hair."""
    tone = np.median(samples, axis=0)
    for _ in range(3):
        distance = (((samples - tone) / _CORE) ** 2).sum(axis=1)
        tone = samples[distance <= np.percentile(distance, 60)].mean(axis=0)
    return np.asarray(tone, np.float32)


def _near(lab: Float32, tone: Float32, hue: float) -> Bool:
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    reference = float(np.hypot(tone[1], tone[2]))
    light = lab[:, 0] - tone[0]
    if reference < _GREY:  # a black-and-white photo: only lightness is left
        return np.asarray((np.abs(light) < _GREY_RANGE) & (chroma < 2 * _GREY))
    # the angle between (a, b) and the tone's, from their dot product
    cosine = (lab[:, 1:] @ tone[1:]) / np.maximum(chroma * reference, 1e-6)
    return np.asarray(
        (cosine > np.cos(hue))
        & (chroma > _CHROMA[0] * reference)
        & (chroma < _CHROMA[1] * reference)
        & (light > _LIGHTNESS[0])
        & (light < _LIGHTNESS[1])
    )
