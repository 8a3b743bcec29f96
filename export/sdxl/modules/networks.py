"""Which module fulfils which contract."""

from __future__ import annotations

import torch
from torch import nn

from bridge.contracts import DType
from bridge.finish.layout import Layout, bucket_name, contracts
from export.sdxl.modules.autoencoder import Decode, Encode
from export.sdxl.modules.control import Embed
from export.sdxl.modules.denoise import Denoise
from export.sdxl.modules.text import Sd15Text, SdxlText
from export.sdxl.parts import Parts


def networks(parts: Parts, layout: Layout) -> dict[str, nn.Module]:
    """Return the module of each of a layout's networks by the name of its contract.

    They share the parts' weights. Each takes its contract's inputs in order and returns a tuple of its outputs in
    order; those of different buckets are one module.
    """
    known = contracts(layout)
    half = torch.float16 if layout.half is DType.FP16 else torch.float32
    made = {
        "text_encode": _text(parts, half),
        "vae_encode": Encode(parts.vae),
        "vae_decode": Decode(parts.vae),
    }
    made |= _sized(parts, layout, half)
    return {name: made[name].eval() for name in known}


def _text(parts: Parts, half: torch.dtype) -> nn.Module:
    if len(parts.text_encoders) == 1:
        return Sd15Text(parts.text_encoders[0], half)
    return SdxlText(parts.text_encoders, half)


def _sized(parts: Parts, layout: Layout, half: torch.dtype) -> dict[str, nn.Module]:
    """Return the networks of every bucket, by their contracts' names."""
    known = contracts(layout)
    first = bucket_name(layout.buckets[0])
    nets = {net.name: parts.nets[net.name] for net in layout.nets}
    made: dict[str, nn.Module] = {
        "denoise": Denoise(parts.unet, known[f"denoise_{first}"], parts.union, nets)
    }
    if parts.union is not None or nets:
        made["control_embed"] = Embed(parts.union, list(nets.values()), half)
    if parts.refiner is not None:
        made["refine"] = Denoise(parts.refiner, known[f"refine_{first}"])
    return {f"{name}_{bucket_name(bucket)}": each for name, each in made.items() for bucket in layout.buckets}
