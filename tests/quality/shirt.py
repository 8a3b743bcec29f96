"""A try-on that is drawn: what the model `score` gets of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bridge.contracts import BodyPoint, Label, Part

SHAPE = (256, 192)


def inputs(**changed: Any) -> dict[str, Any]:
    """A red shirt laid over a grey one, every tensor as the contract says."""
    image = np.full((*SHAPE, 3), 120, np.uint8)
    worn = np.zeros(SHAPE, np.uint8)
    worn[80:200, 50:140] = 255
    keypoints = np.full((33, 4), 95, np.float32)
    keypoints[[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER], :2] = (125, 90), (65, 90)
    keypoints[[BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP], 1] = 190
    red = np.zeros((*SHAPE, 3), np.uint8)
    red[..., 0] = np.where(np.indices(SHAPE).sum(axis=0) % 8 < 4, 180, 200)
    return {
        "image": image,
        "keypoints": keypoints,
        "people": np.array([1], np.int32),
        "person_index": np.array([-1], np.int32),
        "face_mesh": np.zeros((468, 3), np.float32),
        "face_score": np.zeros(1, np.float32),
        "labels": np.where(worn > 0, Label.UPPER, Label.BACKGROUND).astype(np.uint8),
        "result": np.where(worn[..., None] > 0, red, image),
        "edit_mask": worn,
        "agnostic": np.where(worn[..., None] > 0, np.uint8(150), image),
        "layer": np.dstack([red, worn]),
        "layer_parts": np.where(worn > 0, Part.TORSO, Part.NONE).astype(np.uint8),
        "garment_image": red,
        "garment_mask": worn,
        "garment_inside": np.zeros(SHAPE, np.uint8),
        "garment_category": np.array([b"upper"], np.object_),
        "seed": np.array([7], np.int64),
        "route_report": np.array([b'{"expert": "warp", "why": "so"}'], np.object_),
    } | changed
