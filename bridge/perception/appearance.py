"""What this person's skin, hair and clothes look like, learnt from where the skeleton says that they must be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bridge.perception import skin
from bridge.perception.body import Body
from bridge.perception.colours import Colours
from bridge.perception.nets import Bool, Float32
from bridge.perception.places import Places
from bridge.perception.view import View
from bridge.perception.waist import NO_WAIST, Waist, find

_ANY_SKIN = Colours(
    np.array([[70, 12, 18]], np.float32), np.array([[225, 36, 81]], np.float32), np.ones(1, np.float32)
)
_SKIN_FLOOR = np.array([30.0, 6.0, 8.0], np.float32)  # shading moves skin further than cloth, Lab
_SHADE = np.array([80.0, 12.0, 15.0], np.float32)  # variance that the chin's shadow adds to skin, Lab
_STRANDS = np.array([60.0, 15.0, 25.0], np.float32)  # tips and strands in the light vary more, Lab
_ALIKE = -8.5  # log density from which a colour is hair's, so that a shirt isn't learnt from it
_COMMON = -12.0  # log density from which both legs share a colour
_BINS = 20  # along a limb
_UNLIKE_PAIR = 0.05  # what each bin costs by which the cover of a left and a right limb differ
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
    waist: Waist


def learn(view: View, body: Body, places: Places) -> Appearance:
    """Learn everything from one view."""
    tones = skin.tones(view, places)
    like = skin.like(view.lab, tones)
    sleeves = _covered(places.arms, like, view.sure)
    legs = _covered(places.legs, like, view.sure)
    # nobody is bare from the hip on: that is cloth as brown as skin
    cover = Cover(sleeves, legs if min(legs) > 0.1 else (2.0, 2.0))
    hair = _hair(view, places, like)
    upper = _upper(view, places, like | _alike(hair, view.lab, _ALIKE), cover)
    lower = _lower(view, places, like, cover)
    return Appearance(
        skin=_skin(view, places, like, cover),
        hair=hair,
        upper=upper,
        lower=lower,
        shoes=_model(view.lab[_shoe_seeds(places) & view.sure & ~like], 3),
        cover=cover,
        waist=find(view, body, places, upper, lower, max(cover.legs)) if lower else NO_WAIST,
    )


def _alike(model: Colours | None, lab: Float32, least: float) -> Bool:
    """Return which colours a model takes for its own."""
    return model.log_likelihood(lab) > least if model else np.zeros(len(lab), bool)


def _model(samples: Float32, components: int, least: int = 60) -> Colours | None:
    return Colours.learn(samples, components) if len(samples) >= least else None


def _covered(limbs: tuple[tuple[Float32, Float32], ...], like: Bool, sure: Bool) -> tuple[float, float]:
    """Return how far along the left and the right limb clothes reach.

    That is where "no skin before, skin behind" fits best, both limbs being rather covered alike.
    """
    left, right = (_fit(along, off, like, sure) for along, off in limbs)
    bins = np.arange(_BINS + 1)
    total = left[:, None] + right[None] - _UNLIKE_PAIR * np.abs(bins[:, None] - bins[None])
    best = np.unravel_index(int(total.argmax()), total.shape)
    return float(best[0]) * 2 / _BINS, float(best[1]) * 2 / _BINS


def _fit(along: Float32, off: Float32, like: Bool, sure: Bool) -> npt.NDArray[np.float64]:
    """Return how well each bin [bins + 1] fits as the first bare one."""
    inside = (off < 0.45) & sure
    bins = np.minimum((along * _BINS / 2).astype(int), _BINS - 1)
    count = np.bincount(bins[inside], minlength=_BINS)
    bare = np.bincount(bins[inside & like], minlength=_BINS)
    vote = np.where(count > 3, bare / np.maximum(count, 1) - 0.5, 0)
    before = np.concatenate([[0], np.cumsum(vote)])
    return np.asarray(before[-1] - 2 * before)


def _skin(view: View, places: Places, like: Bool, cover: Cover) -> Colours:
    """Return the colours of face, hands and bare limbs, each with the same share."""
    bare = np.zeros(len(view.xy), bool)
    ends = (*cover.sleeves, *cover.legs)
    for (along, off), end in zip((*places.arms, *places.legs), ends, strict=True):
        bare |= (along > end + 0.1) & (off < 0.45)
    parts = []
    for place, components in ((places.face, 3), (places.hand, 2), (bare, 3)):
        samples = view.lab[place & like & view.sure]
        if len(samples) > 50:
            parts.append(Colours.learn(samples, components, _SKIN_FLOOR))
    if not parts:
        return _ANY_SKIN
    lit = Colours.join(*parts)
    return Colours.join(lit, lit.lit(-22, 0.95, _SHADE), shares=(0.85, 0.15))


def _hair(view: View, places: Places, like: Bool) -> Colours | None:
    """Learn from the ring around the face, from the mouth upwards."""
    x, y = places.head
    ring = (np.hypot(x / 0.75, (y - 0.1) / 0.85) < 1) & (y > -0.15) & ~places.face
    model = _model(view.lab[ring & view.sure & ~like], 4)
    return Colours.join(model, model.lit(18, 1.6, _STRANDS), shares=(2 / 3, 1 / 3)) if model else None


def _upper(view: View, places: Places, other: Bool, cover: Cover) -> Colours:
    """Learn from the torso and, apart from it, from the sleeves, which may have another colour."""
    aside, top, bottom = _UPPER_SEED
    torso = (np.abs(places.aside) < aside) & (places.down > top) & (places.down < bottom)
    torso &= view.sure & (places.head[1] < -0.6)
    seeds = torso & ~other
    if seeds.sum() < 0.2 * torso.sum():  # a top with the colour of skin or hair, and not that much of these
        seeds = torso
    sleeves = np.zeros(len(view.xy), bool)
    for (along, off), end in zip(places.arms, cover.sleeves, strict=True):
        sleeves |= (off < 0.6) & (along < end - 0.05)
    sleeves &= view.sure & ~other & (np.hypot(*places.head) > 1)
    models = [Colours.learn(view.lab[seeds] if seeds.any() else view.lab, 5)]
    if sleeves.sum() > 50:
        models.append(Colours.learn(view.lab[sleeves], 3))
    return Colours.join(*models)


def _lower(view: View, places: Places, like: Bool, cover: Cover) -> Colours | None:
    """Learn from both thighs what they have in common: a bag hangs in front of one."""
    free = view.sure & (places.off_arms > 1) & ~places.hand
    if min(cover.legs) < 2:
        free &= ~like
    samples = [
        view.lab[free & (off < 0.6) & (along > 0.25) & (along < min(1.0, end))]
        for (along, off), end in zip(places.legs, cover.legs, strict=True)
    ]
    left, right = (_model(lab, 4) for lab in samples)
    if left and right:
        common = [lab[_alike(other, lab, _COMMON)] for lab, other in zip(samples, (right, left), strict=True)]
        if 0.4 < sum(map(len, common)) / sum(map(len, samples)) < 0.8:
            samples = common
    return _model(np.concatenate(samples), 4)


def _shoe_seeds(places: Places) -> Bool:
    seeds = [(along > 0.5) & (off < 0.7) for along, off in places.feet]
    return np.asarray(seeds[0] | seeds[1])
