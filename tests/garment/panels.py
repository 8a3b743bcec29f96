"""Garments as the mesher is given them."""

from __future__ import annotations

from typing import Any

import numpy as np

from bridge.contracts import Category, GarmentPoint
from bridge.garment.drawing.wardrobe import Kind
from tests.garment.scenes import drawn

HEIGHT, WIDTH = 400, 300
KNIT = np.array([b"knit"], np.object_)


def asked(kind: Kind) -> dict[str, Any]:
    """What the model is given of a drawn garment."""
    image, truth = drawn(kind)
    return {
        "garment_image": image,
        "garment_category": np.array([truth.category.value.encode()], np.object_),
        "garment_mask": truth.mask,
        "garment_inside": truth.inside,
        "garment_points": truth.points,
        "fabric": KNIT,
    }


def box() -> dict[str, Any]:
    """A plain skirt: one box."""
    points = np.zeros((len(GarmentPoint), 3), np.float32)
    corners = {
        "WAIST_LEFT": (200, 100),
        "WAIST_RIGHT": (100, 100),
        "HEM_LEFT": (200, 300),
        "HEM_RIGHT": (100, 300),
    }
    for name, at in corners.items():
        points[GarmentPoint[name]] = (*at, 1)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[100:300, 100:200] = 255
    return {
        "garment_image": np.zeros((HEIGHT, WIDTH, 3), np.uint8),
        "garment_category": np.array([Category.LOWER.value.encode()], np.object_),
        "garment_mask": mask,
        "garment_inside": np.zeros_like(mask),
        "garment_points": points,
        "fabric": KNIT,
    }
