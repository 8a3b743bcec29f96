"""The engine with tiny networks beside diffusers' own pipelines of the same weights, and pictures for both."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers import (
    SchedulerMixin,
    StableDiffusionXLControlNetUnionImg2ImgPipeline,
    StableDiffusionXLImg2ImgPipeline,
)
from PIL import Image
from tokenizers import Tokenizer

from bridge.finish.admission import Admission
from bridge.finish.batching import Batcher
from bridge.finish.contracts import contracts
from bridge.finish.finisher import Finisher
from bridge.finish.job import Bytes, Finished, Job
from bridge.finish.layout import UNION_KINDS, Bucket, Layout, Refiner
from bridge.finish.prompt import tokenizer
from bridge.finish.running import Run, torch_run
from bridge.finish.settings import FinishSettings, load
from export.sdxl.modules import networks
from export.sdxl.parts import Parts
from tests.finish import tiny

PROMPT, NEGATIVE = "a photo of a person wearing a garment", "blurry face"

SCHEDULERS: Mapping[str, tuple[type[SchedulerMixin], dict[str, object]]] = {
    "checkpoint": (diffusers.EulerDiscreteScheduler, {}),
    "euler": (diffusers.EulerDiscreteScheduler, {}),
    "euler_ancestral": (diffusers.EulerAncestralDiscreteScheduler, {}),
    "heun": (diffusers.HeunDiscreteScheduler, {}),
    "dpmpp_2m": (diffusers.DPMSolverMultistepScheduler, {}),
    "dpmpp_2m_karras": (diffusers.DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "ddim": (diffusers.DDIMScheduler, {}),
    "unipc": (diffusers.UniPCMultistepScheduler, {}),
    "lcm": (diffusers.LCMScheduler, {}),
}

Pipeline = StableDiffusionXLControlNetUnionImg2ImgPipeline


@dataclass(frozen=True)
class Studio:
    """A checkpoint: the layout, what runs each network, diffusers' pipelines, the tokenizers."""

    layout: Layout
    runs: Mapping[str, Run]
    base: Pipeline
    refiner: StableDiffusionXLImg2ImgPipeline
    words: tuple[Tokenizer, ...]

    def finish(self, *jobs: Job, limit: int = 8) -> list[Finished]:
        """Finish jobs, all at the same time, in one process that owns the networks."""
        return asyncio.run(self._finish(jobs, limit))

    async def _finish(self, jobs: Sequence[Job], limit: int) -> list[Finished]:
        async with self.batcher() as batcher:
            finisher = Finisher(self.layout, batcher.networks, self.words, admission=Admission(limit))
            return list(await asyncio.gather(*(finisher.run(job) for job in jobs)))

    def batcher(self, **runs: Run) -> Batcher:
        """Return what runs the networks, some of them exchanged."""
        return Batcher({**self.runs, **runs}, contracts(self.layout))


@cache
def studio() -> Studio:
    """Return SDXL with ControlNet-Union and refiner."""
    torch.set_num_threads(1)  # tiny tensors: more threads only wait for each other
    folder = Path(tempfile.mkdtemp())
    base = tiny.base_pipeline(folder)
    refiner = tiny.refiner_pipeline(base)
    layout = layout_of(refiner=Refiner(text_width=tiny.WIDTH, pooled_width=tiny.WIDTH))
    parts = Parts(
        unet=base.unet, vae=base.vae, text_encoders=(base.text_encoder, base.text_encoder_2),
        tokenizers=(base.tokenizer, base.tokenizer_2), scheduler=base.scheduler, union=base.controlnet,
        refiner=refiner.unet,
    )  # fmt: skip
    words = (tokenizer(folder / "tokenizer", layout.text_length),) * 2
    return Studio(layout, runs_of(parts, layout), base, refiner, words)


def runs_of(parts: Parts, layout: Layout) -> Mapping[str, Run]:
    """Return what runs each of a layout's networks."""
    modules = networks(parts, layout)
    return {name: torch_run(modules[name], contract) for name, contract in contracts(layout).items()}


def layout_of(**changes: object) -> Layout:
    """Return what export would write of the tiny checkpoint, whose own scheduler a reference may have exchanged."""
    scheduler = tiny.scheduler()
    facts: dict[str, object] = {
        "source": "tiny", "sha256": "0" * 64, "licence": "Apache-2.0", "commercial_use": True, "buckets": tiny.BUCKETS,
        "text_width": 2 * tiny.WIDTH, "pooled_width": tiny.WIDTH, "channels": 32, "union_kinds": 8, "image_side": 32,
        "scheduler": {**scheduler.config, "_class_name": type(scheduler).__name__},
    }  # fmt: skip
    return Layout.model_validate(facts | changes)


def picture(seed: int, bucket: Bucket = tiny.BUCKETS[0]) -> Bytes:
    """Return a soft coloured picture, uint8 [h, w, 3]."""
    noise = np.random.default_rng(seed).integers(0, 255, (6, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize(bucket, Image.Resampling.BICUBIC))


def settings(**changes: object) -> FinishSettings:
    """Return the product's settings with fewer steps, on the tiny buckets, without the refiner."""
    few = {"steps": 20, "denoise": 0.2, "long_side": 96, "refiner_denoise": 0.0}
    return load().pro.model_copy(update={**few, **changes})


def job(
    seed: int = 0, *, bucket: Bucket = tiny.BUCKETS[0], controls: Sequence[str] = ("pose",), **changes: object
) -> Job:
    """Return a job with pictures of its own, everything of which may be edited."""
    made = Job(
        prior=picture(seed, bucket), photo=picture(seed + 100, bucket),
        edit_mask=np.full((bucket[1], bucket[0]), 255, np.uint8), settings=settings(), seed=seed, prompt=PROMPT,
        controls={name: picture(seed + 10 * (1 + n), bucket) for n, name in enumerate(controls)},
    )  # fmt: skip
    return replace(made, **changes)


def reference(at: Studio, jobs: Sequence[Job], **more: object) -> list[Bytes]:
    """Return what diffusers makes of jobs that differ in their pictures and seeds alone, as one batch."""
    first = jobs[0]
    how = first.settings
    names = list(first.controls)
    at.base.scheduler = reference_scheduler(at, how)
    generators = [torch.Generator().manual_seed(each.seed) for each in jobs]
    common = {
        "prompt": [each.prompt for each in jobs],
        "negative_prompt": [each.negative_prompt for each in jobs] if first.negative_prompt else None,
        "num_inference_steps": how.steps, "guidance_scale": how.guidance, "generator": generators, "return_dict": False,
    }  # fmt: skip
    refined = how.refiner_denoise > 0
    images = at.base(
        image=stack(each.prior for each in jobs),
        control_image=[stack(each.controls[name] for each in jobs) for name in names],
        control_mode=[UNION_KINDS.index(name) for name in names],
        controlnet_conditioning_scale=[how.controls[name] for name in names],
        control_guidance_start=how.control_start, control_guidance_end=how.control_end, strength=how.denoise,
        output_type="latent" if refined else "np", **common, **more,
    )[0]  # fmt: skip
    if refined:
        at.refiner.scheduler = reference_scheduler(at, how)
        images = at.refiner(image=images, strength=how.refiner_denoise, output_type="np", **common)[0]
    return [(image * 255).round().astype(np.uint8) for image in images]


def reference_scheduler(at: Studio, how: FinishSettings) -> SchedulerMixin:
    """Return a scheduler as one makes it for diffusers' pipelines."""
    kind, changes = SCHEDULERS[how.scheduler]
    return kind.from_config(dict(at.layout.scheduler), **changes)


def difference(left: Bytes, right: Bytes) -> int:
    """Return by how much two pictures differ at most, of 255."""
    return int(np.abs(left.astype(int) - right.astype(int)).max())


def same(left: Bytes, right: Bytes) -> bool:
    """Tell whether two pictures differ by no more than rounding: 1/255, and in fewer than 1 of 200 values."""
    return difference(left, right) <= 1 and bool((left != right).mean() < 0.005)


def stack(pictures: Iterable[Bytes]) -> torch.Tensor:
    """Return pictures as diffusers takes them, float [n, 3, h, w] in [0, 1]."""
    return torch.stack([torch.from_numpy(each.copy()).permute(2, 0, 1).float() / 255 for each in pictures])
