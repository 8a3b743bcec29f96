"""The finisher's networks as they are in full size, or tiny, with weights that mean nothing.

What a network costs depends on its sizes alone. So the weights are drawn where they are needed: on the card, since
they weigh more than a lent machine could be sent, or on torch's device ``meta``, where they take no memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from benchmarks import finisher_adapters
from bridge.finish.layout import Adapter, Bucket, Layout, Precision, Refiner
from export.sdxl.architectures import ARCHITECTURES, SCHEDULER, UNION_KINDS
from export.sdxl.modules import networks
from export.sdxl.parts import Parts

if TYPE_CHECKING:
    from diffusers import SchedulerMixin

DTYPES: Mapping[Precision, torch.dtype] = {
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}
BUCKETS: tuple[Bucket, ...] = ((1024, 1344), (1056, 1408))
"""Of the tiers pro and Ω (``configs/pipeline.yaml``: long_side)."""

ADAPTERS = (Adapter(name="garment", kind="plus", tokens=16), Adapter(name="face", kind="face", tokens=4))
"""IP-Adapter Plus and FaceID-PlusV2, as published for SDXL."""

TINY_BUCKETS: tuple[Bucket, ...] = ((64, 128), (128, 192))
_WIDTH = 32
"""Of each of the tiny text encoders."""

_TINY_DOWN = {
    "block_out_channels": (32, 64, 64),
    "layers_per_block": 1,
    "attention_head_dim": (2, 4, 4),
    "transformer_layers_per_block": (1, 1, 2),
    "cross_attention_dim": 2 * _WIDTH,
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 6 * 8 + _WIDTH,
    "norm_num_groups": 8,
}
_TINY_CONTROL = _TINY_DOWN | {"conditioning_embedding_out_channels": (8, 8, 16, 16)}
_TINY_CLIP = {
    "hidden_size": _WIDTH,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "projection_dim": _WIDTH,
}
_TINY: Mapping[str, Mapping[str, object]] = {
    "unet": _TINY_DOWN | {"sample_size": 8},
    "refiner": {
        "sample_size": 8,
        "block_out_channels": (32, 32, 64, 64),
        "layers_per_block": 1,
        "attention_head_dim": (2, 2, 4, 4),
        "transformer_layers_per_block": 1,
        "cross_attention_dim": _WIDTH,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 5 * 8 + _WIDTH,
        "norm_num_groups": 8,
    },
    "controlnet": _TINY_CONTROL,
    "union": _TINY_CONTROL | {"num_trans_channel": 32, "num_trans_head": 4, "num_proj_channel": 32},
    "vae": {
        "block_out_channels": (8, 8, 16, 16),
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "sample_size": 64,
    },
    "text_encoder": _TINY_CLIP,
    "text_encoder_2": _TINY_CLIP,
    "image_encoder": _TINY_CLIP | {"image_size": 32, "patch_size": 8},
}
"""What is smaller in a network that takes milliseconds on a processor; the architecture stays."""


def layout(precision: Precision, *, tiny: bool = False) -> Layout:
    """Return what the networks are: SDXL with ControlNet-Union, the garment's and the face's adapter, the refiner."""
    sizes = {
        "text_width": 2 * _WIDTH, "pooled_width": _WIDTH, "channels": 32, "image_side": 32,
        "refiner": Refiner(text_width=_WIDTH, pooled_width=_WIDTH),
    } if tiny else {"refiner": Refiner()}  # fmt: skip
    return Layout.model_validate({
        "source": "random weights", "sha256": "0" * 64, "licence": "Apache-2.0", "commercial_use": True,
        "precision": precision, "buckets": TINY_BUCKETS if tiny else BUCKETS, "union_kinds": UNION_KINDS,
        "scheduler": dict(SCHEDULER), "adapters": ADAPTERS, **sizes,
    })  # fmt: skip


def parts(layout: Layout, device: str, *, tiny: bool = False) -> Parts:
    """Return the networks of a layout.

    Args:
        layout: which of them there are, and their precision.
        device: where the weights are drawn; on ``meta`` there are none.
        tiny: whether they are small.
    """
    steps = scheduler()
    with _default(device, DTYPES[layout.precision]):
        unet, vae = _made("unet", tiny), _made("vae", tiny)
        encoder = _made("image_encoder", tiny) if layout.adapters else None
        if encoder is not None:
            inner = 64 if tiny else 1280
            finisher_adapters.load(unet, layout.adapters, encoder.config.hidden_size, inner)
        vae.register_to_config(force_upcast=False)  # as of the autoencoder that is safe in fp16
        return Parts(
            unet=unet, vae=vae, text_encoders=(_made("text_encoder", tiny), _made("text_encoder_2", tiny)),
            tokenizers=(), scheduler=steps,
            union=_made("union", tiny) if layout.union_kinds else None,
            nets={net.name: _made("controlnet", tiny) for net in layout.nets},
            refiner=_made("refiner", tiny) if layout.refiner else None,
            image_encoder=encoder,
        )  # fmt: skip


def modules(parts: Parts, layout: Layout, device: str) -> dict[str, torch.nn.Module]:
    """Return what fulfils each of the layout's contracts, by its name; they share the parts' weights."""
    with _default(device, DTYPES[layout.precision]):
        return networks(parts, layout)


def scheduler() -> SchedulerMixin:
    """Return the base checkpoint's."""
    from diffusers import EulerDiscreteScheduler

    return EulerDiscreteScheduler.from_config(dict(SCHEDULER))


def _made(name: str, tiny: bool) -> torch.nn.Module:  # noqa: FBT001 - of this file alone
    full = ARCHITECTURES[name]
    chosen = replace(full, config={**full.config, **_TINY[name]}) if tiny else full
    return _drawn(chosen.make()).requires_grad_(requires_grad=False)


def _drawn(network: torch.nn.Module) -> torch.nn.Module:
    """Draw every weight, also those that training starts at zero: zeros are quicker to multiply than data."""
    for name, weight in network.named_parameters():
        scale = 0.02 if weight.ndim == 1 else weight[0].numel() ** -0.5
        torch.nn.init.normal_(weight, std=scale)
        if weight.ndim == 1 and name.endswith("weight"):  # only norms have such weights
            weight.data += 1.0
    return network


@contextmanager
def _default(device: str, dtype: torch.dtype) -> Iterator[None]:
    """Make tensors on a device and of a type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(before)
