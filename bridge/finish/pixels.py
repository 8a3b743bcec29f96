"""Pictures to tensors and back, as diffusers' and CLIP's processors do it."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import torch
from PIL import Image

from bridge.errors import NotFinite
from bridge.finish.job import Bytes

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's training pictures (openai/CLIP, clip.py)."""


def unit(image: Bytes, device: str = "cpu") -> torch.Tensor:
    """Return uint8 [h, w, 3] as float32 [1, 3, h, w] in [0, 1]."""
    return torch.tensor(image, device=device).permute(2, 0, 1)[None].float() / 255


def signed(image: Bytes, device: str = "cpu") -> torch.Tensor:
    """Return uint8 [h, w, 3] as float32 [1, 3, h, w] in [-1, 1]."""
    return 2 * unit(image, device) - 1


def from_signed(image: torch.Tensor) -> Bytes:
    """Return float [1, 3, h, w] in about [-1, 1] as uint8 [h, w, 3].

    Raises:
        NotFinite: it holds something else than numbers.
    """
    if not torch.isfinite(image).all():
        raise NotFinite(
            "The picture's decoder computed something that is no number: "
            "its half precision overflows; please export the VAE in bf16 or fp32."
        )
    shares = (image[0].float() / 2 + 0.5).clamp(0, 1).permute(1, 2, 0)
    return (shares * 255).round().to(torch.uint8).cpu().numpy()


def clip_pixels(image: Bytes, side: int, device: str = "cpu") -> torch.Tensor:
    """Return a picture as CLIP's image encoder reads it, float32 [1, 3, side, side].

    CLIP's processor would cut a picture that isn't square to its middle, and a dress to its waist; it is padded with
    white first, on which garments are photographed.
    """
    square = Image.fromarray(_squared(image)).resize((side, side), Image.Resampling.BICUBIC)
    shares = unit(np.asarray(square), device)
    mean, deviation = (torch.tensor(value, device=device).reshape(1, 3, 1, 1) for value in (MEAN, DEVIATION))
    return (shares - mean) / deviation


def _squared(image: Bytes) -> Bytes:
    height, width = image.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    white = (255, 255, 255)
    return cast(
        Bytes,
        cv2.copyMakeBorder(
            image, top, side - height - top, left, side - width - left, cv2.BORDER_CONSTANT, value=white
        ),
    )
