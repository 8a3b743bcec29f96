"""Which steps are executed, and what a step does to a latent: diffusers' own schedulers, as its img2img uses them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    UniPCMultistepScheduler,
)

from bridge.errors import BadInput
from bridge.finish.settings import SchedulerName


class Scheduler(Protocol):
    """What diffusers' schedulers have in common."""

    timesteps: torch.Tensor
    order: int
    init_noise_sigma: float

    @classmethod
    def from_config(cls, config: Mapping[str, object], **changes: object) -> Scheduler:
        """Return a new one, as a checkpoint says."""

    def set_timesteps(self, num_inference_steps: int, device: str) -> None:
        """Fill ``timesteps``."""

    def set_begin_index(self, begin_index: int) -> None:
        """Say at which of them the first step is made."""

    def add_noise(
        self, original_samples: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
    ) -> torch.Tensor:
        """Return what was noised to a timestep."""

    def scale_model_input(self, sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """Return a latent as the denoiser reads it."""

    def step(
        self,
        model_output: torch.Tensor,
        timestep: torch.Tensor,
        sample: torch.Tensor,
        *,
        return_dict: bool,
        **random: torch.Generator,
    ) -> tuple[torch.Tensor, ...]:
        """Return the latent one step later, and perhaps more."""


CLASSES: Mapping[str, tuple[type[Scheduler], Mapping[str, object]]] = {
    "euler": (EulerDiscreteScheduler, {}),
    "euler_ancestral": (EulerAncestralDiscreteScheduler, {}),
    "heun": (HeunDiscreteScheduler, {}),
    "dpmpp_2m": (DPMSolverMultistepScheduler, {"use_karras_sigmas": False}),
    "dpmpp_2m_karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "ddim": (DDIMScheduler, {}),
    "unipc": (UniPCMultistepScheduler, {}),
    "lcm": (LCMScheduler, {}),
}
"""Each scheduler's class, and what it is told beside what the checkpoint says of its training."""


def make(name: SchedulerName, config: Mapping[str, object]) -> Scheduler:
    """Return a new scheduler (each picture has its own: they remember former steps).

    Args:
        name: of the scheduler.
        config: the checkpoint's ``scheduler_config.json``.
    """
    if name == "checkpoint":
        classes = {kind.__name__: kind for kind, _ in CLASSES.values()}
        kind = classes.get(str(config.get("_class_name")), EulerDiscreteScheduler)
        return kind.from_config(dict(config))
    kind, changes = CLASSES[name]
    return kind.from_config(dict(config), **changes)


def whole_steps(steps: int, denoise: float, *, full: bool) -> int:
    """Return of how many steps the whole schedule consists.

    As in diffusers those are ``steps``, of which int(steps · denoise) are executed; ``full``: the least number of
    which ``steps`` are executed.
    """
    if not full or denoise <= 0:
        return steps
    whole = max(steps, int(steps / denoise))
    while int(whole * denoise) < steps:  # as diffusers rounds, in floating point
        whole += 1
    return whole


@dataclass(frozen=True)
class Schedule:
    """The executed part of a schedule: ``timesteps`` [n], in falling order."""

    scheduler: Scheduler
    timesteps: torch.Tensor

    def noised(self, latent: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return a clean latent as it is where the executed part begins."""
        return self.scheduler.add_noise(latent, noise, self.timesteps[:1])

    def scaled(self, latent: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """Return the latent as the denoiser reads it."""
        return self.scheduler.scale_model_input(latent, timestep)

    def step(
        self, noise: torch.Tensor, timestep: torch.Tensor, latent: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the latent one step later."""
        random = "generator" in inspect.signature(self.scheduler.step).parameters
        drawn = {"generator": generator} if random else {}
        return self.scheduler.step(noise, timestep, latent, **drawn, return_dict=False)[0]


def begin(scheduler: Scheduler, steps: int, denoise: float, device: str = "cpu") -> Schedule:
    """Return the executed part of ``steps`` at a strength (diffusers' ``get_timesteps``).

    Raises:
        BadInput: no step would be executed, or the scheduler has no such schedule.
    """
    executed = min(int(steps * denoise), steps)
    if executed < 1:
        raise BadInput(
            f"{steps} steps at a denoise of {denoise:g} are int({steps * denoise:g}) = 0 executed steps; "
            "please raise one of them."
        )
    try:
        scheduler.set_timesteps(steps, device=device)
    except ValueError as error:
        raise BadInput(f"{type(scheduler).__name__} has no schedule of {steps} steps: {error}") from error
    first = (steps - executed) * scheduler.order
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(first)
    return Schedule(scheduler, scheduler.timesteps[first:])
