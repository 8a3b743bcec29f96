"""A body whose shape is linear and whose skin follows its bones: what Anny, SMPL and SMPL-X all are.

A person of shape ``b`` at rest is ``template + b . directions``; a pose turns bones about their heads, and every
vertex follows the bones that hold it, each by its weight: linear blend skinning (Loper et al., *SMPL: A Skinned
Multi-Person Linear Model*, 2015, equations 2 and 8). Where a body has them, correctives move its vertices at rest by
how far each bone is turned (equation 9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bridge.body.skeleton import BONES, PARENTS


@dataclass(frozen=True)
class World:
    """Where a pose puts the bones, [B] bodies at once.

    Attributes:
        rotations: FP32 [B, J, 3, 3], each bone's rotation against its rest.
        heads: FP32 [B, J, 3], where its head is [m].
    """

    rotations: torch.Tensor
    heads: torch.Tensor


@dataclass(frozen=True)
class Points:
    """Points that are held by bones: vertices, or sums of vertices such as landmarks.

    A point is the sum over the bones of its mass on the bone and the rest place of that mass; that sum is all that a
    pose needs, so that 33 landmarks cost nothing beside 14,000 vertices.

    Attributes:
        mass: FP32 [n, J], how much of each point a bone holds; rows sum to 1.
        moment: FP32 [n, J, 3], mass times place of the mean body at rest [m].
        moment_directions: FP32 [n, J, 3, S], how the moment changes with the shape.
        moment_correctives: FP32 [n, J, 3, 9 (J - 1)], how it changes with :func:`turns`; None for bodies without.
    """

    mass: torch.Tensor
    moment: torch.Tensor
    moment_directions: torch.Tensor
    moment_correctives: torch.Tensor | None


@dataclass(frozen=True)
class LinearBody:
    """A body of ``V`` vertices, the ``J`` bones of :data:`bridge.body.skeleton.BONES` and ``S`` numbers of shape.

    The frame is the body's own: x to its left, y up, z forward, the pelvis at the origin, [m]. All tensors are FP32.

    Attributes:
        name: the model's name, as reports give it.
        template: [V, 3], the mean body at rest.
        directions: [V, 3, S], how a vertex moves with each number of shape; each is a standard normal among people.
        heads: [J, 3], the bones' heads in the mean body at rest.
        head_directions: [J, 3, S].
        weights: [V, J], how much each bone holds each vertex.
        landmarks: [33, V], the BodyPoint rows as sums of vertices.
        a_pose: [J, 3], the rotation vectors that turn the rest pose into an A-pose.
        faces: INT32 [F, 3], anticlockwise seen from outside.
        parts: UINT8 [V], BodyPart.
        uv: FP32 [F, 3, 2], the texture coordinates [0, 1] of each triangle's corners, v up; zeros where it has none.
        correctives: [V, 3, 9 (J - 1)], how a vertex at rest moves with :func:`turns`; None where it does not.
    """

    name: str
    template: torch.Tensor
    directions: torch.Tensor
    heads: torch.Tensor
    head_directions: torch.Tensor
    weights: torch.Tensor
    landmarks: torch.Tensor
    a_pose: torch.Tensor
    faces: npt.NDArray[np.int32]
    parts: npt.NDArray[np.uint8]
    uv: npt.NDArray[np.float32]
    correctives: torch.Tensor | None = None

    @classmethod
    def of(cls, name: str, arrays: Mapping[str, npt.NDArray[np.generic]]) -> LinearBody:
        """Return the body that a file's arrays describe, named as the attributes are."""
        own = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
        plain = {"faces": own.pop("faces"), "parts": own.pop("parts"), "uv": own.pop("uv")}
        return cls(name=name, **{k: torch.from_numpy(v.astype(np.float32)) for k, v in own.items()}, **plain)  # type: ignore[arg-type]  # a mapping's values have one type

    @property
    def shape_count(self) -> int:
        """How many numbers describe a shape."""
        return self.directions.shape[2]

    def rest_heads(self, shape: torch.Tensor) -> torch.Tensor:
        """Return the bones' heads [B, J, 3] at rest of bodies with ``shape`` [B, S]."""
        return self.heads + torch.einsum("jcs,bs->bjc", self.head_directions, shape)

    def world(self, rotations: torch.Tensor, translation: torch.Tensor, shape: torch.Tensor) -> World:
        """Return where the bones are.

        Args:
            rotations: FP32 [B, J, 3, 3], each bone's rotation against the bone that carries it, about the axes of the
                body's frame.
            translation: FP32 [B, 3], where the pelvis is [m].
            shape: FP32 [B, S].
        """
        rest = self.rest_heads(shape)
        turned, placed = [rotations[:, 0]], [translation]
        for bone in range(1, len(BONES)):
            parent = PARENTS[bone]
            arm = rest[:, bone] - rest[:, parent]
            placed.append(placed[parent] + (turned[parent] @ arm[..., None])[..., 0])
            turned.append(turned[parent] @ rotations[:, bone])
        return World(torch.stack(turned, 1), torch.stack(placed, 1))

    def vertices(self, world: World, shape: torch.Tensor) -> torch.Tensor:
        """Return the skin's vertices [B, V, 3] of bodies whose bones are at ``world``."""
        rest = self.template + torch.einsum("vcs,bs->bvc", self.directions, shape)
        if self.correctives is not None:
            local = world.rotations[:, PARENTS[1:]].mT @ world.rotations[:, 1:]
            rest = rest + torch.einsum("vct,bt->bvc", self.correctives, turns(local))
        offset = world.heads - (world.rotations @ self.rest_heads(shape)[..., None])[..., 0]
        moves = torch.cat([world.rotations, offset[..., None]], -1)  # [B, J, 3, 4]
        blended = torch.einsum("vj,bjrc->bvrc", self.weights, moves)
        return (blended[..., :3] @ rest[..., None])[..., 0] + blended[..., 3]

    def chosen(self, vertices: torch.Tensor) -> Points:
        """Return some vertices (INT64 [n]) as points."""
        mass = self.weights[vertices]
        moment = mass[..., None] * self.template[vertices][:, None]
        spread = mass[..., None, None]
        correctives = None if self.correctives is None else spread * self.correctives[vertices][:, None]
        return Points(mass, moment, spread * self.directions[vertices][:, None], correctives)

    def landmark_points(self) -> Points:
        """Return the 33 BodyPoint landmarks as points."""
        mass = self.landmarks @ self.weights

        def summed(values: torch.Tensor) -> torch.Tensor:
            return torch.einsum("kv,vj,v...->kj...", self.landmarks, self.weights, values)

        correctives = None if self.correctives is None else summed(self.correctives)
        return Points(mass, summed(self.template), summed(self.directions), correctives)

    def height(self, shape: torch.Tensor) -> torch.Tensor:
        """Return the stature [B] in metres of bodies at rest with ``shape`` [B, S]: sole to crown."""
        ends = torch.stack([self.template[:, 1].argmax(), self.template[:, 1].argmin()])
        tall = self.template[ends, 1] + torch.einsum("es,bs->be", self.directions[ends, 1], shape)
        return tall[:, 0] - tall[:, 1]


def turns(rotations: torch.Tensor) -> torch.Tensor:
    """Return what correctives are proportional to, [B, 9 (J - 1)]: how far ``rotations`` are from the identity.

    Args:
        rotations: FP32 [B, J - 1, 3, 3], of all bones but the pelvis, each against the bone that carries it.
    """
    return (rotations - torch.eye(3)).flatten(1)
