"""People whose pose and shape are known, as a camera sees them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from bridge.body.evidence import Evidence, seen
from bridge.body.linear import LinearBody
from bridge.body.rotation import exp
from bridge.body.skeleton import BONES
from bridge.body.slopes import State
from bridge.contracts import BodyPart, BodyPoint, Label

SIZE = (512, 384)
"""Height and width of the photo, if nothing else is asked for [px]."""
TURNS = {"hip": 0.15, "knee": 0.1, "shoulder": 0.4, "elbow": 0.4, "spine": 0.04, "neck": 0.15, "head": 0.15}
"""Deviation of each joint's rotation vector from the A-pose [rad]."""

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Person:
    """What is true, and what perception would say.

    Attributes:
        state: pose, place and shape.
        vertices: FP32 [1, V, 3], the body [m, camera frame].
        keypoints: FP32 [33, 4], as ``pose`` returns them.
        world: FP32 [33, 3], as ``pose`` returns them.
        matte: UINT8 [h, w], the person.
        labels: UINT8 [h, w], Label: a naked person's.
        height: the stature [m].
    """

    state: State
    vertices: torch.Tensor
    keypoints: Floats
    world: Floats
    matte: Bytes
    labels: Bytes
    height: float


def person(
    body: LinearBody, seed: int, noise: float = 1.0, size: tuple[int, int] = SIZE, pose: Floats | None = None
) -> Person:
    """Return a random person, seen whole from 3.6 m away.

    Args:
        body: what all people are.
        seed: of the person, and of the landmarks' errors.
        noise: how far the landmarks are off [px]; for each px of it their depth is off by 2 cm.
        size: height and width of the photo [px].
        pose: rotation vectors against the rest pose, FP32 [1, J, 3]; None: somebody who stands, by the seed.
    """
    rng = np.random.default_rng(seed)
    pose = _pose(rng) if pose is None else pose
    shape = torch.from_numpy(rng.normal(0, 0.8, (1, body.shape_count)).astype(np.float32))
    state = State(exp(torch.from_numpy(pose)), torch.tensor([[0.0, -0.05, -3.6]]), shape)
    vertices = body.vertices(state.world(body), shape)
    landmarks = torch.einsum("kv,bvc->bkc", body.landmarks, vertices)
    height = float(body.height(shape)[0])
    camera = _camera(landmarks, size, height)
    pixels = seen(landmarks, camera)[0].numpy() + rng.normal(0, noise, (33, 2))
    around = (landmarks - landmarks[:, 23:25].mean(1, keepdim=True))[0].numpy()
    around += rng.normal(0, 0.02 * noise, around.shape)
    keypoints = np.column_stack([pixels, np.zeros(33), np.ones(33)]).astype(np.float32)
    matte, labels = _rendered(body, seen(vertices, camera)[0].numpy(), vertices[0].numpy(), size)
    world = (around * (1, -1, -1)).astype(np.float32)
    return Person(state, vertices, keypoints, world, matte, labels, height)


def _pose(rng: np.random.Generator) -> Floats:
    """Return rotation vectors [1, J, 3]: the A-pose, a little turned, every joint bent a little."""
    pose = np.zeros((1, len(BONES), 3), np.float32)
    for index, bone in enumerate(BONES):
        spread = next((s for name, s in TURNS.items() if name in bone), 0.0)
        pose[0, index] = rng.normal(0, spread, 3)
        if bone.endswith("knee"):
            pose[0, index] = (abs(pose[0, index, 0]), 0, 0)
    pose[0, 0] = (0, rng.normal(0, 0.3), 0)
    return pose


def _camera(landmarks: torch.Tensor, size: tuple[int, int], height: float) -> Evidence:
    """Return a normal lens's view, which :func:`bridge.body.evidence.seen` asks for."""
    middle = torch.tensor([size[1] / 2, size[0] / 2])
    sure = torch.ones(1, len(BodyPoint))
    return Evidence(landmarks[..., :2], sure, landmarks, 1.5 * size[0], middle, torch.tensor([height]))


def _rendered(
    body: LinearBody, pixels: Floats, vertices: Floats, size: tuple[int, int]
) -> tuple[Bytes, Bytes]:
    """Return a naked person's mask, and labels that say so: from far to near, triangle by triangle."""
    matte, labels = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    skin = {BodyPart.HEAD: Label.FACE, BodyPart.NECK: Label.NECK, BodyPart.TORSO: Label.NECK}
    for face in body.faces[vertices[body.faces, 2].mean(axis=1).argsort()]:
        corners = np.round(pixels[face] * 16).astype(np.int32)
        part = BodyPart(body.parts[face[0]])
        label = skin.get(part, Label.LEGS if part > BodyPart.RIGHT_HAND else Label.ARMS)
        cv2.fillConvexPoly(matte, corners, (255,), shift=4)
        cv2.fillConvexPoly(labels, corners, (int(label),), shift=4)
    return matte, labels
