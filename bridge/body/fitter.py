"""Fits the body to a person's photo and tells how it moves from the A-pose into the pose of the photo."""

from __future__ import annotations

import json

import cv2
import numpy as np
import numpy.typing as npt
import torch

from bridge.body.evidence import Evidence, seen, trust
from bridge.body.fit import fit
from bridge.body.fitted import BodyReport, Bytes
from bridge.body.linear import LinearBody
from bridge.body.measure import measurements
from bridge.body.raster import Floats
from bridge.body.refusal import check, check_overlap, check_pose
from bridge.body.rotation import exp, log
from bridge.body.silhouette import Silhouette
from bridge.body.skeleton import BONES
from bridge.body.slopes import State
from bridge.contracts import BodyPoint

_FOCAL = 1.5
"""Focal length by the photo's long side: a normal lens (35 mm on 24 x 18 mm, 50 mm on 36 x 24 mm), since photos of
people rarely say theirs."""
_FRAMES = 24
"""Moments of the motion: the fastest vertex, a hand, moves by some 3 cm between two."""
_OUTSIDE = 0.2
"""What the confidence of a landmark is multiplied with that lies outside the photo: BlazePose guesses it."""
_LEAN = 0.45
"""The largest lean that is taken for BlazePose's error [rad]."""


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
            WrongTensor: mask and labels are not those of one photo.
            BodyNotFitted: too little of the person is seen, or no body stands like that.
        """
        check(keypoints, world, matte, labels, int(height[0]))
        evidence = evidence_of(keypoints, world, matte.shape, int(height[0]) / 1000)
        # who fills the photo has no outline in it: the landmarks alone decide
        outlines = [Silhouette.of(matte, labels)] if (matte < 128).any() else []
        state = fit(self._body, evidence, outlines)
        vertices, landmarks = self._posed(motion(self._body, state, _FRAMES))
        report = self._report(state, vertices[-1:], landmarks[-1:], evidence, matte)
        return {
            "body_motion": vertices.numpy(),
            "body_faces": self._body.faces,
            "body_parts": self._body.parts,
            "body_landmarks": landmarks[[0, -1]].numpy(),
            "camera": np.array([evidence.focal, *evidence.centre], np.float32),
            "body_report": np.array([json.dumps(report).encode()], np.object_),
        }

    def _report(
        self, state: State, vertices: torch.Tensor, landmarks: torch.Tensor, evidence: Evidence, matte: Bytes
    ) -> BodyReport:
        """Return what BODY_REPORT says of a state whose vertices are [1, V, 3] and landmarks [1, 33, 3].

        Raises:
            BodyNotFitted: it isn't the person's.
        """
        error = _mean_error(landmarks, evidence)
        check_pose(-float(vertices[..., 2].max()), error * -float(state.translation[0, 2]) / evidence.focal)
        overlap = _overlap(seen(vertices, evidence)[0], self._body.faces, matte)
        check_overlap(overlap)
        pose = zip(BONES, log(state.rotations)[0].tolist(), strict=True)
        return BodyReport(
            converged=True,
            mean_error_px=round(error, 2),
            silhouette_iou=round(overlap, 4),
            measurements_cm=measured(self._body, state.shape),
            height_known=bool(evidence.height > 0),
            pose=dict(pose),
            shape=state.shape[0].tolist(),
            model=self._body.name,
        )

    def _posed(self, state: State) -> tuple[torch.Tensor, torch.Tensor]:
        """Return vertices [frames, V, 3] and landmarks [frames, 33, 3]."""
        vertices = self._body.vertices(state.world(self._body), state.shape)
        return vertices, torch.einsum("kv,fvc->fkc", self._body.landmarks, vertices)


def evidence_of(keypoints: Floats, world: Floats, size: tuple[int, ...], height: float) -> Evidence:
    """Return what perception's tensors say of one photo of ``size`` (height, width) px; ``height`` in m, 0 unknown."""
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
