"""The denoiser's outermost blocks alone (DeepCache; Ma et al. 2023, arXiv:2312.00858; horseee/DeepCache).

Of a U-Net only these see the latent at its full size: they are a fifteenth of SDXL's arithmetic, and what lies within
them changes little from step to step. Everything here is diffusers' own blocks of the same weights, so that with a
fresh ``deep`` the result is the whole denoiser's.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import nn

from bridge.contracts import Contract
from bridge.finish.layout import Layout, Shallow
from export.sdxl.modules.attention import with_pictures
from export.sdxl.modules.denoise import pictures_of, sample_of
from export.sdxl.parts import Parts

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel


def shallow_of(unet: UNet2DConditionModel) -> Shallow:
    """Return what a layout says of a denoiser's outermost blocks.

    Raises:
        ValueError: it has one level only, and nothing lies within.
    """
    widths = unet.config.block_out_channels
    if len(widths) < 2:
        raise ValueError("this denoiser has one level; nothing lies within its outermost blocks")
    last = unet.up_blocks[-1]
    attends = bool(getattr(last, "has_cross_attention", False))
    return Shallow(channels=widths[1], skips=len(last.resnets), attends=attends)


class DenoiseShallow(nn.Module):
    """The first and the last block of a denoiser around what a whole step found within.

    Args:
        parts: the checkpoint's.
        layout: with ``shallow``.
        contract: says which inputs there are.
    """

    def __init__(self, parts: Parts, layout: Layout, contract: Contract) -> None:
        super().__init__()
        unet = with_pictures(parts.unet) if layout.adapters else parts.unet
        self.time_proj, self.time_embedding = unet.time_proj, unet.time_embedding
        if layout.pooled_width:
            self.add_time_proj, self.add_embedding = unet.add_time_proj, unet.add_embedding
        self.conv_in, self.first, self.last = (
            unet.conv_in,
            _without_sampler(unet.down_blocks[0]),
            unet.up_blocks[-1],
        )
        self.conv_norm_out, self.conv_act, self.conv_out = unet.conv_norm_out, unet.conv_act, unet.conv_out
        self.inputs = [tensor.name for tensor in contract.inputs]
        self.adapters = [adapter.name for adapter in layout.adapters]

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor]:
        """Return ``noise`` FP32 [rows, channels, h, w]."""
        given = dict(zip(self.inputs, tensors, strict=True))
        dtype = self.conv_in.weight.dtype
        time = self._time(given, dtype)
        reads = self._reads(given, dtype)
        sample = self.conv_in(sample_of(given["latent"].to(dtype), given))
        maps = (sample, *self.first(hidden_states=sample, temb=time, **reads)[1])
        if "residuals" in given:
            added = given["residuals"].to(dtype).chunk(len(maps), dim=1)
            maps = tuple(one + other for one, other in zip(maps, added, strict=True))
        deep = given["deep"].to(dtype)
        sample = self.last(hidden_states=deep, temb=time, res_hidden_states_tuple=maps, **reads)
        return (self.conv_out(self.conv_act(self.conv_norm_out(sample))).float(),)

    def _time(self, given: Mapping[str, torch.Tensor], dtype: torch.dtype) -> torch.Tensor:
        """Return the embedding of the timestep and, of SDXL, of the whole prompt and the picture's sizes."""
        embedding = self.time_embedding(self.time_proj(given["timestep"][:, 0]).to(dtype))
        if "pooled" not in given:
            return embedding
        pooled = given["pooled"].to(dtype)
        sizes = self.add_time_proj(given["time_ids"].flatten()).reshape(pooled.shape[0], -1)
        return embedding + self.add_embedding(torch.cat([pooled, sizes.to(dtype)], dim=-1))

    def _reads(self, given: Mapping[str, torch.Tensor], dtype: torch.dtype) -> dict[str, object]:
        """Return what blocks with cross-attention take beside the others."""
        if "text" not in given:
            return {}
        pictures = {"ip_hidden_states": pictures_of(given, self.adapters, dtype)}
        return {"encoder_hidden_states": given["text"].to(dtype), "cross_attention_kwargs": pictures}


def _without_sampler(block: nn.Module) -> nn.Module:
    """Return a block that does not halve its map at the end; it shares every weight with the one that is given."""
    shared = {id(tensor): tensor for tensor in chain(block.parameters(), block.buffers())}
    made = copy.deepcopy(block, shared)
    made.downsamplers = None
    return made
