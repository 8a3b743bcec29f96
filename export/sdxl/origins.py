"""Which of the registry's files is what in a checkpoint, and what to say when it is missing."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.registry import HfSource, Registry

ORIGINS: Mapping[str, str] = {
    "sdxl": "sdxl_base",
    "sd15": "sd15_inpainting",
    "refiner": "sdxl_refiner",
    "vae": "sdxl_vae_fp16_fix",
    "controlnet": "controlnet_union_sdxl",
    "image_encoder": "clip_vit_h",
    "tokenizer": "clip_vocabulary",
    "garment": "ip_adapter_plus_sdxl",
    "face": "ip_adapter_faceid_plusv2_sdxl",
    "identity": "instantid_adapter",
    "identity_net": "instantid_net",
}
"""The registry's id of each part of a checkpoint that has one."""


def origin(part: str, registry: Registry) -> str:
    """Return where a part comes from and under which licence: a clause that ends a sentence."""
    if part not in ORIGINS:
        return f"give the folder of a whole {part}"
    artifact = registry[ORIGINS[part]]
    place = f"huggingface.co/{artifact.source.repo}" if isinstance(artifact.source, HfSource) else artifact.id
    return f"it is published at {place} under {artifact.licence}, and {artifact.id} in configs/registry.yaml"
