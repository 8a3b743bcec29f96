"""Pictures to tensors and back, as diffusers' and CLIP's processors do it."""

from __future__ import annotations

import torch

from bridge.errors import NotFinite
from bridge.finish.job import Bytes
from bridge.imaging import clip


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
    return torch.from_numpy(clip.clip_pixels(clip.squared(image, ground=255), side))[None].to(device)
