"""What the person's outline says about the body: it lies within, close where skin is seen, loosely under cloth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from bridge.body.evidence import Evidence, Term, seen, seen_slopes
from bridge.body.linear import LinearBody
from bridge.body.slopes import State, positions_and_slopes
from bridge.contracts import BodyPart, Label

Array = npt.NDArray[np.float32]

_OUTSIDE, _SKIN, _CLOTH = 0.01, 0.015, 0.10
"""How far a body's rim usually lies from the outline [m]: beyond it, within it along skin, within it under cloth."""
_REACH = 0.12
"""Farther away [m], rim and outline don't belong together."""
_COUNT = 30
"""As how many independent measurements a whole rim counts: neighbours on a rim err together."""
_GRAZING = 0.3
"""Cosine between normal and view below which a vertex is on the rim."""
_FACING = 0.7
"""Cosine between the rim's and the outline's normals above which they belong together."""
_SMOOTH = 2.0
"""Deviation of the blur of the distances before their slopes are taken [px]."""
_TRIED = 9
"""Every how manieth vertex may be on the rim."""
_BARE = (Label.FACE, Label.NECK, Label.ARMS, Label.LEGS)
_MUTE = (Label.HAIR, Label.ACCESSORY, Label.SHOES, Label.HANDS)
"""What says nothing about the body below it."""
_UNUSED = (BodyPart.HEAD, BodyPart.LEFT_HAND, BodyPart.RIGHT_HAND, BodyPart.LEFT_FOOT, BodyPart.RIGHT_FOOT)


@dataclass(frozen=True)
class Silhouette:
    """The outline of a person, at every pixel of the photo, each FP32 [height, width].

    Attributes:
        distance: how far it is [px]; positive outside.
        slope_x: how the distance changes to the right; a unit vector with ``slope_y`` almost everywhere.
        slope_y: how it changes downwards.
        within: how far a body's rim usually lies within the outline there [m]; 0 where nobody knows.
    """

    distance: Array
    slope_x: Array
    slope_y: Array
    within: Array

    @classmethod
    def of(cls, matte: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> Silhouette:
        """Return the outline of the person whose mask and labels are given."""
        inside = (matte >= 128).astype(np.uint8)
        distance = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3) - cv2.distanceTransform(
            inside, cv2.DIST_L2, 3
        )
        smooth = cv2.GaussianBlur(distance, (0, 0), _SMOOTH)
        slope_y, slope_x = np.gradient(smooth)
        within = np.full(matte.shape, _CLOTH, np.float32)
        within[np.isin(labels, _BARE)] = _SKIN
        within[np.isin(labels, _MUTE)] = 0
        return cls(distance, slope_x.astype(np.float32), slope_y.astype(np.float32), within)


def rim(
    body: LinearBody, state: State, evidence: Evidence, silhouettes: Sequence[Silhouette], scale: torch.Tensor
) -> Callable[[State], Term]:
    """Return the term that draws the rims of bodies in ``state`` to their outlines.

    Args:
        body: the body.
        state: decides which vertices are on the rim.
        evidence: the camera.
        silhouettes: one for each body.
        scale: FP32 [B], pixels of a metre at the body.
    """
    usable = np.flatnonzero(~np.isin(body.parts, _UNUSED))[::_TRIED]
    chosen = torch.from_numpy(usable)
    points = body.chosen(chosen)
    vertices = body.vertices(state.world(body), state.shape)
    normal = normals(vertices, body.faces)[:, chosen]
    places = vertices[:, chosen]
    view = places / places.norm(dim=-1, keepdim=True)
    grazing = (normal * view).sum(-1).abs() < _GRAZING
    outward = seen(places + 0.01 * normal, evidence) - seen(places, evidence)
    outward = outward / outward.norm(dim=-1, keepdim=True).clamp_min(1e-6)

    def term(now: State) -> Term:
        at, slopes = positions_and_slopes(body, points, now)
        pixels, moves = seen(at, evidence), seen_slopes(at, slopes, evidence)
        read = [
            _read(s, p, g, o, float(c))
            for s, p, g, o, c in zip(silhouettes, pixels, grazing, outward, scale, strict=True)
        ]
        errors, weighted = torch.stack([r[0] for r in read]), torch.stack([r[1] for r in read])
        return Term(errors, (moves * weighted[..., None]).sum(2))

    return term


def _read(
    silhouette: Silhouette, pixels: torch.Tensor, grazing: torch.Tensor, outward: torch.Tensor, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the errors [n] of points at ``pixels`` [n, 2], and their slopes [n, 2] by the pixels."""
    height, width = silhouette.distance.shape
    x, y = pixels.floor().long().unbind(-1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y = x.clamp(0, width - 1).numpy(), y.clamp(0, height - 1).numpy()
    distance = torch.from_numpy(silhouette.distance[y, x]) / scale  # [m]
    slope = torch.from_numpy(np.stack([silhouette.slope_x[y, x], silhouette.slope_y[y, x]], -1))
    usual = torch.from_numpy(silhouette.within[y, x])
    beyond = distance > 0
    usual = torch.where(beyond, torch.full_like(usual, _OUTSIDE), usual)
    facing = beyond | ((slope * outward).sum(-1) > _FACING)
    used = grazing & inside & facing & (usual > 0) & (distance.abs() < _REACH)
    weight = used / usual.clamp_min(1e-6) * (_COUNT / used.sum().clamp_min(_COUNT)).sqrt()
    return distance * weight, slope / scale * weight[:, None]


def normals(vertices: torch.Tensor, faces: npt.NDArray[np.int32]) -> torch.Tensor:
    """Return the unit normals [B, V, 3] of meshes; each triangle counts by its area."""
    index = torch.from_numpy(faces).long()
    corners = vertices[:, index]
    face = torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    total = torch.zeros_like(vertices)
    for corner in range(3):
        total.index_add_(1, index[:, corner], face)
    return total / total.norm(dim=-1, keepdim=True).clamp_min(1e-12)
