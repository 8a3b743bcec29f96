"""What an exported finisher is made of: the networks as diffusers and transformers have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusers import (
        AutoencoderKL,
        ControlNetModel,
        ControlNetUnionModel,
        SchedulerMixin,
        UNet2DConditionModel,
    )
    from transformers import (
        CLIPTextModel,
        CLIPTextModelWithProjection,
        CLIPTokenizer,
        CLIPVisionModelWithProjection,
    )


@dataclass(frozen=True)
class Parts:
    """A checkpoint's networks, loaded and in evaluation mode, with what goes with them.

    Args:
        unet: the denoiser; adapters are loaded into it by diffusers, in the order of ``Layout.adapters``.
        vae: the autoencoder.
        text_encoders: CLIP-L, and of SDXL OpenCLIP-bigG after it.
        tokenizers: one per text encoder.
        scheduler: with the checkpoint's configuration.
        union: ControlNet-Union.
        nets: ControlNets for one control each, by the names of ``Layout.nets``.
        refiner: SDXL's second denoiser.
        image_encoder: what reads the pictures of adapters.
    """

    unet: UNet2DConditionModel
    vae: AutoencoderKL
    text_encoders: tuple[CLIPTextModel | CLIPTextModelWithProjection, ...]
    tokenizers: tuple[CLIPTokenizer, ...]
    scheduler: SchedulerMixin
    union: ControlNetUnionModel | None = None
    nets: Mapping[str, ControlNetModel] = field(default_factory=dict)
    refiner: UNet2DConditionModel | None = None
    image_encoder: CLIPVisionModelWithProjection | None = None
