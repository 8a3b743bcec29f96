"""BlazePose's 33 landmarks in the order and sense of COCO-17 and of OpenPose's BODY-25."""

from __future__ import annotations

import numpy as np

from bridge.contracts import BodyPoint as P
from bridge.perception.nets import Float32

COCO17: tuple[tuple[P, ...], ...] = (
    (P.NOSE,), (P.LEFT_EYE,), (P.RIGHT_EYE,), (P.LEFT_EAR,), (P.RIGHT_EAR,), (P.LEFT_SHOULDER,),
    (P.RIGHT_SHOULDER,), (P.LEFT_ELBOW,), (P.RIGHT_ELBOW,), (P.LEFT_WRIST,), (P.RIGHT_WRIST,), (P.LEFT_HIP,),
    (P.RIGHT_HIP,), (P.LEFT_KNEE,), (P.RIGHT_KNEE,), (P.LEFT_ANKLE,), (P.RIGHT_ANKLE,),
)  # fmt: skip
"""Of which landmarks each COCO keypoint is the mean (Lin et al. 2014, "Microsoft COCO")."""

BODY25: tuple[tuple[P, ...], ...] = (
    (P.NOSE,), (P.LEFT_SHOULDER, P.RIGHT_SHOULDER), (P.RIGHT_SHOULDER,), (P.RIGHT_ELBOW,), (P.RIGHT_WRIST,),
    (P.LEFT_SHOULDER,), (P.LEFT_ELBOW,), (P.LEFT_WRIST,), (P.LEFT_HIP, P.RIGHT_HIP), (P.RIGHT_HIP,),
    (P.RIGHT_KNEE,), (P.RIGHT_ANKLE,), (P.LEFT_HIP,), (P.LEFT_KNEE,), (P.LEFT_ANKLE,), (P.RIGHT_EYE,),
    (P.LEFT_EYE,), (P.RIGHT_EAR,), (P.LEFT_EAR,), (P.LEFT_FOOT_INDEX,), (P.LEFT_FOOT_INDEX,), (P.LEFT_HEEL,),
    (P.RIGHT_FOOT_INDEX,), (P.RIGHT_FOOT_INDEX,), (P.RIGHT_HEEL,),
)  # fmt: skip
"""The same for BODY-25 (Cao et al. 2019, "OpenPose"): 1 is the neck, between the shoulders; 8 the hips'
middle. BlazePose has one toe point per foot, which stands for OpenPose's big and small toe."""


def convert(keypoints: Float32, table: tuple[tuple[P, ...], ...]) -> Float32:
    """Return ``[n, 3]``: x, y [px] and score, where a mean's score is that of its worst member.

    Args:
        keypoints: ``[33, 4]``: x, y, z [px], visibility [0, 1].
        table: :data:`COCO17` or :data:`BODY25`.
    """
    rows = [keypoints[list(members)] for members in table]
    return np.array([[*r[:, :2].mean(axis=0), r[:, 3].min()] for r in rows], np.float32)
