"""Reads a checkpoint in one file, in the form that Stability AI publishes: diffusers translates, nothing is fetched.

Such a file has weights alone. What it looks like comes from :mod:`export.sdxl.architectures`, its tokenizer from CLIP's
published vocabulary (``python -m export fetch clip_vocabulary``).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import ConversionFailed
from export.filling import brief
from export.sdxl.architectures import ARCHITECTURES, SCHEDULER, Architecture
from export.sdxl.names import original_name
from export.sdxl.vocabulary import write_tokenizer
from export.sdxl.weights import files
from export.weights import check_dtypes, header

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

BASE: Mapping[str, Architecture] = {
    name: ARCHITECTURES[name] for name in ("unet", "vae", "text_encoder", "text_encoder_2")
}
REFINER: Mapping[str, Architecture] = {
    "unet": ARCHITECTURES["refiner"],
    **{name: ARCHITECTURES[name] for name in ("vae", "text_encoder_2")},
}
SD15: Mapping[str, Architecture] = {
    "unet": Architecture(
        "diffusers.UNet2DConditionModel",
        {"sample_size": 64, "in_channels": 9, "cross_attention_dim": 768},
        "stable-diffusion-v1-5/stable-diffusion-inpainting",
        859.535,
    ),
    "vae": Architecture(
        "diffusers.AutoencoderKL",
        {**ARCHITECTURES["vae"].config, "sample_size": 512, "scaling_factor": 0.18215},
        "stable-diffusion-v1-5/stable-diffusion-inpainting/vae",
        83.654,
    ),
    "text_encoder": ARCHITECTURES["text_encoder"],
}
"""Stable Diffusion 1.5 for inpainting: diffusers' defaults, but for the mask and the masked picture."""

_SD15_SCHEDULER: Mapping[str, object] = {
    "_class_name": "DDIMScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
    "clip_sample": False,
    "set_alpha_to_one": False,
}
_TOKENIZERS = {"text_encoder": ("tokenizer", "<|endoftext|>"), "text_encoder_2": ("tokenizer_2", "!")}
"""Of each text encoder; SDXL's second one pads with an exclamation mark (its ``tokenizer_2``)."""


def read_pipeline(path: Path, parts: Mapping[str, Architecture], vocabulary: Path) -> DiffusionPipeline:
    """Read a checkpoint's file.

    Args:
        path: the safetensors file.
        parts: what it looks like, by diffusers' names.
        vocabulary: CLIP's published merges.

    Returns:
        diffusers' pipeline with all parts, in float32.

    Raises:
        ArtifactCorrupt: the file is cut short.
        ConversionFailed: its weights are pickled, quantised, or another network's.
    """
    import diffusers

    check_dtypes(files(path))
    _check_denoiser(path, parts["unet"])
    pipeline = diffusers.StableDiffusionXLImg2ImgPipeline
    if "text_encoder_2" not in parts:
        pipeline = diffusers.StableDiffusionInpaintPipeline
    with tempfile.TemporaryDirectory() as folder:
        write_configs(Path(folder), parts, vocabulary, pipeline.__name__)
        try:
            return pipeline.from_single_file(str(path), config=folder, local_files_only=True)
        except Exception as error:  # diffusers raises whatever it meets
            raise ConversionFailed(
                f"{path} is no checkpoint of this family ({brief(error)}); say --family, or "
                "give a diffusers folder"
            ) from error


def _check_denoiser(path: Path, architecture: Architecture) -> None:
    """Check that the file has every weight of the denoiser, since diffusers leaves random what it doesn't find."""
    import torch

    with torch.device("meta"):
        unet = architecture.make()
    attended = frozenset(i for i, block in enumerate(unet.up_blocks) if hasattr(block, "attentions"))
    found = header(path)
    for name, weight in unet.state_dict().items():
        key = f"model.diffusion_model.{original_name(name, unet.config.layers_per_block, attended)}"
        if key not in found:
            raise ConversionFailed(
                f"{path} lacks {key}; it is no checkpoint of this family: say --family, or use another"
            )
        if found[key][1] != tuple(weight.shape):
            raise ConversionFailed(
                f"{key} of {path} is {found[key][1]} and should be {tuple(weight.shape)}; it is another network's: say "
                "--family, or use another checkpoint"
            )


def write_configs(folder: Path, parts: Mapping[str, Architecture], vocabulary: Path, pipeline: str) -> None:
    """Write what a diffusers folder would say of the parts, without weights."""
    scheduler = SCHEDULER if "text_encoder_2" in parts else _SD15_SCHEDULER
    index: dict[str, object] = {
        "_class_name": pipeline,
        "scheduler": ["diffusers", scheduler["_class_name"]],
        "text_encoder": [None, None],
        "tokenizer": [None, None],
        "image_encoder": [None, None],
        "feature_extractor": [None, None],
        "safety_checker": [None, None],
    }
    _write(folder / "scheduler" / "scheduler_config.json", scheduler)
    for name, architecture in parts.items():
        index[name] = architecture.network.split(".")
        _write(folder / name / "config.json", _config(architecture))
        if name in _TOKENIZERS:
            tokenizer, padding = _TOKENIZERS[name]
            index[tokenizer] = ["transformers", "CLIPTokenizer"]
            write_tokenizer(vocabulary, folder / tokenizer, padding)
    _write(folder / "model_index.json", index)


def _config(architecture: Architecture) -> Mapping[str, object]:
    """Return an architecture as its library writes it."""
    from transformers import CLIPTextConfig

    library, name = architecture.network.split(".")
    if library == "diffusers":
        return {"_class_name": name, **architecture.config}
    return {**CLIPTextConfig(**architecture.config).to_dict(), "architectures": [name]}


def _write(path: Path, content: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
