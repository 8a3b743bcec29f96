"""One step of a denoiser, with its ControlNets fused in, so that their residuals never leave the card."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import torch
from torch import nn

from bridge.contracts import Contract
from export.sdxl.modules.control import Net, Residuals, Step, Union

if TYPE_CHECKING:
    from diffusers import ControlNetModel, ControlNetUnionModel, UNet2DConditionModel

_UNION = ("union_map", "union_tokens", "union_weights", "union_present", "union_gain")


class Denoise(nn.Module):
    """A denoiser that takes the inputs of its contract, in its order; the base and the refiner alike.

    Args:
        unet: the denoiser.
        contract: says which inputs there are.
        union: ControlNet-Union, or None.
        nets: ControlNets by name, in the order of ``net_scales``.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        contract: Contract,
        union: ControlNetUnionModel | None = None,
        nets: Mapping[str, ControlNetModel] | None = None,
    ) -> None:
        super().__init__()
        self.unet = unet
        self.names = [tensor.name for tensor in contract.inputs]
        self.union = None if union is None else Union(union)
        self.nets = nn.ModuleDict({name: Net(net) for name, net in (nets or {}).items()})

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor]:
        """Return ``noise`` FP32 [rows, channels, h, w]."""
        given = dict(zip(self.names, tensors, strict=True))
        step = _step(given, self.unet.dtype)
        noise = self.unet(
            torch.cat([step.latent, given["masked"].to(step.latent.dtype)], dim=1)
            if "masked" in given
            else step.latent,
            step.timestep,
            step.text,
            added_cond_kwargs=step.added,
            return_dict=False,
            **_as_diffusers(self._controls(step, given)),
        )[0]
        return (noise.float(),)

    def _controls(self, step: Step, given: Mapping[str, torch.Tensor]) -> list[Residuals]:
        found = [] if self.union is None else [self.union(step, *(given[name] for name in _UNION))]
        for index, (name, net) in enumerate(self.nets.items()):
            found.append(net(step, given[f"{name}_map"], given["net_scales"][:, index : index + 1]))
        return found


def _step(given: Mapping[str, torch.Tensor], dtype: torch.dtype) -> Step:
    pooled = given.get("pooled")
    return Step(
        latent=given["latent"].to(dtype),
        timestep=given["timestep"][:, 0],
        text=given["text"].to(dtype),
        pooled=None if pooled is None else pooled.to(dtype),
        time_ids=given.get("time_ids"),
    )


def _as_diffusers(controls: list[Residuals]) -> dict[str, object]:
    """Return the sum of what ControlNets add as the denoiser of diffusers takes it."""
    if not controls:
        return {}
    total = reduce(add, controls)
    return {"down_block_additional_residuals": total.down, "mid_block_additional_residual": total.mid}
