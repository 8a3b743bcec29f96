"""Adapters for the tiny denoiser in the form in which they are published, with random weights.

Two groups of tensors: ``image_proj``, which makes tokens, and ``ip_adapter``, the keys and values of each
cross-attention (h94/IP-Adapter, h94/IP-Adapter-FaceID, InstantX/InstantID). A resampler always has four layers and
heads of 64 channels, because diffusers takes these numbers for granted.
"""

from __future__ import annotations

import torch
from diffusers import UNet2DConditionModel

FACE_WIDTH = 512
"""Of a face's embedding."""

_DEPTH, _HEAD, _QUERIES = 4, 64, 5

State = dict[str, dict[str, torch.Tensor]]


class _Weights:
    """Draws weights of about the size that a network has after training."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def matrix(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self.generator) * shape[-1] ** -0.5

    def linear(self, name: str, out: int, width: int) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": self.matrix(out, width), f"{name}.bias": 0.1 * self.matrix(out)}

    def norm(self, name: str, width: int) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": 1 + self.matrix(width), f"{name}.bias": self.matrix(width)}


def plus(unet: UNet2DConditionModel, seed: int = 20, *, reads: int = 32) -> State:
    """IP-Adapter Plus: a resampler of features ``reads`` wide; InstantID's form too, where these are a face's."""
    weights, width = _Weights(seed), unet.config.cross_attention_dim
    projection = {"latents": weights.matrix(1, _QUERIES, _HEAD)}
    projection |= _resampler(weights, reads, _HEAD, width)
    return {"image_proj": projection, "ip_adapter": _attention(weights, unet)}


def face(unet: UNet2DConditionModel, seed: int = 21, *, reads: int = 32) -> State:
    """FaceID-PlusV2: the embedding's queries read the crop's features, ``reads`` wide."""
    weights, width = _Weights(seed), unet.config.cross_attention_dim
    projection = weights.linear("proj.0", 2 * FACE_WIDTH, FACE_WIDTH)
    projection |= weights.linear("proj.2", 4 * width, 2 * FACE_WIDTH) | weights.norm("norm", width)
    inner = _resampler(weights, reads, width, width)
    projection |= {f"perceiver_resampler.{name}": tensor for name, tensor in inner.items()}
    return {"image_proj": projection, "ip_adapter": _attention(weights, unet)}


def identity(unet: UNet2DConditionModel, seed: int = 22) -> State:
    """InstantID's adapter."""
    return plus(unet, seed, reads=FACE_WIDTH)


def _resampler(weights: _Weights, reads: int, inner: int, out: int) -> dict[str, torch.Tensor]:
    made = weights.linear("proj_in", inner, reads) | weights.linear("proj_out", out, inner)
    made |= weights.norm("norm_out", out)
    for layer in (f"layers.{index}" for index in range(_DEPTH)):
        made |= weights.norm(f"{layer}.0.norm1", inner) | weights.norm(f"{layer}.0.norm2", inner)
        made |= {f"{layer}.0.to_q.weight": weights.matrix(_HEAD, inner)}
        made |= {f"{layer}.0.to_kv.weight": weights.matrix(2 * _HEAD, inner)}
        made |= {f"{layer}.0.to_out.weight": weights.matrix(inner, _HEAD)}
        made |= weights.norm(f"{layer}.1.0", inner)
        made |= {f"{layer}.1.1.weight": weights.matrix(4 * inner, inner)}
        made |= {f"{layer}.1.3.weight": weights.matrix(inner, 4 * inner)}
    return made


def _attention(weights: _Weights, unet: UNet2DConditionModel) -> dict[str, torch.Tensor]:
    """Return keys and values; those of the n-th attention are named n, and every second one reads text."""
    made = {}
    for number, name in enumerate(unet.attn_processors):
        if name.endswith("attn2.processor"):
            layer = unet.get_submodule(name.removesuffix(".processor"))
            for each, like in (("to_k_ip", layer.to_k), ("to_v_ip", layer.to_v)):
                made[f"{number}.{each}.weight"] = weights.matrix(*like.weight.shape)
    return made
