"""How bright bare skin is by its shape alone: round limbs, a flat chest, a chin that throws a shadow."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from bridge.compose.body import Body
from bridge.compose.fill import local_mean
from bridge.compose.light import Light, inflate
from bridge.compose.limb import Limb
from bridge.compose.pixels import Bytes, Floats, blur, distance, smoothstep
from bridge.compose.scene import SKIN, one_of
from bridge.contracts import Label

STEP = 2
"""Skin is smooth: it is painted on half the resolution, its grain is added later."""
FALLOFF = 0.34
"""How much darker skin is where it turns away from the camera; limbs of studio photos lie at 0.2 to 0.35."""
CHIN_SHADOW = 0.15
"""How much darker the neck is right under the chin."""
CHIN_REACH = 0.16
"""How far down that shadow reaches, over the distance of the shoulder joints."""
CHEST_FLATNESS = 0.45
"""The chest is a flatter cylinder than a limb."""
COLLARBONE = 0.035
"""How much darker the hollow under a collarbone is, and how much brighter the bone."""
BESIDE = 1.3
"""Further from a bone than so many half widths of its limb lies something else."""
STEEPEST = 0.97
"""The steepest normal that is still seen, over the unit."""


def relief(targets: Bytes, body: Body, light: Light) -> Floats:
    """Shade bare skin.

    Args:
        targets: UINT8 [h, w] of Label, every ``STEP``-th pixel of the window.
        body: the limbs, in pixels of the window.
        light: the photo's light.

    Returns:
        FP32 [h, w], 1 on skin that faces the camera; continued smoothly around the skin.
    """
    skin = one_of(targets, SKIN)
    shape = light.on(*_normals(targets, body), FALLOFF)
    shape *= _under_chin(targets, body) * _collarbones(targets, body)
    weight = skin.astype(np.float32)
    # Joints and the seams between limbs are soft.
    smooth = local_mean(shape, weight, max(1.0, 0.018 * body.unit / STEP))
    return np.where(smooth > 0, smooth, 1).astype(np.float32)


def _normals(targets: Bytes, body: Body) -> tuple[Floats, Floats]:
    """The normals' parts to the right and down."""
    normals = np.zeros((*targets.shape, 2), np.float32)
    for label, limbs in ((Label.ARMS, body.arms), (Label.LEGS, body.legs)):
        at = np.nonzero(targets == label)
        own, across, off = nearest_limb(points(at), [part for pair in limbs for part in pair])
        axes = np.stack([part.across for pair in limbs for part in pair])
        # Skin beside a limb, such as a shoulder, is no steep edge of it.
        across = np.where(off > BESIDE, 0, np.clip(across, -STEEPEST, STEEPEST))
        normals[at] = across[:, None] * axes[own]
    at = np.nonzero(targets == Label.ARMS)
    normals[at] = _shoulders(points(at), normals[at], body)
    at = np.nonzero(targets == Label.LEGS)
    normals[at] = _hips(points(at), normals[at], body)
    at = np.nonzero(targets == Label.NECK)
    normals[at] = _trunk(points(at), body)
    hands = targets == Label.HANDS
    if hands.any():
        right, down = inflate(hands, 0.05 * body.unit / STEP)
        palm = np.stack([right, down], 2)[hands]
        normals[hands] = _fingers(points(np.nonzero(hands)), palm, body.fingers)
    return normals[..., 0], normals[..., 1]


def points(at: tuple[npt.NDArray[np.intp], ...]) -> Floats:
    """Rows and columns of the reduced picture as points [n, 2] of the window."""
    return np.stack([at[1], at[0]], 1).astype(np.float32) * STEP


def nearest_limb(at: Floats, limbs: list[Limb]) -> tuple[npt.NDArray[np.intp], Floats, Floats]:
    """For points [n, 2], the limb in whose middle each lies most.

    Returns:
        Its index; the place across it, u in half widths; how far off its bone the point is, in half widths.
    """
    best = np.full(len(at), np.inf, np.float32)
    across, own = np.zeros(len(at), np.float32), np.zeros(len(at), np.intp)
    for index, part in enumerate(limbs):
        t, u = part.normalised(at)
        beyond = np.maximum(np.maximum(-t, t - 1), 0) * part.length / max(float(part.half.mean()), 1)
        off = u * u + beyond * beyond
        nearer = off < best
        best[nearer], across[nearer], own[nearer] = off[nearer], u[nearer], index
    return own, across, np.sqrt(best)


def _fingers(at: Floats, palm: Floats, fingers: tuple[Limb, ...]) -> Floats:
    """Normals [n, 2] of a hand: on the fingers theirs, else the palm's."""
    if not fingers:
        return palm
    own, across, off = nearest_limb(at, list(fingers))
    round_ = across[:, None] * np.stack([part.across for part in fingers])[own]
    return np.where(off[:, None] < STEEPEST, round_, palm).astype(np.float32)


def _shoulders(at: Floats, normals: Floats, body: Body) -> Floats:
    """At its top an arm passes into the chest: no edge on the inner side down to the armpit."""
    inward = np.sign(body.torso.place(at)[1])
    facing = -inward * (normals @ body.torso.across)
    top = np.min([smoothstep(0.1, 0.5, pair[0].place(at)[0]) for pair in body.arms], axis=0)
    return np.where((facing > 0)[:, None], normals * top[:, None], normals).astype(np.float32)


def _hips(at: Floats, normals: Floats, body: Body) -> Floats:
    """Above the crotch the legs are one with the belly."""
    t, u = body.torso.normalised(at)
    belly = CHEST_FLATNESS * np.clip(u[:, None], -STEEPEST, STEEPEST) * body.torso.across
    share = smoothstep(1.05, 1.4, t)[:, None]
    return cast(Floats, belly * (1 - share) + normals * share)


def _trunk(at: Floats, body: Body) -> Floats:
    """Normals [n, 2] of the neck's cylinder, passing into the flatter chest's."""
    t, u = body.neck.normalised(at)
    neck = np.clip(u[:, None], -STEEPEST, STEEPEST) * body.neck.across
    chest = np.clip(body.torso.normalised(at)[1][:, None], -STEEPEST, STEEPEST) * body.torso.across
    # Below the neck, and beside it on the shoulders' slope, lies the chest.
    share = np.maximum(smoothstep(0.3, 0.85, t), smoothstep(0.95, 1.4, np.abs(u)))[:, None]
    return cast(Floats, neck * (1 - share) + CHEST_FLATNESS * chest * share)


def _under_chin(targets: Bytes, body: Body) -> Floats:
    """The face's shadow on the neck."""
    face = targets == Label.FACE
    neck = targets == Label.NECK
    if not face.any() or not neck.any():
        return np.ones(targets.shape, np.float32)
    reach = CHIN_REACH * body.unit / STEP
    shadow = CHIN_SHADOW * np.exp(-((distance(~face) / reach) ** 2))
    return cast(Floats, 1 - blur((shadow * neck).astype(np.float32), 1))


def _collarbones(targets: Bytes, body: Body) -> Floats:
    """Two bones from the throat's hollow towards the shoulders: a bright ridge over a dark hollow."""
    at = np.nonzero(targets == Label.NECK)
    shade = np.ones(targets.shape, np.float32)
    chest, unit = points(at), body.unit
    for pair in body.arms:
        inner = body.torso.start + 0.12 * (pair[0].start - body.torso.start) + 0.02 * unit * body.torso.along
        outer = body.torso.start + 0.72 * (pair[0].start - body.torso.start) - 0.08 * unit * body.torso.along
        bone = Limb(inner, outer, np.zeros(1, np.float32), np.ones(1, np.float32))
        t, v = bone.place(chest)
        below = v * np.sign(float(bone.across @ body.torso.along)) / np.float32(0.03 * unit)
        ends = smoothstep(-0.1, 0.2, t) * smoothstep(1.15, 0.7, t)
        shade[at] -= COLLARBONE * ends * below * np.exp(0.5 - below * below)
    return shade
