"""A fitted body with all that is known of it, and how the photo's camera sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from bridge.body.raster import Floats, Ints, Raster, rasterise

Bytes = npt.NDArray[np.uint8]


class BodyReport(TypedDict):
    """The JSON of BODY_REPORT."""

    converged: bool
    mean_error_px: float
    """How far the landmarks are seen from where the photo has them, each by its trust."""

    silhouette_iou: float
    """Intersection over union of the body and the person's mask."""

    measurements_cm: dict[str, float]
    """See :func:`bridge.body.measure.measurements`."""

    height_known: bool
    """Whether the person's height was given; otherwise every length is a guess."""

    pose: dict[str, list[float]]
    """Each bone's rotation against the bone that carries it, as rotation vector [rad]."""

    shape: list[float]
    model: str


@dataclass(frozen=True)
class FittedBody:
    """What ``fit_body`` found; the frame is the camera's [m].

    Attributes:
        vertices: FP32 [V, 3], in the pose of the photo.
        a_pose: FP32 [V, 3], in the A-pose.
        faces: INT32 [F, 3], anticlockwise seen from outside.
        parts: UINT8 [V], BodyPart.
        uv: FP32 [F, 3, 2], the texture coordinates [0, 1] of the triangles' corners, v up; zeros where there are none.
        landmarks: FP32 [33, 3], BodyPoint rows, in the pose of the photo.
        camera: FP32 [3], f, cx, cy [px].
        report: what BODY_REPORT says.
    """

    vertices: Floats
    a_pose: Floats
    faces: Ints
    parts: Bytes
    uv: Floats
    landmarks: Floats
    camera: Floats
    report: BodyReport

    @classmethod
    def of(cls, outputs: Mapping[str, npt.NDArray[np.generic]], uv: Floats) -> FittedBody:
        """Read the tensors of ``fit_body``; ``uv`` is :attr:`bridge.body.linear.LinearBody.uv` of its body."""
        motion = outputs["body_motion"].astype(np.float32)
        return cls(
            vertices=motion[-1],
            a_pose=motion[0],
            faces=outputs["body_faces"].astype(np.int32),
            parts=outputs["body_parts"].astype(np.uint8),
            uv=uv,
            landmarks=outputs["body_landmarks"][-1].astype(np.float32),
            camera=outputs["camera"].astype(np.float32),
            report=json.loads(bytes(outputs["body_report"].item())),
        )

    @property
    def has_texture_coordinates(self) -> bool:
        """Whether the body's file has any."""
        return bool(self.uv.any())

    @property
    def pixel(self) -> float:
        """How large a pixel is at the body [m]."""
        return -float(self.vertices[:, 2].mean() / self.camera[0])

    def seen(self, points: Floats) -> Floats:
        """Return where points [n, 3] are seen in the photo, [n, 2] px."""
        focal, x, y = self.camera
        flat = points[:, :2] / -points[:, 2:]
        return np.asarray(flat * (focal, -focal) + (x, y), np.float32)

    def raster(self, height: int, width: int) -> Raster:
        """Return which triangle is seen at each pixel of the photo."""
        corners = self.seen(self.vertices)[self.faces]
        return rasterise(corners, (-1 / self.vertices[:, 2])[self.faces], (height, width))

    def normals(self) -> Floats:
        """Return the vertices' unit normals [V, 3] in the pose of the photo; each triangle counts by its area."""
        a, b, c = np.moveaxis(self.vertices[self.faces], 1, 0)
        across = np.tile(np.cross(b - a, c - a), (3, 1))
        corners = self.faces.T.ravel()
        total = np.stack([np.bincount(corners, axis, len(self.vertices)) for axis in across.T], axis=1)
        length = np.linalg.norm(total, axis=1, keepdims=True)
        return np.asarray(total / np.maximum(length, 1e-12), np.float32)


def depth_and_normals(body: FittedBody, height: int, width: int) -> tuple[Floats, Floats]:
    """Return the body's DEPTH [h, w] and NORMALS [h, w, 3] in the photo's frame, as the contracts define them."""
    raster = body.raster(height, width)
    depth, normals = np.zeros((height, width), np.float32), np.zeros((height, width, 3), np.float32)
    depth[raster.covered] = 1 / raster.of((-1 / body.vertices[:, 2])[body.faces][..., None])[:, 0]
    found = raster.of(body.normals()[body.faces])
    normals[raster.covered] = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6)
    return depth, normals
