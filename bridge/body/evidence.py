"""What a photo says about a body, and what every body has in common, as squares to be made least.

Each term is an error divided by how large it usually is, so that all have one scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from bridge.body.linear import LinearBody, Points
from bridge.body.rotation import exp, log, log_slope
from bridge.body.skeleton import BONES, JOINTS
from bridge.body.slopes import SHAPE, State, positions_and_slopes
from bridge.contracts import BodyPoint

_LANDMARK_ERROR = 0.02
"""How far landmarks lie off, at the body [m]: BlazePose's own error (Bazarevsky et al. 2020 report a PCK@0.2 of 97 %,
of a torso of .5 m) and what a regressor differs from its points."""
_DEPTH_ERROR = 0.12
"""How far the depth of BlazePose's 3D landmarks lies off [m]: it is weak, and says little beyond before or behind."""
_LEAN = 0.12
"""How far upright people lean forwards or back [rad]; the photo hardly shows it."""
_BALANCE = 0.08
"""How far before or behind their feet people carry the middle of the trunk [m]."""
_HEIGHT_ERROR = 0.01
"""How exactly people know their height [m]."""
_TRUST: Mapping[str, float] = {
    "EYE": 0.5,
    "EYE_INNER": 0.2,
    "EYE_OUTER": 0.2,
    "EAR": 0.3,
    "MOUTH": 0.2,
    "PINKY": 0.2,
    "INDEX": 0.3,
    "THUMB": 0.2,
    "HEEL": 0.3,
    "FOOT_INDEX": 0.4,
}
"""How much each landmark is trusted; those that are not named: 1. Ears, fingers and heels err most."""
_STIFF: Mapping[str, tuple[float, float, float]] = {
    "pelvis": (20.0, 20.0, 20.0),
    "hip": (0.5, 0.4, 0.35),
    "knee": (0.8, 0.15, 0.15),
    "ankle": (0.3, 0.2, 0.2),
    "spine1": (0.15, 0.12, 0.12),
    "spine2": (0.15, 0.12, 0.12),
    "spine3": (0.15, 0.12, 0.12),
    "clavicle": (0.1, 0.12, 0.15),
    "shoulder": (0.6, 0.6, 0.7),
    "elbow": (0.6, 0.6, 0.6),
    "wrist": (0.2, 0.2, 0.2),
    "neck": (0.25, 0.25, 0.2),
    "head": (0.25, 0.25, 0.2),
}
"""How far joints usually turn from the A-pose about the body's axes x, y, z [rad], for people who stand or walk; half
of the ranges of the American Academy of Orthopaedic Surgeons (*Joint Motion*, 1965), and less along the spine."""
_HYPEREXTENSION = 0.1
"""How far knees and elbows bend backwards [rad]; at ten times the price of bending forwards."""
_BEND_ERROR = 0.05


@dataclass(frozen=True)
class Evidence:
    """What [B] photos of one size show.

    Attributes:
        landmarks: FP32 [B, 33, 2], BodyPoint rows [px].
        confidence: FP32 [B, 33], 0 to 1.
        world: FP32 [B, 33, 3], around the hips' middle, with the camera frame's axes [m].
        focal: the focal length [px].
        centre: FP32 [2], the principal point [px].
        height: FP32 [B], known statures [m]; 0 where unknown.
    """

    landmarks: torch.Tensor
    confidence: torch.Tensor
    world: torch.Tensor
    focal: float
    centre: torch.Tensor
    height: torch.Tensor


@dataclass(frozen=True)
class Term:
    """Errors in units of their usual size, FP32 [B, m], and their slopes by the unknowns, [B, m, 3 J + 3 + S]."""

    errors: torch.Tensor
    slopes: torch.Tensor

    def squashed(self, limit: float) -> Term:
        """Return the term with its outliers held below ``limit``: the robust function of Geman and McClure (1987)."""
        grown = 1 + (self.errors / limit) ** 2
        return Term(self.errors * grown**-0.5, self.slopes * grown[..., None] ** -1.5)


def joined(terms: list[Term]) -> Term:
    """Return several terms as one."""
    return Term(torch.cat([t.errors for t in terms], 1), torch.cat([t.slopes for t in terms], 1))


def seen(points: torch.Tensor, evidence: Evidence) -> torch.Tensor:
    """Return where points [B, n, 3] of the camera frame are seen, [B, n, 2] px."""
    x, y, z = points.unbind(-1)
    return torch.stack([-x / z, y / z], -1) * evidence.focal + evidence.centre


def seen_slopes(points: torch.Tensor, slopes: torch.Tensor, evidence: Evidence) -> torch.Tensor:
    """Return the slopes [B, n, 2, u] of where points are seen; ``slopes`` [B, n, 3, u] are those of the points."""
    x, y, z = (value[..., None] for value in points.unbind(-1))
    across = -slopes[..., 0, :] / z + x / z**2 * slopes[..., 2, :]
    down = slopes[..., 1, :] / z - y / z**2 * slopes[..., 2, :]
    return torch.stack([across, down], -2) * evidence.focal


def trust() -> torch.Tensor:
    """Return how much each of the 33 landmarks is trusted, [33]."""
    names = (point.name.removeprefix("LEFT_").removeprefix("RIGHT_") for point in BodyPoint)
    names = (name.removesuffix("_LEFT").removesuffix("_RIGHT") for name in names)
    return torch.tensor([_TRUST.get(name, 1.0) for name in names])


def landmarks(
    body: LinearBody, points: Points, state: State, evidence: Evidence, scale: torch.Tensor
) -> tuple[Term, Term, Term]:
    """Return how far the landmarks are seen from where they should be, how far off their depths are, and the balance.

    Args:
        body: the body.
        points: its landmarks.
        state: its pose and shape.
        evidence: what the photos show.
        scale: FP32 [B], pixels of a metre at the body.
    """
    places, slopes = positions_and_slopes(body, points, state)
    weight = evidence.confidence * trust() / (_LANDMARK_ERROR * scale[:, None])
    off = (seen(places, evidence) - evidence.landmarks) * weight[..., None]
    turned = seen_slopes(places, slopes, evidence) * weight[..., None, None]
    return (
        Term(off.flatten(1), turned.flatten(1, 2)),
        _depths(places, slopes, evidence),
        _balance(places, slopes),
    )


def _balance(places: torch.Tensor, slopes: torch.Tensor) -> Term:
    """Return how far in depth the trunk is from above the feet: a standing body doesn't fall."""
    trunk = [BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP, BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER]
    feet = [
        BodyPoint.LEFT_ANKLE,
        BodyPoint.RIGHT_ANKLE,
        BodyPoint.LEFT_FOOT_INDEX,
        BodyPoint.RIGHT_FOOT_INDEX,
    ]
    off = places[:, trunk, 2].mean(1, keepdim=True) - places[:, feet, 2].mean(1, keepdim=True)
    slope = slopes[:, trunk, 2].mean(1, keepdim=True) - slopes[:, feet, 2].mean(1, keepdim=True)
    return Term(off / _BALANCE, slope / _BALANCE)


def _depths(places: torch.Tensor, slopes: torch.Tensor, evidence: Evidence) -> Term:
    """Return how far the depths of the landmarks, against the hips', are off."""
    hips = [BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP]
    depth, slope = places[..., 2], slopes[:, :, 2]
    weight = evidence.confidence[:, JOINTS] / _DEPTH_ERROR
    off = depth[:, JOINTS] - depth[:, hips].mean(1, keepdim=True) - evidence.world[:, JOINTS, 2]
    return Term(off * weight, (slope[:, JOINTS] - slope[:, hips].mean(1, keepdim=True)) * weight[..., None])


def poses(body: LinearBody, state: State) -> Term:
    """Return how far the joints are turned from the A-pose."""
    rest = exp(body.a_pose)
    vectors = log(state.rotations @ rest.mT)
    weight = 1 / torch.tensor([_STIFF[bone.removeprefix("left_").removeprefix("right_")] for bone in BONES])
    slopes = torch.zeros(len(vectors), len(BONES), 3, SHAPE.start + body.shape_count)
    for bone in range(len(BONES)):
        slopes[:, bone, :, 3 * bone : 3 * bone + 3] = log_slope(vectors[:, bone]) * weight[bone, :, None]
    return Term((vectors * weight).flatten(1), slopes.flatten(1, 2))


def bends(body: LinearBody, state: State) -> Term:
    """Return how far knees and elbows are bent the way they don't bend."""
    vectors = log(state.rotations)
    errors, slopes = [], torch.zeros(len(vectors), 4, SHAPE.start + body.shape_count)
    for row, (bone, axis) in enumerate(_hinges(body).items()):
        excess = -_HYPEREXTENSION - vectors[:, bone] @ axis
        errors.append(excess.clamp_min(0) / _BEND_ERROR)
        turning = torch.einsum("c,bcd->bd", axis, log_slope(vectors[:, bone]))
        slopes[:, row, 3 * bone : 3 * bone + 3] = -turning * (excess > 0)[:, None] / _BEND_ERROR
    return Term(torch.stack(errors, 1), slopes)


def _hinges(body: LinearBody) -> dict[int, torch.Tensor]:
    """Return for each knee and elbow the axis [3] about which it bends, at rest, by the right hand."""
    forward = torch.tensor([0.0, 0, 1])
    found = dict[int, torch.Tensor]()
    for bone, tip in (("left_elbow", "left_wrist"), ("right_elbow", "right_wrist")):
        along = body.heads[BONES.index(tip)] - body.heads[BONES.index(bone)]
        axis = torch.linalg.cross(along, forward)
        found[BONES.index(bone)] = axis / axis.norm()
    for bone in ("left_knee", "right_knee"):
        found[BONES.index(bone)] = torch.tensor([1.0, 0, 0])
    return found


def leaning(body: LinearBody, state: State) -> Term:
    """Return how far the pelvis' own upward direction points towards the camera or away from it."""
    up = state.rotations[:, 0, :, 1]
    slopes = torch.zeros(len(up), 1, SHAPE.start + body.shape_count)
    # a turn w moves the direction by w x up, whose third part is w_x up_y - w_y up_x
    slopes[:, 0, 0], slopes[:, 0, 1] = up[:, 1] / _LEAN, -up[:, 0] / _LEAN
    return Term(up[:, 2:] / _LEAN, slopes)


def shapes(body: LinearBody, state: State) -> Term:
    """Return how unusual the shapes are."""
    count, first = len(state.shape), SHAPE.start
    slopes = torch.zeros(count, body.shape_count, first + body.shape_count)
    slopes[:, :, first:] = torch.eye(body.shape_count)
    return Term(state.shape, slopes)


def heights(body: LinearBody, state: State, evidence: Evidence) -> Term:
    """Return how far the statures are from those that are known."""
    known = (evidence.height > 0).float()[:, None] / _HEIGHT_ERROR
    mean = torch.zeros(1, body.shape_count)
    slope = body.height(torch.eye(body.shape_count)) - body.height(mean)
    slopes = torch.zeros(len(state.shape), 1, SHAPE.start + body.shape_count)
    slopes[..., SHAPE] = slope * known[..., None]
    return Term((body.height(state.shape) - evidence.height)[:, None] * known, slopes)
