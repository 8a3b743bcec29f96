"""Classifier-free guidance (Ho and Salimans 2022): two rows of each picture, the unconditional one first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from bridge.errors import NotFinite
from bridge.finish.networks import Network, Tensors

Conditions = Callable[[float, float], Tensors]
"""A denoiser's inputs beside latent and timestep, of both rows, during a step: the share of the executed
steps at its begin and at its end."""


@dataclass(frozen=True)
class Guided:
    """Predicts the noise in a latent; ``end``: the share of the steps after which guidance is left out."""

    network: Network
    conditions: Conditions
    scale: float
    end: float = 1.0

    async def predict(
        self, latent: torch.Tensor, timestep: torch.Tensor, begin: float, end: float
    ) -> torch.Tensor:
        """Return the noise [1, channels, h, w].

        Args:
            latent: as the scheduler scales it, [1, channels, h, w].
            timestep: of the step, a scalar.
            begin: share of the executed steps that are done.
            end: the same after this step.

        Raises:
            NotFinite: the network computed something else than numbers.
        """
        rows = 2 if self.scale > 1 and end <= self.end else 1
        inputs = {name: tensor[-rows:] for name, tensor in self.conditions(begin, end).items()}
        when = timestep.to(latent).reshape(1, 1).expand(rows, 1)
        noise = (await self.network(latent=latent.expand(rows, -1, -1, -1), timestep=when, **inputs))["noise"]
        if not torch.isfinite(noise).all():
            raise NotFinite(
                "The denoiser computed something that is no number; another seed may help, "
                "and an export in bf16 or fp32 where this happens with many pictures."
            )
        return noise if rows == 1 else noise[:1] + self.scale * (noise[1:] - noise[:1])
