"""The part that BlazePose's and BlazeFace's detectors share: anchors, decoding, suppression.

Both are single-shot detectors (Liu et al. 2016, "SSD") with anchors of one fixed size, two per layer and
cell, and with BlazeFace's blending in place of suppression (Bazarevsky et al. 2019, section 3.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bridge.perception.nets import Float32, sigmoid


@dataclass(frozen=True)
class Detection:
    """One thing that was found; points in pixels of whatever frame the function that returns it names."""

    score: float  # [0, 1]
    box: Float32  # x0, y0, x1, y1
    points: Float32  # [k, 2]

    @property
    def area(self) -> float:
        """The box's area [px²]."""
        return float((self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))


def anchors(side: int, strides: Sequence[int]) -> Float32:
    """Return the anchors' centres ``[n, 2]`` in pixels of the crop.

    Args:
        side: the network's input side [px].
        strides: one per layer; layers with the same stride lie interleaved in the same cells, as MediaPipe's
            ``ssd_anchors_calculator`` orders them.
    """
    layers = []
    for stride in sorted(set(strides)):
        cells = (np.arange(side // stride, dtype=np.float32) + 0.5) * stride
        x, y = np.meshgrid(cells, cells)
        per_cell = 2 * list(strides).count(stride)
        layers.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), per_cell, axis=0))
    return np.concatenate(layers)


def decode(boxes: Float32, logits: Float32, centres: Float32, threshold: float) -> list[Detection]:
    """Turn a detector's raw outputs for one crop into detections in crop pixels, best first.

    Args:
        boxes: ``[n, 4 + 2 k]``: box centre, size and k points; centre and points relative to the anchor [px].
        logits: ``[n, 1]``.
        centres: the anchors ``[n, 2]``.
        threshold: scores below are dropped.
    """
    scores = sigmoid(logits[:, 0])
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= threshold]
    found = []
    for i in order:
        centre = boxes[i, :2] + centres[i]
        half = boxes[i, 2:4] / 2
        box = np.concatenate([centre - half, centre + half])
        found.append(Detection(float(scores[i]), box, boxes[i, 4:].reshape(-1, 2) + centres[i]))
    return found


def iou(a: Float32, b: Float32) -> float:
    """Return the intersection over the union of two boxes x0, y0, x1, y1."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    common = float(np.prod(np.maximum(high - low, 0)))
    areas = float(np.prod(a[2:] - a[:2])) + float(np.prod(b[2:] - b[:2]))
    return common / max(areas - common, 1e-9)


def blend(detections: Sequence[Detection], overlap: float = 0.3) -> list[Detection]:
    """Merge detections of the same thing into their mean, weighted by score; best first.

    Args:
        detections: all in the same frame.
        overlap: boxes with a larger intersection over union show the same thing (MediaPipe uses 0.3).
    """
    rest = sorted(detections, key=lambda d: -d.score)
    merged = []
    while rest:
        best = rest[0]
        same = [d for d in rest if iou(d.box, best.box) > overlap or d is best]
        rest = [d for d in rest if all(d is not s for s in same)]
        weights = np.array([d.score for d in same], np.float32)
        weights /= weights.sum()
        box = np.tensordot(weights, np.stack([d.box for d in same]), 1)
        points = np.tensordot(weights, np.stack([d.points for d in same]), 1)
        merged.append(Detection(best.score, box, points))
    return merged
