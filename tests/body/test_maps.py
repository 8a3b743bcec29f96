"""The fitted body in the photo's frame, as a model of the repository."""

from __future__ import annotations

import numpy as np

from bridge.body.maps import BodyMaps


def test_a_square_body_is_where_its_camera_sees_it() -> None:
    """Two triangles, two metres away, facing the camera."""
    corners = np.array([[-1, -1, -2], [1, -1, -2], [1, 1, -2], [-1, 1, -2]], np.float32)
    body = {
        "body_motion": np.stack([corners, corners]),
        "body_faces": np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        "body_parts": np.zeros(4, np.uint8),
        "body_landmarks": np.zeros((2, 33, 3), np.float32),
        "camera": np.array([40, 32, 32], np.float32),
        "body_report": np.array([b"{}"], np.object_),
    }
    maps = BodyMaps()(matte=np.zeros((64, 64), np.uint8), **body)
    inside = maps["body_depth"] > 0
    assert inside.sum() == 40 * 40
    assert np.allclose(maps["body_depth"][inside], 2)
    assert np.allclose(maps["body_normals"][inside], (0, 0, 1), atol=1e-6)
    assert not maps["body_normals"][~inside].any()
