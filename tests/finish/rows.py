"""Rows of a denoiser, and what they give: by our networks, all in one batch, and by diffusers, each alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import torch
from diffusers import ControlNetModel, UNet2DConditionModel

from bridge.finish.layout import Adapter, Layout, Net, Refiner
from export.sdxl.modules import networks
from export.sdxl.parts import Parts
from tests.finish import tiny, tiny_adapters

BUCKET = tiny.BUCKETS[0]
NAME = "x".join(map(str, BUCKET))

BOUND = 2e-5
"""The largest difference from diffusers of any value; the values themselves are of about 1 and at most about 4."""


@dataclass(frozen=True)
class Row:
    """One row: a latent, what it is told, its controls (kind, picture, scale), and its nets' (picture, scale)."""

    latent: torch.Tensor
    timestep: float
    text: torch.Tensor
    pooled: torch.Tensor
    time_ids: torch.Tensor
    masked: torch.Tensor
    controls: Sequence[tuple[int, torch.Tensor, float]] = ()
    nets: Mapping[str, tuple[torch.Tensor, float]] = field(default_factory=dict)
    tokens: Mapping[str, torch.Tensor] = field(default_factory=dict)
    scales: Mapping[str, float] = field(default_factory=dict)


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the largest difference of any value."""
    return float((one - other).abs().max())


def noise(seed: int, *shape: int) -> torch.Tensor:
    """Return normal noise."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def control(seed: int) -> torch.Tensor:
    """Return a control's picture [3, H, W]."""
    return torch.rand((3, BUCKET[1], BUCKET[0]), generator=torch.Generator().manual_seed(seed))


def row(seed: int, timestep: float = 500.0, *, text: int = 2 * tiny.WIDTH, **more: object) -> Row:
    """Return a row of noise."""
    height, width = BUCKET[1] // 8, BUCKET[0] // 8
    return Row(
        noise(seed, 4, height, width), timestep, noise(seed + 1, 77, text), noise(seed + 2, tiny.WIDTH),
        1000 * noise(seed + 3, 6).abs(), noise(seed + 4, 5, height, width), **more,
    )  # fmt: skip


@cache
def layout(family: str) -> Layout:
    """Return everything that a checkpoint of the family may have."""
    common = {
        "source": "tiny", "sha256": "0" * 64, "licence": "Apache-2.0", "commercial_use": True, "buckets": (BUCKET,),
        "channels": 32, "image_side": 32, "scheduler": {}, "family": family,
    }  # fmt: skip
    garment = Adapter(name="garment", kind="plus", tokens=5)
    if family == "sd15":
        nets = (Net(name="pose"), Net(name="depth"))
        return Layout(
            **common, text_width=tiny.WIDTH, pooled_width=0, time_ids=0, inpaint=True, nets=nets, adapters=(garment,)
        )  # fmt: skip
    return Layout(
        **common, text_width=2 * tiny.WIDTH, pooled_width=tiny.WIDTH, union_kinds=8,
        nets=(Net(name="lines"), Net(name="identity", text="identity")),
        adapters=(
            garment,
            Adapter(name="face", kind="face", tokens=4),
            Adapter(name="identity", kind="identity", tokens=5),
        ),
        refiner=Refiner(text_width=tiny.WIDTH, pooled_width=tiny.WIDTH),
    )  # fmt: skip


@cache
def parts(family: str) -> Parts:
    """Return the networks of :func:`layout`."""
    torch.set_num_threads(1)  # tiny tensors: more threads only wait for each other
    first, second = tiny.text_encoders()
    common = {"vae": tiny.vae(), "scheduler": tiny.scheduler(), "image_encoder": tiny.image_encoder()}
    if family == "sd15":
        unet = tiny.sd15_unet()
        unet._load_ip_adapter_weights([tiny_adapters.plus(unet)], low_cpu_mem_usage=False)
        nets = {"pose": tiny.sd15_net(), "depth": tiny.sd15_net(10)}
        return Parts(unet=unet, text_encoders=(first,), tokenizers=(), nets=nets, **common)
    unet = tiny.unet()
    states = [make(unet) for make in (tiny_adapters.plus, tiny_adapters.face, tiny_adapters.identity)]
    unet._load_ip_adapter_weights(states, low_cpu_mem_usage=False)
    return Parts(
        unet=unet, text_encoders=(first, second), tokenizers=(), union=tiny.union(), refiner=tiny.refiner(),
        nets={"lines": tiny.net(), "identity": tiny.net(11)}, **common,
    )  # fmt: skip


@cache
def modules(family: str) -> Mapping[str, torch.nn.Module]:
    """Return our networks of :func:`parts`."""
    return networks(parts(family), layout(family))


# --- ours ------------------------------------------------------------------------------------------------


@torch.no_grad()
def ours(*rows: Row, family: str = "sdxl") -> torch.Tensor:
    """Return what our network predicts of rows in one batch: [rows, 4, h, w]."""
    inputs = [_inputs(each, family) for each in rows]
    stacked = [torch.stack(values) for values in zip(*(each.values() for each in inputs), strict=True)]
    (found,) = modules(family)[f"denoise_{NAME}"](*stacked)
    return found


def _inputs(at: Row, family: str) -> dict[str, torch.Tensor]:
    """Return a row's inputs, in the contract's order."""
    known = layout(family)
    made = {"latent": at.latent, "timestep": torch.tensor([at.timestep]), "text": at.text}
    if family == "sdxl":
        made |= {"pooled": at.pooled, "time_ids": at.time_ids, **_union(at.controls)}
    else:
        made |= {"masked": at.masked}
    for index, net in enumerate(known.nets):
        picture, _ = at.nets.get(net.name, (torch.zeros_like(control(0)), 0.0))
        made[f"{net.name}_map"] = embed(picture, known.union_kinds + index, family)[0]
    made["net_scales"] = torch.tensor(
        [at.nets[net.name][1] if net.name in at.nets else 0.0 for net in known.nets]
    )
    for adapter in known.adapters:
        made[f"{adapter.name}_tokens"] = at.tokens.get(
            adapter.name, torch.zeros(adapter.tokens, known.text_width)
        )
    made["adapter_scales"] = torch.tensor([at.scales.get(adapter.name, 0.0) for adapter in known.adapters])
    return made


@torch.no_grad()
def embed(picture: torch.Tensor, kind: int, family: str = "sdxl") -> tuple[torch.Tensor, torch.Tensor]:
    """Return a control's map and token."""
    network = modules(family)[f"control_embed_{NAME}"]
    found, token = network(picture[None], torch.tensor([[kind]]))
    return found[0], token[0]


def _union(controls: Sequence[tuple[int, torch.Tensor, float]]) -> dict[str, torch.Tensor]:
    """Pack controls as the contract of ``denoise`` says."""
    height, width = BUCKET[1] // 8, BUCKET[0] // 8
    total, tokens = torch.zeros(32, height, width), torch.zeros(8, 32)
    weights, present = torch.zeros(8), torch.zeros(8)
    single = len(controls) == 1
    for kind, picture, scale in controls:
        weights[kind] = 1.0 if single else scale
        found, token = embed(picture, kind)
        total += weights[kind] * found
        tokens[kind] = weights[kind] * token
        present[kind] = 1.0
    gain = controls[0][2] if single else float(bool(controls))
    return {
        "union_map": total, "union_tokens": tokens, "union_weights": weights, "union_present": present,
        "union_gain": torch.tensor([gain]),
    }  # fmt: skip


# --- diffusers -------------------------------------------------------------------------------------------


@torch.no_grad()
def theirs(*rows: Row, family: str = "sdxl", unet: UNet2DConditionModel | None = None) -> torch.Tensor:
    """Return what diffusers predicts of rows, each alone; ``unet``: another than the family's plain one."""
    return torch.cat([_alone(each, family, unet or plain(family)) for each in rows])


@cache
def plain(family: str) -> UNet2DConditionModel:
    """Return the denoiser without adapters."""
    return tiny.unet() if family == "sdxl" else tiny.sd15_unet()


def added(at: Row, family: str) -> dict[str, torch.Tensor] | None:
    """Return diffusers' ``added_cond_kwargs``."""
    return {"text_embeds": at.pooled[None], "time_ids": at.time_ids[None]} if family == "sdxl" else None


def _alone(at: Row, family: str, unet: UNet2DConditionModel) -> torch.Tensor:
    common = {"added_cond_kwargs": added(at, family), "return_dict": False}
    known = parts(family)
    residuals = [] if not at.controls else [_union_alone(at)]
    for spec in layout(family).nets:
        if spec.name in at.nets:
            text = at.text if spec.text is None else at.tokens[spec.text]
            residuals.append(_net_alone(known.nets[spec.name], at, text, at.nets[spec.name], common))
    sample = at.latent if family == "sdxl" else torch.cat([at.latent, at.masked])
    return unet(sample[None], at.timestep, at.text[None], **common, **_sum(residuals))[0]


def _union_alone(at: Row) -> tuple[list[torch.Tensor], torch.Tensor]:
    kinds, pictures, scales = zip(*at.controls, strict=True)
    types = torch.zeros(1, 8)
    types[:, list(kinds)] = 1.0
    return parts("sdxl").union(
        at.latent[None], at.timestep, at.text[None], [picture[None] for picture in pictures], types, list(kinds),
        list(scales), added_cond_kwargs=added(at, "sdxl"), return_dict=False,
    )  # fmt: skip


def _net_alone(
    net: ControlNetModel,
    at: Row,
    text: torch.Tensor,
    given: tuple[torch.Tensor, float],
    common: dict[str, object],
) -> tuple[list[torch.Tensor], torch.Tensor]:
    picture, scale = given
    return net(at.latent[None], at.timestep, text[None], picture[None], scale, **common)


def _sum(residuals: list[tuple[list[torch.Tensor], torch.Tensor]]) -> dict[str, object]:
    """Return what ControlNets add, as diffusers' MultiControlNetModel sums it."""
    if not residuals:
        return {}
    downs = [sum(maps) for maps in zip(*(down for down, _ in residuals), strict=True)]
    return {
        "down_block_additional_residuals": downs,
        "mid_block_additional_residual": sum(mid for _, mid in residuals),
    }
