"""What Stable Diffusion XL and its companions look like in full size, so that they can be made without their weights.

Each is the ``config.json`` of a published checkpoint, reduced to what makes the architecture. Made on torch's device
``meta`` a network costs no memory: what it weighs and computes can be counted before anything is downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Architecture:
    """One network's class and configuration."""

    network: str
    """Library and class."""

    config: Mapping[str, object]
    source: str
    """The checkpoint whose configuration it is, on huggingface.co."""

    parameters: float
    """How many weights it has [millions]."""

    def make(self) -> torch.nn.Module:
        """Return the network, on torch's default device and of its default type; the weights mean nothing."""
        library, name = self.network.split(".")
        made = getattr(import_module(library), name)
        if library == "transformers":
            return made(made.config_class(**self.config)).eval()
        return made(**self.config).eval()


_DOWN = {
    "in_channels": 4,
    "block_out_channels": (320, 640, 1280),
    "layers_per_block": 2,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "attention_head_dim": (5, 10, 20),
    "transformer_layers_per_block": (1, 2, 10),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
"""The denoiser's half that goes down; a ControlNet is a copy of it."""

_REFINER = {
    "in_channels": 4,
    "out_channels": 4,
    "sample_size": 128,
    "block_out_channels": (384, 768, 1536, 1536),
    "layers_per_block": 2,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": (6, 12, 24, 24),
    "transformer_layers_per_block": 4,
    "cross_attention_dim": 1280,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2560,
}

_VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 1024,
    "scaling_factor": 0.13025,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}

_CLIP_L = {
    "vocab_size": 49408,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "projection_dim": 768,
    "hidden_act": "quick_gelu",
}

_BIG_G = {
    "vocab_size": 49408,
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_attention_heads": 20,
    "num_hidden_layers": 32,
    "projection_dim": 1280,
    "hidden_act": "gelu",
}

_VIT_H = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_attention_heads": 16,
    "num_hidden_layers": 32,
    "patch_size": 14,
    "image_size": 224,
    "projection_dim": 1024,
    "hidden_act": "gelu",
}

SCHEDULER: Mapping[str, object] = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
    "timestep_spacing": "leading",
}
"""The base checkpoint's ``scheduler_config.json``, without what is diffusers' default."""

UNION_KINDS = 8
"""Controls that ControlNet-Union ProMax knows."""

_BASE = "stabilityai/stable-diffusion-xl-base-1.0"

ARCHITECTURES: Mapping[str, Architecture] = {
    "unet": Architecture(
        "diffusers.UNet2DConditionModel",
        _DOWN
        | {"sample_size": 128, "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")},
        _BASE,
        2567.464,
    ),
    "refiner": Architecture(
        "diffusers.UNet2DConditionModel", _REFINER, "stabilityai/stable-diffusion-xl-refiner-1.0", 2259.527
    ),
    "controlnet": Architecture(
        "diffusers.ControlNetModel", _DOWN, "diffusers/controlnet-depth-sdxl-1.0", 1251.014
    ),
    "union": Architecture(
        "diffusers.ControlNetUnionModel",
        _DOWN
        | {
            "num_control_type": UNION_KINDS,
            "num_trans_channel": 320,
            "num_trans_head": 8,
            "num_trans_layer": 1,
            "num_proj_channel": 320,
            # not diffusers' default: the file's 2,513,342,408 bytes hold 1256.6 million weights of two bytes
            "conditioning_embedding_out_channels": (16, 32, 96, 256),
        },
        "xinsir/controlnet-union-sdxl-1.0",
        1256.615,
    ),
    "vae": Architecture("diffusers.AutoencoderKL", _VAE, f"{_BASE}/vae", 83.654),
    "text_encoder": Architecture("transformers.CLIPTextModel", _CLIP_L, f"{_BASE}/text_encoder", 123.060),
    "text_encoder_2": Architecture(
        "transformers.CLIPTextModelWithProjection", _BIG_G, f"{_BASE}/text_encoder_2", 694.660
    ),
    "image_encoder": Architecture(
        "transformers.CLIPVisionModelWithProjection", _VIT_H, "h94/IP-Adapter/models/image_encoder", 632.077
    ),
}
"""By the names that the checkpoints' folders have."""
