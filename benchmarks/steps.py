"""Every step of a try-on as a picture with a caption."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.page import Picture
from bridge.contracts import BodyPoint, GarmentPoint, Label
from bridge.imaging import overlay
from bridge.quality.measures import Pixels
from bridge.triton.model import Array, Arrays

SQUARE = 16
"""Side of the squares that stand for transparency [px]."""
PAPER = np.array([238, 232, 224], np.float32)
"""What surrounds a cut-out person."""
INSIDE = np.array([214, 92, 60], np.float32)
"""What marks the garment's inner side."""


def steps(stages: Arrays) -> list[Picture]:
    """Return the pictures in the order in which they were made; ``stages`` are ``tryon_basic_stages``' outputs."""
    image, garment = stages["image"], stages["garment_image"]
    return [
        Picture(image, "The photo", f"{image.shape[1]} × {image.shape[0]} pixels, upright, sRGB"),
        Picture(_pose(stages), "Pose", "33 landmarks of BlazePose, those that are seen"),
        Picture(_mixed(image, PAPER, stages["matte"]), "Matte", "the person with all that is worn and held"),
        Picture(_labels(stages), "Parsing", "what is seen at every pixel"),
        Picture(
            _garment(garment, stages["garment_mask"], stages["garment_inside"], stages["garment_points"]),
            "Garment",
            "cut out, its landmarks, and in red its inner side, which is never painted on the chest",
        ),
        Picture(
            _on_squares(stages["layer"]),
            "Warp",
            "the garment bent onto the body, complete behind arms and hair",
        ),
        Picture(stages["agnostic"], "Agnostic", "the old garment hidden, and what lies behind it filled in"),
        Picture(_grey(stages["edit_mask"]), "Edit mask", "white where the result may differ from the photo"),
        Picture(stages["result"], "Result", "lit and shaded like the photo"),
    ]


def _pose(stages: Arrays) -> Pixels:
    nothing = np.full_like(stages["labels"], Label.BACKGROUND)
    return overlay.draw_overlay(stages["image"], nothing, stages["keypoints"])


def _labels(stages: Arrays) -> Pixels:
    nobody = np.zeros((len(BodyPoint), 4), np.float32)
    return overlay.draw_overlay(stages["image"], stages["labels"], nobody)


def _mixed(front: Pixels, back: Array, mask: Pixels) -> Pixels:
    alpha = mask[..., None].astype(np.float32) / 255
    mixed: Pixels = np.rint(front * alpha + back * (1 - alpha)).astype(np.uint8)
    return mixed


def _garment(image: Pixels, mask: Pixels, inside: Pixels, points: Array) -> Pixels:
    cut = _mixed(image, PAPER, mask)
    marked = _mixed(np.rint(cut * 0.45 + INSIDE * 0.55).astype(np.uint8), cut, inside)
    scale = max(2, round(max(image.shape) / 200))
    for point in GarmentPoint:
        x, y, score = points[point]
        if score > 0:
            at = (round(float(x) - 0.5), round(float(y) - 0.5))  # OpenCV counts from pixel centres
            cv2.circle(marked, at, scale + 1, (255, 255, 255), -1, cv2.LINE_AA)
            cv2.circle(marked, at, scale, (180, 85, 45), -1, cv2.LINE_AA)
    return marked


def _on_squares(layer: Pixels) -> Pixels:
    y, x = np.indices(layer.shape[:2]) // SQUARE
    squares = np.where((x + y)[..., None] % 2, PAPER, PAPER - 14)
    return _mixed(layer[..., :3], squares, layer[..., 3])


def _grey(mask: Pixels) -> Pixels:
    return np.repeat(mask[..., None], 3, axis=2)
