"""How well each material fits each pixel: the likelihood of its colour, and the place on the body."""

from __future__ import annotations

from enum import IntEnum

import cv2
import numpy as np

from bridge.perception.appearance import Appearance
from bridge.perception.body import Body
from bridge.perception.local_colours import unlikeliness
from bridge.perception.nets import Bool, Float32, UInt8
from bridge.perception.places import Places
from bridge.perception.view import View

_UNIFORM = -13.8  # log density of any colour at all: one over the volume of Lab, 100 x 100 x 100
_OUTLIER = -2.0  # log share of a material's pixels whose colour was not among the samples
_NEVER = -60.0
_BAG = 0.03  # least area of a bag, over the shoulders' breadth squared
_CLEAR, _SEEDS = 2.0, 40  # margin over the second best [nats], and how many such pixels make a local model


class Material(IntEnum):
    """What a pixel may be made of; the order is the scores' first axis."""

    SKIN = 0
    HAIR = 1
    UPPER = 2
    LOWER = 3
    SHOES = 4
    OTHER = 5


def scores(view: View, body: Body, places: Places, look: Appearance) -> Float32:
    """Return the log score ``[materials, n]`` of every pixel."""
    colours = np.full((len(Material), len(view.xy)), _UNIFORM + _OUTLIER, np.float32)
    models = (look.skin, look.hair, look.upper, look.lower, look.shoes)
    for row, model in zip(colours, models, strict=False):
        if model:
            row[:] = np.logaddexp(model.log_likelihood(view.lab) - 2.76, row)
    fits = np.full_like(colours, _NEVER)
    fits[Material.SKIN] = _skin_fits(places, look)
    fits[Material.UPPER] = _upper_fits(places, look)
    fits[Material.OTHER] = _other_fits(places, look)
    if places.face.any():
        fits[Material.HAIR] = _hair_fits(places)
    if look.lower:
        fits[Material.LOWER] = _lower_fits(places, look)
    if look.shoes:
        fits[Material.SHOES] = _shoes_fit(places)
    table = colours + fits
    table[Material.OTHER] += 8 * _strange(view, body, table)
    return table


def _strange(view: View, body: Body, table: Float32) -> Bool:
    """Return the larger things [n] whose colours belong to nothing that is known there: bags."""
    unknown = (table.max(axis=0) < _UNIFORM + 0.8) & view.sure
    picture = cv2.morphologyEx(
        view.picture(unknown.astype(np.float32)).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)
    )
    _count, parts, stats, _ = cv2.connectedComponentsWithStats(picture)
    large = stats[:, cv2.CC_STAT_AREA] > _BAG * body.breadth**2
    large[0] = False
    return np.asarray(large[parts[view.person]])


def _around_head(places: Places, radius: float) -> Bool:
    x, y = places.head
    return np.asarray((np.hypot(x / 0.8, y - 0.1) < radius) & (y > -0.6))


def _chins_shadow(places: Places) -> Bool:
    x, y = places.head
    return np.asarray((np.abs(x) < 0.3) & (y > -0.65) & (y < -0.4))


def sleeved(places: Places, look: Appearance) -> Bool:
    """Return which pixels [n] lie where a sleeve is."""
    inside = [
        (off < 1.3) & (along < end) for (along, off), end in zip(places.arms, look.cover.sleeves, strict=True)
    ]
    return np.asarray(inside[0] | inside[1])


def _skin_fits(places: Places, look: Appearance) -> Float32:
    """Skin is likely in the face, the hands, on bare limbs and at the neck; elsewhere its colour must convince."""
    fit = np.full(len(places.down), -3, np.float32)
    fit[(np.abs(places.aside) < 0.35) & (places.down < 0.25) & (places.head[1] < 0.2)] = 0
    fit[_chins_shadow(places)] = 1.5
    fit[midriff(places, look)] = -1
    fit[(places.off_arms < 1) & ~sleeved(places, look)] = 1
    for (along, off), end in zip(places.legs, look.cover.legs, strict=True):
        fit[(off < 1.2) & (along > end)] = 1
    fit[places.hand] = 2.5
    fit[places.face] = 4
    return fit


def midriff(places: Places, look: Appearance) -> Bool:
    """Return where a short top leaves the belly bare."""
    over = look.waist.down - places.down
    return np.asarray((over > -0.03) & (over < 0.1) & (np.abs(places.aside) < 0.5))


def _hair_fits(places: Places) -> Float32:
    """Hair is likely around the head; long hair hangs down in front of the chest."""
    x, y = places.head
    outside = np.maximum(np.hypot(x / 0.8, y - 0.1) - 1, 0)
    beside = np.where(np.abs(x) > 0.35, 0.5, -0.8)  # of the throat: where hair hangs, or in front of it
    fit = np.where(y < -0.45, beside, 2) - 3 * outside
    front = (outside > 0) & (np.abs(x) < 1.2) & (places.down < 0.8)
    fit[front] = np.maximum(fit[front], -0.8)
    fit[places.face] -= 3
    return np.maximum(fit, -7).astype(np.float32)


def _beyond(down: Float32) -> Float32:
    """Return the fit of a garment that begins at 0: worse and worse the further before it, never excluded near it."""
    return np.asarray(np.clip(down / 0.04, -5, 2) - 15 * np.maximum(-down - 0.25, 0), np.float32)


def _upper_fits(places: Places, look: Appearance) -> Float32:
    sleeve = sleeved(places, look)
    above = _beyond(look.waist.down - places.down) if look.lower else np.full(len(sleeve), 2.0)
    fit = np.where(sleeve, np.maximum(above, 0.5), above)
    fit = fit - 5 * np.maximum(places.off_trunk - 1.5, 0) - 1.5 * _chins_shadow(places)
    # a collar may reach the chin, but not the mouth
    fit = fit - 8 * places.face - _around_head(places, 1.1) * np.clip(2 + 8 * (places.head[1] + 0.5), 0, 4)
    return np.asarray(fit, np.float32)


def _lower_fits(places: Places, look: Appearance) -> Float32:
    fit = _beyond(places.down - look.waist.down)
    for (along, off), end in zip(places.legs, look.cover.legs, strict=True):
        fit = fit - 3 * ((off < 1.2) & (along > end + 0.1))
    for (along, off), end in zip(places.arms, look.cover.sleeves, strict=True):
        fit = fit - 3 * ((off < 2.2) & (along < end + 0.2))  # a wide sleeve hangs in front of it
    return np.asarray(fit, np.float32)


def _shoes_fit(places: Places) -> Float32:
    off = np.minimum(places.feet[0][1], places.feet[1][1])
    above = np.maximum.reduce([np.where(off_leg < 1.5, 2 - along, 0) for along, off_leg in places.legs])
    return np.asarray(np.minimum(3 - 4 * (off - 0.7), 3) - 100 * np.maximum(above - 0.03, 0), np.float32)


def ranked(table: Float32) -> tuple[UInt8, Float32]:
    """Return the best row per column of a table ``[rows, ...]``, and its margin over the second best.

    Row by row this is several times faster than numpy's argmax and partition along the first axis.
    """
    best = np.zeros(table.shape[1:], np.uint8)
    first, second = table[0].copy(), np.full_like(table[0], -np.inf)
    for i, row in enumerate(table[1:], start=1):
        better = row > first
        best[better] = i
        second = np.maximum(second, np.minimum(row, first))
        first = np.maximum(first, row)
    return best, first - second


def with_local_colours(view: View, table: Float32, weight: float = 0.7) -> Float32:
    """Add what the colours right around each pixel say, learnt from the pixels that are already clear.

    One pair of trousers has few colours at any one place, so a hand in front of it stands out there, though the
    trousers as a whole have shades like the hand's.
    """
    best, margin = ranked(table)
    clear = view.sure & (margin > _CLEAR)
    local = np.full_like(table, _UNIFORM + _OUTLIER)
    for material in Material:
        seeds = clear & (best == material)
        if material is not Material.OTHER and seeds.sum() >= _SEEDS:
            unlikely, _ = unlikeliness(view.lab_picture, view.picture(seeds.astype(np.float32)))
            local[material] = np.logaddexp(local[material], -unlikely[view.person] - 2.76)
    return np.asarray(table + weight * local, np.float32)


def _other_fits(places: Places, look: Appearance) -> Float32:
    """Bags and the like hang or are held at a distance from the body; legs count only where legs are."""
    raised = places.down < min(look.waist.down, 1.2)
    off = np.where(raised & ~_around_head(places, 1.5), places.off_trunk, places.off_body)
    return np.asarray(np.clip(4 * (off - 1.7), -4, 3), np.float32)
