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
from bridge.contracts import BodyPart, Label

HEIGHT, WIDTH = 512, 384
TURNS = {"hip": 0.15, "knee": 0.1, "shoulder": 0.4, "elbow": 0.4, "spine": 0.04, "neck": 0.15, "head": 0.15}
"""Deviation of each joint's rotation vector from the A-pose [rad]."""


@dataclass(frozen=True)
class Person:
    """What is true, and what perception would say."""

    state: State
    vertices: torch.Tensor  # [1, V, 3]
    evidence: Evidence
    keypoints: npt.NDArray[np.float32]
    world: npt.NDArray[np.float32]
    matte: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    height: float


def person(body: LinearBody, seed: int, noise: float = 1.0) -> Person:
    """A random person, seen whole; landmarks are off by ``noise`` px and 2 cm of depth for each px of it."""
    rng = np.random.default_rng(seed)
    pose = np.zeros((1, len(BONES), 3), np.float32)
    for index, bone in enumerate(BONES):
        spread = next((s for name, s in TURNS.items() if name in bone), 0.0)
        pose[0, index] = rng.normal(0, spread, 3)
        if bone.endswith("knee"):
            pose[0, index] = (abs(pose[0, index, 0]), 0, 0)
    pose[0, 0] = (0, rng.normal(0, 0.3), 0)
    shape = torch.from_numpy(rng.normal(0, 0.8, (1, body.shape_count)).astype(np.float32))
    state = State(exp(torch.from_numpy(pose)), torch.tensor([[0.0, -0.05, -3.6]]), shape)
    world = body.world(state.rotations, state.translation, state.shape)
    vertices = body.vertices(world, shape)
    landmarks = torch.einsum("kv,bvc->bkc", body.landmarks, vertices)
    height = float(body.height(shape)[0])
    camera = Evidence(landmarks[..., :2], torch.ones(1, 33), landmarks, 1.5 * HEIGHT,
                      torch.tensor([WIDTH / 2, HEIGHT / 2]), torch.tensor([height]))  # fmt: skip
    pixels = seen(landmarks, camera)[0].numpy() + rng.normal(0, noise, (33, 2))
    around = (landmarks - landmarks[:, 23:25].mean(1, keepdim=True))[0].numpy()
    around += rng.normal(0, 0.02 * noise, around.shape)
    matte, labels = rendered(body, seen(vertices, camera)[0].numpy(), vertices[0].numpy())
    return Person(
        state,
        vertices,
        camera,
        np.column_stack([pixels, np.zeros(33), np.ones(33)]).astype(np.float32),
        (around * (1, -1, -1)).astype(np.float32),
        matte,
        labels,
        height,
    )


def rendered(
    body: LinearBody, pixels: npt.NDArray[np.float32], vertices: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The mask of a naked person, and labels that say so: from far to near, triangle by triangle."""
    matte, labels = np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
    skin = {BodyPart.HEAD: Label.FACE, BodyPart.NECK: Label.NECK, BodyPart.TORSO: Label.NECK}
    for face in body.faces[vertices[body.faces, 2].mean(axis=1).argsort()]:
        corners = np.round(pixels[face] * 16).astype(np.int32)
        label = skin.get(BodyPart(body.parts[face[0]]), Label.LEGS if body.parts[face[0]] > 8 else Label.ARMS)
        cv2.fillConvexPoly(matte, corners, (255,), shift=4)
        cv2.fillConvexPoly(labels, corners, (int(label),), shift=4)
    return matte, labels
