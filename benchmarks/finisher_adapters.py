"""Adapters as they are published, with weights that mean nothing, for a denoiser of any size.

Two groups of tensors each: ``image_proj``, which makes tokens of a picture or a face, and ``ip_adapter``, by which each
cross-attention reads them (h94/IP-Adapter, h94/IP-Adapter-FaceID, InstantX/InstantID).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from bridge.finish.layout import Adapter

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel

Shapes = dict[str, tuple[int, ...]]
State = dict[str, dict[str, torch.Tensor]]

_LAYERS = 4
_FACE = 512
"""Width of a face's embedding."""


def load(unet: UNet2DConditionModel, adapters: tuple[Adapter, ...], reads: int, inner: int) -> None:
    """Put adapters into a denoiser, on torch's default device and of its default type.

    Args:
        unet: the denoiser.
        adapters: which ones, in its order.
        reads: width of the image encoder's features.
        inner: width of the resamplers that read them, a multiple of 64.
    """
    if adapters:
        states = [_state(unet, adapter, reads, inner) for adapter in adapters]
        unet._load_ip_adapter_weights(states, low_cpu_mem_usage=False)  # as pipelines do
        unet.requires_grad_(requires_grad=False).eval()


def _state(unet: UNet2DConditionModel, adapter: Adapter, reads: int, inner: int) -> State:
    width = int(unet.config.cross_attention_dim)
    made = {
        "plus": lambda: _resampler(reads, inner, width) | {"latents": (1, adapter.tokens, inner)},
        "identity": lambda: _resampler(_FACE, inner, width) | {"latents": (1, adapter.tokens, inner)},
        "face": lambda: _face(reads, width, adapter.tokens),
    }[adapter.kind]()
    return {"image_proj": _drawn(made), "ip_adapter": _drawn(_attention(unet))}


def _face(reads: int, width: int, tokens: int) -> Shapes:
    first = _linear("proj.0", 2 * _FACE, _FACE) | _linear("proj.2", tokens * width, 2 * _FACE)
    inner = _resampler(reads, width, width)
    return (
        first | _norm("norm", width) | {f"perceiver_resampler.{name}": shape for name, shape in inner.items()}
    )


def _resampler(reads: int, inner: int, out: int) -> Shapes:
    made = _linear("proj_in", inner, reads) | _linear("proj_out", out, inner) | _norm("norm_out", out)
    for layer in (f"layers.{index}" for index in range(_LAYERS)):
        made |= (
            _norm(f"{layer}.0.norm1", inner) | _norm(f"{layer}.0.norm2", inner) | _norm(f"{layer}.1.0", inner)
        )
        made |= {
            f"{layer}.0.to_q.weight": (inner, inner),
            f"{layer}.0.to_kv.weight": (2 * inner, inner),
            f"{layer}.0.to_out.weight": (inner, inner),
            f"{layer}.1.1.weight": (4 * inner, inner),
            f"{layer}.1.3.weight": (inner, 4 * inner),
        }
    return made


def _attention(unet: UNet2DConditionModel) -> Shapes:
    """Return keys and values; those of the n-th attention are named n, and every second one reads text."""
    made: Shapes = {}
    for number, name in enumerate(unet.attn_processors):
        if name.endswith("attn2.processor"):
            layer = unet.get_submodule(name.removesuffix(".processor"))
            made[f"{number}.to_k_ip.weight"] = tuple(layer.to_k.weight.shape)
            made[f"{number}.to_v_ip.weight"] = tuple(layer.to_v.weight.shape)
    return made


def _linear(name: str, out: int, width: int) -> Shapes:
    return {f"{name}.weight": (out, width), f"{name}.bias": (out,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _drawn(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    return {name: torch.randn(shape) * shape[-1] ** -0.5 for name, shape in shapes.items()}
