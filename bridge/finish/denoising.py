"""The loop: every executed step of a schedule, in diffusers' order of operations."""

from __future__ import annotations

import torch

from bridge.finish.course import Course
from bridge.finish.guidance import Guided
from bridge.finish.schedule import Schedule


async def denoise(
    latent: torch.Tensor,
    schedule: Schedule,
    guided: Guided,
    generator: torch.Generator,
    course: Course,
) -> torch.Tensor:
    """Return the denoised latent [1, channels, h, w].

    Args:
        latent: noised to where the schedule begins.
        schedule: of this picture alone.
        guided: the denoiser and what it reads.
        generator: of the noise that some schedulers add.
        course: asked before every step whether to go on, told after it.
    """
    steps = len(schedule.timesteps)
    for index, timestep in enumerate(schedule.timesteps):
        course.check()
        scaled = schedule.scaled(latent, timestep)
        noise = await guided.predict(scaled, timestep, index / steps, (index + 1) / steps)
        latent = schedule.step(noise, timestep, latent, generator)
        course.stepped(index + 1, steps, latent)
    return latent
