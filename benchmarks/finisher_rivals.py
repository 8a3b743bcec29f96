"""What the engine is held against: diffusers' own pipelines with the same weights, and MLPerf's setting."""

from __future__ import annotations

import statistics
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import torch
from PIL import Image

from benchmarks.finisher_bench import Bench, timed
from benchmarks.finisher_columns import COLUMNS, Forward
from benchmarks.finisher_networks import scheduler
from bridge.finish.job import Job
from bridge.finish.layout import UNION_KINDS

if TYPE_CHECKING:
    from diffusers import (
        StableDiffusionXLControlNetUnionImg2ImgPipeline,
        StableDiffusionXLImg2ImgPipeline,
        UNet2DConditionModel,
    )

STEPS, GUIDANCE, SIDE = 20, 8.0, 1024
"""MLPerf Inference's SDXL: Euler steps, classifier-free guidance, and the picture's sides [px]."""


def pipelines(
    bench: Bench,
) -> tuple[StableDiffusionXLControlNetUnionImg2ImgPipeline, StableDiffusionXLImg2ImgPipeline]:
    """Return diffusers' pipelines of the same networks: the base with ControlNet-Union, and the refiner."""
    from diffusers import StableDiffusionXLControlNetUnionImg2ImgPipeline, StableDiffusionXLImg2ImgPipeline

    given, without = bench.parts, {"text_encoder": None, "text_encoder_2": None, "tokenizer": None}
    base = StableDiffusionXLControlNetUnionImg2ImgPipeline(
        vae=given.vae, unet=given.unet, controlnet=given.union, scheduler=scheduler(), tokenizer_2=None,
        add_watermarker=False, **without,
    )  # fmt: skip
    refiner = StableDiffusionXLImg2ImgPipeline(
        vae=given.vae, unet=given.refiner, scheduler=scheduler(), tokenizer_2=None, add_watermarker=False,
        requires_aesthetics_score=True, **without,
    )  # fmt: skip
    for pipeline in (base, refiner):
        pipeline.set_progress_bar_config(disable=True)
    return base, refiner


def in_diffusers(bench: Bench, job: Job, name: str) -> dict[str, object]:
    """Measure a job in diffusers' pipelines; they are given the texts' embeddings, which costs them a little less."""
    base, refiner = pipelines(bench)
    with torch.no_grad():
        text, pooled = bench.modules["text_encode"](*bench.inputs("text_encode", 2))
        text, pooled = (tensor.to(bench.parts.unet.dtype) for tensor in (text, pooled))
        work = partial(_job, base, refiner, job, text, pooled, _tokens(bench))
        work()
        seconds = statistics.median(timed(work, 2, bench.device))
    return {"job": name, "column": "diffusers", "together": 1, "ms": round(1e3 * seconds, 2)}


def _job(
    base: StableDiffusionXLControlNetUnionImg2ImgPipeline,
    refiner: StableDiffusionXLImg2ImgPipeline,
    job: Job,
    text: torch.Tensor,
    pooled: torch.Tensor,
    tokens: list[torch.Tensor],
) -> object:
    """Finish a picture: rows of text and pooled are the negative prompt's and the prompt's."""
    settings, generator = job.settings, torch.Generator().manual_seed(job.seed)
    common = {
        "pooled_prompt_embeds": pooled[1:], "negative_pooled_prompt_embeds": pooled[:1],
        "num_inference_steps": settings.steps, "guidance_scale": settings.guidance, "generator": generator,
    }  # fmt: skip
    latent = base(
        image=Image.fromarray(job.prior), control_image=[Image.fromarray(each) for each in job.controls.values()],
        control_mode=[UNION_KINDS.index(kind) for kind in job.controls], strength=settings.denoise,
        controlnet_conditioning_scale=[settings.controls[kind] for kind in job.controls],
        prompt_embeds=text[1:], negative_prompt_embeds=text[:1], ip_adapter_image_embeds=tokens or None,
        output_type="latent", **common,
    ).images  # fmt: skip
    if settings.refiner_denoise <= 0:
        return base.vae.decode(latent / base.vae.config.scaling_factor)
    width = refiner.unet.config.cross_attention_dim
    return refiner(
        image=latent, strength=settings.refiner_denoise, prompt_embeds=text[1:, :, -width:],
        negative_prompt_embeds=text[:1, :, -width:], **common,
    ).images  # fmt: skip


def _tokens(bench: Bench) -> list[torch.Tensor]:
    """Return what the image encoder would say to each adapter; FaceID's reads its crop from an attribute."""
    encoder, made = bench.parts.image_encoder, []
    if encoder is None:
        return []
    config = encoder.config
    size = (2, 1, (config.image_size // config.patch_size) ** 2 + 1, config.hidden_size)
    seen = torch.randn(size, device=bench.device, dtype=encoder.dtype)
    layers = bench.parts.unet.encoder_hid_proj.image_projection_layers
    for adapter, layer in zip(bench.layout.adapters, layers, strict=True):
        if adapter.kind == "face":
            layer.clip_embeds, layer.shortcut = seen, True
        identity = torch.randn(2, 1, bench.layout.face_width, device=bench.device, dtype=encoder.dtype)
        made.append(seen if adapter.kind == "plus" else identity)
    return made


def plain(bench: Bench, side: int = SIDE) -> Bench:
    """Return the base alone, of square pictures."""
    bare = {"union_kinds": 0, "refiner": None, "adapters": (), "buckets": ((side, side),)}
    parts = replace(
        bench.parts, unet=unadapted(bench.parts.unet), union=None, refiner=None, image_encoder=None
    )
    return replace(bench, layout=bench.layout.model_copy(update=bare), parts=parts, prepared={})


def unadapted(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """Return a denoiser of the same weights that reads no adapter."""
    with torch.device("meta"):
        bare = type(unet).from_config({**unet.config, "encoder_hid_dim_type": None})
    wanted = bare.state_dict().keys()
    bare.load_state_dict(
        {name: tensor for name, tensor in unet.state_dict().items() if name in wanted}, assign=True
    )
    return bare.requires_grad_(requires_grad=False).eval()


def mlperf(base: Bench, column: str, images: int) -> dict[str, object]:
    """Measure text to image: texts, 20 steps of Euler with guidance, decoding.

    Args:
        base: of :func:`plain`.
        column: how the denoiser runs; it is prepared here.
        images: how many at the same time.

    Raises:
        Missing: it can't be run like that here, or there is no time to prepare it.
    """
    name, rows = base.sized("denoise", base.omega), 2 * images
    base.lease.need(base.needs(column, name))
    inputs = base.inputs(name, rows)
    with torch.no_grad():
        forward = COLUMNS[column].prepare(base.modules[name], inputs)
        work = partial(_images, base, forward, images)
        work()
        seconds = statistics.median(timed(work, 2, base.device))
    tflop = (
        STEPS * base.tflop(name, rows) + base.tflop("vae_decode", images) + base.tflop("text_encode", rows)
    )
    return {
        "job": "MLPerf's SDXL", "column": column, "together": images, **base.speed(seconds, tflop),
        "images_per_s": round(images / seconds, 3), "record": base.expected.images if base.expected else None,
    }  # fmt: skip


def _images(base: Bench, forward: Forward, images: int) -> torch.Tensor:
    name, rows = base.sized("denoise", base.omega), 2 * images
    text, pooled = base.modules["text_encode"](*base.inputs("text_encode", rows))
    _, _, _, _, ids = base.inputs(name, rows)
    euler = scheduler()
    euler.set_timesteps(STEPS, device=base.device)
    size = (images, base.layout.latent_channels, *base.layout.latent_size(base.omega))
    latent = torch.randn(size, device=base.device) * euler.init_noise_sigma
    for step in euler.timesteps:
        scaled = euler.scale_model_input(torch.cat([latent, latent]), step)
        noise = forward(scaled, step.expand(rows, 1).float(), text, pooled, ids)[0]
        without, with_prompt = noise.chunk(2)
        latent = euler.step(without + GUIDANCE * (with_prompt - without), step, latent).prev_sample
    image: torch.Tensor = base.modules["vae_decode"](latent / base.layout.latent_factor)[0]
    return image
