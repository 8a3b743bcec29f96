"""Pictures to latents and back; both ends are FP32 whatever the weights are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from diffusers import AutoencoderKL


class Encode(nn.Module):
    """A picture's latent as a distribution (Kingma & Welling 2013), not scaled."""

    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.encoder, self.quant_conv = vae.encoder, vae.quant_conv

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and standard deviation [rows, channels, h, w] of pictures [rows, 3, 8 h, 8 w] in [-1, 1]."""
        from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

        moments = self.encoder(image.to(self.encoder.conv_in.weight.dtype))
        moments = moments if self.quant_conv is None else self.quant_conv(moments)
        latent = DiagonalGaussianDistribution(moments.float())
        return latent.mean, latent.std


class Decode(nn.Module):
    """A latent's picture."""

    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.decoder, self.post_quant_conv = vae.decoder, vae.post_quant_conv

    def forward(self, latent: torch.Tensor) -> tuple[torch.Tensor]:
        """Return pictures [rows, 3, 8 h, 8 w] of latents [rows, channels, h, w]."""
        latent = latent.to(self.decoder.conv_in.weight.dtype)
        latent = latent if self.post_quant_conv is None else self.post_quant_conv(latent)
        return (self.decoder(latent).float(),)
