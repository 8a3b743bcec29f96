"""One picture through the denoiser: encoded, noised as far as asked, denoised; diffusers' img2img."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from bridge.finish.contracts import denoise_shallow
from bridge.finish.controls import Controls
from bridge.finish.course import Course
from bridge.finish.denoising import denoise
from bridge.finish.guidance import Conditions, Guided
from bridge.finish.job import Bytes
from bridge.finish.layout import Bucket, Layout, bucket_name
from bridge.finish.networks import Network, Networks, Tensors
from bridge.finish.pixels import from_signed, signed
from bridge.finish.prompt import Prompt, refiner_ids, time_ids
from bridge.finish.schedule import Schedule, begin, make, whole_steps
from bridge.finish.settings import FinishSettings
from bridge.finish.shortcuts import Counted, DeepCache


@dataclass(frozen=True)
class Engine:
    """An exported checkpoint: its layout, its networks, and where the arithmetic between them happens."""

    layout: Layout
    networks: Networks
    device: str = "cpu"

    def sized(self, name: str, bucket: Bucket) -> Network:
        """Return the network of a bucket."""
        return self.networks[f"{name}_{bucket_name(bucket)}"]

    async def encode(self, picture: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return a sample of the latent of float [1, 3, h, w] in [-1, 1], [1, channels, h / 8, w / 8]."""
        found = await self.networks["vae_encode"](image=picture)
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


@dataclass(frozen=True)
class Start:
    """Where the loop begins: the schedule, the noised latent, and what an inpainting denoiser reads beside it."""

    schedule: Schedule
    latent: torch.Tensor
    masked: Tensors = field(default_factory=dict)


async def start(
    engine: Engine, brief: Brief, picture: Bytes, mask: Bytes, generator: torch.Generator
) -> Start:
    """Return a picture's noised latent; the order in which it draws is that of diffusers.

    Args:
        engine: the checkpoint.
        brief: of this pass.
        picture: uint8 [h, w, 3] of the bucket's size.
        mask: uint8 [h, w], what an inpainting denoiser paints where it is 128 and more; others don't read it.
        generator: of this picture.
    """
    image, inpaint = signed(picture, engine.device), engine.layout.inpaint
    if inpaint and brief.settings.denoise == 1:
        begun = _pure_noise(engine, brief, generator)
    else:
        begun = _noised(engine, brief, await engine.encode(image, generator), generator)
    if not inpaint:
        return begun
    hole = (torch.tensor(mask, device=engine.device) >= 128).float()[None, None]
    latent = await engine.encode(image * (1 - hole), generator)
    small = torch.nn.functional.interpolate(hole, latent.shape[-2:])
    return replace(begun, masked={"masked": torch.cat([small, latent], dim=1).expand(2, -1, -1, -1)})


async def paint(
    engine: Engine, brief: Brief, begun: Start, generator: torch.Generator, course: Course
) -> torch.Tensor:
    """Return the clean latent after the executed steps of the base denoiser."""
    fixed = {
        **brief.prompt.rows(blank=engine.layout.blank_prompt),
        **time_ids(engine.layout, brief.bucket, engine.device),
        **brief.adapters,
        **begun.masked,
    }

    def conditions(begin: float, end: float) -> Tensors:
        return {**fixed, **brief.controls.rows(begin, end)}

    guided = _guided(_denoiser(engine, brief, course), conditions, brief.settings)
    return await denoise(begun.latent, begun.schedule, guided, generator, course)


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
    network = Counted(engine.sized("refine", brief.bucket), "refine", course.rows)
    guided = _guided(network, lambda *_: fixed, brief.settings)
    begun = _noised(engine, brief, latent, generator)
    return await denoise(begun.latent, begun.schedule, guided, generator, course)


def _denoiser(engine: Engine, brief: Brief, course: Course) -> Network:
    """Return the base denoiser of one pass, which may leave out its inner part in some steps."""
    every = brief.settings.deep_every
    whole = Counted(engine.sized("denoise", brief.bucket), "denoise", course.rows)
    if every == 1:
        return whole
    shallow = Counted(engine.sized("denoise_shallow", brief.bucket), "denoise_shallow", course.rows)
    reads = [tensor.name for tensor in denoise_shallow(engine.layout, brief.bucket).inputs]
    return DeepCache(whole, shallow, reads, every)


def _guided(network: Network, conditions: Conditions, settings: FinishSettings) -> Guided:
    return Guided(network, conditions, settings.guidance, settings.guidance_end)


def _schedule(engine: Engine, brief: Brief) -> Schedule:
    scheduler = make(brief.settings.scheduler, engine.layout.scheduler)
    return begin(scheduler, brief.steps, brief.settings.denoise, engine.device)


def _noised(engine: Engine, brief: Brief, latent: torch.Tensor, generator: torch.Generator) -> Start:
    schedule = _schedule(engine, brief)
    return Start(schedule, schedule.noised(latent, drawn(latent, generator)))


def _pure_noise(engine: Engine, brief: Brief, generator: torch.Generator) -> Start:
    """Return what an inpainting denoiser begins with at full strength."""
    schedule = _schedule(engine, brief)
    shape = (1, engine.layout.latent_channels, *engine.layout.latent_size(brief.bucket))
    noise = drawn(torch.empty(shape, device=engine.device), generator)
    return Start(schedule, noise * schedule.scheduler.init_noise_sigma)


def drawn(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return noise of a tensor's shape, drawn on the CPU, so that a seed means the same on every machine."""
    return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)
