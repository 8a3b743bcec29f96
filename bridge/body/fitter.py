"""Fits the body to a person's photo and tells how it moves from the A-pose into the pose of the photo."""

from __future__ import annotations

import json

import cv2
import numpy as np
import numpy.typing as npt
import torch

from bridge.body.evidence import Evidence, seen, trust
from bridge.body.fit import fit
from bridge.body.linear import LinearBody
from bridge.body.measure import measurements
from bridge.body.rotation import exp, log
from bridge.body.silhouette import Silhouette
from bridge.body.skeleton import BONES
from bridge.body.slopes import State
from bridge.contracts import BodyPoint
from bridge.errors import BodyNotFitted

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_FOCAL = 1.5
"""Focal length by the photo's long side: a normal lens (35 mm on 24 x 18 mm, 50 mm on 36 x 24 mm), since photos of
people rarely say theirs."""
_FRAMES = 24
"""Moments of the motion: the fastest vertex, a hand, moves by some 3 cm between two."""
_OUTSIDE = 0.2
"""What the confidence of a landmark is multiplied with that lies outside the photo: BlazePose guesses it."""
_TRUNK = (BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER, BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP)
_SHOWN = 0.3
"""The least confidence of shoulders, or of hips, from which a body can be fitted."""
_LEAN = 0.45
"""The largest lean that is taken for BlazePose's error [rad]."""
_FARTHEST = 0.06
"""The largest mean error of the landmarks of a fit that counts [m]."""
_HEIGHTS = (1000, 2500)
"""Statures that are believed [mm]."""


class BodyFitter:
    """Fulfils ``fit_body``."""

    def __init__(self, body: LinearBody) -> None:
        # more threads than one make small operators wait for each other when the other cores are busy
        torch.set_num_threads(1)
        self._body = body

    def __call__(
        self, keypoints: Floats, world: Floats, matte: Bytes, labels: Bytes, height: npt.NDArray[np.int32]
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Fit the body.

        Raises:
            BodyNotFitted: too little of the person is seen, or no body stands like that.
        """
        evidence = evidence_of(keypoints, world, matte.shape, _known(int(height[0])))
        state = fit(self._body, evidence, [Silhouette.of(matte, labels)])
        poses = motion(self._body, state, _FRAMES)
        vertices, landmarks = self._posed(poses)
        error = _mean_error(landmarks[-1:], evidence)
        scale = evidence.focal / max(-float(state.translation[0, 2]), 1e-6)
        if not (torch.isfinite(vertices).all() and error < _FARTHEST * scale):
            raise BodyNotFitted(
                "No body could be brought into the pose of this person; use a photo in which the person stands and "
                "the arms are seen."
            )
        report = {
            "converged": True,
            "mean_error_px": round(error, 2),
            "silhouette_iou": round(_overlap(seen(vertices[-1:], evidence)[0], self._body.faces, matte), 4),
            "measurements_cm": measured(self._body, state.shape),
            "height_known": bool(height[0]),
            "pose": {
                bone: vector.tolist() for bone, vector in zip(BONES, log(state.rotations)[0], strict=True)
            },
            "shape": state.shape[0].tolist(),
            "model": self._body.name,
        }
        camera = np.array([evidence.focal, *evidence.centre], np.float32)
        return {
            "body_motion": vertices.numpy(),
            "body_faces": self._body.faces,
            "body_parts": self._body.parts,
            "body_landmarks": landmarks[[0, -1]].numpy(),
            "camera": camera,
            "body_report": np.array([json.dumps(report).encode()], np.object_),
        }

    def _posed(self, state: State) -> tuple[torch.Tensor, torch.Tensor]:
        """Return vertices [frames, V, 3] and landmarks [frames, 33, 3]."""
        world = self._body.world(state.rotations, state.translation, state.shape)
        vertices = self._body.vertices(world, state.shape)
        return vertices, torch.einsum("kv,fvc->fkc", self._body.landmarks, vertices)


def evidence_of(keypoints: Floats, world: Floats, size: tuple[int, ...], height: float) -> Evidence:
    """Return what perception's tensors say of one photo of ``size`` (height, width) px; ``height`` in m, 0 unknown.

    Raises:
        BodyNotFitted: shoulders or hips are not seen, or the landmarks are no numbers.
    """
    if not (np.isfinite(keypoints).all() and np.isfinite(world).all()):
        raise BodyNotFitted("The person's landmarks are no numbers; send them as `pose` returns them.")
    if keypoints[list(_TRUNK), 3].min() < _SHOWN:
        raise BodyNotFitted(
            "Shoulders and hips must be seen to fit a body; use a photo from the knees or the hips upwards."
        )
    inside = ((keypoints[:, :2] >= 0) & (keypoints[:, :2] < (size[1], size[0]))).all(axis=1)
    confidence = keypoints[:, 3] * np.where(inside, 1, _OUTSIDE)
    return Evidence(
        landmarks=torch.from_numpy(keypoints[None, :, :2].astype(np.float32)),
        confidence=torch.from_numpy(confidence[None].astype(np.float32)),
        world=torch.from_numpy(uprighted(world * (1, -1, -1))[None].astype(np.float32)),
        focal=_FOCAL * max(size),
        centre=torch.tensor([size[1] / 2, size[0] / 2]),
        height=torch.tensor([height]),
    )


def uprighted(world: Floats) -> Floats:
    """Return 3D landmarks [33, 3] (y up, z to the camera), turned about the hips until the trunk doesn't lean.

    BlazePose sees people lean forwards, by up to 20 degrees, who stand straight; most without their legs in the photo.
    """
    shoulders = world[[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER]].mean(axis=0)
    lean = float(np.clip(np.arctan2(shoulders[2], shoulders[1]), -_LEAN, _LEAN))
    cosine, sine = np.cos(lean), np.sin(lean)
    turn = np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])
    upright: Floats = world @ turn.T
    return upright


def motion(body: LinearBody, state: State, frames: int) -> State:
    """Return [frames] states in which the joints of one body turn evenly from the A-pose; the pelvis stays."""
    rest = exp(body.a_pose)
    vectors = log(state.rotations[0] @ rest.mT)
    share = torch.linspace(0, 1, frames)[:, None, None].repeat(1, len(BONES), 1)
    share[:, 0] = 1
    return State(
        exp(share * vectors) @ rest, state.translation.expand(frames, -1), state.shape.expand(frames, -1)
    )


def measured(body: LinearBody, shape: torch.Tensor) -> dict[str, float]:
    """Return the measurements [cm] of a shape [1, S] in its A-pose."""
    world = body.world(exp(body.a_pose)[None], torch.zeros(1, 3), shape)
    vertices = body.vertices(world, shape)[0]
    return measurements(vertices.numpy(), body.faces, body.parts, (body.landmarks @ vertices).numpy())


def _known(millimetres: int) -> float:
    if millimetres and not _HEIGHTS[0] <= millimetres <= _HEIGHTS[1]:
        raise BodyNotFitted(
            f"A height of {millimetres} mm can't be; give {_HEIGHTS[0]} to {_HEIGHTS[1]} mm, or 0 where it is unknown."
        )
    return millimetres / 1000


def _mean_error(landmarks: torch.Tensor, evidence: Evidence) -> float:
    """Return how far the landmarks [1, 33, 3] are seen from where they should be, each by its trust [px]."""
    weight = evidence.confidence * trust()
    off = (seen(landmarks, evidence) - evidence.landmarks).norm(dim=-1)
    return float((off * weight).sum() / weight.sum())


def _overlap(pixels: torch.Tensor, faces: npt.NDArray[np.int32], matte: Bytes) -> float:
    """Return the intersection over union of a mesh seen at ``pixels`` [V, 2] and a mask."""
    drawn = np.zeros(matte.shape, np.uint8)
    for triangle in np.round(pixels.numpy()[faces] * 16).astype(np.int32):
        cv2.fillConvexPoly(drawn, triangle, (1,), shift=4)
    body, person = drawn > 0, matte >= 128
    return float((body & person).sum() / max((body | person).sum(), 1))
