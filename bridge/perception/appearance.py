"""What this person's skin, hair and clothes look like, learnt from where the skeleton says that they must be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridge.perception.colours import Colours
from bridge.perception.nets import Bool, Float32
from bridge.perception.places import Places
from bridge.perception.view import View

_SKIN_SPREAD = np.array([25.0, 7.0, 9.0], np.float32)  # of one person's skin in one light, Lab
_ANY_SKIN = np.array([70.0, 12.0, 18.0], np.float32)  # the middle of all tones, used when no face is seen
_ANY_SPREAD = np.array([25.0, 10.0, 13.0], np.float32)
_BINS = 20  # along a limb
_UPPER_SEED = (0.42, 0.12, 0.62)  # |aside| below, down between


@dataclass(frozen=True)
class Cover:
    """How far clothes reach along each limb: 0 to 2, as Places counts; left, right."""

    sleeves: tuple[float, float]
    legs: tuple[float, float]


@dataclass(frozen=True)
class Appearance:
    """Colour models; None where the photo shows no such thing."""

    skin: Colours
    hair: Colours | None
    upper: Colours
    lower: Colours | None
    shoes: Colours | None
    cover: Cover
    waist: float  # where upper garment ends and lower begins, as Places.down counts


def learn(view: View, places: Places) -> Appearance:
    """Learn everything from one view."""
    tone, spread = _skin_tone(view, places)
    like = (((view.lab - tone) / spread) ** 2).sum(axis=1) < 4
    cover = Cover(
        _pair([_covered(limb, like & view.sure, 0.45, view.sure) for limb in places.arms]),
        _pair([_hem(_covered(limb, like & view.sure, 0.4, view.sure)) for limb in places.legs]),
    )
    skin = _skin(view, places, tone, like, cover)
    hair = _hair(view, places, like)
    upper = _upper(view, places, like, cover)
    lower = _lower(view, places, like, cover)
    shoes = _model(view.lab[_shoe_seeds(places) & view.sure & ~like], 3)
    waist = _waist(view, places, upper, lower) if lower else np.inf
    return Appearance(skin, hair, upper, lower, shoes, cover, waist)


def _pair(values: list[float]) -> tuple[float, float]:
    return values[0], values[1]


def _model(samples: Float32, components: int, least: int = 60) -> Colours | None:
    return Colours.learn(samples, components) if len(samples) >= least else None


def _skin_tone(view: View, places: Places) -> tuple[Float32, Float32]:
    """Return the skin's middle colour and how far it strays: the face's core, without eyes, lips and hair."""
    samples = view.lab[places.face & view.sure]
    if len(samples) < 50:
        samples = view.lab[places.hand & view.sure]
        near = (((samples - _ANY_SKIN) / _ANY_SPREAD) ** 2).sum(axis=1) < 4
        if near.sum() < 30:
            return _ANY_SKIN, _ANY_SPREAD
        return np.median(samples[near], axis=0), _SKIN_SPREAD
    tone = np.median(samples, axis=0)
    for _ in range(3):
        distance = (((samples - tone) / _SKIN_SPREAD) ** 2).sum(axis=1)
        tone = samples[distance <= np.percentile(distance, 60)].mean(axis=0)
    return np.asarray(tone, np.float32), _SKIN_SPREAD


def _covered(limb: tuple[Float32, Float32], skin: Bool, core: float, sure: Bool) -> float:
    """Return how far along a limb its cover reaches: where "no skin before, skin behind" fits best."""
    along, off = limb
    inside = (off < core) & sure
    bins = np.minimum((along * _BINS / 2).astype(int), _BINS - 1)
    count = np.bincount(bins[inside], minlength=_BINS)
    bare = np.bincount(bins[inside & skin], minlength=_BINS)
    vote = np.where(count > 3, bare / np.maximum(count, 1) - 0.5, 0)
    before = np.concatenate([[0], np.cumsum(vote)])
    return float(np.argmax(before[-1] - 2 * before)) * 2 / _BINS


def _hem(reach: float) -> float:
    """Return how far a leg's cover reaches; nobody is bare from the hip on: that is cloth as brown as skin."""
    return reach if reach > 0.1 else 2.0


def _skin(view: View, places: Places, tone: Float32, like: Bool, cover: Cover) -> Colours:
    """Return the face's colours, those of bare limbs, and a broad one for skin in another light."""
    parts = [Colours(tone[None], (_SKIN_SPREAD[None] * 0.7) ** 2, np.ones(1, np.float32))]
    face = view.lab[places.face & view.sure & like]
    if len(face) > 50:
        parts.append(Colours.learn(face, 2, np.array([30, 6, 8], np.float32)))
    bare = np.zeros(len(view.xy), bool)
    for (along, off), end in zip(places.arms, cover.sleeves, strict=True):
        bare |= (along > end + 0.1) & (off < 0.45)
    bare &= like & view.sure
    if bare.sum() > 50:
        parts.append(Colours.learn(view.lab[bare], 3, np.array([16, 5, 6], np.float32)))
    return Colours.join(*parts)


def _hair(view: View, places: Places, like: Bool) -> Colours | None:
    """Learn from the ring around the face, from the mouth upwards."""
    x, y = places.head
    ring = (np.hypot(x / 0.75, (y - 0.1) / 0.85) < 1) & (y > -0.15) & ~places.face
    return _model(view.lab[ring & view.sure & ~like], 4)


def _upper(view: View, places: Places, like: Bool, cover: Cover) -> Colours:
    """Learn from the torso and, apart from it, from the sleeves, which may have another colour."""
    aside, top, bottom = _UPPER_SEED
    torso = (
        (np.abs(places.aside) < aside)
        & (places.down > top)
        & (places.down < bottom)
        & (places.head[1] < -0.6)
    )
    torso &= view.sure
    seeds = torso & ~like
    if seeds.sum() < 0.2 * torso.sum():  # a skin-coloured top, and not that much bare skin
        seeds = torso
    sleeves = np.zeros(len(view.xy), bool)
    for (along, off), end in zip(places.arms, cover.sleeves, strict=True):
        sleeves |= (off < 0.6) & (along < end - 0.05)
    sleeves &= view.sure & ~like & (np.hypot(*places.head) > 1)
    samples = view.lab[seeds] if seeds.any() else view.lab
    models = [Colours.learn(samples, 5)]
    if sleeves.sum() > 50:
        models.append(Colours.learn(view.lab[sleeves], 3))
    return Colours.join(*models)


def _lower(view: View, places: Places, like: Bool, cover: Cover) -> Colours | None:
    seeds = np.zeros(len(view.xy), bool)
    for (along, off), end in zip(places.legs, cover.legs, strict=True):
        seeds |= (off < 0.6) & (along > 0.25) & (along < min(1.0, end))
    seeds &= view.sure & (places.off_arms > 1) & ~places.hand
    if min(cover.legs) < 2:
        seeds &= ~like
    return _model(view.lab[seeds], 4)


def _shoe_seeds(places: Places) -> Bool:
    seeds = [(along > 0.5) & (off < 0.7) for along, off in places.feet]
    return np.asarray(seeds[0] | seeds[1])


def _waist(view: View, places: Places, upper: Colours, lower: Colours) -> float:
    """Return where "upper above, lower below" fits the colours of the body's middle best."""
    middle = (np.abs(places.aside) < 0.3) & view.sure & (places.off_arms > 1) & ~places.hand
    middle &= (places.down > 0.4) & (places.down < 1.4)
    lab = view.lab[middle]
    gain = np.clip(upper.log_likelihood(lab) - lower.log_likelihood(lab), -3, 3)
    bins = np.clip(((places.down[middle] - 0.4) * 40).astype(int), 0, 39)
    rows = np.bincount(bins, gain, 40) / np.maximum(np.bincount(bins, minlength=40), 1)
    above = np.concatenate([[0], np.cumsum(rows)])
    edges = 0.4 + np.arange(41) / 40
    return float(edges[np.argmax(2 * above - above[-1] - 0.8 * np.abs(edges - 0.95))])
