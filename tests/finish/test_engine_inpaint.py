"""SD 1.5's inpainting with ControlNets through the same engine, against diffusers' pipeline of the same weights."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import MultiControlNetModel, StableDiffusionControlNetInpaintPipeline
from PIL import Image
from transformers import CLIPImageProcessor

from bridge.finish.job import Bytes, Job
from bridge.finish.layout import Adapter, Layout, Net
from bridge.finish.prompt import tokenizer
from export.sdxl.parts import Parts
from tests.finish import tiny, tiny_adapters
from tests.finish.studio import (
    Studio,
    job,
    layout_of,
    picture,
    reference_scheduler,
    runs_of,
    same,
    settings,
    stack,
    studio,
)

SCALES = {"pose": 0.7, "depth": 0.5}


@cache
def editor() -> tuple[Studio, StableDiffusionControlNetInpaintPipeline]:
    """Return SD 1.5's inpainting checkpoint with two ControlNets and IP-Adapter, and diffusers' pipeline of it."""
    folder = Path(tempfile.mkdtemp())
    words, (text_encoder, _) = tiny.tokenizer(folder / "tokenizer"), tiny.text_encoders()
    unet, nets = tiny.sd15_unet(), {"pose": tiny.sd15_net(), "depth": tiny.sd15_net(10)}
    unet._load_ip_adapter_weights([tiny_adapters.plus(unet)], low_cpu_mem_usage=False)
    layout = Layout.model_validate(
        layout_of().model_dump()
        | {
            "family": "sd15", "text_width": tiny.WIDTH, "pooled_width": 0, "time_ids": 0, "union_kinds": 0,
            "inpaint": True, "blank_prompt": False, "nets": [Net(name=name) for name in nets],
            "adapters": [Adapter(name="garment", kind="plus", tokens=5)],
        }
    )  # fmt: skip
    image_encoder = tiny.image_encoder()
    parts = Parts(
        unet=unet, vae=tiny.vae(), text_encoders=(text_encoder,), tokenizers=(), scheduler=tiny.scheduler(), nets=nets,
        image_encoder=image_encoder,
    )  # fmt: skip
    pipeline = StableDiffusionControlNetInpaintPipeline(
        vae=parts.vae, text_encoder=text_encoder, tokenizer=words, unet=unet, scheduler=tiny.scheduler(),
        controlnet=MultiControlNetModel(list(nets.values())), safety_checker=None, requires_safety_checker=False,
        feature_extractor=CLIPImageProcessor(size=32, crop_size=32), image_encoder=image_encoder,
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    read = (tokenizer(folder / "tokenizer", layout.text_length),)
    return replace(studio(), layout=layout, runs=runs_of(parts, layout), words=read), pipeline


def edit(seed: int, **changes: object) -> Job:
    """Return a job that paints a part of a picture anew, up to the rim of the mask."""
    mask = np.zeros((96, 64), np.uint8)
    mask[21:77, 9:50] = 255
    made = job(seed, controls=tuple(SCALES), edit_mask=mask, garment=picture(60, (32, 32)))
    return replace(made, photo=made.prior, **{"settings": asking(), **changes})


def asking(**changes: object) -> object:
    """Return settings without a feather, which diffusers hasn't."""
    return settings(controls=SCALES, feather=0, **changes)


def wanted(at: Studio, asked: Job) -> Bytes:
    """Return diffusers' picture, the protected pixels as they were."""
    pipeline, how = editor()[1], asked.settings
    pipeline.scheduler = reference_scheduler(at, how)
    pipeline.set_ip_adapter_scale(how.garment_adapter)
    image = pipeline(
        asked.prompt, negative_prompt=asked.negative_prompt or None, image=stack([asked.prior]),
        mask_image=torch.from_numpy(asked.edit_mask)[None, None] / 255,
        control_image=[stack([each]) for each in asked.controls.values()], height=96, width=64,
        controlnet_conditioning_scale=list(how.controls.values()), num_inference_steps=how.steps, strength=how.denoise,
        guidance_scale=how.guidance, generator=torch.Generator().manual_seed(asked.seed),
        ip_adapter_image=Image.fromarray(asked.garment), output_type="np",
    ).images[0]  # fmt: skip
    painted = (image * 255).round().astype(np.uint8)
    return np.where(asked.edit_mask[..., None] > 0, painted, asked.photo)


@pytest.mark.parametrize("scheduler", ["ddim", "euler_ancestral", "dpmpp_2m_karras", "unipc"])
@pytest.mark.parametrize("denoise", [0.4, 1.0])
def test_an_edit_is_that_of_diffusers(scheduler: str, denoise: float) -> None:
    """With a part of the noise, and with nothing but noise."""
    at, asked = editor()[0], edit(1, settings=asking(steps=8, denoise=denoise, scheduler=scheduler))
    assert same(at.finish(asked)[0].image, wanted(at, asked))


def test_three_edits_at_once_are_each_what_it_is_alone() -> None:
    """With negative prompts and without, other masks, other strengths."""
    at = editor()[0]
    jobs = [
        edit(1),
        edit(2, negative_prompt="blurry"),
        edit(3, settings=asking(denoise=1.0, steps=6), edit_mask=np.full((96, 64), 255, np.uint8)),
    ]
    for finished, asked in zip(at.finish(*jobs), jobs, strict=True):
        assert same(finished.image, wanted(at, asked))


def test_what_these_comparisons_see() -> None:
    """Another mask and another picture under it show; what lies under the mask at full strength doesn't."""
    at, asked = editor()[0], edit(1, settings=asking(denoise=1.0, steps=6))
    smaller = asked.edit_mask.copy()
    smaller[60:] = 0
    under = asked.prior.copy()
    under[21:77, 9:50] = 0
    first, other, elsewhere, hidden = at.finish(
        asked,
        replace(asked, edit_mask=smaller),
        replace(asked, prior=picture(40)),
        replace(asked, prior=under),
    )
    assert not same(first.image[21:60], other.image[21:60])
    assert not same(first.image, elsewhere.image)
    assert same(first.image, hidden.image)
