"""Whether the parts of a checkpoint are made for each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bridge.errors import ConfigError, ConversionFailed
from bridge.finish.layout import Adapter, Bucket, bucket_name
from export.sdxl.parts import Parts

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel

MASK = 1
"""A denoiser for inpainting reads the latent, the mask and the masked picture's latent."""


def check_fit(parts: Parts, adapters: Sequence[Adapter]) -> None:
    """Check that what one part gives is what the next one takes.

    Raises:
        ConversionFailed: they come from different checkpoints; the message says which two.
    """
    latent = int(parts.vae.config.latent_channels)
    wide = sum(int(encoder.config.hidden_size) for encoder in parts.text_encoders)
    _check_channels("the denoiser", parts.unet, latent)
    _equal("the denoiser", "the text encoders", parts.unet.config.cross_attention_dim, wide)
    nets = {f"the ControlNet {name}": net for name, net in parts.nets.items()}
    if parts.union is not None:
        nets["ControlNet-Union"] = parts.union
    for name, net in nets.items():
        _equal(name, "the denoiser", net.config.cross_attention_dim, parts.unet.config.cross_attention_dim)
        _equal(name, "the denoiser", net.config.block_out_channels, parts.unet.config.block_out_channels)
    if parts.refiner is not None:
        last = int(parts.text_encoders[-1].config.hidden_size)
        _check_channels("the refiner", parts.refiner, latent)
        _equal("the refiner", "the last text encoder", parts.refiner.config.cross_attention_dim, last)
    if parts.image_encoder is None and any(adapter.kind != "identity" for adapter in adapters):
        raise ConversionFailed(
            "adapters that read pictures need --image-encoder, such as clip_vit_h of the registry"
        )


def check_buckets(parts: Parts, buckets: Sequence[Bucket]) -> None:
    """Check that every network halves a bucket's sides as often as it does without a remainder.

    The refiner of SDXL halves once more than its base: 64 px instead of 32 (facts: diffusion-cost, 0.2).

    Raises:
        ConfigError: a bucket's side leaves a remainder; the message names the nearest that doesn't.
    """
    denoisers = [unet for unet in (parts.unet, parts.refiner) if unet is not None]
    halvings = max(len(unet.config.block_out_channels) - 1 for unet in denoisers)
    step = 2 ** (len(parts.vae.config.block_out_channels) - 1 + halvings)
    for bucket in buckets:
        if any(side % step for side in bucket):
            width, height = (max(step, round(side / step) * step) for side in bucket)
            raise ConfigError(
                f"the bucket {bucket_name(bucket)} does not suit these networks: both sides must be multiples of "
                f"{step} px; {bucket_name((width, height))} would do"
            )


def is_inpainting(parts: Parts) -> bool:
    """Tell whether the denoiser also reads a mask and the masked picture."""
    return int(parts.unet.config.in_channels) != int(parts.vae.config.latent_channels)


def _check_channels(name: str, unet: UNet2DConditionModel, latent: int) -> None:
    allowed = (latent, 2 * latent + MASK)
    if int(unet.config.in_channels) not in allowed or int(unet.config.out_channels) != latent:
        raise ConversionFailed(
            f"{name} takes {unet.config.in_channels} channels and gives {unet.config.out_channels}; with this "
            f"autoencoder it must take {latent}, or {allowed[1]} for inpainting, and give {latent}"
        )


def _equal(one: str, other: str, given: object, taken: object) -> None:
    given, taken = (tuple(each) if isinstance(each, list) else each for each in (given, taken))
    if given != taken:
        raise ConversionFailed(
            f"{one} and {other} don't belong together: one has {given} channels, the other {taken}; both must be of "
            "one family of checkpoints"
        )
