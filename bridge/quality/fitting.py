"""What is scored."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.contracts import Category
from bridge.quality.measures import Floats, Pixels, Region


@dataclass(frozen=True)
class Fitting:
    """A try-on that is scored; shapes and ranges are those of the contract's tensors."""

    image: Pixels
    keypoints: Floats
    labels: Pixels
    face_mesh: Floats
    face_score: float
    result: Pixels
    edit_mask: Pixels
    agnostic: Pixels
    layer: Pixels
    layer_parts: Pixels
    garment_image: Pixels
    garment_shown: Region  # [h, w]: the garment's outer side in its photo
    category: Category
