"""SDXL, ControlNet-Union, refiner and IP-Adapter as they are, but tiny and with random weights.

The architecture is the real one (diffusers' own classes and pipelines); only the widths are small, so that a step
takes milliseconds on a CPU. A folder that :func:`write` makes has the form in which such checkpoints are published.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    ControlNetUnionModel,
    EulerDiscreteScheduler,
    StableDiffusionXLControlNetUnionImg2ImgPipeline,
    StableDiffusionXLImg2ImgPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

BUCKETS = ((64, 96), (96, 64))
"""Width and height [px]: multiples of 32, and two of them."""

WIDTH = 32
"""Of each of the two text encoders; the denoiser reads both side by side."""

_WORDS = ("a", "photo", "of", "person", "wearing", "garment", "sharp", "fabric", "blurry", "face", "light")


def randomize(module: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Give every weight a value, also those that training starts at zero, which would hide mistakes."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            fan_in = weight[0].numel() if weight.ndim > 1 else 1
            gain = (
                1.0 if weight.ndim == 1 and name.endswith("weight") else 0.0
            )  # only norms have such weights
            weight.copy_(gain + noise * (0.1 if weight.ndim == 1 else fan_in**-0.5))
    return module.eval()


def _unet(**changes: object) -> dict[str, object]:
    widths = {
        "sample_size": 8, "in_channels": 4, "block_out_channels": (32, 64), "layers_per_block": 1,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "attention_head_dim": (2, 4),
        "use_linear_projection": True, "addition_embed_type": "text_time", "addition_time_embed_dim": 8,
        "transformer_layers_per_block": (1, 2), "projection_class_embeddings_input_dim": 6 * 8 + WIDTH,
        "cross_attention_dim": 2 * WIDTH, "norm_num_groups": 8,
    }  # fmt: skip
    return widths | changes


def unet(seed: int = 0) -> UNet2DConditionModel:
    """SDXL's base denoiser."""
    return randomize(
        UNet2DConditionModel(**_unet(), out_channels=4, up_block_types=("CrossAttnUpBlock2D", "UpBlock2D")),
        seed,
    )


def refiner(seed: int = 1) -> UNet2DConditionModel:
    """SDXL's refiner: it reads the second text encoder alone, and one time id less."""
    changed = _unet(cross_attention_dim=WIDTH, projection_class_embeddings_input_dim=5 * 8 + WIDTH)
    return randomize(
        UNet2DConditionModel(**changed, out_channels=4, up_block_types=("CrossAttnUpBlock2D", "UpBlock2D")),
        seed,
    )


def union(seed: int = 2) -> ControlNetUnionModel:
    """ControlNet-Union, ProMax: eight kinds of controls."""
    channels = {"num_control_type": 8, "num_trans_channel": 32, "num_trans_head": 4, "num_proj_channel": 32}
    widths = {key: value for key, value in _unet().items() if key != "sample_size"}
    return randomize(
        ControlNetUnionModel(**widths, **channels, conditioning_embedding_out_channels=(8, 8, 16, 16)), seed
    )


def net(seed: int = 3, *, width: int = 2 * WIDTH) -> ControlNetModel:
    """An SDXL ControlNet for one control; InstantID's IdentityNet has the same form."""
    widths = {key: value for key, value in _unet(cross_attention_dim=width).items() if key != "sample_size"}
    return randomize(ControlNetModel(**widths, conditioning_embedding_out_channels=(8, 8, 16, 16)), seed)


def _sd15(**changes: object) -> dict[str, object]:
    widths = {
        "in_channels": 4, "block_out_channels": (32, 64), "layers_per_block": 1, "attention_head_dim": 4,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"), "cross_attention_dim": WIDTH,
        "norm_num_groups": 8,
    }  # fmt: skip
    return widths | changes


def sd15_unet(seed: int = 8) -> UNet2DConditionModel:
    """SD 1.5's inpainting denoiser: beside the latent it reads a mask and the masked picture's latent."""
    widths = _sd15(in_channels=9, sample_size=8)
    return randomize(
        UNet2DConditionModel(**widths, out_channels=4, up_block_types=("UpBlock2D", "CrossAttnUpBlock2D")),
        seed,
    )


def sd15_net(seed: int = 9) -> ControlNetModel:
    """An SD 1.5 ControlNet for one control."""
    return randomize(ControlNetModel(**_sd15(), conditioning_embedding_out_channels=(8, 8, 16, 16)), seed)


def vae(seed: int = 4) -> AutoencoderKL:
    """SDXL's autoencoder: a latent pixel is 8 by 8 pixels."""
    return randomize(
        AutoencoderKL(
            block_out_channels=(8, 8, 16, 16), norm_num_groups=8, latent_channels=4, sample_size=64,
            scaling_factor=0.13025, down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
        ),
        seed,
    )  # fmt: skip


def text_encoders(seed: int = 5) -> tuple[CLIPTextModel, CLIPTextModelWithProjection]:
    """CLIP-L's and OpenCLIP-bigG's little sisters."""
    config = CLIPTextConfig(
        bos_token_id=0, eos_token_id=1, pad_token_id=1, hidden_size=WIDTH, intermediate_size=37, num_attention_heads=4,
        num_hidden_layers=3, vocab_size=1000, projection_dim=WIDTH,
    )  # fmt: skip
    second = CLIPTextConfig(**{**config.to_dict(), "hidden_act": "gelu"})
    return randomize(CLIPTextModel(config), seed), randomize(CLIPTextModelWithProjection(second), seed + 1)


def image_encoder(seed: int = 7) -> CLIPVisionModelWithProjection:
    """ViT-H's little sister: the picture's side is 32 px."""
    config = CLIPVisionConfig(
        hidden_size=WIDTH, intermediate_size=37, num_attention_heads=4, num_hidden_layers=3, image_size=32,
        patch_size=8, projection_dim=WIDTH,
    )  # fmt: skip
    return randomize(CLIPVisionModelWithProjection(config), seed)


def tokenizer(folder: Path) -> CLIPTokenizer:
    """A byte-pair tokenizer that knows a few words, in CLIP's form, written to ``folder``."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    vocabulary = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    merges: list[str] = []
    for word in _WORDS:
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        while len(pieces) > 1:
            merges += [] if f"{pieces[0]} {pieces[1]}" in merges else [f"{pieces[0]} {pieces[1]}"]
            pieces = [pieces[0] + pieces[1], *pieces[2:]]
            vocabulary += [] if pieces[0] in vocabulary else [pieces[0]]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary_file, merges_file = folder / "vocab.json", folder / "merges.txt"
    vocabulary_file.write_text(json.dumps({token: index for index, token in enumerate(vocabulary)}))
    merges_file.write_text("\n".join(["#version: 0.2", *merges, ""]))
    made = CLIPTokenizer.from_pretrained(folder, model_max_length=77)
    made.save_pretrained(folder)
    return made


def scheduler() -> EulerDiscreteScheduler:
    """SDXL's default scheduler, as its checkpoint has it."""
    return EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        steps_offset=1,
        timestep_spacing="leading",
    )


def base_pipeline(folder: Path) -> StableDiffusionXLControlNetUnionImg2ImgPipeline:
    """The reference pipeline of the base model with ControlNet-Union; ``folder`` gets the tokenizer's files."""
    first, second = text_encoders()
    words = tokenizer(folder / "tokenizer")
    pipeline = StableDiffusionXLControlNetUnionImg2ImgPipeline(
        vae=vae(), text_encoder=first, text_encoder_2=second, tokenizer=words, tokenizer_2=words, unet=unet(),
        controlnet=union(), scheduler=scheduler(), image_encoder=image_encoder(),
        feature_extractor=CLIPImageProcessor(size=32, crop_size=32), add_watermarker=False,
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def refiner_pipeline(
    base: StableDiffusionXLControlNetUnionImg2ImgPipeline,
) -> StableDiffusionXLImg2ImgPipeline:
    """The reference pipeline of the refiner, which shares the base's second text encoder and autoencoder."""
    pipeline = StableDiffusionXLImg2ImgPipeline(
        vae=base.vae, text_encoder=None, text_encoder_2=base.text_encoder_2, tokenizer=None,
        tokenizer_2=base.tokenizer_2, unet=refiner(), scheduler=scheduler(), requires_aesthetics_score=True,
        add_watermarker=False,
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def write(folder: Path) -> Path:
    """Write a checkpoint in its published form: diffusers' folders ``base`` (with ``controlnet``) and ``refiner``."""
    pipeline = base_pipeline(folder / "words")
    pipeline.save_pretrained(folder / "base", safe_serialization=True)
    refiner_pipeline(pipeline).save_pretrained(folder / "refiner", safe_serialization=True)
    return folder
