"""Which module fulfils which contract."""

from __future__ import annotations

import torch
from torch import nn

from bridge.contracts import DType
from bridge.finish.contracts import contracts
from bridge.finish.layout import Adapter, Layout, bucket_name
from export.sdxl.modules.autoencoder import Decode, Encode
from export.sdxl.modules.control import Embed
from export.sdxl.modules.denoise import Denoise
from export.sdxl.modules.pictures import FaceEncode, IdentityEncode, ImageEncode
from export.sdxl.modules.shallow import DenoiseShallow
from export.sdxl.modules.text import Sd15Text, SdxlText
from export.sdxl.parts import Parts


def networks(parts: Parts, layout: Layout) -> dict[str, nn.Module]:
    """Return the module of each of a layout's networks by the name of its contract.

    They share the parts' weights. Each takes its contract's inputs in order and returns a tuple of its outputs in
    order; those of different buckets are one module.
    """
    half = torch.float16 if layout.half is DType.FP16 else torch.float32
    made = {
        "text_encode": _text(parts, half),
        "vae_encode": Encode(parts.vae),
        "vae_decode": Decode(parts.vae),
    }
    for index, adapter in enumerate(layout.adapters):
        made |= _adapter(parts, index, adapter, half)
    for name, module in _sized(parts, layout, half).items():
        made |= {f"{name}_{bucket_name(bucket)}": module for bucket in layout.buckets}
    return {name: made[name].eval() for name in contracts(layout)}


def _text(parts: Parts, half: torch.dtype) -> nn.Module:
    if len(parts.text_encoders) == 1:
        return Sd15Text(parts.text_encoders[0], half)
    return SdxlText(parts.text_encoders, half)


def _adapter(parts: Parts, index: int, adapter: Adapter, half: torch.dtype) -> dict[str, nn.Module]:
    """Return the network that makes an adapter's tokens, by its contract's name."""
    projection = parts.unet.encoder_hid_proj.image_projection_layers[index]
    if adapter.kind == "identity":
        return {"identity_encode": IdentityEncode(projection, half)}
    if parts.image_encoder is None:
        raise ValueError(f"the adapter {adapter.name} reads pictures; it needs an image encoder")
    if adapter.kind == "face":
        return {"face_encode": FaceEncode(parts.image_encoder, projection, half)}
    return {"image_encode": ImageEncode(parts.image_encoder, projection, half)}


def _sized(parts: Parts, layout: Layout, half: torch.dtype) -> dict[str, nn.Module]:
    """Return the networks that every bucket has."""
    known = contracts(layout)
    first = bucket_name(layout.buckets[0])
    nets = {net.name: parts.nets[net.name] for net in layout.nets}
    made: dict[str, nn.Module] = {"denoise": Denoise.of(parts, layout, known[f"denoise_{first}"])}
    if layout.shallow:
        made["denoise_shallow"] = DenoiseShallow(parts, layout, known[f"denoise_shallow_{first}"])
    if parts.union is not None or nets:
        made["control_embed"] = Embed(parts.union, list(nets.values()), half)
    if parts.refiner is not None:
        made["refine"] = Denoise(parts.refiner, known[f"refine_{first}"])
    return made
