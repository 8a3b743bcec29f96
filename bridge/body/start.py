"""Where a fit begins: the A-pose turned limb by limb into the directions of the 3D landmarks."""

from __future__ import annotations

import torch

from bridge.body.evidence import Evidence, trust
from bridge.body.linear import LinearBody
from bridge.body.rotation import exp
from bridge.body.skeleton import BONES, PARENTS
from bridge.body.slopes import State, positions
from bridge.contracts import BodyPoint

_LIMBS = {
    "left_hip": (BodyPoint.LEFT_HIP, BodyPoint.LEFT_KNEE),
    "left_knee": (BodyPoint.LEFT_KNEE, BodyPoint.LEFT_ANKLE),
    "right_hip": (BodyPoint.RIGHT_HIP, BodyPoint.RIGHT_KNEE),
    "right_knee": (BodyPoint.RIGHT_KNEE, BodyPoint.RIGHT_ANKLE),
    "left_shoulder": (BodyPoint.LEFT_SHOULDER, BodyPoint.LEFT_ELBOW),
    "left_elbow": (BodyPoint.LEFT_ELBOW, BodyPoint.LEFT_WRIST),
    "right_shoulder": (BodyPoint.RIGHT_SHOULDER, BodyPoint.RIGHT_ELBOW),
    "right_elbow": (BodyPoint.RIGHT_ELBOW, BodyPoint.RIGHT_WRIST),
}
"""The bones whose direction the landmarks show: where each begins and ends."""
_SHOWN = 0.5
"""The confidence of a landmark above which a limb follows it."""


def start(body: LinearBody, evidence: Evidence) -> State:
    """Return a state near the one that is sought."""
    count = len(evidence.landmarks)
    rotations = exp(body.a_pose).repeat(count, 1, 1, 1)
    rotations[:, 0] = bearing(evidence.world)
    state = State(rotations, torch.zeros(count, 3), torch.zeros(count, body.shape_count))
    points = body.landmark_points()
    for bone, (begin, end) in _LIMBS.items():
        places = positions(body, points, state)
        state = _turned(
            body, state, BONES.index(bone), places[:, end] - places[:, begin], evidence, begin, end
        )
    return _placed(state, positions(body, points, state), evidence)


def bearing(world: torch.Tensor) -> torch.Tensor:
    """Return how the trunk of 3D landmarks [B, 33, 3] is turned, [B, 3, 3]; their lean is not believed."""
    hips = world[:, [BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP]]
    shoulders = world[:, [BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER]]
    up = _unit((shoulders.mean(1) - hips.mean(1)) * torch.tensor([1.0, 1, 0]))
    across = (shoulders - shoulders.mean(1, keepdim=True) + hips - hips.mean(1, keepdim=True))[:, 0]
    left = _unit(across - (across * up).sum(-1, keepdim=True) * up)
    return torch.stack([left, up, torch.linalg.cross(left, up)], -1)


def _turned(
    body: LinearBody,
    state: State,
    bone: int,
    direction: torch.Tensor,
    evidence: Evidence,
    begin: BodyPoint,
    end: BodyPoint,
) -> State:
    """Turn a bone by the least rotation that brings its limb's direction [B, 3] to the landmarks'."""
    wanted = _unit(evidence.world[:, end] - evidence.world[:, begin])
    axis = torch.linalg.cross(_unit(direction), wanted)
    sine, cosine = axis.norm(dim=-1, keepdim=True), (_unit(direction) * wanted).sum(-1, keepdim=True)
    turn = axis / sine.clamp_min(1e-6) * torch.atan2(sine, cosine)
    shown = (evidence.confidence[:, [begin, end]].min(1).values > _SHOWN).float()[:, None]
    carrier = state.world(body).rotations[:, PARENTS[bone]]
    local = exp((carrier.mT @ (turn * shown)[..., None])[..., 0])
    rotations = state.rotations.clone()
    rotations[:, bone] = local @ rotations[:, bone]
    return State(rotations, state.translation, state.shape)


def _placed(state: State, places: torch.Tensor, evidence: Evidence) -> State:
    """Return the state at the place from which its landmarks [B, 33, 3] are seen most nearly where they should be.

    As if all lay at one depth: weak perspective.
    """
    weight = (evidence.confidence * trust() + 1e-6)[..., None]
    weight = weight / weight.sum(1, keepdim=True)
    flat = places[..., :2] * torch.tensor([1.0, -1.0])
    mean, middle = (weight * flat).sum(1, keepdim=True), (weight * evidence.landmarks).sum(1, keepdim=True)
    along = (weight * (flat - mean) * (evidence.landmarks - middle)).sum((1, 2))
    scale = (along / (weight * (flat - mean) ** 2).sum((1, 2))).clamp_min(1.0)  # [px/m]
    shift = (middle[:, 0] - evidence.centre) / scale[:, None] - mean[:, 0]
    depth = -evidence.focal / scale - (weight[..., 0] * places[..., 2]).sum(1)
    return State(state.rotations, torch.stack([shift[:, 0], -shift[:, 1], depth], -1), state.shape)


def _unit(vector: torch.Tensor) -> torch.Tensor:
    return vector / vector.norm(dim=-1, keepdim=True).clamp_min(1e-9)
