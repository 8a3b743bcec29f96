"""COCO-17 and BODY-25 from BlazePose's landmarks."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.contracts import BodyPoint as P
from bridge.perception.skeletons import BODY25, COCO17, convert

KEYPOINTS = np.column_stack([np.arange(33) * 10, np.arange(33) * 100, np.zeros(33), np.linspace(0.2, 1, 33)])
KEYPOINTS = KEYPOINTS.astype(np.float32)


@pytest.mark.parametrize(
    ("row", "point"),
    [
        (0, P.NOSE),
        (1, P.LEFT_EYE),
        (4, P.RIGHT_EAR),
        (5, P.LEFT_SHOULDER),
        (10, P.RIGHT_WRIST),
        (16, P.RIGHT_ANKLE),
    ],
)
def test_coco_keeps_its_order(row: int, point: P) -> None:
    """COCO counts nose, eyes, ears, then each pair of joints, left first."""
    assert convert(KEYPOINTS, COCO17)[row].tolist() == KEYPOINTS[point, [0, 1, 3]].tolist()


@pytest.mark.parametrize(
    ("row", "members"),
    [
        (0, [P.NOSE]),
        (1, [P.LEFT_SHOULDER, P.RIGHT_SHOULDER]),
        (2, [P.RIGHT_SHOULDER]),
        (8, [P.LEFT_HIP, P.RIGHT_HIP]),
        (14, [P.LEFT_ANKLE]),
        (19, [P.LEFT_FOOT_INDEX]),
        (24, [P.RIGHT_HEEL]),
    ],
)
def test_body25_means_its_members(row: int, members: list[P]) -> None:
    """Neck and mid-hip are means; right comes first; a mean is as sure as its less sure member."""
    x, y, score = convert(KEYPOINTS, BODY25)[row]
    assert [x, y] == KEYPOINTS[members, :2].mean(axis=0).tolist()
    assert score == KEYPOINTS[members, 3].min()


def test_the_tables_have_their_standards_lengths() -> None:
    """17 and 25 keypoints, as the contracts state."""
    assert (len(COCO17), len(BODY25)) == (17, 25)
