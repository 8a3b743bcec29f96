"""The detectors' anchors, decoding and blending, on numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.perception.detector import Detection, anchors, blend, decode, iou


@pytest.mark.parametrize(
    ("side", "strides", "count"), [(224, (8, 16, 32, 32, 32), 2254), (128, (8, 16, 16, 16), 896)]
)
def test_the_anchors_are_as_many_as_the_networks_have_outputs(
    side: int, strides: tuple[int, ...], count: int
) -> None:
    """The contracts' 2254 and 896 rows are two anchors per cell and layer."""
    assert anchors(side, strides).shape == (count, 2)


def test_anchors_lie_in_the_middle_of_their_cells_row_by_row() -> None:
    """Two per cell of stride 8, then layers of equal stride interleaved, six per cell."""
    found = anchors(224, (8, 16, 32, 32, 32))
    assert found[0].tolist() == found[1].tolist() == [4, 4]
    assert found[2].tolist() == [12, 4]
    assert (found[-6:] == [208, 208]).all()
    assert found[-7].tolist() == [176, 208]


def test_a_synthetic_detection_is_decoded() -> None:
    """Centre and points are relative to the anchor, the size is absolute, the logit becomes a probability."""
    centres = anchors(128, (8, 16, 16, 16))
    boxes = np.zeros((896, 16), np.float32)
    logits = np.full((896, 1), -50, np.float32)
    boxes[10, :6] = (2, -3, 20, 10, 1, 1)
    logits[10] = 0
    (one,) = decode(boxes, logits, centres, 0.4)
    x, y = centres[10]
    assert one.score == pytest.approx(0.5)
    assert one.box.tolist() == [x + 2 - 10, y - 3 - 5, x + 2 + 10, y - 3 + 5]
    assert one.points[0].tolist() == [x + 1, y + 1]
    assert one.area == 200


def test_overlapping_detections_become_their_weighted_mean() -> None:
    """Two of the same thing are one, with the better one's score; a third one elsewhere stays."""
    same = [_at(0, 0.9), _at(2, 0.3)]
    other = _at(50, 0.5)
    first, second = blend([*same, other])
    assert (first.score, second.score) == (0.9, 0.5)
    assert first.box[0] == pytest.approx((0.9 * 0 + 0.3 * 2) / 1.2)
    assert second.box[0] == 50


def test_the_overlap_of_boxes() -> None:
    """Half of each of two equal boxes is a third of their union; touching boxes share nothing."""
    a = np.array([0, 0, 10, 10], np.float32)
    assert iou(a, a) == 1
    assert iou(a, a + np.array([5, 0, 5, 0], np.float32)) == pytest.approx(1 / 3)
    assert iou(a, a + 10) == 0


def _at(x: float, score: float) -> Detection:
    box = np.array([x, 0, x + 10, 10], np.float32)
    return Detection(score, box, np.array([[x, 0]], np.float32))
