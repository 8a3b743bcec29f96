"""One step of a denoiser, with its ControlNets fused in, so that their residuals never leave the card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import torch
from torch import nn

from bridge.contracts import Contract
from bridge.finish.layout import Layout
from export.sdxl.modules.attention import Pictures, with_pictures
from export.sdxl.modules.control import Net, Residuals, Step, Union
from export.sdxl.parts import Parts

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel

_UNION = ("union_map", "union_tokens", "union_weights", "union_present", "union_gain")


class Denoise(nn.Module):
    """A denoiser that takes the inputs of its contract, in its order; the base and the refiner alike.

    Args:
        unet: the denoiser; with ``adapters`` one of :func:`export.sdxl.modules.attention.with_pictures`.
        contract: says which inputs there are.
        union: ControlNet-Union, or None.
        nets: ControlNets by name, in the order of ``net_scales``.
        texts: the names of the inputs that these read as their text.
        adapters: names, in the order of ``adapter_scales``.
        skips: of how many maps the shallow network is given the residuals; 0: there is no such network.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        contract: Contract,
        union: Union | None = None,
        nets: Mapping[str, Net] | None = None,
        texts: Sequence[str] = (),
        adapters: Sequence[str] = (),
        skips: int = 0,
    ) -> None:
        super().__init__()
        self.unet = unet
        self.union = union
        self.nets = nn.ModuleDict(nets or {})
        self.inputs = [tensor.name for tensor in contract.inputs]
        self.texts, self.adapters, self.skips = texts, adapters, skips

    @classmethod
    def of(cls, parts: Parts, layout: Layout, contract: Contract) -> Denoise:
        """Return a checkpoint's base."""
        return cls(
            with_pictures(parts.unet) if layout.adapters else parts.unet,
            contract,
            None if parts.union is None else Union(parts.union),
            {net.name: Net(parts.nets[net.name]) for net in layout.nets},
            ["text" if net.text is None else f"{net.text}_tokens" for net in layout.nets],
            [adapter.name for adapter in layout.adapters],
            layout.shallow.skips if layout.shallow else 0,
        )

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return ``noise`` FP32 [rows, channels, h, w], and what the shallow network reads, if there is one."""
        given = dict(zip(self.inputs, tensors, strict=True))
        step = _step(given, self.unet.dtype)
        controls = self._controls(step, given)
        with self._catching() as deep:
            noise = self.unet(
                sample_of(step.latent, given),
                step.timestep,
                step.text,
                added_cond_kwargs=step.added,
                cross_attention_kwargs={
                    "ip_hidden_states": pictures_of(given, self.adapters, self.unet.dtype)
                },
                return_dict=False,
                **_as_diffusers(controls),
            )[0]
        return (noise.float(), *self._within(deep, controls, given["text"].dtype))

    def _controls(self, step: Step, given: Mapping[str, torch.Tensor]) -> list[Residuals]:
        """Return what each ControlNet adds."""
        found = [] if self.union is None else [self.union(step, *(given[name] for name in _UNION))]
        for index, (name, net) in enumerate(self.nets.items()):
            read = replace(step, text=given[self.texts[index]].to(step.text.dtype))
            found.append(net(read, given[f"{name}_map"], given["net_scales"][:, index : index + 1]))
        return found

    def _catching(self) -> AbstractContextManager[list[torch.Tensor]]:
        return _caught(self.unet.up_blocks[-1]) if self.skips else nullcontext([])

    def _within(
        self, deep: Sequence[torch.Tensor], controls: Sequence[Residuals], half: torch.dtype
    ) -> list[torch.Tensor]:
        """Return what :func:`bridge.finish.contracts.denoise_shallow` reads of this step, if there is one."""
        if not self.skips:
            return []
        residuals = [torch.cat(reduce(add, controls).down[: self.skips], dim=1)] if controls else []
        return [tensor.to(half) for tensor in (*deep, *residuals)]


@contextmanager
def _caught(block: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Give the list in which lies, after the denoiser ran, what a block of its upward half read of those within."""
    found: list[torch.Tensor] = []

    def keep(_block: nn.Module, _args: object, given: Mapping[str, torch.Tensor]) -> None:
        found.append(given["hidden_states"])

    handle = block.register_forward_pre_hook(keep, with_kwargs=True)
    try:
        yield found
    finally:
        handle.remove()


def pictures_of(given: Mapping[str, torch.Tensor], adapters: Sequence[str], dtype: torch.dtype) -> Pictures:
    """Return each adapter's tokens and scales."""
    return [
        (given[f"{name}_tokens"].to(dtype), given["adapter_scales"][:, index].to(dtype))
        for index, name in enumerate(adapters)
    ]


def _step(given: Mapping[str, torch.Tensor], dtype: torch.dtype) -> Step:
    pooled = given.get("pooled")
    return Step(
        latent=given["latent"].to(dtype),
        timestep=given["timestep"][:, 0],
        text=given["text"].to(dtype),
        pooled=None if pooled is None else pooled.to(dtype),
        time_ids=given.get("time_ids"),
    )


def sample_of(latent: torch.Tensor, given: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return what the denoiser's first layer reads: an inpainting checkpoint's also reads the mask."""
    return torch.cat([latent, given["masked"].to(latent.dtype)], dim=1) if "masked" in given else latent


def _as_diffusers(controls: list[Residuals]) -> dict[str, object]:
    """Return the sum of what ControlNets add as the denoiser of diffusers takes it."""
    if not controls:
        return {}
    total = reduce(add, controls)
    return {"down_block_additional_residuals": total.down, "mid_block_additional_residual": total.mid}
