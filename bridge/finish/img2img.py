"""One picture through the denoiser: encoded, noised as far as asked, denoised; diffusers' img2img."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from bridge.finish.controls import Controls
from bridge.finish.course import Course
from bridge.finish.denoising import denoise
from bridge.finish.guidance import Guided
from bridge.finish.job import Bytes
from bridge.finish.layout import Bucket, Layout, bucket_name
from bridge.finish.networks import Network, Networks, Tensors
from bridge.finish.pixels import from_signed, signed
from bridge.finish.prompt import Prompt, refiner_ids, time_ids
from bridge.finish.schedule import begin, make, whole_steps
from bridge.finish.settings import FinishSettings


@dataclass(frozen=True)
class Engine:
    """An exported checkpoint: its layout, its networks, and where the arithmetic between them happens."""

    layout: Layout
    networks: Networks
    device: str = "cpu"

    def sized(self, name: str, bucket: Bucket) -> Network:
        """Return the network of a bucket."""
        return self.networks[f"{name}_{bucket_name(bucket)}"]

    async def encode(self, picture: Bytes, generator: torch.Generator) -> torch.Tensor:
        """Return a sample of the latent of uint8 [h, w, 3], [1, channels, h / 8, w / 8]."""
        found = await self.networks["vae_encode"](image=signed(picture, self.device))
        return self.layout.latent_factor * (found["mean"] + found["std"] * drawn(found["mean"], generator))

    async def decode(self, latent: torch.Tensor) -> Bytes:
        """Return the picture of a latent, uint8 [h, w, 3]."""
        found = await self.networks["vae_decode"](latent=latent / self.layout.latent_factor)
        return from_signed(found["image"])


@dataclass(frozen=True)
class Brief:
    """What the denoiser is told of a picture: in which bucket, with which words, adapters and controls."""

    bucket: Bucket
    prompt: Prompt
    adapters: Tensors
    controls: Controls
    settings: FinishSettings

    @property
    def steps(self) -> int:
        """Of the whole schedule."""
        settings = self.settings
        return whole_steps(settings.steps, settings.denoise, full=settings.full_schedule)

    def other(self, **changes: object) -> Brief:
        """Return the brief of another pass, whose settings differ."""
        return replace(self, settings=self.settings.model_copy(update=changes))


async def paint(
    engine: Engine, brief: Brief, latent: torch.Tensor, generator: torch.Generator, course: Course
) -> torch.Tensor:
    """Return a clean latent after noise and the executed steps of the base denoiser."""
    layout, bucket = engine.layout, brief.bucket
    fixed = {
        **brief.prompt.rows(blank=layout.blank_prompt),
        **time_ids(layout, bucket, engine.device),
        **brief.adapters,
    }

    def conditions(start: float, end: float) -> Tensors:
        return {**fixed, **brief.controls.rows(start, end)}

    settings = brief.settings
    guided = Guided(engine.sized("denoise", bucket), conditions, settings.guidance, settings.guidance_end)
    return await _passed(engine, brief, guided, latent, generator, course)


async def refine(
    engine: Engine, brief: Brief, latent: torch.Tensor, generator: torch.Generator, course: Course
) -> torch.Tensor:
    """Return the base's latent after the refiner's steps, as diffusers' img2img pipeline of SDXL given a latent."""
    layout = engine.layout
    if layout.refiner is None:
        return latent
    fixed = {
        **brief.prompt.rows(blank=layout.refiner.blank_prompt, width=layout.refiner.text_width),
        **refiner_ids(layout, brief.bucket, engine.device),
    }
    settings = brief.settings
    guided = Guided(
        engine.sized("refine", brief.bucket), lambda *_: fixed, settings.guidance, settings.guidance_end
    )
    return await _passed(engine, brief, guided, latent, generator, course)


async def _passed(
    engine: Engine,
    brief: Brief,
    guided: Guided,
    latent: torch.Tensor,
    generator: torch.Generator,
    course: Course,
) -> torch.Tensor:
    settings = brief.settings
    scheduler = make(settings.scheduler, engine.layout.scheduler)
    schedule = begin(scheduler, brief.steps, settings.denoise, engine.device)
    noised = schedule.noised(latent, drawn(latent, generator))
    return await denoise(noised, schedule, guided, generator, course)


def drawn(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return noise of a tensor's shape, drawn on the CPU, so that a seed means the same on every machine."""
    return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)
