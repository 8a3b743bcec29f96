"""The names of the points in the order of each set."""

from __future__ import annotations

from bridge.contracts import BodyPoint

BLAZEPOSE33 = tuple(point.name.lower() for point in BodyPoint)
"""BlazePose's landmarks."""

COCO17 = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
    "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""The keypoints of COCO (Lin et al. 2014)."""

BODY25 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel",
    "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip
"""The keypoints of OpenPose's BODY-25 model (Cao et al. 2019)."""
