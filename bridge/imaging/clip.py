"""Pictures as CLIP's image towers read them."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of the RGB shares of CLIP's training pictures (openai/CLIP, clip.py)."""


def clip_pixels(image: Pixels, side: int) -> npt.NDArray[np.float32]:
    """Return RGB ``uint8 [h, w, 3]`` as ``float32 [3, side, side]``, as CLIP's own processor does it.

    The shorter edge is scaled to ``side`` (Pillow's bicubic filter, which blurs before it shrinks), the longer one is
    cut to its middle, and the shares are normalised (openai/CLIP, clip.py, ``_transform``).
    """
    height, width = image.shape[:2]
    short = min(height, width)
    size = (side * width // short, side * height // short)  # 224 / 207 * 207 would be less than 224
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC), np.float32)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    shares = small[top : top + side, left : left + side] / np.float32(255)
    normal = (shares - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1))


def squared(image: Pixels, ground: int) -> Pixels:
    """Return the picture in the middle of the smallest square that holds it; what is new is ``ground``, a grey."""
    height, width = image.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    edges = (top, side - height - top, left, side - width - left)
    return np.asarray(cv2.copyMakeBorder(image, *edges, cv2.BORDER_CONSTANT, value=(ground,) * 3), np.uint8)
