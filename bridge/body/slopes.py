"""How points of a body move when its pose and shape change: written out, so that a fit needs no autograd.

A small rotation ``w`` of a bone about its head moves every point that the bone carries by ``w x (share of the point
that it carries - share of its head)``; translation moves all alike; shape moves the moments and the bones' heads.
Correctives count in the places but not in the slopes: they move points by millimetres, and a fit that judges its steps
by the places ends at the same body.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bridge.body.linear import LinearBody, Points, World, turns
from bridge.body.rotation import exp
from bridge.body.skeleton import BONES, PARENTS

ROTATION = slice(0, 3 * len(BONES))
"""Where the bones' rotations stand among a state's unknowns."""
TRANSLATION = slice(ROTATION.stop, ROTATION.stop + 3)
SHAPE = slice(TRANSLATION.stop, None)


@dataclass(frozen=True)
class State:
    """Pose, place and shape of [B] bodies; what each means is said at :meth:`LinearBody.world`.

    Attributes:
        rotations: FP32 [B, J, 3, 3].
        translation: FP32 [B, 3].
        shape: FP32 [B, S].
    """

    rotations: torch.Tensor
    translation: torch.Tensor
    shape: torch.Tensor

    def world(self, body: LinearBody) -> World:
        """Return where the bones of a body are in this state."""
        return body.world(self.rotations, self.translation, self.shape)

    def moved(self, step: torch.Tensor) -> State:
        """Return the state after a step [B, 3 J + 3 + S]: rotations turn in their parents' frames, the rest adds."""
        steps = exp(step[:, ROTATION].unflatten(1, (len(BONES), 3)))
        return State(
            steps @ self.rotations, self.translation + step[:, TRANSLATION], self.shape + step[:, SHAPE]
        )

    def where(self, better: torch.Tensor, other: State) -> State:
        """Return this state for the bodies for which ``better`` (bool [B]) holds, ``other`` for the rest."""
        return State(
            torch.where(better[:, None, None, None], self.rotations, other.rotations),
            torch.where(better[:, None], self.translation, other.translation),
            torch.where(better[:, None], self.shape, other.shape),
        )


def carried() -> torch.Tensor:
    """Return FP32 [J, J]: 1 where the bone of the row carries that of the column, itself among them."""
    table = torch.eye(len(BONES))
    for bone in range(1, len(BONES)):
        table[:, bone] += table[:, PARENTS[bone]]
    return table


_CARRIED = carried()


def positions(body: LinearBody, points: Points, state: State) -> torch.Tensor:
    """Return where points are, [B, n, 3] in metres."""
    return _shares(body, points, state, state.world(body)).sum(2)


def positions_and_slopes(body: LinearBody, points: Points, state: State) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where points are [B, n, 3] and their slopes by the unknowns of a step, [B, n, 3, 3 J + 3 + S]."""
    world = state.world(body)
    shares = _shares(body, points, state, world)
    by_rotation = _by_rotation(points, shares, world)
    by_translation = torch.eye(3).expand(*shares.shape[:2], 3, 3)
    by_shape = _by_shape(body, points, world)
    return shares.sum(2), torch.cat([by_rotation, by_translation, by_shape], -1)


def _shares(body: LinearBody, points: Points, state: State, world: World) -> torch.Tensor:
    """Return what each bone contributes to each point's place, [B, n, J, 3]."""
    moment = points.moment + torch.einsum("njcs,bs->bnjc", points.moment_directions, state.shape)
    if points.moment_correctives is not None:
        moment = moment + torch.einsum(
            "njct,bt->bnjc", points.moment_correctives, turns(state.rotations[:, 1:])
        )
    offset = world.heads - (world.rotations @ body.rest_heads(state.shape)[..., None])[..., 0]
    return torch.einsum("bjrc,bnjc->bnjr", world.rotations, moment) + points.mass[..., None] * offset[:, None]


def _by_rotation(points: Points, shares: torch.Tensor, world: World) -> torch.Tensor:
    """Return the slopes by each bone's rotation in its parent's frame, [B, n, 3, 3 J]."""
    held = torch.einsum("bnjc,kj->bnkc", shares, _CARRIED)
    lever = held - (points.mass @ _CARRIED.T)[..., None] * world.heads[:, None]
    axes = world.rotations[:, list(PARENTS)].clone()
    axes[:, 0] = torch.eye(3)  # nothing carries the pelvis
    slopes = torch.linalg.cross(axes.mT[:, None], lever[..., None, :], dim=-1)  # [B, n, J, axis, 3]
    return slopes.flatten(2, 3).mT


def _by_shape(body: LinearBody, points: Points, world: World) -> torch.Tensor:
    """Return the slopes by the shape, [B, n, 3, S]."""
    heads = body.head_directions
    moved = [torch.zeros(len(world.heads), *heads.shape[1:])]  # the pelvis moves with no shape
    for bone in range(1, len(BONES)):
        parent = PARENTS[bone]
        moved.append(moved[parent] + world.rotations[:, parent] @ (heads[bone] - heads[parent]))
    offset = torch.stack(moved, 1) - world.rotations @ heads
    moments = torch.einsum("bjrc,njcs->bnrs", world.rotations, points.moment_directions)
    return moments + torch.einsum("nj,bjrs->bnrs", points.mass, offset)
