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
        normals[at] = _round(_points(at), [part for pair in limbs for part in pair])
    at = np.nonzero(targets == Label.ARMS)
    normals[at] = _shoulders(_points(at), normals[at], body)
    at = np.nonzero(targets == Label.LEGS)
    normals[at] = _hips(_points(at), normals[at], body)
    at = np.nonzero(targets == Label.NECK)
    normals[at] = _trunk(_points(at), body)
    hands = targets == Label.HANDS
    if hands.any():
        right, down = inflate(hands, 0.05 * body.unit / STEP)
        palm = np.stack([right, down], 2)[hands]
        normals[hands] = _fingers(_points(np.nonzero(hands)), palm, body.fingers)
    return normals[..., 0], normals[..., 1]


def _points(at: tuple[npt.NDArray[np.intp], ...]) -> Floats:
    return np.stack([at[1], at[0]], 1).astype(np.float32) * STEP


def _round(points: Floats, limbs: list[Limb]) -> Floats:
    """Normals [n, 2] of points on cylinders: each point belongs to the limb in whose middle it lies most."""
    best = np.full(len(points), np.inf, np.float32)
    normals = np.zeros((len(points), 2), np.float32)
    for part in limbs:
        t, u = part.normalised(points)
        beyond = np.maximum(np.maximum(-t, t - 1), 0) * part.length / max(float(part.half.mean()), 1)
        off = u * u + beyond * beyond
        nearer = off < best
        best[nearer] = off[nearer]
        normals[nearer] = np.clip(u[nearer, None], -STEEPEST, STEEPEST) * part.across
    return normals


def _fingers(points: Floats, palm: Floats, fingers: tuple[Limb, ...]) -> Floats:
    """Normals [n, 2] of a hand: on the fingers theirs, else the palm's."""
    on = np.zeros(len(points), bool)
    for part in fingers:
        t, u = part.normalised(points)
        on |= (t > -0.2) & (t < 1.1) & (np.abs(u) < 1)
    return np.where(on[:, None], _round(points, list(fingers)), palm).astype(np.float32)


def _shoulders(points: Floats, normals: Floats, body: Body) -> Floats:
    """At its top an arm passes into the chest: no edge on the inner side down to the armpit."""
    inward = np.sign(body.torso.place(points)[1])
    facing = -inward * (normals @ body.torso.across)
    top = np.min([smoothstep(0.1, 0.5, pair[0].place(points)[0]) for pair in body.arms], axis=0)
    return np.where((facing > 0)[:, None], normals * top[:, None], normals).astype(np.float32)


def _hips(points: Floats, normals: Floats, body: Body) -> Floats:
    """Above the crotch the legs are one with the belly."""
    t, u = body.torso.normalised(points)
    belly = CHEST_FLATNESS * np.clip(u[:, None], -STEEPEST, STEEPEST) * body.torso.across
    share = smoothstep(1.05, 1.4, t)[:, None]
    return cast(Floats, belly * (1 - share) + normals * share)


def _trunk(points: Floats, body: Body) -> Floats:
    """Normals [n, 2] of the neck's cylinder, passing into the flatter chest's."""
    t, u = body.neck.normalised(points)
    neck = np.clip(u[:, None], -STEEPEST, STEEPEST) * body.neck.across
    chest = np.clip(body.torso.normalised(points)[1][:, None], -STEEPEST, STEEPEST) * body.torso.across
    share = smoothstep(0.5, 1.1, t)[:, None]
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
    points, unit = _points(at), body.unit
    for pair in body.arms:
        inner = body.torso.start + 0.12 * (pair[0].start - body.torso.start) + 0.02 * unit * body.torso.along
        outer = body.torso.start + 0.72 * (pair[0].start - body.torso.start) - 0.08 * unit * body.torso.along
        bone = Limb(inner, outer, np.zeros(1, np.float32), np.ones(1, np.float32))
        t, v = bone.place(points)
        below = v * np.sign(float(bone.across @ body.torso.along)) / np.float32(0.03 * unit)
        ends = smoothstep(-0.1, 0.2, t) * smoothstep(1.15, 0.7, t)
        shade[at] -= COLLARBONE * ends * below * np.exp(0.5 - below * below)
    return shade
