"""The layout of what was read: what its callers must know, from the parts' own configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.finish.layout import Layout, Net, Refiner
from export.sdxl.choice import Choice, Family
from export.sdxl.fitting import is_inpainting
from export.sdxl.modules.shallow import shallow_of
from export.sdxl.reading import IDENTITY_NET, Checkpoint

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel

FACE_WIDTH = 512
"""Of ArcFace's embeddings (Deng et al. 2019), which all of these adapters read."""


def make_layout(read: Checkpoint, choice: Choice) -> Layout:
    """Return the layout of a checkpoint, exported as somebody chose."""
    parts = read.parts
    sdxl = choice.family is Family.SDXL
    pooled = int(parts.text_encoders[-1].config.projection_dim) if sdxl else 0
    first = parts.text_encoders[0]
    return Layout(
        family=choice.family.value,
        source=read.name,
        sha256=read.sha256,
        licence=read.licence,
        commercial_use=read.commercial_use,
        precision=choice.precision.value,
        buckets=choice.buckets,
        max_rows=choice.max_rows,
        latent_channels=parts.vae.config.latent_channels,
        latent_scale=2 ** (len(parts.vae.config.block_out_channels) - 1),
        latent_factor=parts.vae.config.scaling_factor,
        inpaint=is_inpainting(parts),
        blank_prompt=sdxl and bool(read.index.get("force_zeros_for_empty_prompt", True)),
        text_length=first.config.max_position_embeddings,
        text_width=parts.unet.config.cross_attention_dim,
        pooled_width=pooled,
        time_ids=_time_ids(parts.unet, pooled) if sdxl else 0,
        channels=parts.unet.config.block_out_channels[0],
        union_kinds=0 if parts.union is None else parts.union.config.num_control_type,
        nets=tuple(Net(name=name, text="identity" if name == IDENTITY_NET else None) for name in parts.nets),
        adapters=read.adapters,
        image_side=224 if parts.image_encoder is None else parts.image_encoder.config.image_size,
        face_width=FACE_WIDTH,
        refiner=_refiner(read, pooled),
        shallow=shallow_of(parts.unet) if choice.shallow else None,
        scheduler={
            key: value for key, value in parts.scheduler.config.items() if key != "_use_default_values"
        },
    )


def _refiner(read: Checkpoint, pooled: int) -> Refiner | None:
    unet = read.parts.refiner
    if unet is None:
        return None
    said = read.refiner_index
    return Refiner(
        text_width=unet.config.cross_attention_dim,
        pooled_width=pooled,
        time_ids=_time_ids(unet, pooled),
        aesthetics=bool(said.get("requires_aesthetics_score", True)),
        blank_prompt=bool(said.get("force_zeros_for_empty_prompt", False)),
    )


def _time_ids(unet: UNet2DConditionModel, pooled: int) -> int:
    """Return how many numbers a denoiser is told beside the prompt, each of them as a sinusoid."""
    return int(
        (unet.config.projection_class_embeddings_input_dim - pooled) // unet.config.addition_time_embed_dim
    )
